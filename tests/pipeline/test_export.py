"""`onepass export`: a bundle that has proved itself, or none."""

import json
import shutil
import signal
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from onepass import Translator
from onepass.bundle import INT8_TABLES, INT8_WEIGHTS, Bundle, write_manifest
from onepass.decoding.translator import Translator as TorchTranslator
from onepass.display import Display
from onepass.errors import DataError, ModelError, UsageError
from onepass.export import runtime_bundle
from onepass.files import write_json
from onepass.pipeline import export as module
from onepass.pipeline.export import export_run, export_run_to_ctranslate2, is_tie
from onepass.runtime.describe import describe_bundle
from onepass.runtime.text_translator import Translation
from onepass.runtime.translator import precisions
from onepass.text.tokenizer import Tokenizer
from tiny_export import random_student, random_teacher, some_facts
from tiny_run import (
    assert_clear_error,
    call,
    copy_of_run,
    corpus_pairs,
    edit_manifest,
    finished_run,
    start,
    write_lines,
)

LINES = [src for src, _ in corpus_pairs(40)]
CARD = {
    "data": "Two tiny corpora.",
    "licence": "cc-by-2.0",
    "attribution": "Ann Author and Ben Writer, example.org",
    "limits": "Only a toy.",
    "test_set": "forty toys",
}
GRAPHS = {"student.float32.onnx", "student.int8.onnx"}


def export(run: Path, to: Path, **settings: Any) -> None:
    defaults = {"stage": None, "candidates": False, "wanted": ("int8", "float32")}
    settings = {**defaults, "display": Display(quiet=True), "command": "onepass export", **settings}
    export_run(run, to, **settings)


class Said(Display):
    """What a user is told, kept."""

    def __init__(self) -> None:
        super().__init__(quiet=True)
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def some_tokenizer() -> Tokenizer:
    return Bundle.open(finished_run() / "finetune").tokenizer()


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


@pytest.fixture
def carded(tmp_path: Path) -> Path:
    """A run whose recipe has a model card."""
    run = copy_of_run(tmp_path / "copy")
    recipe = json.loads((run / "recipe.json").read_text())
    write_json(run / "recipe.json", {**recipe, "card": CARD})
    return run


