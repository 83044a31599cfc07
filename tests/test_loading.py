"""Every kind of bundle through one door, with one spelling of its keywords."""

import inspect
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import typer
from typer.main import get_command

from onepass import Translator
from onepass.cli import app
from onepass.decoding.translator import Translator as TorchTranslator
from onepass.errors import ModelError, UsageError
from onepass.loading import OPTIONS
from onepass.runtime.text_translator import Translation
from onepass.runtime.translator import Translator as RuntimeTranslator
from tiny_export import exported, random_student, random_teacher
from tiny_run import corpus_pairs, finished_run

ROOT = Path(__file__).parents[1]
LINES = [*[src for src, _ in corpus_pairs(10)], "", "HELP!"]


@pytest.fixture(scope="session")
def bundles(tmp_path_factory, make_teacher) -> Path:
    """For training in `teacher`, `fertility` and `dag`; for the runtime in `exported`, with candidates."""
    directory = tmp_path_factory.mktemp("bundles")
    teacher = random_teacher(directory / "teacher", make_teacher)
    student = random_student(directory / "fertility", "fertility")
    random_student(directory / "dag", "dag")
    exported(student, directory / "exported", teacher)
    return directory


def texts(found: list[Translation]) -> list[str]:
    return [translation.text for translation in found]


def keywords(function: Any) -> set[str]:
    parameters = inspect.signature(function).parameters.values()
    return {p.name for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY}


# --- what it loads -----------------------------------------------------------


@pytest.mark.parametrize(
    "settings",
    [{"precision": "float32"}, {"num_candidates": 3, "seed": 2}, {"num_threads": 1, "batch_size": 2}],
    ids=str,
)
def test_an_exported_bundle_translates_as_the_runtime_does(bundles: Path, settings: dict[str, Any]) -> None:
    expected = RuntimeTranslator.load(bundles / "exported", split=True, **settings)
    translator = Translator.load(bundles / "exported", **settings)
    assert translator.translate(LINES) == expected.translate(LINES)
    assert (translator.precision, translator.bundle) == (expected.precision, expected.bundle)
    assert translator.copies


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("fertility", {}),
        ("fertility", {"average": True}),
        ("fertility", {"num_candidates": 3, "teacher": True, "seed": 2}),
        ("teacher", {"beam_size": 3}),
        ("dag", {"search": "viterbi"}),
    ],
    ids=str,
)
def test_a_bundle_for_training_translates_as_torch_does(
    bundles: Path, name: str, settings: dict[str, Any]
) -> None:
    if settings.get("teacher"):
        settings = {**settings, "teacher": bundles / "teacher"}
    expected = TorchTranslator.load(bundles / name, **settings).translate(LINES)
    plain = TorchTranslator.load(bundles / name).translate(LINES)
    translator = Translator.load(str(bundles / name), **settings)
    assert translator.translate(LINES) == expected
    assert not settings or texts(expected) != texts(plain)
    assert translator.precision == "float32"
    assert translator.copies == (name == "fertility")


def test_what_a_run_trained_translates() -> None:
    for stage in ("teacher", "student", "finetune"):
        translator = Translator.load(finished_run() / stage)
        assert translator.bundle.directory == finished_run() / stage
        assert len(translator.translate(LINES)) == len(LINES)


def test_a_stream_is_translated_line_for_line(bundles: Path) -> None:
    for name in ("exported", "fertility"):
        translator = Translator.load(bundles / name)
        assert texts(list(translator.translate_stream(iter(LINES)))) == texts(translator.translate(LINES))


def test_threads_and_batch_size_reach_torch(bundles: Path) -> None:
    before = torch.get_num_threads()
    try:
        translator = Translator.load(bundles / "fertility", num_threads=before + 1, batch_size=1)
        assert torch.get_num_threads() == before + 1
    finally:
        torch.set_num_threads(before)
    assert texts(translator.translate(LINES)) == texts(
        Translator.load(bundles / "fertility").translate(LINES)
    )
    assert translator._translator.batch_size == 1


