"""Texts of a request to translations: the direction of each, its sentences through the batchers, joined."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, NamedTuple

from onepass.runtime.doubts import Doubt
from onepass.runtime.readings import Reading
from onepass.runtime.sentences import Passage
from onepass.runtime.text_translator import Translation
from onepass.service.batcher import TEXT_ALONE, Batcher, Job, Want
from onepass.service.detection import Detected, Detector, detect_each
from onepass.service.directions import Direction, Directions
from onepass.service.metrics import Metrics
from onepass.service.refusal import ClientGoneError, RequestError

AUTO = "auto"
SHORT_SECONDS = 0.05
"""A request that takes no longer is not worth watching for its client to leave."""
LOOK_SECONDS = 0.5
"""Between two looks at the clock."""
INLINE_CHARACTERS = 2_000
"""A request with more is cut into sentences beside the event loop, not in it."""


class Pair(NamedTuple):
    """The languages of a request; `source`: may be "auto"."""

    source: str
    target: str


class Waiter(NamedTuple):
    """Who waits for an answer.

    Attributes:
        leaves: returns when the client leaves.
        deadline: of `time.monotonic`, asked again and again since a stop brings it nearer.
    """

    leaves: Callable[[], Coroutine[Any, Any, None]]
    deadline: Callable[[], float]


class Translated(NamedTuple):
    """The translations of a request.

    Attributes:
        translations: in the order of the texts.
        detected: the language of each text, where "auto" was asked for.
        sentences: that were read.
        doubts: what is doubtful in each, where it is wanted.
    """

    translations: list[Translation]
    detected: list[Detected] | None
    sentences: int
    doubts: list[list[Doubt]]


class Translating:
    """The models of a worker with the queue of each.

    Args:
        directions: the models.
        detector: for the source "auto".
        metrics: told of each round.
    """

    def __init__(self, directions: Directions, detector: Detector, metrics: Metrics) -> None:
        self.directions, self.detector = directions, detector
        self._batchers = {
            direction.label: Batcher(direction.translator, observe=metrics.round_of(direction.label))
            for direction in directions
        }

    def start(self) -> None:
        """Starts the models' threads; the event loop has to run."""
        for batcher in self._batchers.values():
            batcher.start()

    def stop(self) -> None:
        """Ends the models' threads."""
        for batcher in self._batchers.values():
            batcher.stop()

    @property
    def waiting(self) -> int:
        """Sentences that wait for a model."""
        return sum(batcher.waiting for batcher in self._batchers.values())

    def stuck_seconds(self) -> float:
        """How long the longest round has taken that is not done."""
        now = time.monotonic()
        began = [batcher.busy_since for batcher in self._batchers.values()]
        return max((now - since for since in began if since is not None), default=0.0)

    def check(self, pair: Pair) -> None:
        """Raises RequestError where a language or the direction is not served."""
        target = self.directions.language(pair.target)
        if pair.source != AUTO:
            self.directions.find(self.directions.language(pair.source), target)

    async def translate(
        self, texts: Sequence[str], pair: Pair, waiter: Waiter, want: Want = TEXT_ALONE
    ) -> Translated:
        """Translates the texts of a request.

        Args:
            texts: of the request.
            pair: of its languages.
            waiter: who waits for it.
            want: what to say of each translation beside its text.

        Raises:
            RequestError: a language is not served, or it took too long.
            ClientGoneError: the client has left.
        """
        target = self.directions.language(pair.target)
        detected = None
        if pair.source == AUTO:
            detected = await self._detected(texts)
            sources = [found.language for found in detected]
        else:
            sources = [self.directions.language(pair.source)] * len(texts)
        models = {source: self.directions.find(source, target) for source in dict.fromkeys(sources)}
        found: dict[int, Translation] = {}
        jobs: list[_Work] = []
        for source, model in models.items():
            numbers = [number for number, of_text in enumerate(sources) if of_text == source]
            if model is None:
                found.update((number, same(texts[number])) for number in numbers)
            else:
                chosen = {number: texts[number] for number in numbers}
                jobs.append(self._submit(model, chosen, await _passages(model, [*chosen.values()]), want))
        await self._wait(jobs, waiter)
        for work in jobs:
            found.update(work.translations())
        sentences = sum(len(work.job.passages) for work in jobs)
        doubts = {number: one for work in jobs for number, one in work.doubts(found).items()}
        return Translated(
            [found[number] for number in range(len(texts))],
            detected,
            sentences,
            [doubts.get(number, []) for number in range(len(texts))],
        )

    async def detect(self, text: str) -> list[Detected]:
        """The served languages, the likeliest of a text first.

        Raises:
            RequestError: there is no detector.
        """
        return self.detector.rank(text)

    async def _detected(self, texts: Sequence[str]) -> list[Detected]:
        if sum(map(len, texts)) <= INLINE_CHARACTERS:
            return detect_each(self.detector, texts)
        return await asyncio.to_thread(detect_each, self.detector, texts)

    def _submit(
        self, model: Direction, texts: dict[int, str], lines: list[list[Passage]], want: Want
    ) -> _Work:
        batcher = self._batchers[model.label]
        if not model.translator.has_alternatives:
            want = want._replace(n_best=1)
        job = batcher.submit([passage for line in lines for passage in line], want)
        return _Work(model, batcher, job, texts, lines)

    async def _wait(self, jobs: Sequence[_Work], waiter: Waiter) -> None:
        """Waits for jobs as long as somebody waits for them."""
        pending: set[asyncio.Future[Any]] = {work.job.done for work in jobs}
        try:
            if pending:
                _, pending = await asyncio.wait(pending, timeout=SHORT_SECONDS)
            if pending:
                await _wait_long(pending, waiter)
        finally:
            for work in jobs:
                if not work.job.done.done():
                    work.batcher.cancel(work.job)


