"""A translation token by token: what each source token became, and where each word comes from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Origin(NamedTuple):
    """A word of a translation, and the words of the source that it comes from."""

    word: str
    sources: Sequence[str]


def explain_words(words: Iterable[Origin]) -> str:
    """One line: each word with those it comes from, such as `das ← the | Haus ← house`."""
    return " | ".join(f"{word} ← {' '.join(sources)}".rstrip() for word, sources in words)


def explain(src_pieces: Sequence[str], fertilities: Sequence[int], tgt_pieces: Sequence[str]) -> str:
    """One line: each source token with its fertility and the target tokens written in its places.

    Args:
        src_pieces: S subwords.
        fertilities: S numbers whose sum is the number of target subwords.
        tgt_pieces: T subwords.

    Returns:
        Such as `▁the ×1 ▁die | ▁house keys ×2 ▁Haus schlüssel`.
    """
    parts, first = [], 0
    for piece, count in zip(src_pieces, fertilities, strict=True):
        became = " ".join(tgt_pieces[first : first + count])
        parts.append(f"{piece} ×{count}{' → ' + became if became else ''}")
        first += count
    return " | ".join(parts)
