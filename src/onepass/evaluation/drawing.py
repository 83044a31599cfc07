"""What every figure shares: its size, its axes, its caption, and how it is written.

The same numbers give the same bytes with the same matplotlib. Nothing here touches pyplot, so no backend
is chosen and no figure stays open.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from onepass.files import replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

INCHES = (7.2, 5.0)
DOTS_PER_INCH = 200
TEACHER = ("#c2571a", "#7a2e0b", "#e39a63", "#a8813f")
STUDENT = ("#1f6f8b", "#0b2f3d", "#54a9c4", "#5b5fa8", "#7f9a48")


def new_figure() -> Figure:
    """An empty figure, drawn as PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=INCHES, dpi=DOTS_PER_INCH, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def new_axes(figure: Figure, title: str) -> Axes:
    """The figure's only axes."""
    axes = figure.subplots()
    axes.set_title(title, loc="left", fontsize=11)
    plain(axes)
    return axes


def plain(axes: Axes) -> None:
    """A light grid behind what is drawn, and no frame above and to the right."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#e4e4e4", linewidth=0.7)
    axes.set_axisbelow(True)


def whole_ticks(axis: Axis) -> None:
    """Ticks at whole numbers only."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(integer=True))


def logarithmic_ticks(axis: Axis) -> None:
    """Ticks of a log axis written 5, 7, 10 instead of powers of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis.set_major_locator(LogLocator(subs=(1.0, 1.5, 2.0, 3.0, 5.0, 7.0)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def caption(figure: Figure, sentences: Sequence[str]) -> None:
    """Small print below the axes, a sentence a line."""
    lines = [line for sentence in sentences for line in textwrap.wrap(sentence, 118)]
    figure.supxlabel("\n".join(lines), x=0.01, ha="left", fontsize=7.5, color="#444444")


def save(figure: Figure, path: Path) -> None:
    """Writes the PNG; it appears whole or not at all."""
    with replacing(path) as partial:
        figure.savefig(partial, format="png", metadata={"Software": None})
