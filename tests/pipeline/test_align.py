"""`onepass align`: a Pharaoh file and fertilities that add up."""

from pathlib import Path

import pytest

from onepass.text.tokenizer import Tokenizer
from tiny_run import assert_clear_error, call, corpus_pairs, finished_run, write_lines


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
