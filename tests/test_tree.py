"""What the tree holds: no large file that nobody meant, no page that a reader would give up on."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LARGE = {
    "src/onepass/shipped/de-en/student.int8.onnx",
    "src/onepass/shipped/en-de-fast/student.int8.onnx",
    "src/onepass/shipped/en-de/student.int8.onnx",
}
"""Files over 1 MB: shipped weights. A change of the exporter must not commit one a second time."""
MOST_LINES = 120
MOST_WORDS = 25


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


def prose(page: str) -> list[str]:
    """The sentences of a Markdown page, without code, tables, pictures and headings; links as their text."""
    page = re.sub(r"^```.*?^```", "", page, flags=re.MULTILINE | re.DOTALL)
    page = re.sub(r"<!--.*?-->", "", page, flags=re.DOTALL)
    page = re.sub(r"!\[[^]]*\]\([^)]*\)", "", page)
    page = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", page)
    paragraphs = re.split(r"\n\s*\n|\n(?=- )", page)
    text = [p for p in paragraphs if p.strip() and not p.lstrip().startswith(("#", "|"))]
    return [sentence for p in text for sentence in re.split(r"(?<=[.!?])\s+", " ".join(p.split()))]


def test_the_readme_is_a_page_of_short_sentences() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(readme.splitlines()) <= MOST_LINES
    assert [sentence for sentence in prose(readme) if len(sentence.split()) > MOST_WORDS] == []


def test_prose_is_cut_into_sentences() -> None:
    page = (
        "# Head\n\nOne [two](x) three. Four!\n\n```\ncode here.\n```\n\n- five\n- six. Seven\n\n| a | b |\n"
    )
    assert prose(page) == ["One two three.", "Four!", "- five", "- six.", "Seven"]
