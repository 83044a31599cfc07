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
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from onepass.display import Report
from onepass.errors import DataError
from onepass.files import write_bytes, write_json
from onepass.pipeline.crew import Claim, Crew, ReleasedError
from onepass.text.lines import CutLines, lines_of, text_of

TEXT = ".txt"


@dataclass(frozen=True)
class Shards:
    """Numbered files of a folder, each made on its own.

    Attributes:
        folder: those that are finished lie there, and are kept.
        count: how many there are.
        make: the content of the shard of a number, which depends on that number alone.
        source: the digest of what it is made from.
        lines: how many it has of a text; None: it is none.
        ending: of the names.
    """

    folder: Path
    count: int
    make: Callable[[int], bytes]
    source: Callable[[int], str]
    lines: Callable[[int], int] | None = None
    ending: str = TEXT

    def path(self, number: int) -> Path:
        """The file of a shard."""
        return self.folder / f"{number:06d}{self.ending}"

    def work(self, crew: Crew, progress: Report, what: str = "shards") -> None:
        """Makes them together with others who work in the same folder; returns when all are there.

        A share of a crew is made, and the shards of others are not waited for.

        Args:
            crew: which part this process has in it.
            progress: done, all, a text.
            what: is counted.

        Raises:
            DataError: a shard is damaged. It is removed, so that the next start makes it again.
            ReleasedError: others have made all and cleared up, or nobody leads.
        """
        crew.once(self.folder, lambda: self.folder.mkdir(exist_ok=True))
        if crew.leads:
            for number in sorted(self._finished()):
                self.read(number)
        first, step = crew.share or (0, 1)
        own = range(first, self.count, step)
        total = self._amount(own)
        while True:
            finished = self._finished()
            missing = [number for number in own if number not in finished]
            done = total - self._amount(missing)
            progress(done, total, what)
            if not missing:
                return
            # Each begins somewhere else, so that they do not ask for the same.
            start = os.getpid() * 7919 % len(missing) if len(missing) > 100 else 0
            before = done
            for number in missing[start:] + missing[:start]:
                if self._do(number):
                    done += self._amount([number])
                    progress(done, total, what)
            if done == before:
                crew.pause()  # they are all somebody else's

    def read(self, number: int) -> bytes:
        """The content of a shard. Raises DataError where it is damaged, and removes it."""
        path = self.path(number)
        try:
            content = path.read_bytes()
            problem = self._problem(number, content)
        except OSError as error:
            problem = f"it cannot be read: {error.strerror}"
            if not self.folder.exists():
                raise ReleasedError from None
        if problem is None:
            return content
        path.unlink(missing_ok=True)
        raise DataError(
            f"A shard is damaged: {problem}", where=path, fix="start again: that shard is then made again"
        )

    def digest_of_all(self) -> str:
        """Of those that are all finished: what something made from them has as its source."""
        return digest(b"".join(self._record(number).read_bytes() for number in range(self.count)))

    def __iter__(self) -> Iterator[bytes]:
        """The contents in order. Raises DataError as `read` does."""
        return map(self.read, range(self.count))

    def _amount(self, numbers: Iterable[int]) -> int:
        """Lines of shards of a text; of others how many there are."""
        return sum(1 if self.lines is None else self.lines(number) for number in numbers)

    def _finished(self) -> set[int]:
        try:
            names = [name.removesuffix(self.ending) for name in os.listdir(self.folder)]
        except FileNotFoundError:
            raise ReleasedError from None  # others have made all, and have cleared up
        return {int(name) for name in names if name.isdecimal()} & set(range(self.count))

    def _problem(self, number: int, content: bytes) -> str | None:
        if self.lines is not None:
            found, wanted = content.count(b"\n"), self.lines(number)
            if found != wanted or not content.endswith(b"\n"):
                return f"it has {found:,} lines and not {wanted:,}"
        try:
            record = json.loads(self._record(number).read_text(encoding="utf-8"))
            expected = (record["sha256"], record["source"])
        except FileNotFoundError:  # of an older version
            return None
        except (ValueError, KeyError, TypeError):
            return "its record cannot be read"
        if expected[1] != self.source(number):
            return "it was made from another source"
        return None if expected[0] == digest(content) else "its digest differs"

    def _record(self, number: int) -> Path:
        return self.path(number).with_suffix(".json")

    def _do(self, number: int) -> bool:
        """Makes a shard that is nobody's, or of a process that has stopped; whether it was."""
        path = self.path(number)
        claim = Claim(path.with_suffix(".claim"))
        try:
            if path.exists() or not claim.take():
                return False
            with claim.kept():
                if not path.exists():  # it may have been finished before the claim was ours
                    self._write(number, self.make(number))
            return True
        except (OSError, DataError):
            if self.folder.exists():
                raise
            raise ReleasedError from None

    def _write(self, number: int, content: bytes) -> None:
        """Writes a shard after its record: where the shard is, its record is, too."""
        record: dict[str, object] = {"sha256": digest(content), "source": self.source(number)}
        if self.lines is not None:
            record = {"lines": content.count(b"\n"), **record}
        write_json(self._record(number), record)
        write_bytes(self.path(number), content)


def digest(content: bytes) -> str:
    """SHA-256, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def translated(
    source: CutLines, folder: Path, translate: Callable[[Sequence[str], int], Sequence[str]]
) -> Shards:
    """Shards of translations of a text file, line by line.

    Args:
        source: the texts, cut.
        folder: of the shards.
        translate: the lines of a shard and its number to as many translations.
    """
    return Shards(
        folder,
        len(source),
        make=lambda number: text_of(translate(source.lines(number), number)),
        source=lambda number: digest(source.content(number)),
        lines=source.count,
    )


def texts(shards: Shards) -> Iterator[str]:
    """The lines of all shards in order."""
    for content in shards:
        yield from lines_of(content)
