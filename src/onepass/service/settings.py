"""What an operator decides: models, address, workers and limits."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from onepass.errors import UsageError


@dataclass(frozen=True)
class Limits:
    """Of requests, each worker's own unless it says otherwise.

    Attributes:
        characters: of a request.
        characters_per_minute: of a key, or of an address where there are no keys, all workers together;
            0 is no limit.
        texts: in a request.
        body_bytes: of a request.
        requests: answered at once; a further one is refused.
        sentences: that wait; where so many do, a further request is refused.
        seconds: a request may take, with the reading of its body.
    """

    characters: int = 100_000
    characters_per_minute: int = 0
    texts: int = 1_000
    body_bytes: int = 2_000_000
    requests: int = 64
    sentences: int = 10_000
    seconds: float = 30.0


@dataclass(frozen=True)
class ServiceSettings:
    """Of `onepass serve`.

    Attributes:
        models: shipped models' names or bundles' directories, one a direction.
        host, port: to listen at; port 0 is any that is free.
        workers: processes.
        threads: batches that a worker decodes side by side.
        precision: of the weights [int8, where a bundle has it].
        corrections: words of each sentence that the teacher in a bundle may correct.
        keys: file of those who may ask; without one everybody may.
        limits: of requests.
        grace_seconds: that a worker has to answer what it has accepted when it is stopped.
        access_log: write a line for each request to stdout.
        log_text: with the text that was asked for.
        page: serve a page at `/`.
    """

    models: tuple[str, ...]
    host: str = "127.0.0.1"
    port: int = 5000
    workers: int = 1
    threads: int = 1
    precision: str | None = None
    corrections: int = 0
    keys: Path | None = None
    limits: Limits = field(default_factory=Limits)
    grace_seconds: int = 10
    access_log: bool = True
    log_text: bool = False
    page: bool = True

    def __post_init__(self) -> None:
        if not self.models:
            raise UsageError("There is no model to serve", where="MODELS")
        if self.log_text and not self.access_log:
            raise UsageError("Texts are logged with requests", where="--log-text", fix="leave out --no-log")
