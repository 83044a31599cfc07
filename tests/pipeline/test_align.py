"""Aligning: the pairs of a run that can be learnt from; of two files, links and fertilities that add up."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_context import context_for

from onepass.alignment.aligner import Alignments
from onepass.alignment.fast_align import Rows
from onepass.errors import DataError
from onepass.pipeline import align as module
from onepass.pipeline.plan import plan
from onepass.text.batches import IdPairs
from onepass.text.lines import read_lines
from onepass.text.tokenizer import Tokenizer
from tiny_run import assert_clear_error, call, corpus_pairs, finished_run, tiny_recipe, write_lines


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    pairs = [*corpus_pairs(60), ("", "")]
    return [
        write_lines(tmp_path / name, list(side))
        for name, side in zip("ab", zip(*pairs, strict=True), strict=True)
    ]


def rows(path: Path) -> list[list[str]]:
    return [line.split() for line in path.read_text().split("\n")[:-1]]


@pytest.mark.parametrize("subwords", [False, True], ids=["words", "subwords"])
def test_fertilities_add_up_to_the_target(files: list[Path], tmp_path: Path, subwords: bool) -> None:
    tokenizer = finished_run() / "teacher"
    options = ("--tokenizer", tokenizer) if subwords else ()
    done = call("align", "--src", files[0], "--tgt", files[1], "--to", tmp_path / "out", *options)
    assert done.code == 0, done.err
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["alignment.pharaoh", "fertilities.txt"]
    words = Tokenizer.load(tokenizer)
    src, tgt = (path.read_text(encoding="utf-8").split("\n")[:-1] for path in files)
    src_lengths = [len(words.encode_src(line) if subwords else line.split()) for line in src]
    tgt_lengths = [len(words.encode_tgt(line) if subwords else line.split()) for line in tgt]
    fertilities = rows(tmp_path / "out/fertilities.txt")
    assert [len(row) for row in fertilities] == src_lengths
    assert [sum(map(int, row)) for row in fertilities] == tgt_lengths
    links = rows(tmp_path / "out/alignment.pharaoh")
    assert len(links) == len(src)
    for row, s, t in zip(links, src_lengths, tgt_lengths, strict=True):
        assert all(int(i) < s and int(j) < t for i, _, j in (link.partition("-") for link in row))
    assert sum(map(len, links)) > len(src)


def test_unequal_files_are_a_data_error(files: list[Path], tmp_path: Path) -> None:
    write_lines(files[1], ["nur eine"])
    done = call("align", "--src", files[0], "--tgt", files[1], "--to", tmp_path / "out")
    assert_clear_error(done, 3, "61 and 1", str(files[0]))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("line", "src", "tgt"), [(2, "", "Wort"), (1, "a", "b " * 60)])
def test_a_pair_that_cannot_be_aligned_is_named(
    files: list[Path], tmp_path: Path, line: int, src: str, tgt: str
) -> None:
    for path, text in zip(files, (src, tgt), strict=True):
        lines = path.read_text().split("\n")[:-1]
        lines[line - 1] = text
        write_lines(path, lines)
    done = call("align", "--src", files[0], "--tgt", files[1], "--to", tmp_path / "out")
    assert_clear_error(done, 3, f"line {line}")
    assert not (tmp_path / "out").exists()


def test_a_directory_without_a_tokenizer_is_a_model_error(files: list[Path], tmp_path: Path) -> None:
    done = call(
        "align", "--src", files[0], "--tgt", files[1], "--to", tmp_path / "out", "--tokenizer", tmp_path
    )
    assert_clear_error(done, 4, "tokenizer")


class FakeAligner:
    """Aligns target token j with source token j modulo S, and remembers what it was trained on."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.trained: list[tuple[int, int]] = []
        self.sources: list[list[int]] = []
        patch.setattr(module, "train_aligner", self.train)
        patch.setattr(module, "Aligner", lambda directory: self)

    def train(self, src: Rows, tgt: Rows, to: Path, *, iterations: int, progress: Any) -> None:
        assert len(src) == len(tgt)
        self.trained.append((len(src), iterations))
        self.sources += [row.tolist() for row in src]

    def align(self, src: Rows, tgt: Rows) -> Alignments:
        positions = [np.arange(len(t), dtype=np.int32) % len(s) for s, t in zip(src, tgt, strict=True)]
        return Alignments([f"{len(s) - 1}-{len(t) - 1}" for s, t in zip(src, tgt, strict=True)], positions)


