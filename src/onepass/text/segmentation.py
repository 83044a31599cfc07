"""Text into sentences and back: what lies between them stays, so that joined they are the text.

`sentencex` proposes the sentence ends; the rules here take back what it cuts wrongly (list numbers, German
ordinals, initials, quotations inside a Japanese sentence) and add a few that it misses. A line end always
ends a sentence, and a protected span is never cut. What is too long for a model is broken further.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple, Protocol

import sentencex

from onepass.text.graphemes import may_cut
from onepass.text.validity import has_letters


class Stretch(Protocol):
    """Whatever has a place in a text, from `start` to before `end`: a `Span` or a `Range`."""

    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...


class Range(NamedTuple):
    """A stretch of a text and nothing else."""

    start: int
    end: int


@dataclass(frozen=True)
class Segment:
    """A sentence or a part of one.

    Attributes:
        start: where it begins in the text.
        text: what to translate, without white space around it; empty for white space that a text begins with.
        space: the white space behind it, line ends included.
    """

    start: int
    text: str
    space: str


_WINDOW = 2000
"""Characters that sentencex sees at a time, since it takes quadratic time for unbalanced quotation marks."""
_LINE = re.compile(r"[^\n\r\u2028\u2029]+")
_PLAIN = re.compile(r"[A-Za-z0-9À-ɏЀ-ӿ][A-Za-z0-9À-ɏЀ-ӿ ,'’-]*+(?<! )[.!?]?")
"""A single sentence, as most are: a shortcut."""
_SURROGATE = re.compile("[\ud800-\udfff]")
_VISIBLE = re.compile(r"\S")
_CLOSING = "\"'”’»›)]」』）】》"
_WIDE_ENDS = "。！？｡．"
_ENDS = _WIDE_ENDS + _CLOSING + ".!?…;:,、，；："
"""What a part of a text ends with, where it was not cut inside a word."""
_FIRST_WIDE = "\u2e80"
_ENUMERATION = re.compile(r"[(\[]?(?:\d{1,3}|[^\W\d_]|[ivxIVX]{1,4})[.)\]]+\s*\Z")
_LAST_WORD = re.compile(r"(\w+)\.[\"'”’»)\]]*\Z")
_FIRST_WORD = re.compile(r"\w+")
_OPENER = re.compile(r"[\"'“„«‘(\[]*(\w)")
_OPENING_QUOTE = re.compile(r"\s[\"“„«']\Z")
_WORD_CHARACTER = re.compile(r"\w")
_MISSED = re.compile(
    # Within quotations, which sentencex does not cut.
    r"(?<!\w)(?:[a-zß-öø-ÿ]{2,}[.…]|\w{6,}[.…]|\w{2,}[!?]+)\s+(?=[\"“„«(\[¿¡]*[A-ZÀ-ÖØ-Þ])"
    r"|[.!?…][\"”»]?[)\]]\s+(?=[\"“„«(\[]?[^\W\d_a-z])"  # (It was late.) We slept.
    r"|[.!?…][\"”»)\]]*\s+(?=[¿¡])"
    r"|(?:(?<![\s\S])|(?<=[.!?] ))No\.\s+(?=[A-Z])"  # not the abbreviation
)
_CLAUSE_END = re.compile(
    r"[.!?…;:,—–][\"'”’»)\]]*\s+|[)\]”»]\s+|\s+(?=[(\[—–“„«])|[。！？｡、，；：][」』”’）]*\s*"
)
_SPACE = re.compile(r"\s+")
_FIRST_GUESS = 64
"""Characters of a part that are tried first; then twice as many, and so on."""
_SPACELESS = ("zh", "ja", "yue")
_ABBREVIATIONS = {
    "pt": "aprox r av n nº art arts pág págs cap vol tel st sr sra srs sras dr dra prof profa eng exmo",
    "fr": "m mm mme mlle mgr dr pr st ste av env art chap vol tél",
    "es": "aprox sr sra srta dr dra d av art cap pág tel núm ud uds",
    "de": "ca bzw evtl ggf inkl zzgl vgl nr str tel abs bd hr fr dr prof st",
    "it": "sig dott prof avv ing art pag tel ecc",
    "ro": "dl dna dr prof str nr art pag tel",
}
"""Words whose full stop does not end a sentence, where sentencex does not know them; in small letters."""
_SMALL_ABBREVIATIONS = (
    "al approx art av bzw ca capt cf cfr col dept dr ed eds engl est etc evtl fig figs gen ggf inkl jr "
    "lt max min mr mrs ms núm op pág pp prof rev sgt sog sr sra st tel usw vgl vol vs zzgl"
)
"""In any language, where they are written small: what follows them may begin with a capital."""
_GERMAN_OPENERS = (
    "Aber Alle Als Am An Auch Auf Aus Bei Bitte Da Danach Dann Das Deshalb Der Deswegen Die Dies Diese "
    "Dieser Dieses Doch Dort Du Ein Eine Einer Er Es Für Heute Hier Ich Ihr Ihre Im In Ist Ja Jetzt "
    "Kein Keine Man Mein Meine Mit Morgen Nach Nein Nicht Niemand Nun Ob Oder Sein Seine Seit Sie So Um "
    "Und Unser Unsere Viele Vom Von Vor Wann Warum Was Weil Wenn Wer Wie Wir Wo Zu Zum Zur"
)
"""Before these a number with a full stop ends a sentence: Er ist 2. Sie ist 3. But: Die 2. Reihe."""


def _listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


_NO_ENDS = {language: _listed(words) for language, words in _ABBREVIATIONS.items()}
_NO_ENDS_WHERE_SMALL = _listed(_SMALL_ABBREVIATIONS)
_OPENERS_AFTER_NUMBERS = _listed(_GERMAN_OPENERS)


def segments(text: str, language: str, protected: Sequence[Stretch] = ()) -> list[Segment]:
    """The sentences of a line, paragraph or document; `text + space` of all, joined, is the text.

    Args:
        text: any text.
        language: its code, such as `pt` or `pt-BR`.
        protected: stretches never cut but at a line end, in order, disjoint; such as spans.
    """
    if _PLAIN.fullmatch(text):
        return [Segment(0, text, "")]
    ranges = _Ranges(protected)
    masked = _masked(text, ranges)
    code = re.split("[-_]", language.lower())[0]
    cuts: list[int] = []
    for line in _LINE.finditer(text):
        if first := _VISIBLE.search(text, line.start(), line.end()):
            cuts += [
                first.start(),
                *_sentence_starts(text, masked, ranges, Range(first.start(), line.end()), code),
            ]
    return cut_at(text, cuts)


def joined(parts: Sequence[Segment], translations: Sequence[str], src: str, tgt: str) -> str:
    """The translations of segments with the white space that the segments had.

    Between sentences that stood together, as in Chinese, languages with spaces get one, and Chinese and
    Japanese lose it behind a mark of their own. Parts that were cut inside a word stay together.
    """
    from_spaceless, to_spaceless = (_is_spaceless(language) for language in (src, tgt))
    text = []
    for number, (part, translation) in enumerate(zip(parts, translations, strict=True), 1):
        space = part.space
        if space == " " and part.text and not translation:
            space = ""  # the one before it is enough
        elif number < len(parts) and has_letters(parts[number].text):
            ended = part.text[-1:] in _ENDS
            if not space and translation and not to_spaceless and (from_spaceless or ended):
                space = " "
            elif space == " " and to_spaceless and translation[-1:] >= _FIRST_WIDE:
                space = ""
        text.append(translation + space)
    return "".join(text)


@lru_cache
def _is_spaceless(language: str) -> bool:
    return re.split("[-_]", language.lower())[0] in _SPACELESS


class _Ranges:
    """Finds the protected range at a place."""

    def __init__(self, protected: Sequence[Stretch]) -> None:
        self.all = [Range(one.start, one.end) for one in protected]
        self._starts = [one.start for one in self.all]

    def around(self, place: int) -> Range | None:
        """The range that a cut before `place` would part."""
        number = bisect_left(self._starts, place) - 1
        return self.all[number] if number >= 0 and place < self.all[number].end else None

    def at(self, place: int) -> Range | None:
        """The range that starts there."""
        number = bisect_right(self._starts, place) - 1
        return self.all[number] if number >= 0 and self.all[number].start == place else None


def _masked(text: str, ranges: _Ranges) -> str:
    """The text of the same length, with words for what looks like sentence ends in addresses and mark-up."""
    parts, place = [], 0
    for start, end in ranges.all:
        if end - start > 2 and not re.match(r"\W{0,2}\d", text[start:end]):
            parts += [text[place:start], "X", "x" * (end - start - 1)]
            place = end
    return _SURROGATE.sub("x", "".join([*parts, text[place:]]))


def _sentence_starts(text: str, masked: str, ranges: _Ranges, line: Range, language: str) -> Iterator[int]:
    """Where the sentences of a line begin, but for the first."""
    places = set(_proposed(masked, line, language))
    places.update(line.start + match.end() for match in _MISSED.finditer(masked[line.start : line.end]))
    begun, word = line.start, _WORD_CHARACTER.search(masked, line.start, line.end)
    for place in sorted(filter(None, (_settled(text, ranges, line, place) for place in places))):
        if word and word.start() < place and _is_start(masked, begun, place, language):
            yield place
            begun, word = place, _WORD_CHARACTER.search(masked, place, line.end)


def _proposed(masked: str, line: Range, language: str) -> Iterator[int]:
    start = line.start
    while start < line.end:
        stop = min(start + _WINDOW, line.end)
        found = sentencex.segment(language, masked[start:stop])
        goes_on = stop < line.end
        if goes_on and len(found) > 1:
            found, goes_on = found[:-1], False  # the last is read again, whole
        for number, sentence in enumerate(found, 1):
            start += len(sentence)
            if not (goes_on and number == len(found)):
                yield start


def _settled(text: str, ranges: _Ranges, line: Range, place: int) -> int | None:
    """The place behind closing mark-up and white space, before an opening quotation mark.

    None within a protected range and at the end of the line.
    """
    moved = False
    while place > line.start and not text[place - 1].isspace() and (closing := ranges.at(place)):
        place, moved = closing.end, True
    if not moved and _OPENING_QUOTE.search(text, max(line.start, place - 2), place):
        place -= 1  # it was taken for a closing one
    first = _VISIBLE.search(text, place, line.end)
    if first is None or ranges.around(first.start()) or (moved and first.start() == place):
        return None
    return first.start()


def _is_start(masked: str, begun: int, place: int, language: str) -> bool:
    """Whether the sentence that begins at `begun` ends before `place`, where an end was proposed."""
    if place - begun <= 10 and _ENUMERATION.match(masked[begun:place]):
        return False
    left, right = masked[max(begun, place - 40) : place], masked[place : place + 30]
    ended = left.rstrip()
    if len(ended) == len(left):
        return _is_start_without_space(ended, right)
    core = ended.rstrip(_CLOSING)
    if not core.endswith((".", "…")):
        return True
    opener = _OPENER.match(right)
    if opener and opener[1].islower() and not masked[begun].islower():
        return False
    word = _LAST_WORD.search(core)
    if word and (word[1] in _NO_ENDS_WHERE_SMALL or word[1].lower() in _NO_ENDS.get(language, ())):
        return False
    if language == "de" and word and word[1].isdecimal() and len(word[1]) <= 2:
        first = _FIRST_WORD.match(right)
        return first is not None and first[0] in _OPENERS_AFTER_NUMBERS
    return True


def _is_start_without_space(ended: str, right: str) -> bool:
    last, first = ended[-1], right[0]
    if last in _CLOSING and ended.rstrip(_CLOSING)[-1:] in tuple(_WIDE_ENDS):
        return first in "「『“（【《"  # else the sentence goes on: 「はい。」と言った。
    if last not in ".!?":
        return True
    if first.isupper():
        return len(ended) > 2 and ended[-2].islower() and ended[-3].islower()
    return last != "." and first.isalpha() and not first.islower()


def cut_at(text: str, cuts: Sequence[int]) -> list[Segment]:
    """The text in segments that begin at the cuts, in order, and one before the first where there is text."""
    edges = [*([] if cuts and cuts[0] == 0 else [0]), *cuts, len(text)]
    pieces = []
    for begin, end in pairwise(edges):
        whole = text[begin:end]
        visible = whole.rstrip()
        pieces.append(Segment(begin, visible, whole[len(visible) :]))
    return pieces if text else []


def break_long(text: str, fits: Callable[[str], bool], protected: Sequence[Stretch] = ()) -> list[Segment]:
    """A text in parts that fit: cut at clause marks, else at spaces, else anywhere between characters.

    Nothing is dropped: `text + space` of all, joined, is the text. A protected range or a character is cut
    only where it alone does not fit; what no cut can make fit is a part all the same.

    Args:
        text: a sentence.
        fits: whether a part is short enough. What is shorter than one that fits should fit.
        protected: stretches not cut, in order, disjoint.
    """
    ranges, cuts, start = _Ranges(protected), list[int](), 0
    while (most := _most_that_fits(text, start, fits)) < len(text):
        most = max(most, start + 1)
        cut = _best_cut(text, ranges, start, most)
        while not fits(text[start:cut].rstrip()) and cut > start + 1:
            cut = _best_cut(text, ranges, start, max(start + 1, (start + cut) // 2))
        cuts.append(cut)
        start = cut
    return cut_at(text, cuts)


def _most_that_fits(text: str, start: int, fits: Callable[[str], bool]) -> int:
    """About the furthest end of a part that fits, from below; `fits` sees little more than that."""
    low, high = start, min(start + _FIRST_GUESS, len(text))
    while fits(text[start:high].rstrip()):
        if high == len(text):
            return high
        low, high = high, min(start + 2 * (high - start), len(text))
    while high - low > max(1, (low - start) // 64):
        middle = (low + high) // 2
        low, high = (middle, high) if fits(text[start:middle].rstrip()) else (low, middle)
    space = _SPACE.match(text, low)
    return space.end() if space else low


def _best_cut(text: str, ranges: _Ranges, start: int, most: int) -> int:
    """The best place in the second half of what fits: the last, or the middle where two parts will do."""
    length, left = most - start, len(text) - start
    target = most if left > length * 3 // 2 else start + left // 2
    for marks in (_CLAUSE_END, _SPACE):
        places = [
            match.end()
            for match in marks.finditer(text, start + (target - start) // 2, most)
            if match.end() > start and not ranges.around(match.end())
        ]
        if places:
            return min(places, key=lambda place: abs(target - place))
    if (inside := ranges.around(target)) and inside.start > start:
        target = inside.start
    return next((place for place in range(target, start, -1) if may_cut(text, place, start)), most)
