"""A family is a record and a file a room: every room has every family, and nothing else asks which it is."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import onepass
from onepass.decoding.translator import DECODERS
from onepass.errors import ModelError
from onepass.export.onnx import GRAPHS
from onepass.families import FAMILIES, family_named
from onepass.models import MODELS
from onepass.objectives import FINETUNINGS, OBJECTIVES
from onepass.runtime.candidates import CHANGES, MOST_LABELLINGS, combinations

SRC = Path(onepass.__file__).parent
ROOMS = ("decoding", "export", "models", "nn", "objectives", "runtime")
"""Where nothing may ask."""
OWN = {*FAMILIES, "finetune", "teacher"}
"""Files of a family: `finetune` is for fertilities, `teacher` for what writes word by word."""
CLASSES = {"AutoregressiveTransformer", "FertilityTransformer", "CTCTransformer", "DAGTransformer"}


def test_every_room_has_every_family() -> None:
    students = {name for name, family in FAMILIES.items() if family.one_pass}
    assert set(MODELS) == set(OBJECTIVES) == set(DECODERS) == set(FAMILIES)
    assert set(GRAPHS) == students
    assert set(FINETUNINGS) == {name for name in students if "finetune" in FAMILIES[name].settings}
    for room in ("models", "decoding", "export"):
        assert all((SRC / room / f"{name}.py").exists() for name in students)


def names_in(node: ast.AST) -> Iterator[str]:
    """Words and names of an expression."""
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.value
        elif isinstance(part, ast.Name):
            yield part.id


def questions(path: Path) -> list[int]:
    """Lines that ask which family something is: by comparing, matching or `isinstance`."""
    records = {name.upper() for name in FAMILIES}
    lines = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Compare):
            asked = {word for part in (node.left, *node.comparators) for word in names_in(part)}
            asks = bool(asked & {*FAMILIES, *records})
        elif isinstance(node, ast.Match):
            patterns = {word for case in node.cases for word in names_in(case.pattern)}
            asks = bool(patterns & {*FAMILIES, *records, *CLASSES})
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            asks = node.func.id in ("isinstance", "issubclass") and bool(set(names_in(node)) & CLASSES)
        else:
            continue
        lines += [node.lineno] if asks else []
    return lines


def test_nothing_asks_which_family_a_model_is_but_the_familys_own_files() -> None:
    files = [path for room in ROOMS for path in (SRC / room).glob("*.py") if path.stem not in OWN]
    assert len(files) > 30
    assert {str(path.relative_to(SRC)): lines for path in files if (lines := questions(path))} == {}


@pytest.mark.parametrize(
    "code",
    [
        'if student.family == "ctc":\n    pass',
        'print(kind in ("dag", "ctc"))',
        "wanted = bundle.kind != AUTOREGRESSIVE.name",
        "assert isinstance(model, (SlotTransformer, CTCTransformer))",
        'match family:\n    case "fertility":\n        pass',
    ],
)
def test_a_question_is_found(tmp_path: Path, code: str) -> None:
    (tmp_path / "asks.py").write_text(code)
    assert questions(tmp_path / "asks.py")


def test_an_unknown_family_is_a_clear_error() -> None:
    assert family_named("ctc", where="bundle").title == "CTC"
    with pytest.raises(ModelError, match=r"upgrade onepass") as error:
        family_named("mixture", where="bundle")
    assert (error.value.where, error.value.value) == ("bundle", "mixture")
    assert "fertility, ctc, dag" in str(error.value)


def test_ctc_has_a_candidate_for_each_combination_of_changes() -> None:
    assert combinations().shape == (MOST_LABELLINGS, CHANGES) == (64, 6)
