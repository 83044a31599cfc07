"""User-perceived characters: which code points must stay together.

A subset of Unicode's extended grapheme clusters (UAX 29) that needs no tables beyond the standard library:
combining marks, joiners, variation selectors, skin tones, tags, flags, surrogate pairs and CR LF.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import lru_cache

ZWJ = "\u200d"
_HANGUL_VOWELS_AND_TAILS = range(0x1160, 0x1200)


@lru_cache(maxsize=1 << 14)
def extends(char: str) -> bool:
    """Whether a character belongs to the one before it."""
    code = ord(char)
    return (
        unicodedata.category(char)[0] == "M"  # variation selectors are among them
        or char == ZWJ
        or 0x1F3FB <= code <= 0x1F3FF
        or 0xE0020 <= code <= 0xE007F
        or code in _HANGUL_VOWELS_AND_TAILS
    )


def _is_regional(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"


def may_cut(text: str, place: int, since: int = 0) -> bool:
    """Whether a text can be cut before `text[place]` without cutting a character in two.

    `since`: a place before it where a character starts; flags are counted from there.
    """
    if not 0 < place < len(text):
        return True
    left, right = text[place - 1], text[place]
    if extends(right) or left == ZWJ or (left, right) == ("\r", "\n"):
        return False
    if "\ud800" <= left <= "\udbff" and "\udc00" <= right <= "\udfff":
        return False
    if _is_regional(left) and _is_regional(right):
        start = place
        while start > since and _is_regional(text[start - 1]):
            start -= 1
        return (place - start) % 2 == 0
    return True


def clusters(text: str) -> Iterator[str]:
    """The characters of a text as a reader sees them; joined they are the text."""
    start, regionals = 0, 0
    for place in range(1, len(text) + 1):
        regionals = regionals + 1 if _is_regional(text[place - 1]) else 0
        if place < len(text) and regionals and _is_regional(text[place]):
            cut = regionals % 2 == 0
        else:
            cut = may_cut(text, place)
        if cut:
            yield text[start:place]
            start = place
