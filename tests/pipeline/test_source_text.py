"""A run from source text alone: what is translated, what is held out, what is taken as it is."""

import json
from itertools import product
from pathlib import Path

import pytest
import torch

from onepass.alignment.attention import attended
from onepass.alignment.fertilities import fertilities, read_pharaoh
from onepass.bundle import Bundle
from onepass.decoding.weights import load_teacher
from onepass.errors import DataError, UsageError
from onepass.models.marian import MarianTransformer
from onepass.pipeline.forecast import TOKENS_PER_WORD, measure_corpus
from onepass.pipeline.teacher_engines import find, make_engine
from onepass.recipe import Recipe, load_recipe
from onepass.settings import DistillSettings
from onepass.text.batches import IdPairs
from onepass.text.lines import read_lines
from tiny_marian import TEXT, Shape, write_teacher
from tiny_run import run, tiny_recipe

RECIPE = """
[data]
src = "en"
tgt = "pt"
mono = "*.en"
held_out = 3

[teacher]
from = "teacher"
licence = "cc-by-4.0"

[align]
max_pairs = 10

[student]
family = "ctc"
start = "states"

[student.training]
batch_tokens = 600
max_updates = 2
warmup = 2
validate_every = 2
precision = "fp32"

[evaluate]
num_candidates = []
latency_sentences = 0
bootstrap_samples = 10
"""


def recipe_in(folder: Path, *overrides: str) -> Recipe:
    write_teacher(folder / "teacher", Shape())
    for name, rows in (("a", TEXT[:30]), ("b", TEXT[30:50])):
        (folder / f"{name}.en").write_text("".join(f"{line}\n" for line in rows))
        (folder / f"{name}.pt").write_text("".join(f"{name} {line}\n" for line in rows))
    (folder / "mono.toml").write_text(RECIPE)
    return load_recipe(folder / "mono.toml", overrides)


def both(stage: Path, split: str) -> list[tuple[str, str]]:
    return list(zip(*(read_lines(stage / f"{split}.{side}") for side in ("src", "tgt")), strict=True))


def test_the_teacher_translates_source_text_and_what_is_held_out(tmp_path: Path) -> None:
    log = run(recipe_in(tmp_path, 'distill.compute_type="float32"'), tmp_path / "run")
    assert log.run == ["teacher", "prepare", "distill", "align", "student", "evaluate"]
    prepared, distilled = tmp_path / "run" / "prepare", tmp_path / "run" / "distill"
    parts = {name: both(prepared, name) for name in ("dev", "test")}
    parts["train"] = both(distilled, "train")
    assert {name: len(rows) for name, rows in parts.items()} == {"dev": 3, "test": 3, "train": 44}
    sources = [src for rows in parts.values() for src, _ in rows]
    assert sorted(sources) == sorted(TEXT[:50])  # nothing twice, nothing lost
    assert [src for src, _ in parts["train"]] == [line for line in TEXT[:50] if line not in sources[:6]]
    translate = make_engine(find(str(tmp_path / "teacher")), DistillSettings(engine="torch"), tmp_path)
    rows = [*parts["dev"], *parts["test"], *parts["train"]]
    assert translate([src for src, _ in rows]) == [tgt for _, tgt in rows]
    assert not (prepared / "mono.tgt").exists()
    evaluated = tmp_path / "run" / "evaluate"
    assert json.loads((evaluated / "results.json").read_text())["references"] == "teacher"
    assert "the teacher's own translations" in (evaluated / "table.md").read_text()
    assert json.loads((prepared / "filters.json").read_text())["mono"]["kept"] == 50


def test_translations_that_are_there_are_taken_as_they_are(tmp_path: Path) -> None:
    run(recipe_in(tmp_path, 'data.distilled="*.pt"'), tmp_path / "run", until="distill")
    rows = both(tmp_path / "run" / "distill", "train") + [
        row for split in ("dev", "test") for row in both(tmp_path / "run" / "prepare", split)
    ]
    expected = [(line, f"{'a' if place < 30 else 'b'} {line}") for place, line in enumerate(TEXT[:50])]
    assert sorted(rows) == sorted(expected)


