"""The drawings of how-it-works.md and of the README, from what real models did with one sentence.

The data are in docs/pictures/inside.json (look_inside.py) and in docs/results.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from drawing import Drawing, width_of
from tables import RESULTS, ROOT, load, race

from onepass.evaluation.table import number

HERE = ROOT / "docs" / "pictures"
BLANK = "·"
SPACE = "▁"
GAP = 6
GERMAN = (
    "Meine Tochter mag diesen Pullover nicht.",
    "Dieser Pullover gefällt meiner Tochter nicht.",
    "Meiner Tochter gefällt dieser Pulli nicht.",
    "Meiner Tochter gefällt dieser Pullover nicht.",
)
"""All translations that the phrasebook's pairs 1 to 40,000 have of the sentence of the drawings."""


def draw_all() -> Iterator[tuple[str, str]]:
    """The name and the SVG of each."""
    inside = load(HERE / "inside.json")
    drawn: dict[str, Callable[[dict[str, Any]], str]] = {
        "one-pass": one_pass,
        "fertility": fertility,
        "ctc": ctc,
        "dag": dag,
        "glancing": glancing,
        "distillation": distillation,
    }
    for name, draw in drawn.items():
        yield name, draw(inside)


def _row(words: Sequence[str], left: float) -> list[tuple[float, float]]:
    """Left edge and width of a box for each word, side by side."""
    found = []
    for word in words:
        found.append((left, width_of(word)))
        left += width_of(word) + GAP
    return found


def _end(row: Sequence[tuple[float, float]]) -> float:
    return row[-1][0] + row[-1][1]


def _shown(piece: str) -> str:
    """A subword as people read it: the sign of a space is left out, a blank is a dot."""
    return piece.removeprefix(SPACE) or BLANK


def one_pass(inside: dict[str, Any]) -> str:
    """Word by word a pass per word, in one pass all words at once, with the times of the race."""
    data = inside["simple"]
    teacher, student = data["teacher"].split(), data["en-pt"].split()
    systems = race("en-pt")
    firefox = next(s for s in systems if s.traits.engine == "Firefox")
    fast = next(s for s in systems if s.traits.engine == "ONNX Runtime" and s.traits.candidates == 1)
    row = _row(teacher, 24)
    height = 66 + 30 * len(teacher)
    drawing = Drawing(
        760, height + 132, "Word by word takes a pass per word; in one pass all words appear at once"
    )
    drawing.text(24, 32, "Word by word: each pass writes one word and waits for the one before", "bold word")
    for i in range(len(teacher)):
        y = 46 + 30 * i
        for j in range(i):
            drawing.box(row[j][0], y, row[j][1], teacher[j])
        drawing.box(row[i][0], y, row[i][1], teacher[i], "word-box")
        drawing.text(736, y + 17, f"pass {i + 1}", "small soft", "end")
    drawing.text(24, height + 24, "One pass: all words at the same time", "bold one")
    for (x, width), word in zip(_row(student, 24), student, strict=True):
        drawing.box(x, height + 38, width, word, "one-box")
    drawing.text(736, height + 55, "pass 1", "small soft", "end")
    drawing.text(
        24,
        height + 96,
        f"News, sentences alone, median: {number(firefox.p50_ms)} ms word by word in Firefox's engine, "
        f"{number(fast.p50_ms)} ms in one pass.",
        "soft",
    )
    drawing.text(24, height + 114, f"The sentence: {data['src']}", "small soft")
    return drawing.svg()


