"""Shards that several processes make together: each once, those of a killed process by another one."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from onepass.errors import DataError
from onepass.pipeline import crew as module
from onepass.pipeline.crew import Crew
from onepass.pipeline.shards import texts, translated
from onepass.text.lines import CutLines, read_lines, write_lines

LINES = [str(number) for number in range(20)]
EXPECTED = [f"<{line}>" for line in LINES]
WORKER = """
import sys, time
from pathlib import Path
from onepass.pipeline.crew import Crew
from onepass.pipeline.shards import texts, translated
from onepass.text.lines import CutLines

folder, name = Path(sys.argv[1]), sys.argv[2]

def translate(part, number):
    with open(folder / f"{name}.made", "a") as file:
        file.write(f"{number}\\n")
    while name == "stuck":
        time.sleep(1)
    time.sleep(0.05)
    return [f"<{line}>" for line in part]

made = translated(CutLines(folder / "source", 2), folder / "shards", translate)
made.work(Crew(), lambda *_: None)
(folder / f"{name}.found").write_text("".join(f"{line}\\n" for line in texts(made)))
"""


def in_shards(
    lines: Sequence[str], size: int, folder: Path, translate: Callable[[Sequence[str], int], Sequence[str]]
) -> list[str]:
    source = folder.with_name(f"{folder.name}.source")
    write_lines(source, lines)
    shards = translated(CutLines(source, size), folder, translate)
    shards.work(Crew(), lambda *_: None)
    return list(texts(shards))


def start(folder: Path, name: str) -> "subprocess.Popen[bytes]":
    write_lines(folder / "source", LINES)
    return subprocess.Popen([sys.executable, "-c", WORKER, str(folder), name])


def made(folder: Path, name: str) -> list[int]:
    path = folder / f"{name}.made"
    return [int(line) for line in read_lines(path)] if path.exists() else []


def here(scratch: Path) -> list[str]:
    return in_shards(LINES, 2, scratch, lambda part, _: [f"<{line}>" for line in part])


def test_processes_share_the_shards_and_each_gets_all(tmp_path: Path) -> None:
    workers = [start(tmp_path, name) for name in ("one", "two")]
    assert [worker.wait(60) for worker in workers] == [0, 0]
    parts = [made(tmp_path, name) for name in ("one", "two")]
    assert sorted(parts[0] + parts[1]) == list(range(10))
    for name in ("one", "two"):
        assert read_lines(tmp_path / f"{name}.found") == EXPECTED
    assert not list((tmp_path / "shards").glob("*.claim"))


def test_the_shard_of_a_killed_process_is_made_by_another(tmp_path: Path) -> None:
    stuck = start(tmp_path, "stuck")
    while not made(tmp_path, "stuck"):
        time.sleep(0.02)
    stuck.kill()
    stuck.wait()
    assert (tmp_path / "shards" / "000000.claim").exists()
    assert here(tmp_path / "shards") == EXPECTED


def test_the_shard_of_another_machine_is_waited_for_until_it_is_silent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(module, "STALE_SECONDS", 0.5)
    claim = tmp_path / "000003.claim"
    claim.write_text("elsewhere 1")
    begun = time.monotonic()
    assert here(tmp_path) == EXPECTED
    assert time.monotonic() - begun > 0.4
    assert not claim.exists()


def test_a_living_process_keeps_its_shard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TOUCH_SECONDS", 0.02)
    claim = tmp_path / "000000.claim"
    seen: list[tuple[str, float]] = []

    def translate(part: list[str], number: int) -> list[str]:
        if number == 0:
            os.utime(claim, (0, 0))
            time.sleep(0.2)
            seen.append((claim.read_text(), claim.stat().st_mtime))
        return part

    in_shards(LINES, 2, tmp_path, translate)
    [(owner, touched)] = seen
    assert owner == f"{socket.gethostname()} {os.getpid()}"
    assert time.time() - touched < 5


def test_a_shard_that_fails_is_nobodys(tmp_path: Path) -> None:
    def translate(part: list[str], number: int) -> list[str]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        in_shards(LINES, 2, tmp_path, translate)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda text: text.replace("<5>", "<6>"), "its digest differs"),
        (lambda text: text + "<7>\n", "3 lines and not 2"),
        (lambda text: "<4>\n", "1 lines and not 2"),
        (lambda text: text[:-1], "1 lines and not 2"),
    ],
    ids=["a flipped byte", "a line too many", "a line too few", "cut"],
)
def test_a_damaged_shard_is_one_error_and_made_again(
    damage: Callable[[str], str], said: str, tmp_path: Path
) -> None:
    assert here(tmp_path) == EXPECTED
    shard = tmp_path / "000002.txt"
    assert shard.read_text() == "<4>\n<5>\n"
    shard.write_text(damage(shard.read_text()))
    with pytest.raises(DataError, match=said) as error:
        here(tmp_path)
    assert error.value.where == shard
    asked: list[int] = []

    def translate(part: Sequence[str], number: int) -> list[str]:
        asked.append(number)
        return [f"<{line}>" for line in part]

    assert in_shards(LINES, 2, tmp_path, translate) == EXPECTED
    assert asked == [2]


def test_shards_of_an_older_version_are_taken_as_they_are(tmp_path: Path) -> None:
    assert here(tmp_path) == EXPECTED
    for path in tmp_path.glob("*.json"):
        path.unlink()
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert here(tmp_path) == EXPECTED
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


def test_shards_of_another_source_are_refused(tmp_path: Path) -> None:
    here(tmp_path)
    other = ["other", *LINES[1:]]
    with pytest.raises(DataError, match="another source"):
        in_shards(other, 2, tmp_path, lambda part, _: list(part))
