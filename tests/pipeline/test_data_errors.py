"""Bad input is one error that names file and line, with exit code 3, and leaves no finished stage."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tiny_run import assert_clear_error, call, write_lines, write_recipe


def rewrite(path: Path, change: Callable[[list[bytes]], Any]) -> None:
    lines = path.read_bytes().splitlines()
    change(lines)
    path.write_bytes(b"".join(line + b"\n" for line in lines))


def all_identical(corpus: Path) -> None:
    write_lines(corpus / "train.de", (corpus / "train.en").read_text().splitlines())


BAD_CORPORA: dict[str, tuple[Callable[[Path], Any], list[str]]] = {
    "no UTF-8": (
        lambda c: rewrite(c / "train.de", lambda lines: lines.insert(2, b"Gr\xfc\xdfe")),
        ["train.de, line 3", "UTF-8"],
    ),
    "no UTF-8 in dev": (
        lambda c: rewrite(c / "dev.en", lambda lines: lines.__setitem__(1, b"caf\xe9")),
        ["dev.en, line 2", "UTF-8"],
    ),
    "unequal": (lambda c: rewrite(c / "train.de", lambda lines: lines.pop()), ["train.de", "line 39", "40"]),
    "file missing": (lambda c: (c / "test.en").unlink(), ["test.en"]),
    "nothing left": (all_identical, ["No training pair is left", "40 identical"]),
    "train empty": (
        lambda c: [write_lines(c / f"train.{x}", []) for x in ("en", "de")],
        ["No training pair"],
    ),
    "dev empty": (lambda c: [write_lines(c / f"dev.{x}", []) for x in ("en", "de")], ["dev set is empty"]),
}


@pytest.mark.parametrize(("damage", "words"), BAD_CORPORA.values(), ids=BAD_CORPORA.keys())
def test_bad_input_is_one_clear_error(
    tmp_path: Path, damage: Callable[[Path], Any], words: list[str]
) -> None:
    recipe = write_recipe(tmp_path)
    damage(tmp_path / "corpus")
    done = call("run", recipe, "--to", tmp_path / "run")
    assert_clear_error(done, 3, *words)
    assert not (tmp_path / "run/prepare").exists()


def test_a_run_goes_on_once_the_input_is_mended(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path)
    good = (tmp_path / "corpus/dev.en").read_bytes()
    (tmp_path / "corpus/dev.en").write_bytes(good + b"\xff\n")
    assert call("run", recipe, "--to", tmp_path / "run", "--until", "prepare").code == 3
    (tmp_path / "corpus/dev.en").write_bytes(good)
    assert call("run", recipe, "--to", tmp_path / "run", "--until", "prepare").code == 0


def test_only_pairs_of_too_many_tokens_are_an_error_too(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path)
    settings = ("--set", "data.filters.max_tokens=1")
    done = call("run", recipe, "--to", tmp_path / "run", *settings)
    assert_clear_error(done, 3, "train")
    assert not (tmp_path / "run/prepare").exists()
