"""Work cut into shards that any number of processes do together, on one machine or on several.

Processes share a folder. Each takes a shard by making a file beside it, which it touches while it works; the
shards of a process that was killed are taken over by others. A shard may be done twice, never half: its file
appears whole, and what is in it depends on the shard alone. `NUMBER.txt` has the shard, `NUMBER.json` beside
it what it must be: number of lines, digest, digest of the source. Older versions wrote no such record.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from onepass.display import Report
from onepass.errors import DataError
from onepass.files import naming_full_disk, write_json, write_text

TOUCH_SECONDS = 5.0
"""Between two signs of life of a claim."""
STALE_SECONDS = 60.0
"""Without a sign of life, after which a claim is anybody's; far longer than clocks of machines differ."""
POLL_SECONDS = 0.5


def in_shards(
    lines: Sequence[str],
    shard_lines: int,
    scratch: Path,
    translate: Callable[[Sequence[str], int], list[str]],
    progress: Report,
) -> list[str]:
    """What `translate` makes of each shard and its number, in order.

    Other processes that call this with the same lines and the same `scratch` share the work.

    Args:
        lines: source texts.
        shard_lines: lines of a shard.
        scratch: a directory with a file for each finished shard; those already there are kept.
        translate: a shard and its number to as many translations.
        progress: lines done, lines in all, a text.

    Raises:
        DataError: a shard is damaged. It is removed, so that the next start makes it again.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    firsts = range(0, len(lines), shard_lines)

    def path(number: int) -> Path:
        return scratch / f"{number:06d}.txt"

    def source(number: int) -> Sequence[str]:
        return lines[firsts[number] : firsts[number] + shard_lines]

    def make(number: int) -> None:
        part = source(number)
        _write(path(number), translate(part, number), part)

    for number in range(len(firsts)):
        if path(number).exists():
            _read(path(number), source(number))
    while waiting := [number for number in range(len(firsts)) if not path(number).exists()]:
        progress(min((len(firsts) - len(waiting)) * shard_lines, len(lines)), len(lines), "sentences")
        if not any(_do(path(number), make, number) for number in waiting):
            time.sleep(POLL_SECONDS)  # they are all somebody else's
    hyp = [line for number in range(len(firsts)) for line in _read(path(number), source(number))]
    progress(len(hyp), len(lines), "sentences")
    return hyp


def _text(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()


def _write(shard: Path, lines: Sequence[str], source: Sequence[str]) -> None:
    """Writes a shard after its record: where the shard is, its record is, too."""
    record = {"lines": len(lines), "sha256": _digest(_text(lines)), "source": _digest(_text(source))}
    write_json(shard.with_suffix(".json"), record)
    write_text(shard, _text(lines))


def _read(shard: Path, source: Sequence[str]) -> list[str]:
    """The lines of a shard. Raises DataError where it is damaged, and removes it."""
    try:
        text = shard.read_bytes().decode(errors="surrogateescape")  # with the line ends that it has
        lines = text.split("\n")[:-1]
        problem = _problem(shard, text, len(lines), source)
    except OSError as error:
        problem = f"it cannot be read: {error.strerror}"
    if problem is None:
        return lines
    shard.unlink(missing_ok=True)
    raise DataError(
        f"A shard is damaged: {problem}", where=shard, fix="start again: that shard is then made again"
    )


def _problem(shard: Path, text: str, found: int, source: Sequence[str]) -> str | None:
    if found != len(source) or not text.endswith("\n"):
        return f"it has {found:,} lines and not {len(source):,}"
    try:
        record = json.loads(shard.with_suffix(".json").read_text(encoding="utf-8"))
        expected = (record["sha256"], record["source"])
    except FileNotFoundError:  # of an older version
        return None
    except (ValueError, KeyError, TypeError):
        return "its record cannot be read"
    if expected[1] != _digest(_text(source)):
        return "it was made from another source"
    return None if expected[0] == _digest(text) else "its digest differs"


def _do(shard: Path, make: Callable[[int], None], number: int) -> bool:
    """Makes a shard that is nobody's, or of a process that has stopped; whether it was."""
    claim = shard.with_suffix(".claim")
    if not _take(claim):
        return False
    stop = threading.Event()
    keeper = threading.Thread(target=_keep_alive, args=(claim, stop), daemon=True)
    keeper.start()
    try:
        if not shard.exists():  # it may have been finished before the claim was ours
            make(number)
    finally:
        stop.set()
        keeper.join()
        claim.unlink(missing_ok=True)
    return True


def _take(claim: Path) -> bool:
    own = f"{socket.gethostname()} {os.getpid()}"
    try:
        with naming_full_disk(claim), open(claim, "x", encoding="utf-8") as file:
            file.write(own)
        return True
    except FileExistsError:
        pass
    except DataError:  # the disk is full: an empty claim would keep the others waiting
        claim.unlink(missing_ok=True)
        raise
    if not _is_abandoned(claim):
        return False
    write_text(claim, own)  # of two that do this at once, both work: twice, but alike
    return True


def _is_abandoned(claim: Path) -> bool:
    try:
        host, _, process = claim.read_text(encoding="utf-8").partition(" ")
        age = time.time() - claim.stat().st_mtime
    except FileNotFoundError:
        return False  # given back just now: the next round sees it
    if age > STALE_SECONDS:
        return True
    return host == socket.gethostname() and process.isdecimal() and not _is_alive(int(process))


def _is_alive(process: int) -> bool:
    if process == os.getpid():
        return False  # of one before this, whose number it has got
    if os.name == "nt":  # where signal 0 is no question
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's, or a system without such questions
        return True
    return True


def _keep_alive(claim: Path, stop: threading.Event) -> None:
    while not stop.wait(TOUCH_SECONDS):
        try:
            os.utime(claim)
        except OSError:
            return
