"""Exercises in capitals: whole sentences, Title Case, and one or two words of a sentence.

Teachers copy many words in capitals untranslated. So they see ordinary sentences, and both sides get their
capitals here. A word's translation is what the teacher makes of it alone, if its sentence has that once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from onepass.corpora.exercises import LEAST_WORDS, MOST_WORDS, Exercise, Maker
from onepass.corpora.filters import FilterCounts
from onepass.corpora.translations import filter_translations, most_repeats
from onepass.settings import TranslationFilterSettings
from onepass.text.pair import Pair
from onepass.text.spans import find_spans

TRIES = 4
"""Words or phrases of a sentence of which the first with a clear translation gets capitals."""
SMALL = 3
"""Letters of the words that many titles leave in small letters."""
_WORD = re.compile(r"(?<!\w)[^\W\d_]+(?:['’][^\W\d_]+)?(?!\w)")
_ENDS_WITH_MARK = re.compile(r"[^\w\s][\s\"'”’»)]*$")
_DOTTED = ("tr", "az")
"""Languages whose `i` keeps its dot in capitals."""


def capitals(text: str, language: str) -> str:
    """The text in capitals, as the language has them, whatever the machine's locale."""
    if language.split("-")[0] in _DOTTED:
        text = text.replace("i", "İ")
    return text.upper()


def title_case(text: str, *, small: bool) -> str:
    """The text with a capital for every word.

    Args:
        text: a sentence.
        small: words of up to 3 letters stay as they are, but for the first.
    """

    def capitalised(word: re.Match[str]) -> str:
        is_small = small and len(word[0]) <= SMALL and word.start() > first
        return word[0] if is_small else word[0][0].upper() + word[0][1:]

    found = _WORD.search(text)
    first = found.start() if found is not None else 0
    return _WORD.sub(capitalised, text)


def is_good(pair: Pair, src: str, tgt: str) -> bool:
    """Whether the translation of a sentence passes every filter, has no repeats, and ends as its source."""
    kept = filter_translations(
        [pair], TranslationFilterSettings(), FilterCounts(dropped={}), src=src, tgt=tgt
    )
    ends = [_ENDS_WITH_MARK.search(side.strip()) is not None for side in pair]
    repeats = [most_repeats(side.split()) for side in pair]
    return any(kept) and ends[0] == ends[1] and repeats[1] <= repeats[0]


def _is_fit(sentence: str) -> bool:
    """Of a length that is usual, with nothing that has to stay as it is, and without capitals so far."""
    words = sentence.split()
    return (
        LEAST_WORDS <= len(words) <= MOST_WORDS
        and not find_spans(sentence)
        and not any(word.isupper() and len(word) > 1 for word in words)
    )


def in_capitals(src: str, tgt: str) -> Maker[Exercise]:
    """Makes exercises of whole sentences in capitals.

    Args:
        src, tgt: language codes.
    """

    def make(sentence: str, random: np.random.Generator) -> Exercise | None:
        def learnt(written: Sequence[str]) -> Pair | None:
            (translation,) = written
            if not is_good(Pair(sentence, translation), src, tgt):
                return None
            return Pair(capitals(sentence, src), capitals(translation, tgt))

        return Exercise((sentence,), learnt) if _is_fit(sentence) else None

    return make


def in_title_case(src: str, tgt: str) -> Maker[Exercise]:
    """Makes exercises in Title Case, half of them with small words in small letters; arguments as above."""

    def make(sentence: str, random: np.random.Generator) -> Exercise | None:
        small = bool(random.random() < 0.5)

        def learnt(written: Sequence[str]) -> Pair | None:
            pair = Pair(sentence, written[0])
            if not is_good(pair, src, tgt):
                return None
            return Pair(*(title_case(side, small=small) for side in pair))

        return Exercise((sentence,), learnt) if _is_fit(sentence) else None

    return make


def with_capital_words(src: str, tgt: str) -> Maker[Exercise]:
    """Makes exercises with one or two words in capitals; arguments as above."""

    def make(sentence: str, random: np.random.Generator) -> Exercise | None:
        if not _is_fit(sentence):
            return None
        places = _phrases(sentence)
        chosen = [places[number] for number in random.permutation(len(places))[:TRIES].tolist()]
        phrases = [sentence[place] for place in chosen]

        def learnt(written: Sequence[str]) -> Pair | None:
            translation, *alone = written
            if not is_good(Pair(sentence, translation), src, tgt):
                return None
            for phrase, text in zip(phrases, alone, strict=True):
                there = place_of(phrase, sentence), place_of(text, translation)
                if there[0] is not None and there[1] is not None:
                    return Pair(
                        _with_capitals(sentence, there[0], src), _with_capitals(translation, there[1], tgt)
                    )
            return None

        return Exercise((sentence, *phrases), learnt) if phrases else None

    return make


def _phrases(sentence: str) -> list[slice]:
    """Its words of more than two letters, and each two words with a space between them."""
    words = list(_WORD.finditer(sentence))
    alone = [slice(*word.span()) for word in words if len(word[0]) >= SMALL]
    two = [
        slice(word.start(), after.end())
        for word, after in pairwise(words)
        if sentence[word.end() : after.start()] == " "
    ]
    return alone + two


def place_of(phrase: str, text: str) -> slice | None:
    """Where a text has a phrase as whole words, whatever their capitals; None where it has it not once."""
    phrase = re.sub(r"^\W+|\W+$", "", phrase)
    if len(phrase) < 2:
        return None
    found = list(re.finditer(rf"(?<!\w){re.escape(phrase)}(?!\w)", text, re.IGNORECASE))
    return slice(*found[0].span()) if len(found) == 1 else None


def _with_capitals(text: str, place: slice, language: str) -> str:
    return text[: place.start] + capitals(text[place], language) + text[place.stop :]
