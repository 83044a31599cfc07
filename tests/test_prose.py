"""Pages that people read: short sentences, narrow tables, a README of one page, outputs that are true."""

import re
from pathlib import Path

import pytest
import transcripts

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
MOST_LINES = 120
MOST_WORDS = 25
MOST_COLUMNS = 8
README = ROOT / "README.md"
INVITING = [
    README,
    *(DOCS / f"{name}.md" for name in ("index", "tutorial", "how-it-works", "faq")),
    *sorted((DOCS / "guides").glob("*.md")),
]
"""Pages that are read from top to bottom."""
ALL = [README, *(page for page in sorted(DOCS.rglob("*.md")) if page.name != "LOG.md")]


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


def prose(page: str) -> list[str]:
    """The sentences of a Markdown page, without code, tables, pictures and headings; links as their text."""
    page = re.sub(r"^```.*?^```", "", page, flags=re.MULTILINE | re.DOTALL)
    page = re.sub(r"<!--.*?-->", "", page, flags=re.DOTALL)
    page = re.sub(r"!\[[^]]*\]\([^)]*\)", "", page)
    page = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", page)
    paragraphs = re.split(r"\n\s*\n|\n(?=- |\d+\. )", page)
    text = [p for p in paragraphs if p.strip() and not p.lstrip().startswith(("#", "|"))]
    return [sentence for p in text for sentence in re.split(r"(?<=[.!?])\**\s+", " ".join(p.split()))]


@pytest.mark.parametrize("page", INVITING, ids=named)
def test_sentences_are_short(page: Path) -> None:
    sentences = prose(page.read_text(encoding="utf-8"))
    assert sentences
    assert [sentence for sentence in sentences if len(sentence.split()) > MOST_WORDS] == []


def test_the_readme_is_one_page() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


@pytest.mark.parametrize("page", ALL, ids=named)
def test_tables_are_narrow(page: Path) -> None:
    rows = [line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    wide = [row for row in rows if len(re.split(r"(?<!\\)\|", row.strip("|"))) > MOST_COLUMNS]
    assert wide == []


def test_prose_is_cut_into_sentences() -> None:
    page = (
        "# Head\n\nOne [two](x) three. Four!\n\n```\ncode here.\n```\n\n- five\n- six. Seven\n\n| a | b |\n"
        "\n**Eight nine.** Ten\n1. eleven\n"
    )
    expected = [
        "One two three.",
        "Four!",
        "- five",
        "- six.",
        "Seven",
        "**Eight nine.",
        "Ten",
        "1.",
        "eleven",
    ]
    assert prose(page) == expected


# --- outputs of commands -----------------------------------------------------

SHOWN = [
    (named(page), step.command, step.output)
    for page in ALL
    for block in transcripts.runnable(page.read_text(encoding="utf-8"))
    for step in block
]


def test_the_readme_shows_what_commands_print() -> None:
    assert any(page == "README.md" for page, _, _ in SHOWN)


@pytest.mark.parametrize(("page", "command", "output"), SHOWN, ids=[f"{p}: {c}" for p, c, _ in SHOWN])
def test_a_command_prints_what_the_page_says(page: str, command: str, output: list[str]) -> None:
    printed = transcripts.output_of(command)
    assert transcripts.is_as_shown(output, printed), "run `python docs/render.py`"


def test_outputs_may_leave_lines_out_but_not_change_them() -> None:
    printed = ["one", "two", "three"]
    assert transcripts.is_as_shown(["one", "...", "three"], printed)
    assert transcripts.is_as_shown(["one", "..."], printed)
    assert not transcripts.is_as_shown(["one", "three"], printed)
    assert not transcripts.is_as_shown(["one", "...", "four"], printed)
    assert not transcripts.is_as_shown([], printed)


def test_blocks_are_taken_apart() -> None:
    page = (
        "```console\n$ onepass models \\\n  --help\nout\n$ onepass info en-pt\n```\n"
        "```console\n$ pip install .\n$ onepass models\n```\n"
        "```console\n$ onepass translate --model my-model x\n```\n"
    )
    [block] = transcripts.runnable(page)
    assert [tuple(step) for step in block] == [
        ("onepass models \\\n  --help", ["out"]),
        ("onepass info en-pt", []),
    ]
