"""The stand-ins of the paper's corpora are read by the loaders that its recipes name."""

from pathlib import Path

import pytest

from onepass.corpora.sources import read_pairs
from onepass.recipe import load_recipe
from stand_ins import write_dataset, write_talks
from tiny_run import corpus_pairs, write_lines

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("name", ["wmt14-en-de", "wmt14-de-en", "iwslt16-en-de"])
def test_a_recipe_reads_its_stand_in(name: str, tmp_path: Path) -> None:
    pairs = [*corpus_pairs(9), ("R & D <now>", "F & E <jetzt>")]
    for split, chosen in (("train", pairs), ("dev", pairs[:4]), ("test", pairs[-3:])):
        for side, lang in enumerate(("en", "de")):
            write_lines(tmp_path / f"{split}.{lang}", [pair[side] for pair in chosen])
    data = tmp_path / "data"
    if name.startswith("wmt"):
        write_dataset(tmp_path, data, ("en", "de"), pairs=8)
    else:
        write_talks(tmp_path, data, ("en", "de"))
    recipe = load_recipe(ROOT / "recipes" / f"{name}.toml").data
    found = {}
    for split in ("train", "dev", "test"):
        [source] = getattr(recipe, split)
        path = f"hf:{data}" if source.path.startswith("hf:") else str(data / Path(source.path).name)
        local = source.model_copy(update={"path": path})
        found[split] = list(read_pairs([local], split=split, src=recipe.src, tgt=recipe.tgt))
    if recipe.src == "de":
        found = {split: [(tgt, src) for src, tgt in pairs] for split, pairs in found.items()}
    dev, test = (pairs[:4], pairs[-3:])
    if name.startswith("iwslt"):
        dev, test = test, dev  # it is measured on what the stand-in has as dev
        assert found["train"] == pairs
    else:
        assert len(found["train"]) == 8
        assert set(found["train"]) <= set(pairs)
    assert (found["dev"], found["test"]) == (dev, test)
