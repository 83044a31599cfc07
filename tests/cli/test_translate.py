"""`onepass translate` with an exported bundle: pipes, files, JSON, and what does not go together."""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from onepass import Translator
from onepass.cli import app
from onepass.runtime import shipped
from tiny_export import exported, random_student, random_teacher
from tiny_run import Done, assert_clear_error, call, corpus_pairs, edit_manifest, finished_run, write_lines

LINES = [*[src for src, _ in corpus_pairs(20)], "", "1,234 €", "Good\u2028morning."]


@pytest.fixture(scope="session")
def bundle(tmp_path_factory, make_teacher) -> Path:
    directory = tmp_path_factory.mktemp("exported")
    teacher = random_teacher(directory / "teacher", make_teacher)
    return exported(random_student(directory / "student", "fertility"), directory / "bundle", teacher)


@pytest.fixture(scope="session")
def expected(bundle: Path) -> list[str]:
    """What becomes of LINES in float32."""
    return [t.text for t in Translator.load(bundle, precision="float32").translate(LINES)]


def installed(*arguments: object) -> list[str]:
    """The installed program, which starts at once where it needs no torch."""
    return [str(Path(sys.executable).with_name("onepass")), *map(str, arguments)]


def call_installed(*arguments: object, stdin: bytes = b"") -> Done:
    done = subprocess.run(installed(*arguments), input=stdin, capture_output=True, timeout=400)
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


