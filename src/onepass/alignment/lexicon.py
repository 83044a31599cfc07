"""What an export knows of the corpus a student has learnt: the words it can need, and examples."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from onepass.text.batches import IdPairs

YIELDS = 32
ALWAYS = 512


class Lexicon(NamedTuple):
    """What may be written.

    Attributes:
        yields: for each source token the target tokens it is linked with most often, and the token itself if
            it can be written, as names are; int64 [V, YIELDS]; 0 where there are fewer.
        always: the most frequent target tokens, which any sentence may need, int64 [ALWAYS at most].
    """

    yields: NDArray[np.int64]
    always: NDArray[np.int64]


class CorpusFacts(NamedTuple):
    """What an export knows of the corpus that a student has learnt.

    Attributes:
        examples: source ids of some sentences.
        vocabulary: the target tokens that occur, ascending; None: all may be written.
        lexicon: for shortlists.
    """

    examples: Sequence[Sequence[int]]
    vocabulary: NDArray[np.int64] | None = None
    lexicon: Lexicon | None = None


def build_lexicon(pairs: IdPairs, pharaoh: Iterable[str], src_size: int, *, joint: bool) -> Lexicon:
    """Counts the links of a corpus.

    Args:
        pairs: sources and targets.
        pharaoh: the links `i-j` of each pair.
        src_size: of the source vocabulary.
        joint: both sides have one vocabulary.

    Raises:
        ValueError: there are more or fewer lines of links than pairs.
    """
    keys = []
    for row, line in zip(range(len(pairs)), pharaoh, strict=True):
        links = np.array(line.replace("-", " ").split(), dtype=np.int64).reshape(-1, 2)
        keys.append(pairs.src[row][links[:, 0]] << 32 | pairs.tgt[row][links[:, 1]])
    distinct, counts = np.unique(np.concatenate(keys), return_counts=True)
    sources = distinct >> 32
    order = np.lexsort((-counts, sources))
    sources, targets = sources[order], distinct[order] & 0xFFFFFFFF
    rank = np.arange(len(sources)) - np.searchsorted(sources, sources)  # 0: the most frequent of its source
    kept = rank < YIELDS
    yields = np.zeros((src_size, YIELDS), dtype=np.int64)
    yields[sources[kept], rank[kept]] = targets[kept]
    ids, counts = pairs.tgt.distinct()
    if joint:
        itself = ids[(yields[ids] != ids[:, None]).all(1)]
        yields[itself, -1] = itself
    return Lexicon(yields, np.sort(ids[np.argsort(-counts, kind="stable")][:ALWAYS]))
