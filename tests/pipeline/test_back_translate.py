"""Back-translations: draws of their own for each shard, and none of the lines that there are already."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from tiny_context import context_for

from onepass.decoding.translator import Translator
from onepass.pipeline import back_translate as module
from onepass.pipeline.back_translate import TARGETS
from onepass.pipeline.crew import Crew
from onepass.pipeline.plan import SAMPLED_AMONG, plan
from onepass.pipeline.shards import texts
from onepass.text.lines import read_lines
from tiny_export import random_teacher
from tiny_run import corpus_pairs, tiny_recipe, write_lines

LINES = [src for src, _ in corpus_pairs(12)]


def test_new_sources_are_those_that_no_split_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A source of the dev or test set among them would be learnt from."""
    made: list[Any] = []
    written = iter(["new", "in train", "in dev", "in test", "", "new", "newer", "new"])

    class Sampler:
        def __init__(self, teacher: Path, among: int, seed: int) -> None:
            made.append([teacher.name, among, seed])

        def translate(self, part: Sequence[str], number: int) -> list[str]:
            made.append(list(part))
            return [next(written) for _ in part]

    monkeypatch.setattr(module, "_Sampler", Sampler)
    for split in ("train", "dev", "test"):
        write_lines(tmp_path / f"prepare/{split}.src", [f"in {split}"] * 3)
        lines = [f"eins {split}", f"zwei {split}", f"eins {split}"]
        write_lines(tmp_path / f"prepare/{split}.tgt", lines)
    recipe = tiny_recipe(tmp_path, "variants.back.back_translations=4", "seed=7", "distill.shard_lines=5")
    [stage] = [stage for stage in plan(recipe) if stage.name == "back-translate4"]
    inputs = {name: tmp_path / name for name in stage.needs}
    stage.run(context_for(recipe, tmp_path / "made", inputs))
    assert read_lines(tmp_path / "made/train.src") == ["new", "newer"]
    asked = ["eins train", "zwei train"] * 4
    assert made == [["reverse-teacher", SAMPLED_AMONG, 7], asked[:5], asked[5:]]
    assert stage.settings == {"count": 4, "among": SAMPLED_AMONG, "seed": 7}


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory, make_teacher: Callable[..., Any]) -> Path:
    """One whose translations vary."""
    return random_teacher(tmp_path_factory.mktemp("teacher"), make_teacher)


def sampled(
    lines: Sequence[str],
    teacher: Path,
    scratch: Path,
    *,
    shard_lines: int = 3,
    among: int = 10,
    seed: int = 1,
) -> list[str]:
    write_lines(scratch / TARGETS, lines)
    shards = module.sampled(scratch, teacher, shard_lines=shard_lines, among=among, seed=seed)
    shards.work(Crew(), lambda *_: None)
    return list(texts(shards))


def test_each_shard_has_draws_of_its_own_and_is_drawn_once(teacher: Path, tmp_path: Path) -> None:
    drawn = sampled(LINES[:3] * 2, teacher, tmp_path / "one")
    assert len(drawn) == 6
    assert drawn[:3] != drawn[3:]
    (tmp_path / "one/000001.txt").unlink()
    (tmp_path / "one/000000.json").unlink()  # as an older version left it
    write_lines(tmp_path / "one/000000.txt", ["kept", "as it", "was"])
    assert sampled(LINES[:3] * 2, teacher, tmp_path / "one") == ["kept", "as it", "was", *drawn[3:]]


def test_another_seed_gives_other_draws_in_every_shard(teacher: Path, tmp_path: Path) -> None:
    one, same, other = (
        sampled(LINES, teacher, tmp_path / name, seed=seed) for name, seed in (("1", 1), ("1b", 1), ("2", 2))
    )
    assert one == same
    assert all(one[i : i + 3] != other[i : i + 3] for i in range(0, len(LINES), 3))


def test_draws_among_the_most_probable_token_alone_are_the_greedy_translation(
    teacher: Path, tmp_path: Path
) -> None:
    greedy = [t.text for t in Translator.load(teacher).translate(LINES)]
    assert sampled(LINES, teacher, tmp_path / "one", among=1) == greedy
    assert sampled(LINES, teacher, tmp_path / "ten", among=10) != greedy
