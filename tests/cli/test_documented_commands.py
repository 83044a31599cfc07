"""Every command in the README and the docs exists: verbs, options, settings, make targets, recipes."""

import re
import shlex
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
import typer
from typer.main import get_command

from onepass.cli import app
from onepass.recipe import load_recipe, with_overrides

ROOT = Path(__file__).parents[2]
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
SHELL = {"sh", "bash", "console", "shell"}
_BLOCK = re.compile(r"^( *)```(\w*)[^\n]*\n(.*?)^ *```", re.MULTILINE | re.DOTALL)


class Documented(NamedTuple):
    page: str
    words: Sequence[str]

    def __str__(self) -> str:
        return f"{self.page}: {shlex.join(self.words)}"


def blocks(page: Path, languages: set[str]) -> Iterator[str]:
    for _, language, text in _BLOCK.findall(page.read_text(encoding="utf-8")):
        if language in languages:
            yield text


def commands(text: str, *, console: bool) -> Iterator[list[str]]:
    """The simple commands of shell lines; where there are prompts, other lines are output."""
    lines = text.replace("\\\n", " ").splitlines()
    if console and any(line.lstrip().startswith("$ ") for line in lines):
        lines = [line.lstrip()[2:] for line in lines if line.lstrip().startswith("$ ")]
    for line in lines:
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        command: list[str] = []
        redirected = False
        for word in [*lexer, ";"]:
            if redirected:
                redirected = False
            elif set(word) <= set("();|&"):
                if command:
                    yield command
                command = []
            elif set(word) <= set("<>"):
                redirected = True
            elif command or "=" not in word:  # not a variable before the command
                command.append(word)


def documented(program: str) -> list[Documented]:
    found = []
    for page in PAGES:
        for text in blocks(page, SHELL):
            for words in commands(text, console=True):
                if Path(words[0]).name == program:
                    found.append(Documented(str(page.relative_to(ROOT)), words))
    return found


def test_shell_lines_are_taken_apart() -> None:
    text = (
        '$ echo "a b" | onepass translate --model x > out  # note\n'
        "output\n"
        "$ A=1 make test && onepass run y \\\n --to z"
    )
    assert list(commands(text, console=True)) == [
        ["echo", "a b"],
        ["onepass", "translate", "--model", "x"],
        ["make", "test"],
        ["onepass", "run", "y", "--to", "z"],
    ]


@pytest.mark.parametrize("command", documented("onepass"), ids=str)
def test_the_command_line_knows_the_command(command: Documented) -> None:
    group = get_command(app)
    verb, *words = command.words[1:]
    if verb.startswith("-"):
        assert verb in ("--help", "--version")
        return
    found = group.get_command(typer.Context(group), verb)  # type: ignore[attr-defined]
    assert found is not None, f"there is no verb {verb}"
    if words == ["--help"]:
        return
    with found.make_context(verb, list(words)) as context:  # a wrong option or a missing argument raises
        settings = context.params.get("settings") or []
        recipe = context.params.get("recipe")
    written = ROOT / (recipe or "recipes/phrasebook.toml")
    base = written if written.exists() else ROOT / "recipes/phrasebook.toml"
    with_overrides(load_recipe(base), settings, where="--set")
    if recipe is not None and Path(recipe).parts[0] == "recipes" and "NAME" not in str(recipe):
        assert written.exists(), f"there is no {recipe}"


@pytest.mark.parametrize("command", documented("make"), ids=str)
def test_the_makefile_has_the_target(command: Documented) -> None:
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    wanted = [word for word in command.words[1:] if "=" not in word and not word.startswith("-")]
    assert set(wanted) <= set(targets)


def recipes_in_pages() -> list[tuple[str, str]]:
    found = [(str(page.relative_to(ROOT)), text) for page in PAGES for text in blocks(page, {"toml"})]
    return [(page, text) for page, text in found if "[data]" in text]


@pytest.mark.parametrize(("page", "text"), recipes_in_pages())
def test_a_recipe_in_a_page_loads(page: str, text: str, tmp_path: Path) -> None:
    tomllib.loads(text)
    (tmp_path / "my.toml").write_text(text, encoding="utf-8")
    load_recipe(tmp_path / "my.toml")