def test_the_teacher_aligns_where_the_recipe_says_so(tmp_path: Path) -> None:
    run(recipe_in(tmp_path, 'align.by="teacher"', "align.max_pairs=1000"), tmp_path / "run", until="align")
    aligned = tmp_path / "run" / "align"
    pairs = IdPairs.open(aligned, "train", with_fertilities=True)
    teacher = load_teacher(Bundle.open(tmp_path / "run" / "teacher"), purpose="align")
    assert isinstance(teacher, MarianTransformer)
    sizes = teacher.sizes
    heads = set(product(range(sizes.decoder_layers), range(sizes.layers.heads), (0, 1)))
    for row, links in enumerate(read_pharaoh(aligned / "train.pharaoh")):
        places = [int(link.split("-")[0]) for link in links.split()]
        assert fertilities(places, len(pairs.src[row])).tolist() == pairs.fertilities[row].tolist()
        src_ids, tgt_ids = (torch.from_numpy(side[row])[None] for side in (pairs.src, pairs.tgt))
        found = list(attended(teacher, src_ids, tgt_ids, sizes.decoder_layers - 1))
        heads = {
            (layer, head, after)
            for layer, head, after in heads
            if found[layer][0, head, after:][: len(pairs.tgt[row])].tolist() == places
        }
    assert len(pairs) > 20
    assert len(heads) == 1  # the same one for all


def test_only_a_teacher_that_is_read_can_align(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"align\.by"):
        tiny_recipe(tmp_path, 'align.by="teacher"')


def test_links_of_some_pairs_are_enough_for_a_shortlist(tmp_path: Path) -> None:
    run(recipe_in(tmp_path), tmp_path / "run", until="align")
    aligned = tmp_path / "run" / "align"
    links = [*read_pharaoh(aligned / "train.pharaoh"), *read_pharaoh(aligned / "dev.pharaoh")]
    rows = [len(IdPairs.open(aligned, split)) for split in ("train", "dev")]
    assert len(links) == sum(rows) > 20
    assert 0 < sum(bool(line) for line in links) <= 10
    assert not (aligned / "train.fertilities.ids").exists()


def test_pairs_and_source_text_are_learnt_from_together(tmp_path: Path) -> None:
    recipe_in(tmp_path)
    for lang in ("en", "pt"):
        (tmp_path / f"pairs.{lang}").write_text("".join(f"{line}\n" for line in TEXT[60:70]))
    overrides = ['data.train="pairs.{lang}"', 'data.mono="a.en"', 'data.dev="pairs.{lang}"']
    recipe = load_recipe(tmp_path / "mono.toml", [*overrides, "data.filters.drop_identical=false"])
    run(recipe, tmp_path / "run", until="distill")
    sources = read_lines(tmp_path / "run" / "distill" / "train.src")
    assert sources[:10] == TEXT[60:70]
    assert len(sources) == 10 + 30 - 3  # some of mono are the test set
    assert read_lines(tmp_path / "run" / "prepare" / "dev.tgt") == TEXT[60:70]


def test_pairs_alone_are_held_out_where_dev_and_test_are_left_out(tmp_path: Path) -> None:
    rows = [(f"{line} {number}", line) for number, line in enumerate(TEXT[:40])]
    rows += [(src, f"{tgt} again") for src, tgt in rows]  # every source twice
    (tmp_path / "pairs.tsv").write_text("en\tpt\n" + "".join(f"{src}\t{tgt}\n" for src, tgt in rows))
    pairs = 'data.train={path="pairs.tsv", columns=["en", "pt"]}'
    recipe = recipe_in(tmp_path, "data.mono=[]", pairs, "data.held_out=5", "student.distilled=false")
    run(recipe, tmp_path / "run", until="prepare")
    prepared = tmp_path / "run" / "prepare"
    held = {split: both(prepared, split) for split in ("dev", "test", "train")}
    assert len(held["dev"]) == len(held["test"]) == 5
    assert set(held["dev"]) | set(held["test"]) | set(held["train"]) <= set(rows)
    unseen = {src for split in ("dev", "test") for src, _ in held[split]}
    assert unseen.isdisjoint(src for src, _ in held["train"])
    assert len(held["train"]) == len(rows) - 2 * len(unseen)
    few = recipe_in(tmp_path, "data.mono=[]", pairs, "data.held_out=40", "student.distilled=false")
    with pytest.raises(DataError, match=r"data\.train"):
        run(few, tmp_path / "few", until="prepare")


