"""How a model works, for the page: one sentence with all its slots, and a race against its teacher."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any

from onepass.runtime.inside import NOT_READ
from onepass.service.directions import Direction

RUNS = 3
"""Of each racer, the fastest of which counts: what else the machine does is not theirs."""
CHARACTERS = 2_000
"""Of the text, in which the first sentence is looked for."""


def said_inside(direction: Direction, text: str) -> dict[str, Any]:
    """What a model does with the first sentence of a text that it reads, and how long it takes.

    Both racers get the sentence alone and give text, each in one thread.
    """
    translator = direction.translator
    passages = translator.passages(text[:CHARACTERS])
    passage = next((passage for passage in passages if passage.ids), None)
    if passage is None:
        return {**NOT_READ._asdict(), "student": None, "teacher": None}
    found = translator.inside(passage)

    def by_student() -> str:
        return translator.joined([passage], translator.read([passage])).text.strip()

    answer = {**found._asdict(), "slots": [list(slot) for slot in found.slots]}
    answer["student"] = {"name": direction.name, **_timed(by_student)}
    answer["teacher"] = None
    if (teacher := direction.teacher) is not None:
        sentence = passage.segment.text
        with contextlib.suppress(ValueError):  # its engine does not take the files
            answer["teacher"] = {"name": teacher.name, **_timed(lambda: teacher.translate(sentence))}
    return answer


def _timed(translate: Callable[[], str]) -> dict[str, Any]:
    best, text = float("inf"), ""
    for _ in range(RUNS):
        begun = time.perf_counter()
        text = translate()
        best = min(best, time.perf_counter() - begun)
    return {"text": text, "milliseconds": round(1_000 * best, 3)}