# --- one spelling ------------------------------------------------------------


def test_every_translator_spells_its_keywords_as_the_door_does() -> None:
    door = keywords(Translator.load)
    behind = [keywords(RuntimeTranslator.load), keywords(TorchTranslator.load)]
    assert set.union(*behind) == door - {"revision"}  # of the hub, which only the door knows


def test_the_command_line_has_every_option_that_an_error_names() -> None:
    group = get_command(app)
    command = group.get_command(typer.Context(group), "translate")  # type: ignore[attr-defined]
    assert command is not None
    assert set(OPTIONS.values()) <= {option for parameter in command.params for option in parameter.opts}
    assert set(OPTIONS) <= keywords(Translator.load)


# --- what it refuses ---------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "where"),
    [
        ({"teacher": "teacher"}, "teacher (--teacher)"),
        ({"beam_size": 2}, "beam_size (--beam)"),
        ({"search": "greedy"}, "search (--search)"),
        ({"average": True}, "average"),
        ({"device": "cuda"}, "device"),
    ],
    ids=str,
)
def test_an_exported_bundle_refuses_what_it_would_ignore(
    bundles: Path, settings: dict[str, Any], where: str
) -> None:
    with pytest.raises(UsageError, match="belongs to a bundle for training") as error:
        Translator.load(bundles / "exported", **settings)
    assert error.value.where == where


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        ("fertility", {"precision": "float32"}, "only an exported one has precisions"),
        ("fertility", {"precision": "int4"}, "no such precision"),
        ("fertility", {"teacher": "teacher"}, "nothing to choose from"),
        ("fertility", {"search": "greedy"}, "student with a graph"),
        ("dag", {"search": "astar"}, "greedy, lookahead, viterbi, marginal"),
        ("teacher", {"average": True}, "belong to a student"),
        ("exported", {"precision": "int4"}, "no such precision"),
    ],
    ids=str,
)
def test_what_a_model_does_not_have_is_a_usage_error(
    bundles: Path, name: str, settings: dict[str, Any], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        Translator.load(bundles / name, **settings)


@pytest.mark.parametrize("name", ["exported", "fertility"])
@pytest.mark.parametrize("keyword", ["num_threads", "num_candidates", "batch_size", "beam_size"])
def test_a_number_below_one_is_a_usage_error(bundles: Path, name: str, keyword: str) -> None:
    with pytest.raises(UsageError, match=keyword):
        Translator.load(bundles / name, **{keyword: 0})  # type: ignore[arg-type]


def test_where_there_is_no_model_the_error_says_what_there_is(tmp_path: Path) -> None:
    for model in (tmp_path / "absent", finished_run()):  # a run is no model; its stages are
        with pytest.raises(ModelError, match=r"no (such )?model"):
            Translator.load(model)


def test_without_torch_a_bundle_for_training_says_what_to_do(
    bundles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ModelError, match=r"torch is not installed(.|\n)*onepass export"):
        Translator.load(bundles / "fertility")
    assert Translator.load(bundles / "exported").translate(LINES[:1])


# --- the examples of the pages -----------------------------------------------

EXAMPLES = [
    (str(page.relative_to(ROOT)), code)
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    for code in re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S)
    if "user/model" not in code and 'my-model")' not in code  # on a hub, or trained by the reader
]


def test_there_are_examples() -> None:
    assert any("Translator.load(" in code for _, code in EXAMPLES)


@pytest.mark.parametrize(("page", "code"), EXAMPLES, ids=[page for page, _ in EXAMPLES])
def test_the_examples_of_the_pages_run(
    page: str, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("english.txt").write_text("I am tired.\n", encoding="utf-8")
    exec(compile(code, page, "exec"), {})
    assert capsys.readouterr().out
