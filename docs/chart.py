"""The README's chart: quality against time, one-pass models beside their teachers in Firefox's engine."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor
from typing import NamedTuple

from drawing import LETTER, Drawing
from tables import exported, race

from onepass.evaluation.results import System
from onepass.evaluation.table import is_noisy
from onepass.runtime.shipped import usual_models
from onepass.service.languages import language_name

HEIGHT, PANEL = 330, 300
LEFT, STEP, RIGHT = 60, 370, 30
"""Left of the first panel, from one to the next, right of the last."""


class Panel(NamedTuple):
    """Translators of one text on one machine, by label."""

    title: str
    systems: dict[str, System | None]


def panels() -> Sequence[Panel]:
    """A text per shipped model that has been raced: the model alone and among candidates, its teacher."""
    found = []
    for model in usual_models():
        rows = race(model)
        if not rows:
            continue
        firefox = next(system for system in rows if system.traits.engine == "Firefox")
        src, tgt = (language_name(code) for code in model.split("-"))
        systems = {
            model: exported(rows, model, "int8"),
            f"{model}, 10 candidates": exported(rows, model, "int8", 10),
            "its teacher in Firefox's engine": firefox,
        }
        found.append(Panel(f"{src} to {tgt}, news", systems))
    return found


def draw() -> str:
    """The chart as SVG; the same bytes for the same numbers."""
    shown = panels()
    width = LEFT + STEP * len(shown) - (STEP - PANEL) + RIGHT
    drawing = Drawing(width, HEIGHT, "BLEU against milliseconds per sentence")
    for i, panel in enumerate(shown):
        systems = {label: system for label, system in panel.systems.items() if system is not None}
        _draw_panel(drawing, LEFT + i * STEP, panel.title, systems)
    return drawing.svg()


def _draw_panel(drawing: Drawing, left: float, title: str, systems: dict[str, System]) -> None:
    top, bottom = 58.0, HEIGHT - 62.0
    found = [(s.p50_ms or 0.0, s.bleu or 0.0) for s in systems.values()]
    longest = ceil(max(ms for ms, _ in found) * 1.15)
    least, most = floor(min(bleu for _, bleu in found)) - 1, ceil(max(bleu for _, bleu in found)) + 1
    drawing.text(left, 26, title, "bold")
    drawing.line([(left, top), (left, bottom), (left + PANEL, bottom)])
    step = max(1, round((most - least) / 5))
    for bleu in range(least, most + 1, step):
        y = bottom - (bleu - least) / (most - least) * (bottom - top)
        drawing.text(left - 8, y + 4, str(bleu), "small soft", "end")
    for ms in range(0, longest + 1, max(1, round(longest / 6))):
        drawing.text(left + ms / longest * PANEL, bottom + 18, str(ms), "small soft", "middle")
    drawing.text(left - 30, 46, "BLEU", "small soft")
    drawing.text(left + PANEL, bottom + 36, "milliseconds per sentence, one at a time", "small soft", "end")
    for (label, system), (ms, bleu) in zip(systems.items(), found, strict=True):
        is_one_pass = system.traits.about_family.one_pass
        x, y = left + ms / longest * PANEL, bottom - (bleu - least) / (most - least) * (bottom - top)
        drawing.dot(x, y, "dot-one" if is_one_pass else "dot-word")
        marked = label + ("‡" if is_noisy(system) else "")
        half = LETTER * len(marked) / 2
        middle = min(max(x, left + half + 4), left + PANEL - half)
        drawing.text(middle, y - 11, marked, "one" if is_one_pass else "word", "middle")