def fertility(inside: dict[str, Any]) -> str:
    """Every source token says how many places it gets, and each place becomes a word."""
    data = load(RESULTS / "phrasebook" / "fertilities.json")
    source, target = [_shown(p) for p in data["src_pieces"]], [_shown(p) for p in data["tgt_pieces"]]
    copied = [word for word, count in zip(source, data["fertilities"], strict=True) for _ in range(count)]
    origin = [i for i, count in enumerate(data["fertilities"]) for _ in range(count)]
    width = int(
        max(
            _end(_row(source, 24)),
            _end(_row([max(p, key=len) for p in zip(copied, target, strict=True)], 24)),
        )
    )
    drawing = Drawing(width + 24, 234, "Each source token is copied as often as its fertility says")
    top = _row(source, 24)
    drawing.text(
        24,
        28,
        "Source tokens with their fertilities; below, the copies, which become words all at once",
        "soft",
    )
    for (x, wide), word, count in zip(top, source, data["fertilities"], strict=True):
        drawing.box(x, 40, wide, word)
        drawing.text(x + wide / 2, 84, f"×{count}", "bold one" if count != 1 else "soft", "middle")
    places = _row([max(pair, key=len) for pair in zip(copied, target, strict=True)], 24)
    for (x, wide), i, copy, word in zip(places, origin, copied, target, strict=True):
        drawing.curve((top[i][0] + top[i][1] / 2, 90), (x + wide / 2, 134))
        drawing.box(x, 134, wide, copy, "empty")
        drawing.line([(x + wide / 2, 160), (x + wide / 2, 184)])
        drawing.box(x, 184, wide, word, "one-box")
    return drawing.svg()


