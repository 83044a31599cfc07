"""Three figures of the paper from a run's numbers: BLEU against samples, training curves, one sentence.

Each draws the JSON that `onepass figures` writes beside it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import cycle, product
from pathlib import Path
from typing import Any

from onepass.evaluation.drawing import (
    STUDENT,
    TEACHER,
    caption,
    new_axes,
    new_figure,
    plain,
    save,
    whole_ticks,
)

SAMPLES = {
    "chosen by the teacher": (STUDENT[0], "-", "o"),
    "oracle: best sentence BLEU": (STUDENT[2], ":", "^"),
}
LINE_STYLES = ("-", "--", ":")
BOX = {"boxstyle": "round,pad=0.3", "fc": "#f3f6f7", "ec": "#c9d3d6"}
FULL_SIZE = 95
"""Letters in a row, with their boxes, that fit at the full size."""


def bleu_against_samples(data: Mapping[str, Any], path: Path) -> None:
    """Draws BLEU against the number of noisy parallel candidates, with the other systems as level lines.

    Args:
        data: `samples.json`: BLEU of each curve by number of candidates, and of each other system, with its
            role, as in `Traits`.
        path: the PNG to write.
    """
    figure = new_figure()
    axes = new_axes(figure, f"{data['name']}: quality against the number of candidates")
    axes.set_xscale("log")
    numbers = data["candidates"]
    for name, (color, line, marker) in SAMPLES.items():
        axes.plot(numbers, data["curves"][name], linestyle=line, marker=marker, color=color, label=name)
    for number, (name, level) in enumerate(data["levels"].items()):
        bleu, shades = level["bleu"], TEACHER if level["role"] == "teacher" else STUDENT[1:]
        axes.axhline(bleu, color=shades[number % len(shades)], linestyle="--", linewidth=1.1, zorder=1)
        axes.annotate(
            f"{name} {bleu:.1f}",
            (1, bleu),
            xycoords=("axes fraction", "data"),
            xytext=(-2, 2),
            textcoords="offset points",
            ha="right",
            fontsize=8,
            color=shades[number % len(shades)],
        )
    axes.set_xticks(numbers, [f"{n:,}" for n in numbers])
    axes.minorticks_off()
    axes.set_xlabel("candidates a sentence; the first is the argmax (log scale)")
    axes.set_ylabel("BLEU")
    axes.legend(loc="upper left", framealpha=1, edgecolor="none", fontsize=8.5)
    caption(
        figure,
        [
            f"{data['sentences']:,} {data['split']} sentences, {data['model']} of {data['name']}. The oracle "
            "looks at the reference: it is the best that any choice among the candidates could do."
        ],
    )
    save(figure, path)


def training_curves(data: Mapping[str, Any], path: Path) -> None:
    """Draws dev loss over updates and dev BLEU over wall time, a line a stage.

    Args:
        data: `training.json`: for each stage `updates`, `seconds`, `dev_loss` (null where there is none),
            `dev_bleu` and its `base` or null; a fine-tuning goes on from its base.
        path: the PNG to write.
    """
    figure = new_figure()
    upper, lower = figure.subplots(2, 1)
    upper.set_title(f"{data['name']}: training", loc="left", fontsize=11)
    looks = cycle(product(LINE_STYLES, STUDENT))
    for stage, curve in data["stages"].items():
        style, color = ("-", TEACHER[0]) if stage == "teacher" else next(looks)
        base = data["stages"].get(curve["base"])
        for axes, x, unit, y in ((upper, "updates", 1, "dev_loss"), (lower, "seconds", 60, "dev_bleu")):
            before = base[x][-1] if base else 0
            places = [(before + value) / unit for value in curve[x]]
            axes.plot(places, [*map(_or_nan, curve[y])], style, marker=".", color=color, label=stage)
    for axes, across, label in ((upper, "updates", "dev loss a token"), (lower, "minutes", "dev BLEU")):
        axes.set_xlabel(across)
        axes.set_ylabel(label)
        plain(axes)
    whole_ticks(upper.xaxis)
    upper.legend(frameon=False, fontsize=8, ncols=1 + len(data["stages"]) // 6)
    caption(
        figure,
        [
            "Dev loss: cross entropy against the references (teacher), against the corpus it learns from "
            "(students): those of the two do not compare. A fine-tuning starts where its student ended."
        ],
    )
    save(figure, path)


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value


def fertility_picture(data: Mapping[str, Any], path: Path) -> None:
    """Draws one sentence: source tokens with their fertilities, the copies, and the words that came out.

    Args:
        data: `fertilities.json`: `src_pieces`, `fertilities`, `tgt_pieces`, `text`.
        path: the PNG to write.
    """
    figure = new_figure()
    axes = figure.subplots()
    axes.set_axis_off()
    axes.set_title(f"{data['name']}: how often each source token is copied", loc="left", fontsize=11)
    src, tgt = data["src_pieces"], data["tgt_pieces"]
    width = max(sum(map(_width, src)), sum(map(_width, tgt)))
    tops, bottoms = _places(src, width), _places(tgt, width)
    size = 9 * min(1.0, FULL_SIZE / width)
    first = 0
    for piece, count, x in zip(src, data["fertilities"], tops, strict=True):
        axes.text(x, 1.0, piece, color=TEACHER[1], fontsize=size, ha="center", va="bottom", bbox=BOX)
        axes.text(x, 0.9, f"×{count}", color=TEACHER[0] if count else "#999999", fontsize=size, ha="center")
        for place in bottoms[first : first + count]:
            axes.plot([x, place], [0.86, 0.24], color=STUDENT[2], linewidth=1.1)
        first += count
    for piece, x in zip(tgt, bottoms, strict=True):
        axes.text(x, 0.2, piece, color=STUDENT[1], fontsize=size, ha="center", va="top", bbox=BOX)
    axes.set_xlim(0, width)
    axes.set_ylim(0, 1.15)
    caption(figure, [f"{data['model']}: {data['text']}"])
    save(figure, path)


def _width(piece: str) -> float:
    return len(piece) + 2.5


def _places(pieces: list[str], width: float) -> list[float]:
    """The middle of each piece, spread over the width in proportion to how long it is."""
    scale = width / sum(map(_width, pieces))
    places, start = [], 0.0
    for piece in pieces:
        places.append((start + _width(piece) / 2) * scale)
        start += _width(piece)
    return places
