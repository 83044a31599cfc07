"""The file of a lexical shortlist, as Firefox and Bergamot ship it beside a model: `lex*.bin`.

Little-endian 64-bit words: a magic number, a checksum of what follows it, how many frequent words every
source may use, how many translations a source word has at most, the numbers of offsets and of words; the
offsets; then the words in 32 bits.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from onepass.decoding.shortlist import Shortlist
from onepass.errors import ModelError

MAGIC = 0xF11A48D5013417F5
_HEADER = 6
_COPY_AGAIN = "get the file again, or use the teacher without it"


def read_shortlist(
    path: Path, src_order: NDArray[np.int64], tgt_order: NDArray[np.int64], *, joint: bool
) -> Shortlist:
    """A shortlist in our ids.

    Args:
        path: of the file.
        src_order, tgt_order: the teacher's id of each of ours, -1 for those it does not have.
        joint: both sides share a vocabulary.

    Raises:
        ModelError: it cannot be read, is damaged, or belongs to another vocabulary.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"Cannot read the shortlist: {error.strerror}", where=path) from None
    if len(data) < 8 * _HEADER:
        raise _damaged(path, "it is too short", len(data), f"at least {8 * _HEADER} bytes")
    magic, said, first, _, offset_count, word_count = map(int, np.frombuffer(data, "<u8", _HEADER))
    if magic != MAGIC:
        raise _damaged(path, "it begins with other bytes", hex(magic), hex(MAGIC))
    size = 8 * (_HEADER + offset_count) + 4 * word_count
    if size != len(data):
        raise _damaged(path, "its lengths do not fit its size", f"{len(data)} bytes", f"{size} bytes")
    if said != checksum(data):
        raise _damaged(path, "its checksum differs", said, checksum(data))
    offsets = np.frombuffer(data, "<u8", offset_count, 8 * _HEADER)
    words = np.frombuffer(data, "<u4", word_count, 8 * (_HEADER + offset_count)).astype(np.int64)
    src_words, tgt_words = int(src_order.max()) + 1, int(tgt_order.max()) + 1
    if offset_count != src_words + 1 or first > tgt_words or (word_count and words.max() >= tgt_words):
        raise _damaged(
            path,
            "it is of another vocabulary",
            f"{offset_count - 1} source words, target ids up to {words.max(initial=0)}",
            f"{src_words} and less than {tgt_words}",
        )
    if (offsets[1:] < offsets[:-1]).any() or offsets[-1] > word_count:
        raise _damaged(path, "its offsets do not ascend", None, f"from 0 to {word_count}")
    return _in_our_ids(first, offsets.astype(np.int64), words, src_order, tgt_order, joint=joint)


def checksum(data: bytes) -> int:
    """Of everything after the two words at the beginning; half a word at the end is left out."""
    seed, rest = 0, (len(data) - 16) // 8
    for word in np.frombuffer(data, "<u8", rest, 16).tolist():
        seed ^= (word + 0x9E3779B9 + (seed << 6) + (seed >> 2)) & 0xFFFFFFFFFFFFFFFF
    return seed


def _in_our_ids(
    first: int,
    offsets: NDArray[np.int64],
    words: NDArray[np.int64],
    src_order: NDArray[np.int64],
    tgt_order: NDArray[np.int64],
    *,
    joint: bool,
) -> Shortlist:
    ours = np.empty(int(tgt_order.max()) + 1, dtype=np.int64)  # by the teacher's id
    known = np.flatnonzero(tgt_order >= 0)
    ours[tgt_order[known]] = known
    lengths = np.where(src_order >= 0, np.diff(offsets)[src_order], 0)
    starts = np.cumsum(lengths) - lengths
    places = np.arange(lengths.sum()) - np.repeat(starts, lengths)
    taken = np.repeat(offsets[src_order], lengths) + places
    return Shortlist(ours, first, np.append(starts, lengths.sum()), ours[words[taken]], joint)


def _damaged(path: Path, why: str, value: object, allowed: object) -> ModelError:
    return ModelError(
        f"The shortlist is damaged: {why}", where=path, value=value, allowed=allowed, fix=_COPY_AGAIN
    )