@pytest.fixture
def varied(tmp_path: Path, make_teacher: Callable, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run whose models are random: its translations vary, and are the references of dev and test."""
    run = copy_of_run(tmp_path / "copy")
    random_student(run / "finetune", "fertility")
    random_teacher(run / "teacher", make_teacher)
    expected = TorchTranslator.load(run / "finetune").translate(LINES)
    for split in ("dev", "test"):
        write_lines(run / f"prepare/{split}.src", LINES)
        write_lines(run / f"prepare/{split}.tgt", [translation.text for translation in expected])
    monkeypatch.setattr(module, "export_facts", lambda *_, **__: some_facts())
    return run


# --- what it writes ----------------------------------------------------------


def test_the_command_writes_a_bundle_with_a_model_card(carded: Path, tmp_path: Path) -> None:
    to = tmp_path / "bundle"
    done = call("export", carded, "--to", to, "--candidates")
    assert done.code == 0, done.err
    assert done.out == f"{to}: translate with `onepass translate --model {to}`\n"
    corrections = {name.replace("student", "corrections") for name in GRAPHS}
    assert names(to) == {
        *GRAPHS,
        *corrections,
        INT8_WEIGHTS,
        INT8_TABLES,
        "joint.model",
        "bundle.json",
        "README.md",
    }
    assert names(tmp_path) == {"bundle", "copy"}
    found = Translator.load(to, precision="float32").translate(LINES)
    expected = TorchTranslator.load(carded / "finetune").translate(LINES)
    assert [t.text for t in found] == [t.text for t in expected]
    card = (to / "README.md").read_text(encoding="utf-8")
    for words in (
        *CARD.values(),
        'license: "cc-by-2.0"\n',
        'language: ["en", "de"]\n',
        "| int8 | 10 |",
        "| float32 | 1 |",
    ):
        assert words in card
    assert str(tmp_path) not in card
    export = Bundle.open(to).export
    assert export is not None
    assert asdict(export.card) == CARD | {"datasets": ()}
    measured = [(row.precision, row.num_candidates, row.num_corrections) for row in export.measured]
    ways = ((1, 0), (4, 0), (10, 0), (1, 3))
    assert measured == [(precision, *way) for precision in ("int8", "float32") for way in ways]
    assert Bundle.open(to).settings["decoding"] == {"num_candidates": 1}
    info = call("info", to).out
    for words in (
        *CARD.values(),
        "precisions: int8, float32",
        "float32, the best of 10 candidates: BLEU",
        "int8, 3 corrections: BLEU",
    ):
        assert words in info


def test_the_manifest_is_written_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[set[str]] = []

    def write(directory: Path, **about: Any) -> None:
        written.append(names(directory))
        write_manifest(directory, **about)

    monkeypatch.setattr(runtime_bundle, "write_manifest", write)
    export(finished_run(), tmp_path / "bundle", wanted=("int8",))
    # When all else is there.
    assert written == [{"student.int8.onnx", INT8_WEIGHTS, INT8_TABLES, "joint.model", "README.md"}]


def test_a_card_says_what_is_not_stated(tmp_path: Path) -> None:
    export(finished_run(), tmp_path / "bundle", stage="student")
    card = (tmp_path / "bundle/README.md").read_text(encoding="utf-8")
    assert "Licence: not stated." in card
    assert "stage `student`" in card
    assert "teacher beam 4: " in card
    exported = Bundle.open(tmp_path / "bundle").export
    assert exported is not None
    assert [row.name for row in exported.teacher] == ["teacher greedy", "teacher beam 4"]
    assert "with fertilities (NAT; Gu et al. 2018, arXiv 1711.02281): 1 encoder and 1 decoder" in card


@pytest.mark.parametrize(
    ("licence", "forbids"),
    [
        ("cc-by-nc-4.0", True),
        ("CC_BY_NC", True),
        ("non-commercial", True),
        ("cc-by-4.0", False),
        ("encsa", False),
    ],
)
def test_a_teacher_that_was_read_is_named_and_its_licence_is_said(
    licence: str, forbids: bool, tmp_path: Path
) -> None:
    run = copy_of_run(tmp_path / "copy")
    record = {
        "name": "hub:some-teacher",
        "licence": licence,
        "sha256": {"model.bin": "ab12", "vocab.spm": "cd34"},
    }
    for stage in ("finetune", "teacher"):
        edit_manifest(run / stage, lambda manifest: manifest["provenance"].update(teacher=record))
    said = Said()
    export(run, tmp_path / "bundle", wanted=("int8",), display=said)
    export_run_to_ctranslate2(run, tmp_path / "rival", stage="teacher", quantization=None, display=said)
    warning = [line for line in said.lines if "hub:some-teacher" in line and licence in line]
    assert warning == said.lines
    assert len(warning) == (2 if forbids else 0)
    card = (tmp_path / "bundle/README.md").read_text(encoding="utf-8")
    for words in (
        "hub:some-teacher",
        f"Licence of the teacher: {licence}.",
        "`model.bin` ab12",
        "`vocab.spm` cd34",
    ):
        assert words in card
    assert ("Not for commercial use" in card) == forbids
    bundle = Bundle.open(tmp_path / "bundle")
    assert f"teacher: hub:some-teacher, licence {licence}" in describe_bundle(bundle)


def test_a_damaged_record_of_a_teacher_is_a_model_error(tmp_path: Path) -> None:
    run = copy_of_run(tmp_path / "copy")
    edit_manifest(
        run / "finetune", lambda manifest: manifest["provenance"].update(teacher={"name": "nobody"})
    )
    with pytest.raises(ModelError, match=r"provenance\.teacher\.licence` is missing"):
        export(run, tmp_path / "bundle")
    assert names(tmp_path) == {"copy"}


def test_candidates_are_exported_with_the_teacher(varied: Path, tmp_path: Path) -> None:
    export(varied, tmp_path / "bundle", candidates=True, usual_candidates=10, wanted=("float32",))
    for candidates in (1, 10):
        teacher = varied / "teacher" if candidates > 1 else None
        torch = TorchTranslator.load(varied / "finetune", teacher=teacher, num_candidates=candidates)
        expected = torch.translate(LINES)
        assert len({t.tgt_pieces for t in expected}) > 30
        runtime = Translator.load(tmp_path / "bundle", precision="float32", num_candidates=candidates)
        assert [t.tgt_pieces for t in runtime.translate(LINES)] == [t.tgt_pieces for t in expected]
    usual = Translator.load(tmp_path / "bundle", precision="float32")
    assert [t.tgt_pieces for t in usual.translate(LINES)] == [t.tgt_pieces for t in expected]  # of 10
    assert "candidates: 10 unless told" in describe_bundle(usual.bundle)


@pytest.mark.parametrize("precision", ["int8", "float32"])
def test_one_precision_may_be_left_out(tmp_path: Path, precision: str) -> None:
    export(finished_run(), tmp_path / "bundle", wanted=(precision,), candidates=True)
    bundle = Bundle.open(tmp_path / "bundle")
    assert precisions(bundle) == [precision]
    assert names(tmp_path / "bundle") & GRAPHS == {f"student.{precision}.onnx"}
    assert (INT8_WEIGHTS in bundle.files) == (precision == "int8")
    assert bundle.export is not None
    assert [row.precision for row in bundle.export.measured] == [precision] * 4
    of_other = {"int8", "float32"} - {precision}
    assert not [name for name in bundle.files if any(f".{other}.onnx" in name for other in of_other)]
    [found] = Translator.load(tmp_path / "bundle", num_candidates=3).translate(LINES[:1])
    assert found.fertilities


# --- what it refuses ---------------------------------------------------------


def test_a_usual_number_of_candidates_that_there_never_are_is_refused(tmp_path: Path) -> None:
    for others in ([], ["--ctranslate2"]):
        done = call("export", finished_run(), "--to", tmp_path / "bundle", "--usual-candidates", "4", *others)
        assert_clear_error(done, 2, "--usual-candidates", "--candidates")
    assert not (tmp_path / "bundle").exists()


def test_what_a_run_does_not_have_is_a_clear_error(tmp_path: Path) -> None:
    to = tmp_path / "bundle"
    for stage in ("student-ctc", "teacher"):
        with pytest.raises(UsageError, match=rf"'{stage}'(.|\n)*allowed: student, finetune"):
            export(finished_run(), to, stage=stage)
    with pytest.raises(UsageError, match="not a run directory"):
        export(tmp_path, to)
    unfinished = copy_of_run(tmp_path / "copy", until="student")
    with pytest.raises(DataError, match="finetune is not finished"):
        export(unfinished, to)
    assert names(tmp_path) == {"copy"}


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (("--stage", "student-ctc"), "student, finetune"),
        (("--precision", "int4"), "int8, float32"),
    ],
)
def test_the_command_line_ends_with_2(tmp_path: Path, options: tuple[str, ...], word: str) -> None:
    done = call("export", finished_run(), "--to", tmp_path / "bundle", *options)
    assert_clear_error(done, 2, word)
    assert names(tmp_path) == set()


def test_only_an_older_export_makes_way(tmp_path: Path) -> None:
    write_lines(tmp_path / "mine/thesis.txt", ["..."])
    for there in (tmp_path / "mine", tmp_path / "mine/thesis.txt"):
        with pytest.raises(UsageError, match="not an older export"):
            export(finished_run(), there)
    assert (tmp_path / "mine/thesis.txt").read_text() == "...\n"
    trained = shutil.copytree(finished_run() / "student", tmp_path / "student")
    with pytest.raises(UsageError, match="not an older export"):
        export(finished_run(), trained)
    assert names(trained) == names(finished_run() / "student")
    export(finished_run(), tmp_path / "bundle", candidates=True, wanted=("float32",))
    export(finished_run(), tmp_path / "bundle", wanted=("float32",))
    assert "candidates" not in Bundle.open(tmp_path / "bundle").settings
    assert names(tmp_path) == {"mine", "student", "bundle"}


def test_other_ids_than_torchs_are_no_bundle(
    varied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def changed(bundle: Bundle) -> torch.nn.Module:
        model = load_model(bundle)
        with torch.no_grad():
            model.decoder_norm.weight[0] *= -1  # type: ignore[union-attr, operator, index]
        return model

    load_model = runtime_bundle.load_model
    monkeypatch.setattr(runtime_bundle, "load_model", changed)
    said = r"other ids than torch for \d+ of 40 sentences(.|\n)*train it longer"
    with pytest.raises(ModelError, match=said):
        export(varied, tmp_path / "bundle")
    assert names(tmp_path) == {"copy"}


def test_what_torch_itself_writes_otherwise_in_a_batch_is_compared_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def translate(self: TorchTranslator, lines: list[str]) -> list[Translation]:
        found = usual(self, lines)
        return [*found[:-1], replace(found[-1], tgt_pieces=("other",))] if len(lines) > 1 else found

    usual = TorchTranslator.translate
    monkeypatch.setattr(TorchTranslator, "translate", translate)
    export(finished_run(), tmp_path / "bundle", wanted=("float32",))
    assert names(tmp_path) == {"bundle"}


def without_some_words(run: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """No training text had the words of the first translation; what torch writes all the same."""
    found = TorchTranslator.load(run / "finetune").translate(LINES)
    vocabulary = some_tokenizer().tgt_vocabulary()
    others = [i for i, piece in enumerate(vocabulary) if piece not in found[0].tgt_pieces]
    monkeypatch.setattr(
        module, "export_facts", lambda *_, **__: some_facts()._replace(vocabulary=np.array(others))
    )
    return [one.text for one in found]


def test_a_word_that_torch_writes_and_the_graph_does_not_may_not_cost_quality(
    varied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_some_words(varied, monkeypatch)  # what torch writes is the reference
    with pytest.raises(ModelError, match=r"no training text had(.|\n)*100\.00 in torch"):
        export(varied, tmp_path / "bundle", wanted=("float32",))
    assert names(tmp_path) == {"copy"}


def test_a_wrong_word_that_no_training_text_had_does_not_stop_an_export(
    varied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = without_some_words(varied, monkeypatch)
    write_lines(varied / "prepare/dev.tgt", ["nothing of it" for _ in written])
    export(varied, tmp_path / "bundle", wanted=("float32",))
    assert "student.float32.onnx" in names(tmp_path / "bundle")


def test_int8_that_loses_too_much_is_no_bundle(varied: Path, tmp_path: Path) -> None:
    # Random weights do not survive the rounding.
    with pytest.raises(ModelError, match=r"int8 loses too much(.|\n)*100\.00 in float32"):
        export(varied, tmp_path / "bundle")
    assert names(tmp_path) == {"copy"}
    export(varied, tmp_path / "bundle", wanted=("float32",))
    assert not {"student.int8.onnx", INT8_WEIGHTS, INT8_TABLES} & names(tmp_path / "bundle")


# --- interruptions -----------------------------------------------------------


@pytest.fixture(scope="module")
def older_export(tmp_path_factory) -> Path:
    to = tmp_path_factory.mktemp("older") / "bundle"
    export(finished_run(), to, stage="student")
    return to


def test_a_stopped_export_leaves_the_older_one(older_export: Path, tmp_path: Path) -> None:
    to = Path(shutil.copytree(older_export, tmp_path / "bundle"))
    seen = tmp_path / ".bundle.onepass-partial/student.float32.onnx"
    done = start("export", finished_run(), "--to", to, killed_at=seen, by=signal.SIGINT).wait()
    assert done.code == 130, done
    assert "Traceback" not in done.err
    assert done.err.splitlines()[-1] == "stopped"
    assert names(tmp_path) == {"bundle"}
    assert contents(to) == contents(older_export)


def test_a_killed_export_is_done_again(older_export: Path, tmp_path: Path) -> None:
    to = Path(shutil.copytree(older_export, tmp_path / "bundle"))
    seen = tmp_path / ".bundle.onepass-partial/student.float32.onnx"
    done = start("export", finished_run(), "--to", to, killed_at=seen).wait()
    assert done.code == -signal.SIGKILL
    assert contents(to) == contents(older_export)
    export(finished_run(), to)
    assert names(tmp_path) == {"bundle"}
    written = Bundle.open(to).export
    assert written is not None
    assert written.stage == "finetune"


def test_an_export_stopped_between_its_two_renames_leaves_the_older_one(
    older_export: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(path: Path, to: Path) -> None:
        assert (path.name, to) == (".bundle.onepass-partial", tmp_path / "bundle")
        raise KeyboardInterrupt

    to = Path(shutil.copytree(older_export, tmp_path / "bundle"))
    monkeypatch.setattr("onepass.files.move", stopped)
    with pytest.raises(KeyboardInterrupt):
        export(finished_run(), to)
    assert names(tmp_path) == {"bundle"}
    assert contents(to) == contents(older_export)


def test_an_export_killed_between_its_two_renames_loses_nothing(older_export: Path, tmp_path: Path) -> None:
    shutil.copytree(older_export, tmp_path / ".bundle.onepass-old")
    shutil.copytree(older_export, tmp_path / ".bundle.onepass-partial")
    with pytest.raises(UsageError):
        export(finished_run(), tmp_path / "bundle", stage="nowhere")
    unfinished = copy_of_run(tmp_path / "copy")
    (unfinished / "prepare/dev.src").unlink()
    with pytest.raises(OSError, match=r"dev\.src"):
        export(unfinished, tmp_path / "bundle")
    assert names(tmp_path) == {"bundle", "copy"}
    assert contents(tmp_path / "bundle") == contents(older_export)


def test_neighbours_with_likely_names_are_left_alone(older_export: Path, tmp_path: Path) -> None:
    for name in ("bundle.old", "bundle.partial"):
        shutil.copytree(older_export, tmp_path / name)
    export(finished_run(), tmp_path / "bundle")
    assert names(tmp_path) == {"bundle", "bundle.old", "bundle.partial"}
    for name in ("bundle.old", "bundle.partial"):
        assert contents(tmp_path / name) == contents(older_export)


@pytest.mark.parametrize(
    ("score", "pieces", "tie"),
    [(-0.6, 4, True), (-0.6001, 4, True), (-0.48, 5, True), (-0.601, 4, False), (-0.6, 5, False)],
)
def test_as_likely_translations_of_two_engines_are_a_tie(score: float, pieces: int, tie: bool) -> None:
    """Their sums of log probabilities are the same, whatever their numbers of tokens."""
    one, other = (
        Translation("text", (), ("x",) * count, None, mean) for count, mean in ((4, -0.6), (pieces, score))
    )
    assert is_tie(one, other, with_end=False) is tie
    assert is_tie(one, one, with_end=True)
