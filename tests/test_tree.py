"""What the tree holds: no large file that nobody meant, no page that a reader would give up on."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

from onepass.families import FAMILIES

ROOT = Path(__file__).resolve().parents[1]
LARGE = {
    "src/onepass/shipped/en-pt/tables.int8.safetensors",
    "src/onepass/shipped/en-pt/weights.int8.safetensors",
    "src/onepass/shipped/pt-en/tables.int8.safetensors",
    "src/onepass/shipped/pt-en/weights.int8.safetensors",
}
"""Files over 1 MB: weights that ship.

A change of the exporter must not commit one a second time.
"""


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_files_over_a_megabyte_are_the_ones_that_are_meant_to_ship() -> None:
    large = {str(path.relative_to(ROOT)) for path in tracked() if path.stat().st_size > 1_000_000}
    assert large == LARGE


def test_no_file_of_the_package_is_longer_than_a_reader_takes_in() -> None:
    lengths = {
        path: len(path.read_text(encoding="utf-8").splitlines()) for path in (ROOT / "src").rglob("*.py")
    }
    assert {path: length for path, length in lengths.items() if length > 450} == {}


def test_no_function_of_the_package_is_longer_than_a_reader_takes_in() -> None:
    long = [
        f"{path.name}: {node.name}"
        for path in (ROOT / "src").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno >= 80
    ]
    assert long == []


COLUMN = {"autoregressive", "teacher", "fertility", "ctc", "dag", "marian"}
ROOMS = {"models", "objectives", "decoding", "export", "nn"}
FAMILY_CLASS = re.compile("Autoregressive|Fertility|CTC|DAG")


def asks_for_a_family(node: ast.AST) -> bool:
    """Whether an expression compares a family's name, or asks whether something is one of a family."""
    if isinstance(node, ast.Compare):
        names = {family.name for family in FAMILIES.values()}
        parts = [part for side in (node.left, *node.comparators) for part in ast.walk(side)]
        return any(isinstance(part, ast.Constant) and part.value in names for part in parts)
    is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "isinstance"
    return is_call and bool(FAMILY_CLASS.search(ast.unparse(node)))


def test_only_a_familys_own_files_ask_which_family_a_model_is() -> None:
    package = ROOT / "src" / "onepass"
    asking = {
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        if any(asks_for_a_family(node) for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    }
    own = {f"{room}/{name}.py" for room in ROOMS for name in (*COLUMN, "finetune")}
    assert asking <= own


def test_questions_about_a_family_are_found() -> None:
    asked = ["a.family == 'ctc'", "x in ('dag', 'ctc')", "isinstance(m, DAGTransformer)", "kind != 'dag'"]
    assert all(any(asks_for_a_family(n) for n in ast.walk(ast.parse(text))) for text in asked)
    assert not any(asks_for_a_family(n) for n in ast.walk(ast.parse("a.kind == 'x'; f('ctc')")))
