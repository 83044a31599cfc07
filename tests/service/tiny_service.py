"""A service whose translator writes capitals, when it is let, and remembers what it read together."""

import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from starlette.testclient import TestClient

from onepass.runtime.alignment import AlignedWord, Link
from onepass.runtime.alternatives import Alternative
from onepass.runtime.doubts import Doubt
from onepass.runtime.inside import Inside, Slot
from onepass.runtime.readings import NOTHING, Reading
from onepass.runtime.sentences import Passage
from onepass.runtime.text_translator import Translation
from onepass.service.app import Shared, Worker, build_worker
from onepass.service.detection import Detected
from onepass.service.directions import Direction, Directions
from onepass.service.health import Health
from onepass.service.keys import Key
from onepass.service.quotas import Quotas
from onepass.service.serve import server_of
from onepass.service.settings import Limits, ServiceSettings
from onepass.service.sockets import listening_sockets, url_of
from onepass.text.segmentation import Range, Segment

SENTENCE = re.compile(r"[^.!?\n]*[.!?\n]*\s*")


class Capitals:
    """Writes capitals. A text with "poison" in it cannot be read.

    Attributes:
        rounds: the sentences of each.
        may_read: cleared, it holds the next round.
    """

    def __init__(self) -> None:
        self.rounds: list[list[str]] = []
        self.may_read = threading.Event()
        self.may_read.set()

    def passages(self, line: str) -> list[Passage]:
        found, place = [], 0
        for piece in SENTENCE.findall(line):
            text = piece.rstrip()
            if piece:
                found.append(Passage(Segment(place, text, piece[len(text) :]), [1] * len(text.split())))
            place += len(piece)
        return found

    has_alternatives = True

    def doubts(self, line: str, translation: str) -> list[Doubt]:
        return ["cut"] if "cut" in line else []

    def read(self, passages: Sequence[Passage], *, alignment: bool = False, n_best: int = 1) -> list[Reading]:
        self.rounds.append([passage.segment.text for passage in passages])
        assert self.may_read.wait(20)
        if any("poison" in passage.segment.text for passage in passages):
            raise ValueError("this is poison")
        return [Reading(p.ids, NOTHING, p.segment.text.upper()) for p in passages]

    def inside(self, passage: Passage) -> Inside:
        words = passage.segment.text.split()
        slots = [
            slot for i, word in enumerate(words) for slot in (Slot(word.upper(), i, True), Slot("", i, False))
        ]
        return Inside(words, slots, True, None)

    def joined(
        self, passages: Sequence[Passage], readings: Sequence[Reading], *, n_best: int = 1
    ) -> Translation:
        parts = zip(passages, readings, strict=True)
        text = "".join(reading.text + passage.segment.space for passage, reading in parts)
        others = tuple(Alternative(f"{text} ({n})", -n) for n in range(2, n_best + 1))
        return Translation(text, (), (), None, -0.5, "capitals", alternatives=others if n_best > 1 else None)

    def aligned(
        self,
        line: str,
        translation: Translation,
        passages: Sequence[Passage],
        readings: Sequence[Reading],
    ) -> Translation:
        places = [Range(*word.span()) for word in re.finditer(r"\S+", line)]
        words = tuple(AlignedWord(*place, (place,)) for place in places)
        return replace(translation, alignment=words, links=tuple(Link(place, place) for place in places))


class ByUmlaut:
    """Takes for German what has an umlaut, for English all else."""

    def rank(self, text: str) -> list[Detected]:
        german = Detected("de", 99.0 if re.search("[äöüÄÖÜß]", text) else 5.0)
        english = Detected("en", 100.0 - german.confidence)
        return sorted([german, english], key=lambda found: -found.confidence)


@dataclass
class Tiny:
    """What the tests look at: the translators of both directions and the door."""

    worker: Worker
    english: Capitals
    german: Capitals
    shared: Shared


def tiny(
    directory: Path,
    *,
    limits: Limits | None = None,
    keys: tuple[Key, ...] = (),
    access_log: bool = False,
    log_text: bool = False,
    page: bool = True,
) -> Tiny:
    """A worker that serves English to German and back."""
    english, german = Capitals(), Capitals()
    directions = Directions(
        [
            Direction("capitals", "en", "de", english, {"fingerprint": "capitals"}),
            Direction("back", "de", "en", german),
        ]
    )
    settings = ServiceSettings(
        ("capitals", "back"), limits=limits or Limits(), access_log=access_log, log_text=log_text, page=page
    )
    directory.mkdir(exist_ok=True)
    shared = Shared(Health(1), Quotas(), directory, keys)
    worker = build_worker(settings, directions, shared, detector=ByUmlaut())
    return Tiny(worker, english, german, shared)


@contextmanager
def client_of(service: Tiny) -> Iterator[TestClient]:
    """A client that calls the application without a socket."""
    with TestClient(service.worker.app, base_url="http://testserver") as client:
        yield client


@dataclass
class Live:
    """A service at a port; `stop` begins a graceful stop, `thread` ends with it."""

    url: str
    port: int
    service: Tiny
    thread: threading.Thread
    stop: threading.Event


@contextmanager
def live(service: Tiny, *, grace_seconds: int = 5) -> Iterator[Live]:
    """The service behind uvicorn, at a free port of the loopback."""
    [bound] = listening_sockets("127.0.0.1", 0, 1)
    server = server_of(service.worker, grace_seconds)
    stop = threading.Event()
    thread = threading.Thread(target=server.run, args=([bound],))
    bound.listen()
    url, port = url_of(bound), bound.getsockname()[1]
    thread.start()

    def watch() -> None:
        stop.wait()
        server.handle_exit(15, None)

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield Live(url, port, service, thread, stop)
    finally:
        service.english.may_read.set()
        service.german.may_read.set()
        stop.set()
        thread.join(20)
        assert not thread.is_alive()
