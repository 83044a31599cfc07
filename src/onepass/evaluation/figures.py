"""The two figures of a run, drawn from its results as PNG: BLEU against latency, latency against length."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from onepass.errors import DataError
from onepass.evaluation.drawing import (
    STUDENT,
    TEACHER,
    caption,
    logarithmic_ticks,
    new_axes,
    new_figure,
    save,
    whole_ticks,
)
from onepass.evaluation.results import Results, System, parse_results
from onepass.evaluation.table import engine_notes, speed_ratio

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.transforms import Bbox

SHADES = {"teacher": TEACHER, "student": STUDENT}
MARKERS = "osD^vP*X<>"
LINES = ("-", "--", ":", "-.")
CROWD = 12
"""Of more systems, points bear numbers, the table alone has the speeds, and lines are drawn for the best."""


def bleu_against_latency(results: Mapping[str, Any], path: Path) -> None:
    """Draws BLEU against the median milliseconds a sentence, one point a system, with its name or a number.

    Args:
        results: a parsed `results.json`.
        path: the PNG to write.

    Raises:
        DataError: the results are malformed, or no system has both numbers.
    """
    valid = parse_results(results)
    points = [(s, s.p50_ms, s.bleu) for s in valid.systems if s.p50_ms is not None and s.bleu is not None]
    if not points:
        raise DataError("No system has both BLEU and latency: there is nothing to draw", where=valid.name)
    figure = new_figure()
    axes = new_axes(figure, f"{valid.name}: quality against latency")
    axes.set_xscale("log")
    for system, p50_ms, bleu in points:
        color = SHADES[_kind(system)][0]
        axes.plot([p50_ms] * 2, system.bleu_interval or [bleu] * 2, color=color, alpha=0.35, zorder=2)
        axes.plot([p50_ms], [bleu], "o", color=color, markersize=7, zorder=3)
    crowd = len(points) > CROWD
    axes.margins(x=0.08 if crowd else 0.2, y=0.15)
    axes.set_xlabel("median ms a sentence, one at a time (log scale)", loc="left")
    axes.set_ylabel(f"BLEU, {valid.src} to {valid.tgt}")
    logarithmic_ticks(axes.xaxis)
    whole_ticks(axes.yaxis)
    if crowd:
        points.sort(key=lambda point: point[1])
        labels = [str(number) for number in range(1, len(points) + 1)]
        for label, (system, *_) in zip(labels, points, strict=True):
            axes.plot([], [], color=SHADES[_kind(system)][0], label=f"{label}  {system.name}")
        style = {"fontsize": 7, "labelcolor": "linecolor", "labelspacing": 0.35, "handlelength": 0}
        figure.legend(loc="outside right upper", frameon=False, **style)
    else:
        labels = [_folded(system.name) for system, *_ in points]
        for kind in sorted({_kind(system) for system, *_ in points}, reverse=True):
            axes.plot([], [], "o", color=SHADES[kind][0], label=kind)
        axes.legend(loc="upper right", bbox_to_anchor=(1, -0.05), ncols=2, frameon=False, fontsize=9)
    caption(figure, [*_speeds(valid), f"Bars: 95% interval of BLEU. {valid.machine}."])
    figure.draw_without_rendering()  # settles the layout, so that labels can be placed
    figure.set_layout_engine("none")
    _label_points(axes, points, labels)
    save(figure, path)


def latency_against_length(results: Mapping[str, Any], path: Path) -> None:
    """Draws the median latency of each system over the length of its output, a line a system.

    Of a crowd only the rivals are drawn and the students that no other one beats in both BLEU and latency.

    Args:
        results: a parsed `results.json`.
        path: the PNG to write.

    Raises:
        DataError: the results are malformed, or no system has its latency by length.
    """
    valid = parse_results(results)
    systems = [system for system in valid.systems if system.latency_by_length]
    if not systems:
        raise DataError("No system has its latency by length: there is nothing to draw", where=valid.name)
    left_out = ""
    if len(systems) > CROWD:
        rivals = valid.rival_systems
        systems = [system for system in systems if system in rivals or _unbeaten(system, systems)]
        left_out = "Students that another one beats in both BLEU and latency are left out. "
    figure = new_figure()
    axes = new_axes(figure, f"{valid.name}: latency against length")
    axes.set_yscale("log")
    drawn = dict.fromkeys(SHADES, 0)
    for number, system in enumerate(systems):
        shades = SHADES[_kind(system)]
        color = shades[drawn[_kind(system)] % len(shades)]
        drawn[_kind(system)] += 1
        axes.plot(
            [bucket.length for bucket in system.latency_by_length],
            [bucket.p50_ms for bucket in system.latency_by_length],
            linestyle=LINES[number % len(LINES)],
            marker=MARKERS[number % len(MARKERS)],
            markersize=5,
            color=color,
            label=_folded(system.name),
        )
    assert valid.latency is not None
    axes.set_xlabel(f"{valid.latency.length_of} length, subwords")
    axes.set_ylabel("median ms a sentence (log scale)")
    logarithmic_ticks(axes.yaxis)
    whole_ticks(axes.xaxis)
    figure.legend(loc="outside right upper", frameon=False, fontsize=8, labelspacing=0.9)
    caption(figure, [*engine_notes(systems), f"{left_out}{valid.machine}."])
    save(figure, path)


def _kind(system: System) -> str:
    """Whose shade it has: rivals among bundles have the teacher's."""
    return "student" if system.traits.role == "student" else "teacher"


