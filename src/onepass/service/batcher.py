"""Sentences of all requests into batches for one model, round robin over the requests.

All that waits belongs to the event loop, so there are no locks. The model runs in one thread of its own and
gets a round at a time: a sentence of each request in turn, until the round is full. So a document of a
thousand sentences leaves room for a request of one, and nobody waits for a round to fill.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import NamedTuple

from onepass.runtime.readings import Reading
from onepass.runtime.sentences import Passage
from onepass.service.directions import TranslatesBySentence

ROUND_TOKENS = 512
"""Source tokens of a round: enough to sort by length into full batches, few enough to be done soon."""
ROUND_JOBS = 16
"""Of more requests a round is larger in proportion, since batches of more sentences take less time each."""
Result = Reading | Exception


class Want(NamedTuple):
    """What a request wants of its translations.

    Attributes:
        alignment: where their words come from.
        n_best: translations of each, which take about ten times as long where there are several.
        doubts: what is doubtful in them.
    """

    alignment: bool = False
    n_best: int = 1
    doubts: bool = False


TEXT_ALONE = Want()


class Job:
    """The passages of a request, which are read in the order in which their turn comes.

    Attributes:
        passages: to read.
        done: their readings, in their order.
        want: what else their readings say.
    """

    def __init__(self, passages: Sequence[Passage], done: asyncio.Future[list[Reading]], want: Want) -> None:
        self.passages, self.done, self.want = passages, done, want
        self.begun = 0
        self._readings: dict[int, Reading] = {}
        if not passages:
            done.set_result([])

    def take(self, number: int, result: Result) -> None:
        """What became of a passage."""
        if self.done.done():
            return
        if isinstance(result, Exception):
            self.done.set_exception(result)
            return
        self._readings[number] = result
        if len(self._readings) == len(self.passages):
            self.done.set_result([self._readings[i] for i in range(len(self.passages))])


class Turn(NamedTuple):
    """A passage of a job that is in a round."""

    job: Job
    number: int

    @property
    def passage(self) -> Passage:
        return self.job.passages[self.number]


class Batcher:
    """The queue before one model, and the thread that it runs in.

    Args:
        translator: the model.
        round_tokens: source tokens of a round of up to 16 requests; a round is at least a passage.
        observe: told the passages and the seconds of each round.

    Attributes:
        waiting: passages that no round has taken.
        busy_since: when the round began that the model is at; None where it waits.
    """

    def __init__(
        self,
        translator: TranslatesBySentence,
        *,
        round_tokens: int = ROUND_TOKENS,
        observe: Callable[[int, float], None] | None = None,
    ) -> None:
        self.translator = translator
        self.waiting = 0
        self.busy_since: float | None = None
        self._round_tokens, self._observe = round_tokens, observe
        self._jobs: deque[Job] = deque()
        self._rounds: queue.SimpleQueue[list[Turn] | None] = queue.SimpleQueue()
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Starts the model's thread; the loop that runs is the one that may submit."""
        self._loop = asyncio.get_running_loop()
        # A thread that does not end keeps no process alive.
        threading.Thread(target=self._read_rounds, name="onepass-model", daemon=True).start()

    def stop(self) -> None:
        """Ends the thread after its round."""
        self._rounds.put(None)

    def submit(self, passages: Sequence[Passage], want: Want = TEXT_ALONE) -> Job:
        """Has passages translated; those of other requests that wait are translated with them."""
        job = Job(passages, asyncio.get_running_loop().create_future(), want)
        if passages:
            self.waiting += len(passages)
            self._jobs.append(job)
            self._begin_round()
        return job

    def cancel(self, job: Job) -> None:
        """Forgets what no round has taken of a job."""
        if job in self._jobs:
            self._jobs.remove(job)
            self.waiting -= len(job.passages) - job.begun
        job.done.cancel()

    def _begin_round(self) -> None:
        if self.busy_since is None and self._jobs:
            self.busy_since = time.monotonic()
            self._rounds.put(self._next_round())

    def _next_round(self) -> list[Turn]:
        turns: list[Turn] = []
        room = self._round_tokens * max(ROUND_JOBS, len(self._jobs)) // ROUND_JOBS
        while self._jobs:
            job = self._jobs[0]
            turn = Turn(job, job.begun)
            room -= max(1, len(turn.passage.ids))
            if turns and room < 0:
                break
            turns.append(turn)
            job.begun += 1
            self._jobs.popleft()
            if job.begun < len(job.passages):
                self._jobs.append(job)
        self.waiting -= len(turns)
        return turns

    def _end_round(self, turns: list[Turn], results: list[Result]) -> None:
        seconds = time.monotonic() - (self.busy_since or 0)
        self.busy_since = None
        for turn, result in zip(turns, results, strict=True):
            turn.job.take(turn.number, result)
            if isinstance(result, Exception):
                self.cancel(turn.job)
        self._begin_round()
        if self._observe is not None:
            self._observe(len(turns), seconds)

    def _read_rounds(self) -> None:
        assert self._loop is not None
        while (turns := self._rounds.get()) is not None:
            # Apart by the number of translations: more of them cost more, and the first may be another one.
            ordered = sorted(turns, key=lambda turn: turn.job.want.n_best)
            results: list[Result] = []
            for n_best, group in groupby(ordered, key=lambda turn: turn.job.want.n_best):
                same = list(group)
                alignment = any(turn.job.want.alignment for turn in same)
                results += self._results([turn.passage for turn in same], Want(alignment, n_best))
            try:
                self._loop.call_soon_threadsafe(self._end_round, ordered, results)
            except RuntimeError:  # the loop was closed: nobody waits
                return

    def _results(self, passages: list[Passage], want: Want) -> list[Result]:
        """The readings; where they fail together, each alone, so that one harms no other request."""
        try:
            return list(self.translator.read(passages, alignment=want.alignment, n_best=want.n_best))
        except Exception as error:
            if len(passages) == 1:
                return [error]
        return [result for passage in passages for result in self._results([passage], want)]