@contextmanager
def program(*arguments: object) -> Iterator[subprocess.Popen[bytes]]:
    """With pipes; it is killed after two minutes."""
    with subprocess.Popen(
        installed(*arguments), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        alarm = threading.Timer(120, process.kill)
        alarm.start()
        try:
            yield process
        finally:
            alarm.cancel()
            process.kill()


def float32(bundle: Path) -> tuple[object, ...]:
    return ("translate", "--model", bundle, "--precision", "float32")


# --- stdin and stdout --------------------------------------------------------


def test_each_line_is_answered_while_stdin_stays_open(bundle: Path, expected: list[str]) -> None:
    with program(*float32(bundle)) as process:
        assert None not in (process.stdin, process.stdout, process.stderr)
        for line, translation in zip(LINES, expected, strict=True):
            process.stdin.write(f"{line}\n".encode())
            process.stdin.flush()
            assert process.stdout.readline() == f"{translation}\n".encode()
        process.stdin.write(LINES[0].encode())
        process.stdin.close()
        assert process.stdout.read() == f"{expected[0]}\n".encode()
        assert (process.wait(), process.stderr.read()) == (0, b"")


def test_stdin_and_texts_give_what_the_library_gives(bundle: Path, expected: list[str]) -> None:
    written = "".join(f"{text}\n" for text in expected)
    assert call_installed(*float32(bundle), stdin="\n".join(LINES).encode()) == (0, written, "")
    assert call_installed(*float32(bundle), "--batch-size", 1, "--threads", 1, *LINES) == (0, written, "")
    assert call_installed(*float32(bundle), stdin=b"") == (0, "", "")


def test_a_single_dash_is_stdin(bundle: Path, expected: list[str]) -> None:
    assert call(*float32(bundle), "-", stdin=LINES[0].encode()) == (0, f"{expected[0]}\n", "")


def test_no_split_reads_a_line_whole(bundle: Path) -> None:
    line = f"{LINES[0]} {LINES[1]}"
    for options, split in (((), True), (("--no-split",), False)):
        [found] = Translator.load(bundle, precision="float32", split=split).translate([line])
        assert call(*float32(bundle), *options, line) == (0, f"{found.text}\n", "")


def test_a_file_in_utf_16_is_decoded(bundle: Path, expected: list[str], tmp_path: Path) -> None:
    file = tmp_path / "in"
    file.write_bytes("\r\n".join(LINES[:3]).encode("utf-16"))
    written = "".join(f"{text}\n" for text in expected[:3])
    assert call(*float32(bundle), "--file", file) == (0, written, "")


def test_candidates_and_int8(bundle: Path) -> None:
    [found] = Translator.load(bundle, num_candidates=4, precision="int8").translate(LINES[:1])
    done = call("translate", "--model", bundle, "--candidates", 4, "--precision", "int8", LINES[0])
    assert done == (0, f"{found.text}\n", "")


def test_a_closed_pipe_ends_it_without_a_word(bundle: Path, expected: list[str], tmp_path: Path) -> None:
    file = write_lines(tmp_path / "in", LINES * 300)
    with program(*float32(bundle), "--file", file) as process:
        assert None not in (process.stdin, process.stdout, process.stderr)
        assert process.stdout.readline() == f"{expected[0]}\n".encode()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() != 0


@pytest.mark.parametrize("source", ["stdin", "file"])
def test_ctrl_c_leaves_whole_lines_and_one_line_of_error(
    bundle: Path, expected: list[str], tmp_path: Path, source: str
) -> None:
    file = write_lines(tmp_path / "in", LINES * 2000)
    where = ("--file", file) if source == "file" else ()
    with program(*float32(bundle), *where) as process:
        assert None not in (process.stdin, process.stdout, process.stderr)
        if source == "stdin":
            process.stdin.write("".join(f"{line}\n" for line in LINES).encode())
            process.stdin.flush()
        begin = [process.stdout.readline() for _ in LINES]
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
        assert process.wait() == 130
        assert process.stderr.read().decode().splitlines() == ["stopped"]
    assert [line.decode() for line in begin] == [f"{text}\n" for text in expected]
    assert not rest or rest.endswith(b"\n")
    assert rest.count(b"\n") < len(LINES) * 1999


# --- files -------------------------------------------------------------------


def test_a_file_is_translated_line_for_line(bundle: Path, expected: list[str], tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes("\r\n".join(LINES * 50).encode())
    done = call(*float32(bundle), "--file", tmp_path / "in", "--to", tmp_path / "out")
    assert done == (0, "", "")
    assert (tmp_path / "out").read_bytes() == "".join(f"{text}\n" for text in expected * 50).encode()
    assert {path.name for path in tmp_path.iterdir()} == {"in", "out"}
    done = call(*float32(bundle), "--to", tmp_path / "out", LINES[0])  # over an older one
    assert done == (0, "", "")
    assert (tmp_path / "out").read_text(encoding="utf-8") == f"{expected[0]}\n"


@pytest.mark.parametrize("older", [None, "older\n"])
def test_a_translation_that_fails_leaves_no_file(bundle: Path, tmp_path: Path, older: str | None) -> None:
    (tmp_path / "in").write_bytes(b"fine\n" * 3000 + b"\xff\n" + b"fine\n" * 50_000)
    if older:
        (tmp_path / "out").write_text(older)
    done = call(*float32(bundle), "--strict", "--file", tmp_path / "in", "--to", tmp_path / "out")
    assert_clear_error(done, 3, f"{tmp_path / 'in'}, line 3001, byte 1")
    assert {path.name for path in tmp_path.iterdir()} == ({"in", "out"} if older else {"in"})
    assert not older or (tmp_path / "out").read_text() == older


def test_a_file_appears_when_it_is_whole(bundle: Path, tmp_path: Path) -> None:
    with program(*float32(bundle), "--to", tmp_path / "out") as process:
        assert process.stdin
        process.stdin.write(b"one\n" * 10)
        process.stdin.flush()
        while not list(tmp_path.glob(".out.*.partial")):
            assert process.poll() is None
            time.sleep(0.01)
        assert not (tmp_path / "out").exists()
        process.stdin.close()
        assert process.wait() == 0
    assert (tmp_path / "out").read_bytes().count(b"\n") == 10
    with program(*float32(bundle), "--to", tmp_path / "other") as process:
        while not list(tmp_path.glob(".other.*.partial")):
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        assert process.wait() == 130
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_pipes_devices_and_links_stay_what_they_are(
    bundle: Path, expected: list[str], tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe")
    with program(*float32(bundle), "--to", tmp_path / "pipe", LINES[0]) as process:
        assert (tmp_path / "pipe").read_text(encoding="utf-8") == f"{expected[0]}\n"
        assert process.wait() == 0
    assert (tmp_path / "pipe").is_fifo()
    (tmp_path / "kept").write_text("older\n")
    (tmp_path / "kept.partial").write_text("the user's\n")
    (tmp_path / "link").symlink_to("kept")
    assert call(*float32(bundle), "--to", tmp_path / "link", LINES[0]) == (0, "", "")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "kept").read_text(encoding="utf-8") == f"{expected[0]}\n"
    assert (tmp_path / "kept.partial").read_text() == "the user's\n"


def test_arguments_that_are_not_utf8_are_replaced_or_refused(bundle: Path) -> None:
    bad = os.fsdecode(b"caf\xe9")
    code, out, err = call_installed(*float32(bundle), bad, "fine")
    assert (code, out.count("\n")) == (0, 2)
    assert err == "warning: 1 of 2 texts were not UTF-8: bad bytes were replaced\n"
    assert_clear_error(call_installed(*float32(bundle), "--strict", "fine", bad), 3, "text 2")


@pytest.mark.parametrize(
    ("closed", "said"), [("<&-", "Standard input is closed"), (">&-", "output is closed")]
)
def test_closed_streams_are_clear_errors(bundle: Path, closed: str, said: str) -> None:
    words = shlex.join(installed(*float32(bundle)))
    done = subprocess.run(
        f"{words} {closed}", shell=True, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_files_that_cannot_be_read_or_written_are_clear_errors(bundle: Path, tmp_path: Path) -> None:
    file = write_lines(tmp_path / "in", LINES)
    for where in (tmp_path / "absent", tmp_path):
        assert_clear_error(call(*float32(bundle), "--file", where), 3, "Cannot read", str(where))
    out = tmp_path / "absent" / "out"
    assert_clear_error(call(*float32(bundle), "--file", file, "--to", out), 3, "Cannot write", str(out))
    assert_clear_error(call(*float32(bundle), "--to", tmp_path, LINES[0]), 3, "a directory", str(tmp_path))
    assert_clear_error(call(*float32(bundle), "--file", file, "text"), 2, "--file")


# --- JSON and explanations ---------------------------------------------------


@pytest.mark.parametrize("candidates", [1, 3])
def test_json_says_all_of_a_translation(bundle: Path, candidates: int) -> None:
    stdin = "\n".join(LINES).encode()
    done = call(*float32(bundle), "--json", "--candidates", candidates, stdin=stdin)
    assert (done.code, done.err) == (0, "")
    translator = Translator.load(bundle, precision="float32", num_candidates=candidates)
    found = done.out.removesuffix("\n").split("\n")
    for source, line, translation in zip(LINES, found, translator.translate(LINES), strict=True):
        said = json.loads(line, parse_constant=pytest.fail)
        score = said.pop("score")
        assert said == {
            "text": translation.text,
            "src_tokens": list(translation.src_pieces),
            "tokens": list(translation.tgt_pieces),
            "fertilities": list(translation.fertilities or ()),
            "model": translator.bundle.fingerprint,
            "doubts": translator.doubts(source, translation.text),
        }
        assert score == pytest.approx(translation.score, abs=1e-4)


def test_several_translations_are_in_the_json_or_below_the_line(bundle: Path) -> None:
    translator = Translator.load(bundle, precision="float32")
    several = zip(LINES, translator.translate(LINES, n_best=3), strict=True)
    line, found = next((line, found) for line, found in several if found.alternatives)
    assert found.alternatives
    done = call(*float32(bundle), "--json", "--candidates-shown", "3", line)
    said = json.loads(done.out)
    assert said["text"] == found.text
    assert [each["text"] for each in said["alternatives"]] == [text for text, _ in found.alternatives]
    scores = [each["score"] for each in said["alternatives"]]
    assert scores == pytest.approx([score for _, score in found.alternatives], abs=1e-4)
    shown = call(*float32(bundle), "--candidates-shown", "3", line).out.splitlines()
    assert shown == [found.text, *(f"  {score:.3f}  {text}" for text, score in found.alternatives)]
    assert_clear_error(call(*float32(bundle), "--candidates-shown", "65", line), 2, "--candidates-shown")


def test_json_of_a_student_without_fertilities(tmp_path: Path) -> None:
    model = exported(random_student(tmp_path / "student", "ctc"), tmp_path / "ctc")
    done = call("translate", "--model", model, "--json", LINES[0])
    assert json.loads(done.out)["fertilities"] is None
    assert_clear_error(call("translate", "--model", model, "--candidates", 2, LINES[0]), 2, "1 candidate")


def test_an_explanation_goes_below_each_line(bundle: Path, expected: list[str]) -> None:
    done = call(*float32(bundle), "--explain", *LINES[:3])
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[::3] == expected[:3]
    assert all(line.startswith("  ▁") for line in lines[1::3])
    words = [part.split(" ← ")[0] for line in lines[2::3] for part in line.strip().split(" | ")]
    assert list(filter(None, words)) == " ".join(expected[:3]).split()
    assert_clear_error(call(*float32(bundle), "--explain", "--json", "x"), 2, "--explain")


def test_the_json_says_where_words_come_from_if_asked(bundle: Path, expected: list[str]) -> None:
    done = call(*float32(bundle), "--json", "--alignment", LINES[0])
    found = json.loads(done.out)
    words = [found["text"][word["start"] : word["end"]] for word in found["alignment"]]
    assert words == expected[0].split()
    sources = {LINES[0][start:end] for word in found["alignment"] for start, end in word["sources"]}
    assert sources <= set(LINES[0].split())
    assert_clear_error(call(*float32(bundle), "--alignment", "x"), 2, "--json")


def test_a_model_that_does_not_say_where_words_come_from_is_a_clear_error() -> None:
    teacher = finished_run() / "teacher"
    assert_clear_error(call("translate", "--model", teacher, "--explain", "x"), 2, "--explain")
    done = call("translate", "--model", teacher, "--format", "html", "<p>x <b>y</b></p>")
    assert_clear_error(done, 2, "where its words come from")
    assert call("translate", "--model", teacher, "--format", "html", "<p>x y</p>").out.startswith("<p>")


def test_documents_keep_their_mark_up(bundle: Path, tmp_path: Path) -> None:
    page, to = tmp_path / "page.html", tmp_path / "to.html"
    page.write_bytes(f"<p class='x'>{LINES[0]}</p>\r\n<!-- x -->".encode())
    for arguments, stdin in (
        (["--file", page, "--to", to], b""),
        (["--format", "html", "--to", to], page.read_bytes()),
    ):
        done = call(*float32(bundle), *arguments, stdin=stdin)
        assert done.code == 0, done.err
        found = to.read_bytes().decode()
        assert found.startswith("<p class='x'>")
        assert found.endswith("</p>\r\n<!-- x -->")
        assert LINES[0] not in found
    done = call(*float32(bundle), "--format", "html", "<br>", "<hr>")
    assert done.out == "<br>\n<hr>\n"


def test_what_cannot_be_translated_as_a_file_is_a_clear_error(bundle: Path, tmp_path: Path) -> None:
    for name, said in (("x.pdf", ".docx"), ("x.odt", ".docx"), ("x.EPUB", ".html")):
        assert_clear_error(
            call(*float32(bundle), "--file", tmp_path / name), 2, name, f"convert it to {said}"
        )
    latin = tmp_path / "latin.html"
    latin.write_bytes(b"<p>caf\xe9</p>")
    assert_clear_error(call(*float32(bundle), "--file", latin), 3, "byte 7", "iconv")
    assert_clear_error(call(*float32(bundle), "--file", tmp_path / "no.html"), 3, "no.html")
    assert_clear_error(call(*float32(bundle), "--format", "yaml", "x"), 2, "html, markdown")
    assert_clear_error(call(*float32(bundle), "--format", "html", "--json", "x"), 2, "lines of text")


# --- models ------------------------------------------------------------------


def test_options_of_the_other_kind_of_bundle_are_clear_errors(bundle: Path) -> None:
    training = finished_run() / "student"
    for option, value in (("--beam", 2), ("--teacher", training), ("--search", "greedy")):
        done = call("translate", "--model", bundle, option, value, "x")
        assert_clear_error(done, 2, option, "training")
    for precision in ("int8", "float32"):
        done = call("translate", "--model", training, "--precision", precision, "x")
        assert_clear_error(done, 2, "--precision", "onepass export")
    done = call("translate", "--model", bundle, "--precision", "int4", "x")
    assert_clear_error(done, 2, "--precision", "int8, float32")


def test_a_damaged_bundle_is_a_clear_error(bundle: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(bundle, tmp_path / "copy")
    (copy / "student.int8.onnx").write_bytes(b"")
    assert_clear_error(call("translate", "--model", copy, "x"), 4, "student.int8.onnx", "damaged")
    assert_clear_error(call("info", copy), 4, "student.int8.onnx", "damaged")


def test_an_unknown_model_is_a_clear_error_that_lists_the_models() -> None:
    names = ", ".join(shipped.shipped_models()) or "no shipped model"
    for command in (("translate", "x", "--model", "xx-yy"), ("info", "xx-yy")):
        assert_clear_error(call(*command), 4, "xx-yy", f"one of: {names}")


def test_info_says_what_a_bundle_is(bundle: Path) -> None:
    done = call("info", bundle)
    assert (done.code, done.err) == (0, "")
    said = dict(line.split(": ", 1) for line in done.out.splitlines())
    assert said["languages"] == "en to de"
    assert said["family"] == "fertility"
    assert said["precisions"] == "int8, float32"
    assert said["fingerprint"] == Translator.load(bundle).bundle.fingerprint
    for kind in ("student", "teacher"):
        training = call("info", finished_run() / kind)
        assert (training.code, training.err) == (0, "")
        assert "precisions: none: a bundle for training\n" in training.out


def test_models_lists_what_is_shipped(bundle: Path, tmp_path: Path, monkeypatch) -> None:
    assert call("models").code == 0
    for name in ("en-fr", "en-ro"):
        shutil.copytree(bundle, tmp_path / name)
    (tmp_path / "no-model").mkdir()
    monkeypatch.setattr(shipped, "FOLDER", tmp_path)
    listed = CliRunner().invoke(app, ["models"]).stdout.splitlines()
    assert [line.split(": ")[0] for line in listed] == ["en-fr", "en-ro"]
    assert all("en to de, fertility, int8 and float32, " in line for line in listed)


def test_info_about_a_manifest_that_lacks_something_is_a_model_error(bundle: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(bundle, tmp_path / "bundle"))
    for change in ({"settings": {}}, {"settings": None}, {"provenance": []}):
        edit_manifest(copy, lambda manifest, change=change: manifest.update(change))
        assert_clear_error(call("info", copy), 4, "damaged", "bundle.json")
