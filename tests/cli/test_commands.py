"""The verbs of the command line, each in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from onepass import __version__
from onepass.cli import app
from tiny_run import assert_clear_error, call, finished_run, write_lines

VERBS = [command.callback.__name__ for command in app.registered_commands if command.callback]


def real(*arguments: object, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """The installed program."""
    command = [str(Path(sys.executable).with_name("onepass")), *map(str, arguments)]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=400)


def test_the_installed_program_runs_a_recipe(tmp_path: Path) -> None:
    recipe = finished_run().parent / "tiny.toml"
    done = real("run", recipe, "--to", tmp_path / "run", "--until", "prepare")
    assert done.returncode == 0, done.stderr
    assert "pairs read" in done.stderr
    assert "prepare: done" in done.stderr
    assert done.stdout == ""


def test_a_run_ends_with_the_table_and_samples() -> None:
    done = call("run", finished_run().parent / "tiny.toml", "--to", finished_run())
    assert done.code == 0, done.err
    assert done.err.count("up to date") == 7
    for words in ("teacher beam 4", "NAT + FT NPD 3", "src  ", "hyp  ", "×"):
        assert words in done.out


def test_version() -> None:
    assert call("--version") == (0, f"onepass {__version__}\n", "")


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(verb: str) -> None:
    done = call(verb, "--help")
    assert done.code == 0
    assert f"onepass {verb}" in done.out
    assert done.err == ""


def test_the_program_without_a_verb_shows_its_verbs() -> None:
    done = call()
    assert all(verb in done.out + done.err for verb in VERBS)
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("fly",), "fly"),
        (("run",), "recipe"),
        (("run", "a.toml", "--turbo"), "--turbo"),
        (("translate", "--candidates", "many"), "--candidates"),
        (("translate", "--candidates", "0", "x"), "candidates"),
        (("translate", "--beam", "0", "x"), "beam"),
        (("phrasebook", "-n", "-1"), "-n"),
    ],
)
def test_a_wrong_command_line_ends_with_2_and_no_traceback(arguments: tuple[str, ...], word: str) -> None:
    done = call(*arguments)
    assert done.code == 2
    assert "Traceback" not in done.err
    assert word in done.err


# --- translate ---------------------------------------------------------------


def test_translate_writes_one_line_for_each_line_it_reads() -> None:
    src = ["Where is it?", "", "  ", "Good\u2028morning.", "x" * 1000, "last"] * 20
    stdin = "\r\n".join(src).encode()  # no end of line at the end
    done = call("translate", "--model", finished_run() / "student", stdin=stdin)
    assert done.code == 0, done.err
    lines = done.out.split("\n")
    assert len(lines) == len(src) + 1
    assert lines[1:3] == ["", "  "]
    assert lines[:6] == lines[6:12]
    assert lines[4]  # far too long for the model, which reads it in parts
    assert done.err == ""
    assert call("translate", "--model", finished_run() / "student", stdin=b"") == (0, "", "")


def test_translate_takes_texts_and_explains_them() -> None:
    student, teacher = finished_run() / "student", finished_run() / "teacher"
    done = call("translate", "--model", student, "--explain", "Where is it?", "Good morning.")
    assert done.code == 0, done.err
    text, fertilities, words, *other = done.out.splitlines()
    assert len(other) == 3
    assert fertilities.startswith("  ▁")
    assert f"{text.split()[0]} ← " in words
    options = ("--model", student, "--teacher", teacher, "--candidates", 3)
    assert call("translate", *options, "Where is it?").out.count("\n") == 1
    assert call("translate", "--model", teacher, "--beam", 2, "Where is it?").out.count("\n") == 1


def test_translate_rejects_what_it_would_ignore() -> None:
    student, teacher = finished_run() / "student", finished_run() / "teacher"
    done = call("translate", "--model", student, "--teacher", teacher, "x")
    assert_clear_error(done, 2, "--candidates")
    assert_clear_error(call("translate", "--model", student, "--beam", 2, "x"), 2, "Beam search")
    assert_clear_error(call("translate", "--model", teacher, "--explain", "x"), 2, "--explain")


def test_bad_bytes_are_replaced_and_counted_or_refused() -> None:
    stdin = b"fine\n\xff\xfe good\nfine\n"
    command = ("translate", "--model", finished_run() / "student")
    done = call(*command, stdin=stdin)
    assert (done.code, done.out.count("\n")) == (0, 3)
    assert done.err == "warning: 1 of 3 lines were not UTF-8: bad bytes were replaced\n"
    strict = call(*command, "--strict", stdin=stdin)
    assert_clear_error(strict, 3, "stdin, line 2, byte 1")
    assert strict.out == done.out.split("\n")[0] + "\n"


# --- pipes -------------------------------------------------------------------


@pytest.mark.parametrize("wanted", [0, 1])
def test_a_closed_pipe_is_no_error_message(wanted: int) -> None:
    onepass = Path(sys.executable).with_name("onepass")
    command = f"{onepass} phrasebook --help | head -{wanted}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=400)
    assert done.stderr == ""
    assert done.stdout.count("\n") == wanted


# --- evaluate, phrasebook ----------------------------------------------------


def test_evaluate_prints_scores_with_signatures(tmp_path: Path) -> None:
    ref = write_lines(tmp_path / "ref", ["Das Haus ist sehr klein.", "Wo ist der Bahnhof, bitte?"])
    hyp = write_lines(tmp_path / "hyp", ["Das Haus ist sehr groß.", "Wo ist der Bahnhof, bitte?"])
    found = json.loads(call("evaluate", hyp, ref, "--baseline", ref).out)
    assert 50 < found["bleu"] < 100
    assert found["bleu_signature"].startswith("nrefs:1|")
    assert found["p_value"] is not None


def test_evaluate_takes_several_references_and_a_language(tmp_path: Path) -> None:
    ref = write_lines(tmp_path / "ref", ["我今天早上喝了一杯热茶。", "他的房子在山的后面。"])
    other = write_lines(tmp_path / "other", ["今天早上我喝了热茶。", "他的房子在山后面。"])
    found = json.loads(call("evaluate", other, ref, other, "--lang", "zh").out)
    assert found["bleu"] == pytest.approx(100)
    assert "nrefs:2" in found["bleu_signature"]
    assert "tok:zh" in found["bleu_signature"]


def test_evaluate_names_what_it_cannot_read(tmp_path: Path) -> None:
    ref = write_lines(tmp_path / "ref", ["a", "b"])
    one = write_lines(tmp_path / "one", ["a"])
    (tmp_path / "bad").write_bytes(b"a\n\xff\n")
    assert_clear_error(call("evaluate", tmp_path / "absent", ref), 3, "absent")
    assert_clear_error(call("evaluate", tmp_path / "bad", ref), 3, "bad, line 2")
    assert_clear_error(call("evaluate", one, ref), 3, "1")


def test_windows_line_ends_do_not_change_a_score(tmp_path: Path) -> None:
    ref = write_lines(tmp_path / "ref", ["Das Haus ist sehr klein.", "Wo ist der Bahnhof?"])
    hyp = tmp_path / "hyp"
    hyp.write_bytes(ref.read_bytes().replace(b"\n", b"\r\n"))
    assert json.loads(call("evaluate", hyp, ref).out)["bleu"] == pytest.approx(100)


def test_phrasebook_knows_three_splits() -> None:
    assert_clear_error(call("phrasebook", "exam"), 3, "exam")


def test_phrasebook_prints_pairs_in_utf_8_in_any_terminal() -> None:
    program = [sys.executable, "-m", "onepass", "phrasebook", "test", "-n", "200"]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C"}
    done = subprocess.run(program, capture_output=True, env=environment, timeout=400)
    assert done.returncode == 0, done.stderr
    assert [line.count("\t") for line in done.stdout.decode().splitlines()] == [1] * 200
    assert "ü" in done.stdout.decode()
