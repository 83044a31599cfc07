"""The help of every verb, word by word.

After a change, `python tests/cli/test_help.py` writes `tests/cli/help/` anew; read what git says of it.
"""

import os
from pathlib import Path

import pytest
import typer
from typer.main import get_command
from typer.testing import CliRunner

from onepass.cli import PANELS, app
from onepass.runtime.shipped import shipped_models

HELP = Path(__file__).parent / "help"
GROUP = get_command(app)
VERBS = sorted(GROUP.commands)  # type: ignore[attr-defined]
WIDTH = {"COLUMNS": "80"}


def path(verb: str | None) -> Path:
    return HELP / f"{verb or 'onepass'}.txt"


def shown(verb: str | None) -> str:
    words = [*([verb] if verb else []), "--help"]
    done = CliRunner().invoke(app, words, prog_name="onepass", env=WIDTH)
    assert done.exit_code == 0
    return done.stdout


@pytest.mark.parametrize("verb", [None, *VERBS])
def test_the_help_is_as_it_was_read_last(verb: str | None) -> None:
    renew = "python tests/cli/test_help.py"
    assert shown(verb) == path(verb).read_text(encoding="utf-8"), f"if it is meant so: {renew}"


def test_there_is_no_help_of_a_verb_that_is_gone() -> None:
    assert {file.stem for file in HELP.iterdir()} == {"onepass", *VERBS}


@pytest.mark.parametrize("verb", VERBS)
def test_every_option_has_a_description_that_is_shown_in_full(verb: str) -> None:
    words = " ".join(shown(verb).split())
    command = GROUP.get_command(typer.Context(GROUP), verb)  # type: ignore[attr-defined]
    for parameter in command.params:
        assert parameter.help, f"{parameter.name} has no description"
        assert parameter.help in words


def test_every_verb_is_in_one_panel_of_the_help() -> None:
    assert sorted(verb.__name__ for verbs in PANELS.values() for verb in verbs) == VERBS


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        (["tr"], ["translate"]),
        (["translate", "--model", "en-p"], [name for name in shipped_models() if name.startswith("en-p")]),
        (["info", "de"], []),
    ],
)
def test_the_shell_completes_verbs_and_shipped_models(typed: list[str], offered: list[str]) -> None:
    asked = {"COMP_WORDS": " ".join(["onepass", *typed]), "COMP_CWORD": str(len(typed))}
    environment = asked | {"_ONEPASS_COMPLETE": "complete_bash"}
    done = CliRunner().invoke(app, [], prog_name="onepass", env=environment)
    assert done.stdout.split() == offered


if __name__ == "__main__":
    HELP.mkdir(exist_ok=True)
    for old in HELP.iterdir():
        old.unlink()
    for verb in (None, *VERBS):
        path(verb).write_text(shown(verb), encoding="utf-8")
    print(f"{os.path.relpath(HELP)}: the help of {len(VERBS)} verbs")
