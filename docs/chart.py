"""The README's chart: quality against time, one-pass models beside the fastest engines of their teachers."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor
from typing import NamedTuple

from drawing import LETTER, Drawing
from tables import exported, in_engine, race, systems_of

from onepass.evaluation.results import System
from onepass.evaluation.table import is_noisy

WIDTH, HEIGHT, PANEL = 760, 330, 300


class Panel(NamedTuple):
    """Translators of one text on one machine, by label."""

    title: str
    systems: dict[str, System | None]


def panels() -> Sequence[Panel]:
    """Two texts: a student beside its teacher, and one beside its teacher and the hardest rival in speed."""
    news, everyday = race("en-pt"), systems_of("league/tatoeba-avx512")
    firefox = next(system for system in news if system.traits.engine == "Firefox")
    return (
        Panel(
            "English to Portuguese, news",
            {
                "en-pt": exported(news, "en-pt", "int8"),
                "its teacher in Firefox's engine": firefox,
            },
        ),
        Panel(
            "English to German, everyday sentences",
            {
                "en-de": exported(everyday, "en-de", "int8"),
                "its teacher in CTranslate2": in_engine(everyday, "teacher", "CTranslate2"),
                "the same, beam of 4": in_engine(everyday, "teacher", "CTranslate2", 4),
                "a rival built for speed": in_engine(everyday, "deep", "CTranslate2"),
            },
        ),
    )


def draw() -> str:
    """The chart as SVG; the same bytes for the same numbers."""
    drawing = Drawing(WIDTH, HEIGHT, "BLEU against milliseconds per sentence for six translators")
    for i, panel in enumerate(panels()):
        shown = {label: system for label, system in panel.systems.items() if system is not None}
        _draw_panel(drawing, 60 + i * 370, panel.title, shown)
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
