"""Each documented way to start several processes ends in the bytes of one process."""

import functools
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from test_documented_commands import PAGES, ROOT, SHELL, blocks, commands

from onepass.errors import UsageError
from tiny_launch import LAUNCHERS, TRAININGS, TWO, forked, free_port
from tiny_run import call, outputs, run, tiny_recipe, write_recipe

UNTIL = "finetune"
AFRESH = "torchrun --nproc-per-node 8 -m onepass"
"""Its processes are new ones of Python; those of the others are forked, which takes a third of the time."""


def launches() -> Iterator[list[str]]:
    """Every documented command of a launcher."""
    for recipe in sorted((ROOT / "recipes").glob("*.toml")):
        lines = recipe.read_text(encoding="utf-8").splitlines()
        comments = "\n".join(line.removeprefix("#") for line in lines if line.startswith("#"))
        plain = "\n".join(line for line in comments.replace("\\\n", " ").splitlines() if "-m " in line)
        yield from commands(plain, console=False)
    for page in PAGES:
        for text in blocks(page, SHELL):
            yield from (words for words in commands(text, console=True) if words[0] in LAUNCHERS)


@functools.cache
def distinct() -> dict[str, list[str]]:
    """One of those that differ in their recipe and its settings alone, by the launcher's part.

    Those that start again by themselves are in `test_together`.
    """
    found = {shlex.join(words[: words.index("run")]): words for words in launches()}
    return {name: words for name, words in found.items() if "--max-restarts" not in words}


def tiny(words: Sequence[str], recipe: Path, to: Path) -> list[list[str]]:
    """Arguments for the launcher that start two processes, one on each machine where there are two."""
    verb = words.index("run")
    launcher, arguments = words[1:verb], words[verb:]
    assert launcher[-2:] == ["-m", "onepass"]
    machines = 2 if "--nnodes" in launcher else 1
    processes = {option: str(2 // machines) for option in ("--nproc-per-node", "--num_processes")}
    launcher = [
        processes.get(option, word)
        for option, word in zip(["", *launcher], [*launcher, ""], strict=True)
        if word
    ]
    launcher = [word.replace("HOST:29500", f"localhost:{free_port()}") for word in launcher]
    assert arguments[1].startswith("recipes/")
    given = [f"{word.partition('=')[0]}=2" for word in arguments if word.endswith(("=8", "=16"))]
    sizes = given or [f"{training}.training.accumulate=2" for training in TRAININGS]
    settings = [part for size in sizes for part in ("--set", size)]
    own = ["run", str(recipe), *settings, "--to", str(to), "--until", UNTIL]
    ranks = range(machines)
    return [[*(word.replace("RANK", str(rank)) for word in launcher), *own] for rank in ranks]


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_recipe(tmp_path_factory.mktemp("launching"))


@pytest.fixture(scope="module")
def of_one_process(recipe: Path) -> dict[str, str]:
    done = call("run", recipe, *TWO, "--to", recipe.parent / "one", "--until", UNTIL)
    assert done.code == 0, done.err
    return outputs(recipe.parent / "one")


def test_the_commands_are_found() -> None:
    assert {Path(name.split()[0]).name for name in distinct()} == set(LAUNCHERS)
    assert any("--nnodes 2" in name for name in distinct())
    assert AFRESH in distinct()
    assert len(list(launches())) >= 12


@pytest.mark.parametrize("name", distinct())
def test_two_processes_end_in_the_bytes_of_one(
    name: str, recipe: Path, of_one_process: dict[str, str], tmp_path: Path
) -> None:
    words = distinct()[name]
    with forked() as processes:
        forks = name != AFRESH
        commands_of_machines = tiny(words, recipe, tmp_path / "run")
        started = [processes.launch(words[0], *own, forks=forks) for own in commands_of_machines]
        try:
            for launcher in started:
                done = launcher.wait(300)
                assert done.code == 0, done.err[-3000:]
        finally:
            for launcher in started:
                launcher.process.kill()
    assert len(processes.commands) == (2 if forks else 0)
    assert outputs(tmp_path / "run") == of_one_process


def test_processes_that_cannot_form_a_group_are_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They would train the same model into one directory."""
    monkeypatch.setattr("torch.accelerator.is_available", lambda: True)  # one that has no process groups
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UsageError, match="2 processes"):
        run(tiny_recipe(tmp_path), tmp_path / "run", until="teacher")
