"""The README's chart: quality against time, for shipped models and their rivals in their fastest engine."""

from __future__ import annotations

import io
from collections.abc import Mapping

import matplotlib
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from onepass.evaluation.drawing import STUDENT, TEACHER, logarithmic_ticks, plain
from onepass.evaluation.results import System
from onepass.evaluation.table import is_noisy

STYLE = {"svg.hashsalt": "onepass", "svg.fonttype": "none", "font.family": "sans-serif"}


def draw_chart(systems: Mapping[str, System]) -> str:
    """The chart of systems by label, as SVG; the same bytes for the same numbers and matplotlib."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 3.4), layout="constrained", facecolor="white")
        FigureCanvasSVG(figure)  # type: ignore[no-untyped-call]
        axes = figure.subplots()
        plain(axes)
        axes.set_xscale("log")
        for label, system in systems.items():
            assert system.p50_ms is not None
            assert system.bleu is not None
            color = STUDENT[0] if system.traits.about_family.one_pass else TEACHER[0]
            axes.plot(system.p50_ms, system.bleu, "o", color=color, markersize=8)
            marked = label + ("‡" if is_noisy(system) else "")
            place = {"xytext": (8, 6), "textcoords": "offset points", "color": color, "fontsize": 9}
            axes.annotate(marked, (system.p50_ms, system.bleu), **place)
        axes.set_xlim(0.7, 12)
        axes.set_ylim(37.8, 43.6)
        logarithmic_ticks(axes.xaxis)
        axes.set_xlabel("milliseconds per sentence (median, one sentence at a time, log scale)", fontsize=9)
        axes.set_ylabel("BLEU", fontsize=9)
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()) + "\n"