def _folded(name: str) -> str:
    return textwrap.fill(name, 20)


def _unbeaten(student: System, others: Sequence[System]) -> bool:
    def merit(system: System) -> tuple[float, float]:
        return system.bleu or 0.0, -(system.p50_ms or math.inf)

    bleu, speed = merit(student)
    return not any(b >= bleu and s >= speed and (b, s) != (bleu, speed) for b, s in map(merit, others))


def _speeds(results: Results) -> list[str]:
    """A line a rival: how fast each student is against it; none for a crowd."""
    if len(results.systems) > CROWD:
        return ["Speeds against each rival: see the table."]
    students = [s for s in results.systems if _kind(s) == "student" and s.p50_ms is not None]
    return [
        f"Speed against {rival.full_name}: "
        + "; ".join(f"{speed_ratio(student, rival)} {student.name}" for student in students)
        for rival in results.rival_systems
    ]


def _label_points(axes: Axes, points: Sequence[tuple[System, float, float]], labels: Sequence[str]) -> None:
    """Writes each label near its point: at the nearest place that covers no point, bar or label."""
    taken = [box for system, x, y in points for box in _drawn_boxes(axes, system, x, y)]
    for (system, x, y), text in zip(points, labels, strict=True):
        label = axes.annotate(
            text,
            (x, y),
            xytext=(0, 0),
            textcoords="offset points",
            fontsize=8.5,
            linespacing=1.0,
            color=SHADES[_kind(system)][0],
        )
        for right, up in _label_places():
            label.set_position((right, up))
            label.set_horizontalalignment("left" if right > 0 else "right" if right < 0 else "center")
            label.set_verticalalignment("bottom" if up > 0 else "top" if up < 0 else "center")
            box = label.get_window_extent()
            inside = axes.bbox.x0 <= box.x0 and box.x1 <= axes.bbox.x1
            if inside and not any(box.overlaps(other) for other in taken):
                break
        taken.append(box)


def _drawn_boxes(axes: Axes, system: System, x: float, y: float) -> list[Bbox]:
    """What a point and its bar cover, in dots."""
    from matplotlib.transforms import Bbox

    low, high = system.bleu_interval or (y, y)
    bar = Bbox(axes.transData.transform([(x, low), (x, high)]))
    point = Bbox(axes.transData.transform([(x, y), (x, y)]))
    return [bar.padded(8), point.padded(12)]


def _label_places() -> Iterator[tuple[int, int]]:
    """Offsets from the point in points (right, up), nearest first."""
    for far in (7, 11, 16, 22, 30, 40, 52, 66):
        yield from ((far, 0), (-far, 0), (0, far), (0, -far))
        yield from ((far, far), (far, -far), (-far, far), (-far, -far))