def test_what_the_filters_drop_is_counted(tmp_path: Path) -> None:
    recipe = recipe_in(tmp_path, 'data.distilled="*.pt"', "distill.filters.max_repeats=2")
    (tmp_path / "b.pt").write_text((tmp_path / "b.en").read_text())
    run(recipe, tmp_path / "run", until="distill")
    counts = json.loads((tmp_path / "run" / "distill" / "filters.json").read_text())
    rows = both(tmp_path / "run" / "distill", "train")
    assert all(tgt == f"a {src}" for src, tgt in rows)
    assert counts == {"read": 44, "kept": len(rows), "dropped": {"copied": 44 - len(rows)}}
    assert len(rows) < 44


def test_a_changed_text_is_read_anew(tmp_path: Path) -> None:
    recipe = recipe_in(tmp_path)
    run(recipe, tmp_path / "run", until="prepare")
    assert run(recipe, tmp_path / "run", until="prepare").up_to_date == ["teacher", "prepare"]
    (tmp_path / "a.en").write_text("".join(f"{line}\n" for line in TEXT[:29]))
    assert run(recipe, tmp_path / "run", until="prepare").run == ["prepare"]


def test_the_students_of_source_text_say_who_taught_them(tmp_path: Path) -> None:
    run(recipe_in(tmp_path), tmp_path / "run", until="student")
    assert Bundle.open(tmp_path / "run" / "student").provenance["teacher"]["licence"] == "cc-by-4.0"


def test_too_little_text_to_hold_some_out_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="too few lines"):
        run(recipe_in(tmp_path, "data.held_out=25"), tmp_path / "run", until="prepare")


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("data.mono=[]", r"neither data\.train nor data\.mono"),
        ('data.distilled=["a.pt", "b.pt"]', "distilled has 2 paths, mono 1"),
        ("student.distilled=false", r"data\.train: a student with distilled = false"),
        ("student.finetune.training.max_updates=1", r"data\.train: finetune\.references"),
        ("student.family=fertility", r"start|align\.max_pairs"),
        ("distill.filters.max_repeats=0", r"distill\.filters\.max_repeats"),
    ],
)
def test_settings_that_do_not_fit_are_errors(tmp_path: Path, setting: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        recipe_in(tmp_path, setting)


def test_a_teacher_that_is_trained_needs_pairs(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text('[data]\nsrc = "en"\ntgt = "pt"\nmono = "a.en"\n')
    with pytest.raises(UsageError, match=r"data\.train: a teacher that is trained here"):
        load_recipe(path)


def test_settings_of_source_text_mean_nothing_without_any(tmp_path: Path) -> None:
    path = tmp_path / "pairs.toml"
    path.write_text('[data]\nsrc = "en"\ntgt = "pt"\ntrain = "p"\ndev = "p"\ntest = "p"\nmono_lines = 3\n')
    with pytest.raises(UsageError, match="mono_lines means nothing"):
        load_recipe(path)


def test_the_plan_counts_source_text(tmp_path: Path) -> None:
    size = measure_corpus(recipe_in(tmp_path))
    assert size.pairs == 50
    words = sum(len(line.split()) for line in TEXT[:50]) / 50
    assert size.length == max(round(TOKENS_PER_WORD * words), 1)