async def _wait_long(pending: set[asyncio.Future[Any]], waiter: Waiter) -> None:
    leaving = asyncio.ensure_future(waiter.leaves())
    try:
        while pending:
            await asyncio.wait({*pending, leaving}, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            pending = {future for future in pending if not future.done()}
            if leaving.done():
                raise ClientGoneError
            if pending and time.monotonic() > waiter.deadline():
                raise RequestError(503, "The translation took too long", reason="time", retry_after=1)
    finally:
        leaving.cancel()


class _Work(NamedTuple):
    """What a request has one model do; `texts`: by their numbers, `lines`: the passages of each."""

    model: Direction
    batcher: Batcher
    job: Job
    texts: dict[int, str]
    lines: list[list[Passage]]

    def translations(self) -> dict[int, Translation]:
        """The translations, by the numbers of their texts."""
        readings = iter(self.job.done.result())
        translator = self.model.translator
        found = {}
        for (number, text), line in zip(self.texts.items(), self.lines, strict=True):
            of_line: list[Reading] = [next(readings) for _ in line]
            found[number] = translator.joined(line, of_line, n_best=self.job.want.n_best)
            if self.job.want.alignment:
                found[number] = translator.aligned(text, found[number], line, of_line)
        return found

    def doubts(self, found: Mapping[int, Translation]) -> dict[int, list[Doubt]]:
        """What is doubtful in its translations, by the numbers of their texts, where it is wanted."""
        if not self.job.want.doubts:
            return {}
        return {
            number: self.model.translator.doubts(text, found[number].text)
            for number, text in self.texts.items()
        }


def same(text: str) -> Translation:
    """A text that is in the target language."""
    return Translation(text, (), (), None, 0.0)


async def _passages(model: Direction, texts: Sequence[str]) -> list[list[Passage]]:
    def cut() -> list[list[Passage]]:
        return [model.translator.passages(text) for text in texts]

    if sum(map(len, texts)) <= INLINE_CHARACTERS:
        return cut()
    return await asyncio.to_thread(cut)