def ctc(inside: dict[str, Any]) -> str:
    """Two slots per source token; each writes a word or a blank, and equal neighbours are one."""
    data = inside["ctc"]
    tokens = [*(_shown(piece) for piece in data["source"]), "end"]
    slots = [_shown(piece) for piece in data["written"]]
    per_token = len(slots) // len(tokens)
    lines = _lines(slots, per_token * ((len(tokens) + 1) // 2))
    drawing = Drawing(_width(lines), 320, "Slots write words or blanks; blanks and repeats are dropped")
    drawing.text(24, 28, f"Source tokens, each with {per_token} slots, and what the slots write", "soft")
    for half, line in enumerate(lines):
        y = 40 + 96 * half
        for start in range(0, len(line), per_token):
            first, last = line[start], line[start + per_token - 1]
            drawing.box(first.x, y, last.x + last.wide - first.x, tokens[first.place // per_token])
        for box in line:
            drawing.box(box.x, y + 34, box.wide, box.word, "empty" if box.word == BLANK else "one-box")
    drawing.text(24, 252, "Equal neighbours are one word, and blanks go", "soft")
    kept = [
        word for word, before in zip(slots, ["", *slots[:-1]], strict=True) if word not in (BLANK, before)
    ]
    for (x, wide), word in zip(_row(kept, 24), kept, strict=True):
        drawing.box(x, 266, wide, word, "one-box")
    return drawing.svg()


class _Box(NamedTuple):
    """A word in its place, with the left edge and the width of its box."""

    place: int
    word: str
    x: float
    wide: float


def _lines(words: Sequence[str], most: int) -> list[list[_Box]]:
    """Boxes side by side, so many on a line."""
    lines = []
    for start in range(0, len(words), most):
        part = words[start : start + most]
        row = zip(part, _row(part, 24), strict=True)
        lines.append([_Box(start + i, word, x, wide) for i, (word, (x, wide)) in enumerate(row)])
    return lines


def _width(lines: Sequence[Sequence[_Box]]) -> int:
    return int(max(line[-1].x + line[-1].wide for line in lines)) + 24


def dag(inside: dict[str, Any]) -> str:
    """Slots with words and edges; the translation is a path through them."""
    data = inside["dag"]
    words = ["start", *(_shown(word) for word in data["words"][1:-1]), "end"]
    path = [0, *data["path"], len(words) - 1]
    half = (len(words) + 1) // 2
    lines = [_row(words[:half], 24), _row(words[half:], 24)]
    places = [*((x, w, 96.0) for x, w in lines[0]), *((x, w, 236.0) for x, w in lines[1])]
    drawing = Drawing(int(max(map(_end, lines))) + 24, 290, "A graph of slots; the translation is one path")
    drawing.text(
        24, 28, "Slots with words; thin lines are edges, the thick ones the path of the translation", "soft"
    )
    steps = set(pairwise(path))
    for i, j, _ in data["edges"]:
        if (i, j) not in steps:
            _edge(drawing, places[i], places[j], "line")
    for i, j in sorted(steps):
        _edge(drawing, places[i], places[j], "one-line")
    for i, ((x, wide, y), word) in enumerate(zip(places, words, strict=True)):
        drawing.box(x, y, wide, word, "one-box" if i in path else "box")
    return drawing.svg()


def _edge(
    drawing: Drawing, start: tuple[float, float, float], end: tuple[float, float, float], kind: str
) -> None:
    (x1, w1, y1), (x2, w2, y2) = start, end
    if y1 == y2:
        drawing.arc((x1 + w1 / 2, y1), (x2 + w2 / 2, y2), kind)
    else:
        drawing.curve((x1 + w1 / 2, y1 + 26), (x2 + w2 / 2, y2), kind)


def glancing(inside: dict[str, Any]) -> str:
    """The first attempt, what the teacher's text needs there, and the words that are told."""
    data = inside["ctc"]
    written, wanted = [_shown(p) for p in data["written"]], [_shown(p) for p in data["teacher"]]
    wrong = [i for i, (one, other) in enumerate(zip(written, wanted, strict=True)) if one != other]
    told = wrong[: (len(wrong) + 1) // 2]
    longest = [max(pair, key=len) for pair in zip(written, wanted, strict=True)]
    lines = _lines(longest, (len(written) + 1) // 2)
    drawing = Drawing(_width(lines), 360, "Some of the slots that the first attempt got wrong are told")
    drawing.text(24, 28, f"Top: the first attempt, wrong in {len(wrong)} of {len(written)} slots.", "soft")
    drawing.text(
        24, 46, "Middle: what the teacher's text needs, by the likeliest way; a dot is a blank.", "soft"
    )
    drawing.text(24, 64, f"Bottom: the second attempt is told {len(told)} of the wrong slots.", "soft")
    for half, line in enumerate(lines):
        y = 80 + 136 * half
        for i, _, x, wide in line:
            drawing.box(x, y, wide, written[i], "word-box" if i in wrong else "box")
            drawing.box(x, y + 34, wide, wanted[i], "box")
            drawing.box(x, y + 68, wide, wanted[i] if i in told else "?", "one-box" if i in told else "empty")
    return drawing.svg()


def distillation(inside: dict[str, Any]) -> str:
    """A corpus has many translations of a sentence, a teacher has one; what that is worth."""
    rows = load(RESULTS / "phrasebook" / "results.json")["systems"]
    bleu = {
        row["traits"]["distilled"]: row["bleu"]
        for row in rows
        if row["model"].startswith("student")
        and row["traits"]["engine"] == "torch"
        and row["traits"]["search"] == "argmax"
        and row["traits"]["candidates"] == 1
    }
    drawing = Drawing(760, 330, "A corpus has many translations of one sentence, a teacher has one")
    drawing.text(24, 30, f"A corpus: four translations of “{inside['src']}”", "bold word")
    for i, line in enumerate(GERMAN):
        drawing.box(24, 44 + 32 * i, width_of(line), line, "word-box")
    drawing.text(24, 198, "A teacher: one, whenever it is asked", "bold one")
    drawing.box(24, 210, width_of(inside["teacher"]), inside["teacher"], "one-box")
    drawing.text(24, 268, "BLEU of the same student on the phrasebook, by what it has learnt from", "soft")
    for x, title, value, kind in (
        (24, "corpus", bleu[False], "word-box"),
        (392, "teacher", bleu[True], "one-box"),
    ):
        drawing.box(x, 282, value * 7, f"{title}: {value:.1f}", kind)
    return drawing.svg()
