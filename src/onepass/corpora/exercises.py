"""Sources that a corpus has too rarely: with placeholders between its words, and with equal neighbours.

They are made of a corpus's own sentences, in any language, and a teacher translates them. Not all of its
translations can be learnt from, so each is checked: every placeholder once, the repeats of its source.
Further kinds are in `corpora.capitals`, `corpora.short_inputs` and `corpora.clock_times`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np

from onepass.corpora.names import names
from onepass.corpora.translations import most_repeats
from onepass.text.pair import Pair
from onepass.text.placeholders import pieces, placeholder, slots_of
from onepass.text.spans import SpanKind, find_spans

Kind = Literal[
    "placeholders", "repeats", "capitals", "Title Case", "words in capitals", "short inputs", "clock times"
]
KINDS: tuple[Kind, ...] = (
    "placeholders",
    "repeats",
    "capitals",
    "Title Case",
    "words in capitals",
    "short inputs",
    "clock times",
)
"""What there are exercises of; those with placeholders come first, since not every student learns such."""
MOST_WORDS = 24
"""Of a sentence that exercises are made of."""
LEAST_WORDS = 4
REPEATED = {
    "en": "very really so too much many more never always no yes please wait stop go come far long big small "
    "good bad old well again now here there hey oh slowly quickly deep red cold hot run walk ha bye",
    "pt": "muito tão mais nunca sempre não sim por favor espera pare vai vem longe grande pequeno bom mau "
    "velho bem agora aqui ali devagar rápido fundo frio quente corre anda ah tchau",
}
"""Words that people repeat; of other languages, any short word is."""
_WORD = re.compile(r"[^\W\d_]+")
_NAME = re.compile(r"(?<=[\w,] )[^\W\d_a-z][^\W\d_A-Z]+")
"""A word with a capital that does not begin the sentence."""
_ENDING = re.compile(r"[.!?…]+$")
_SPELLED = re.compile(r"\b[A-Z](?:[- ][A-Z]\b){2,}")
Made = TypeVar("Made")
Maker = Callable[[str, np.random.Generator], Made | None]
"""Makes something of a sentence; None where that is unfit."""


@dataclass(frozen=True)
class Exercise:
    """What a teacher is asked for a pair to learn from.

    Attributes:
        shown: the texts that it translates.
        learnt: the pair that their translations make; None where they are not good enough.
    """

    shown: tuple[str, ...]
    learnt: Callable[[Sequence[str]], Pair | None]


def with_placeholders(sentence: str, random: np.random.Generator) -> str | None:
    """The sentence with one to three placeholders put into it; None where it is unfit."""
    words = sentence.split()
    if not LEAST_WORDS <= len(words) <= MOST_WORDS or find_spans(sentence):
        return None
    # So that no two placeholders of a sentence are the same.
    free = {kind: random.permutation(list(slots_of(kind))).tolist() for kind in SpanKind}
    found: str | None = sentence
    for _ in range(int(random.integers(1, 4))):
        way = _WAYS[random.integers(len(_WAYS))]
        found = way(found, random, free) if found is not None else None
    return found


Free = dict[SpanKind, list[int]]


def _take(free: Free, *kinds: SpanKind, random: np.random.Generator) -> str:
    return placeholder(free[kinds[random.integers(len(kinds))]].pop())


def _around_words(text: str, random: np.random.Generator, free: Free) -> str:
    """As tags and Markdown marks stand."""
    words = text.split(" ")
    start = int(random.integers(len(words)))
    end = min(len(words), start + int(random.integers(1, 4)))
    inner = " ".join(words[start:end])
    ending = _ENDING.search(inner)
    inner, marks = (inner, "") if ending is None else (inner[: ending.start()], ending[0])
    opening, closing = (_take(free, SpanKind.MARKUP, random=random) for _ in range(2))
    return " ".join([*words[:start], f"{opening}{inner}{closing}{marks}", *words[end:]])


def _for_name(text: str, random: np.random.Generator, free: Free) -> str:
    """As `{name}` or an address stands, in place of a name; else at the end."""
    mark = _take(free, SpanKind.MARKUP, SpanKind.ADDRESS, random=random)
    found = list(_NAME.finditer(text))
    if not found:
        return _at_end(text, mark)
    name = found[int(random.integers(len(found)))]
    return text[: name.start()] + mark + text[name.end() :]


def _sign(text: str, random: np.random.Generator, free: Free) -> str:
    """As emoji stand: at the end, or between two words."""
    mark = _take(free, SpanKind.CHARACTER, random=random)
    if random.random() < 0.7:
        return _at_end(text, mark) if random.random() < 0.5 else f"{text} {mark}"
    words = text.split(" ")
    place = int(random.integers(1, len(words) + 1))
    return " ".join([*words[:place], mark, *words[place:]])


def _at_end(text: str, mark: str) -> str:
    """Before the marks that a sentence ends with."""
    ending = _ENDING.search(text)
    return f"{text} {mark}" if ending is None else f"{text[: ending.start()]} {mark}{ending[0]}"


_WAYS: tuple[Callable[[str, np.random.Generator, Free], str], ...] = (_around_words, _for_name, _sign)


def with_repeats(language: str) -> Maker[str]:
    """Makes a sentence with a word two or three times in succession, or with a name that is spelled."""
    usual = frozenset(REPEATED.get(language.split("-")[0], "").split())

    def make(sentence: str, random: np.random.Generator) -> str | None:
        words = sentence.split()
        if not LEAST_WORDS <= len(words) <= MOST_WORDS or most_repeats(words) > 1:
            return None
        if random.random() < 0.25:
            return _spelled(sentence, random)
        places = [
            word
            for word in _WORD.finditer(sentence)
            if (word[0].lower() in usual if usual else 2 <= len(word[0]) <= 5)
        ]
        if not places:
            return None
        word = places[int(random.integers(len(places)))]
        times = 2 if random.random() < 0.7 else 3
        between = ", " if random.random() < 0.6 else " "
        again = between.join([word[0], *[word[0].lower()] * (times - 1)])
        return sentence[: word.start()] + again + sentence[word.end() :]

    return make


def _spelled(sentence: str, random: np.random.Generator) -> str | None:
    """The sentence with a name letter by letter."""
    found = list(_NAME.finditer(sentence))
    if not found:
        return None
    place = found[int(random.integers(len(found)))]
    groups = names()
    group = groups[int(random.integers(len(groups)))]
    doubled = [name for name in group if re.search(r"(.)\1", name.lower()) and name.isalpha()]
    if not doubled:
        return None
    name = doubled[int(random.integers(len(doubled)))]
    spelled = ("-" if random.random() < 0.5 else " ").join(name.upper())
    return sentence[: place.start()] + spelled + sentence[place.end() :]


def is_carried(pair: Pair) -> bool:
    """Whether each placeholder of the source is in the translation once, and none beside them."""
    ours, theirs = ([piece for piece in pieces(side) if isinstance(piece, int)] for side in pair)
    return sorted(ours) == sorted(theirs)


def has_same_repeats(pair: Pair) -> bool:
    """Whether words stand in succession as often on both sides, and spelled names are the same."""
    ours, theirs = (most_repeats(_WORD.findall(side)) for side in pair)
    spelled = [[re.sub(r"\W", "", name) for name in _SPELLED.findall(side)] for side in pair]
    return ours == theirs and spelled[0] == spelled[1]


def make_sources(
    sentences: Sequence[str], make: Maker[Made], count: int, *, seed: Sequence[int]
) -> list[Made]:
    """Up to `count` sources, or exercises, made of sentences that are drawn, each of another one."""
    random = np.random.default_rng(seed)
    made: list[Made] = []
    for number in random.permutation(len(sentences)).tolist():
        if len(made) == count:
            break
        source = make(sentences[number], random)
        if source is not None:
            made.append(source)
    return made
