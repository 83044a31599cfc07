"""A translation token by token: what each source token became."""

from __future__ import annotations

from collections.abc import Sequence


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