def aligned(directory: Path, stage: str, *settings: str) -> Path:
    """What a stage makes of distilled texts that differ from the references."""
    recipe = tiny_recipe(directory, *settings)
    [wanted] = (found for found in plan(recipe) if found.name == stage)
    inputs = {"prepare": finished_run() / "prepare", "distill": directory / "distill"}
    for split, first in (("train", 0), ("dev", 20)):
        odd = [("", "leer"), ("y", ""), ("y", "y " * 49), ("y", "y " * 50)]
        pairs = [*corpus_pairs(60)[first : first + 20], *odd]
        for side, texts in zip(("src", "tgt"), zip(*pairs, strict=True), strict=True):
            write_lines(inputs["distill"] / f"{split}.{side}", list(texts))
    wanted.run(context_for(recipe, directory / stage, {name: inputs[name] for name in wanted.needs}))
    return directory / stage


@pytest.mark.parametrize("part", [7, 20_000])
@pytest.mark.parametrize(("stage", "source"), [("align", "distill"), ("align-raw", "prepare")])
def test_the_stage_aligns_what_fits_of_its_own_texts(
    stage: str, source: str, part: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = FakeAligner(monkeypatch)
    monkeypatch.setattr(module, "PART", part)
    longest = 20
    settings = ("variants.raw.distilled=false", "align.iterations=3", f"data.filters.max_tokens={longest}")
    found = aligned(tmp_path, stage, *settings)
    assert [iterations for _, iterations in fake.trained] == [3]
    texts = tmp_path / "distill" if source == "distill" else finished_run() / "prepare"
    tokenizer = Tokenizer.load(finished_run() / "prepare")
    for split in ("train", "dev"):
        lines = zip(*(read_lines(texts / f"{split}.{side}") for side in ("src", "tgt")), strict=True)
        ids = [(tokenizer.encode_src(src), tokenizer.encode_tgt(tgt)) for src, tgt in lines]
        fitting = [(s, t) for s, t in ids if s and t and max(len(s), len(t)) <= longest]
        assert 0 < len(fitting) < len(ids)
        pairs = IdPairs.open(found, split, with_fertilities=True)
        assert pairs.fertilities is not None
        rows = range(len(pairs))
        assert [(pairs.src[i].tolist(), pairs.tgt[i].tolist()) for i in rows] == fitting
        counted = [[len(t) // len(s) + (i < len(t) % len(s)) for i in range(len(s))] for s, t in fitting]
        assert [pairs.fertilities[i].tolist() for i in rows] == counted
        links = [f"{len(s) - 1}-{len(t) - 1}" for s, t in fitting]
        assert read_lines(found / f"{split}.pharaoh") == links


def test_a_target_that_is_too_long_for_its_source_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    FakeAligner(monkeypatch)
    pairs = IdPairs.open(aligned(tmp_path, "align", "data.filters.max_tokens=500"), "train")
    assert len(pairs) == 20 + 1
    assert (len(pairs.src[20]), len(pairs.tgt[20])) == (1, 49)


def test_a_set_without_a_pair_to_align_is_a_data_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No train pair is left"):
        aligned(tmp_path, "align", "data.filters.max_tokens=1")


def test_the_aligner_learns_from_a_sample_and_aligns_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = FakeAligner(monkeypatch)
    monkeypatch.setattr(module, "PART", 7)
    settings = ("variants.raw.distilled=false", "align.sample_pairs=9")
    found = aligned(tmp_path, "align-raw", *settings)
    assert fake.trained == [(9, 5)]
    pairs = [IdPairs.open(found, split, with_fertilities=True) for split in ("train", "dev")]
    rows = [split.src[row].tolist() for split in pairs for row in range(len(split))]
    places = [rows.index(row) for row in fake.sources]
    assert places == sorted(places)
    assert places != list(range(9))
    facts = json.loads((found / "aligner.json").read_text())
    words = [word for row in rows for word in row]
    seen = {word for row in fake.sources for word in row}
    assert facts["src_seen"] == pytest.approx(sum(word in seen for word in words) / len(words), abs=1e-6)
    assert (facts["pairs"], facts["linked"], facts["sampled"]) == (len(rows), len(rows), 9)
    again = aligned(tmp_path / "again", "align-raw", *settings)
    assert outputs_of(again) == outputs_of(found)


def outputs_of(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir() if path.is_file()}


def test_fewer_pairs_are_aligned_from_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeAligner(monkeypatch)
    monkeypatch.setattr(module, "PART", 7)
    family = ('student.family="ctc"', "student.finetune=false")
    found = aligned(tmp_path, "align", *family, "align.max_pairs=11")
    assert fake.trained == [(11, 5)]
    assert not list(found.glob("*.fertilities.*"))
    links = [line for split in ("train", "dev") for line in read_lines(found / f"{split}.pharaoh")]
    chosen = [number * len(links) // 11 for number in range(11)]
    assert [number for number, line in enumerate(links) if line] == chosen


def test_shards_of_any_size_are_aligned_as_one_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = aligned(tmp_path / "whole", "align")
    monkeypatch.setattr(module, "PART", 6)
    parts = aligned(tmp_path / "parts", "align")
    assert outputs_of(parts) == outputs_of(whole)
