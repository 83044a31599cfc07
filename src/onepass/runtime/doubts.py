"""Doubts: what can be seen in a translation, without knowing the right one, that may be wrong with it."""

from __future__ import annotations

import re
from typing import Literal

from onepass.runtime.sentences import LineReader
from onepass.text.numbers import same_numbers
from onepass.text.pair import Pair
from onepass.text.spans import find_spans

Doubt = Literal["numbers_differ", "cut", "untranslated"]
"""`numbers_differ`: source and translation have other numbers, by value. `cut`: a sentence was too long for
the model, so its parts were translated alone. `untranslated`: words in succession are as they were."""
SUCCESSION = 4
"""Words that stand in the translation as in the source, beside names; of a shorter line all its words."""
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")


def doubts(line: str, translation: str, reader: LineReader) -> list[Doubt]:
    """What is doubtful in the translation of a line.

    Args:
        line: the source.
        translation: of it.
        reader: what the model read of it.
    """
    languages = reader.languages
    found: list[Doubt] = []
    if not same_numbers(Pair(line, translation), languages.src, languages.tgt):
        found.append("numbers_differ")
    if reader.breaks(line):
        found.append("cut")
    if is_untranslated(line, translation) or reader.passes(line):
        found.append("untranslated")
    return found


def is_untranslated(line: str, translation: str) -> bool:
    """Whether four words in succession, or all of two or three, are those of the source.

    They must not all have capitals, as names have; what is protected does not count.
    """
    ours, theirs = (_words(text) for text in (line, translation))
    size = min(SUCCESSION, len(ours))
    if size < 2:
        return False
    there = {tuple(map(str.casefold, theirs[i : i + size])) for i in range(len(theirs) - size + 1)}
    groups = (ours[i : i + size] for i in range(len(ours) - size + 1))
    return any(
        tuple(map(str.casefold, group)) in there and sum(word[0].islower() for word in group) > 1
        for group in groups
    )


def _words(text: str) -> list[str]:
    for span in reversed(find_spans(text)):
        text = f"{text[: span.start]} {text[span.end :]}"
    return _WORD.findall(text)
