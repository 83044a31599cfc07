"""Subtitles, SubRip (`.srt`) and WebVTT (`.vtt`): the text of each cue is translated, all else stays.

They are read by hand: pysubs2 writes them anew, with other times, tags and notes. A sentence that goes on in
the next cue is translated as one, and each cue gets the words that its words became, on as many lines as it
had. Lines of a dialogue, which begin with a dash, are translated one by one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from onepass.markup.marked import Close, Mark, Open, Piece
from onepass.markup.passages import Aligns, Passage, translated

_TIMES = re.compile(
    r"^[ \t]*(?:\d+:)?\d{1,2}:\d{2}[.,]\d{1,3}[ \t]*-->[ \t]*(?:\d+:)?\d{1,2}:\d{2}[.,]\d{1,3}[^\n]*\n",
    re.MULTILINE,
)
_TEXT_END = re.compile(r"\r?\n[ \t]*(?:\r?\n|\Z)|\Z")
_TAG = re.compile(r"<(?P<end>/?)(?P<name>[A-Za-z]+)[^<>]{0,300}>|<[\d:.]+>|\{\\?[^{}]{0,100}\}|<>")
_PAIRED = ("b", "i", "u", "s", "font", "c", "lang", "ruby", "rt")
_DIALOGUE = re.compile(r"\s*(?:<[^<>]*>)*\s*[-–—]")
_ENDED = re.compile(r"[.!?…:;\"”»)\]♪。！？]\s*\Z")
_NEXT = "\ufdd0"
"""Stands for what is between two cues; no text has it."""
_MOST_JOINED = 8
"""Cues of one sentence."""


class _Cue(NamedTuple):
    """A cue: what is before its text in the file, and its text."""

    before: str
    text: str


def translate_subtitles(translator: Aligns, text: str) -> str:
    """Translates the cues of a file of subtitles.

    Raises:
        UsageError: the model does not say where its words come from.
    """
    return translated(translator, _parts(text))


def _parts(text: str) -> Iterator[str | Passage]:
    waiting: list[_Cue] = []
    at = 0
    for times in _TIMES.finditer(text):
        if times.start() < at:
            continue
        end = _TEXT_END.search(text, times.end())
        stop = end.start() if end else len(text)
        cue = _Cue(text[at : times.end()], text[times.end() : stop])
        if waiting and not (len(waiting) < _MOST_JOINED and _goes_on(waiting[-1].text, cue.text)):
            yield from _sentence(waiting)
            waiting = []
        waiting.append(cue)
        at = stop
    yield from _sentence(waiting)
    yield text[at:]


def _goes_on(text: str, following: str) -> bool:
    """Whether a sentence of a cue ends in the following one."""
    shown, more = _TAG.sub("", text).strip(), _TAG.sub("", following).strip()
    return bool(shown) and not _ENDED.search(shown) and more[:1].islower() and _NEXT not in text + following


def _sentence(cues: Sequence[_Cue]) -> Iterator[str | Passage]:
    """The passages of some cues, which are a sentence if they are several."""
    if not cues:
        return
    yield cues[0].before
    if len(cues) == 1 and any(map(_DIALOGUE.match, cues[0].text.split("\n"))) and "\n" in cues[0].text:
        yield from _dialogue(cues[0].text)
        return
    yield _Cues(cues)


def _dialogue(text: str) -> Iterator[str | Passage]:
    for number, line in enumerate(text.split("\n")):
        dash = _DIALOGUE.match(line)
        start = dash.end() if dash else 0
        yield "\n" * (number > 0) + line[:start]
        yield Passage(line[start:], list(_pieces(line[start:])))


def _pieces(text: str) -> Iterator[Piece]:
    at = 0
    for match in _TAG.finditer(text):
        if at < match.start():
            yield text[at : match.start()]
        name = (match["name"] or "").lower()
        if name not in _PAIRED:
            yield Mark(match[0])
        else:
            kind = Close if match["end"] else Open
            yield kind(match[0], name)
        at = match.end()
    if at < len(text):
        yield text[at:]


class _Cues(Passage):
    """The text of some cues, with what stands between them."""

    def __init__(self, cues: Sequence[_Cue]) -> None:
        self._cues = cues
        pieces = list(_pieces(cues[0].text))
        for cue in cues[1:]:
            pieces += [" ", Mark(_NEXT), *_pieces(cue.text)]
        raw = cues[0].text + "".join(cue.before + cue.text for cue in cues[1:])
        super().__init__(raw, pieces)

    def finished(self, text: str) -> str:
        """Each cue with its words; where one has none, the text is cut by the lengths that cues had."""
        parts = [part.strip(" ") for part in text.split(_NEXT)]
        if not all(any(map(str.isalnum, _TAG.sub("", part))) for part in parts):
            parts = _cut(" ".join(filter(None, parts)), [_length(cue.text) for cue in self._cues])
        texts = [
            _line_end(cue.text).join(_cut(part, [1] * (cue.text.count("\n") + 1)))
            for cue, part in zip(self._cues, [*parts, *[""] * len(self._cues)], strict=False)
        ]
        return texts[0] + "".join(
            cue.before + part for cue, part in zip(self._cues[1:], texts[1:], strict=True)
        )


def _line_end(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _cut(text: str, lengths: Sequence[int]) -> list[str]:
    """At most as many parts as lengths, in their proportion, cut at spaces and never within a tag."""
    parts = []
    for number, length in enumerate(lengths[:-1]):
        spaces = [match.start() for match in re.finditer(r" (?![^<]*>)", text)]
        if not spaces:
            break
        wanted = _length(text) * length / max(sum(lengths[number:]), 1)
        wrong = [abs(_length(text[:place]) - wanted) for place in spaces]
        cut = spaces[wrong.index(min(wrong))]
        parts.append(text[:cut])
        text = text[cut + 1 :]
    return [*parts, text]


def _length(text: str) -> int:
    """The number of characters that are shown."""
    return len(_TAG.sub("", text))
