"""What is known of a request, for its line in the log."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TextIO, cast

from starlette.requests import Request
from starlette.types import Scope

NAME = "onepass.record"


@dataclass
class Record:
    """A request and what became of it.

    Attributes:
        route: the endpoint's path; what a client made up is "other".
        method: of HTTP.
        started: of `time.monotonic`.
        status: of the answer; 499 where the client left before it.
        characters, sentences: that were translated.
        key: name of the key that was given.
        reason: why it was refused.
        texts: that were asked for; logged only where the operator wants them.
    """

    route: str
    method: str
    started: float
    status: int = 500
    characters: int = 0
    sentences: int = 0
    key: str | None = None
    reason: str | None = None
    texts: list[str] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self.started


def record_of(request: Request) -> Record:
    """The record that `Observed` made."""
    return record_in(request.scope)


def record_in(scope: Scope) -> Record:
    """The record of a request by its scope."""
    return cast(Record, scope[NAME])


class AccessLog:
    """A line of JSON for each request.

    Args:
        file: to write to.
        log_text: write the texts of requests, too.
    """

    def __init__(self, file: TextIO, *, log_text: bool = False) -> None:
        self._file, self._log_text = file, log_text

    def write(self, record: Record) -> None:
        """Writes a line."""
        said = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "method": record.method,
            "route": record.route,
            "status": record.status,
            "milliseconds": round(1_000 * record.seconds, 3),
            "characters": record.characters,
            "sentences": record.sentences,
            "key": record.key,
            "reason": record.reason,
        }
        if self._log_text:
            said["texts"] = record.texts
        self._file.write(json.dumps(said) + "\n")
        self._file.flush()
