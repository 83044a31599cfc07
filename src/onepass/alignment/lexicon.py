"""What an export knows of the corpus a student has learnt: the words it can need, and examples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from onepass.alignment.fertilities import read_pharaoh
from onepass.runtime.text_translator import MAX_SRC_TOKENS
from onepass.text.batches import IdPairs
from onepass.text.tokenizer import PAD
from onepass.text.tokenizers import AnyTokenizer

LINKS = "train.pharaoh"
"""The links of a corpus, beside its ids."""
EXAMPLES = 512
"""Sentences whose activations an export to int8 looks at."""
COUNTED_AT_ONCE = 50_000
"""Pairs whose links are counted together."""
YIELDS = 32
ALWAYS = 256


Keys = NDArray[np.int64]


class Lexicon(NamedTuple):
    """What may be written.

    Attributes:
        yields: for each source token the target tokens it is linked with most often, and the token itself if
            it can be written, as names are; int64 [V, most]; 0 where there are fewer.
        always: target tokens which any sentence may need, ascending, int64 [N].
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


def corpus_facts(corpora: Sequence[Path], tokenizer: AnyTokenizer) -> CorpusFacts:
    """What an export needs of the corpora that a student has learnt from.

    Args:
        corpora: their directories; examples and lexicon are of the first, the vocabulary is of all.
        tokenizer: of the run.
    """
    pairs, *others = (IdPairs.open(corpus, "train") for corpus in corpora)
    links, lexicon = corpora[0] / LINKS, None
    if links.exists():
        lexicon = build_lexicon(pairs, read_pharaoh(links), tokenizer.src_size, joint=tokenizer.joint)
    rows = np.flatnonzero((pairs.src.lengths > 0) & (pairs.src.lengths <= MAX_SRC_TOKENS))
    rows = rows[np.linspace(0, len(rows) - 1, min(EXAMPLES, len(rows))).astype(np.int64)]
    vocabulary = np.unique(np.concatenate([some.tgt.distinct()[0] for some in (pairs, *others)]))
    return CorpusFacts([pairs.src[int(row)].tolist() for row in rows], vocabulary, lexicon)


def build_lexicon(pairs: IdPairs, pharaoh: Iterable[str], src_size: int, *, joint: bool) -> Lexicon:
    """Counts the links of a corpus, and keeps of the most frequent those that its targets need.

    Args:
        pairs: sources and targets.
        pharaoh: the links `i-j` of each pair.
        src_size: of the source vocabulary.
        joint: both sides have one vocabulary.

    Raises:
        ValueError: there are more or fewer lines of links than pairs.
    """
    distinct, counts = _count_links(pairs, pharaoh)
    sources = distinct >> 32
    order = np.lexsort((-counts, sources))
    sources, targets = sources[order], distinct[order] & 0xFFFFFFFF
    rank = np.arange(len(sources)) - np.searchsorted(sources, sources)  # 0: the most frequent of its source
    kept = rank < YIELDS
    yields = np.zeros((src_size, YIELDS), dtype=np.int64)
    yields[sources[kept], rank[kept]] = targets[kept]
    if joint:
        ids, _ = pairs.tgt.distinct()
        itself = ids[(yields[ids] != ids[:, None]).all(1)]
        yields[itself, -1] = itself
    rows = ((pairs.src[row], pairs.tgt[row]) for row in range(len(pairs)))
    return needed_words(yields, rows, joint=joint)


def _count_links(pairs: IdPairs, pharaoh: Iterable[str]) -> tuple[Keys, Keys]:
    """The links that occur, as `source << 32 | target`, ascending, and how often each does.

    Counted part by part, so that what is held in memory are distinct links.
    """
    distinct, counts = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    keys: list[Keys] = []

    def merged() -> tuple[Keys, Keys]:
        found, of = np.unique(np.concatenate(keys), return_counts=True)
        together, places = np.unique(np.concatenate([distinct, found]), return_inverse=True)
        sums = np.zeros(len(together), dtype=np.int64)
        np.add.at(sums, places, np.concatenate([counts, of]))
        return together, sums

    for row, line in zip(range(len(pairs)), pharaoh, strict=True):
        links = np.array(line.replace("-", " ").split(), dtype=np.int64).reshape(-1, 2)
        keys.append(pairs.src[row][links[:, 0]] << 32 | pairs.tgt[row][links[:, 1]])
        if len(keys) == COUNTED_AT_ONCE:
            distinct, counts = merged()
            keys.clear()
    return merged() if keys else (distinct, counts)


def needed_words(
    yields: NDArray[np.int64], pairs: Iterable[tuple[NDArray[np.int64], NDArray[np.int64]]], *, joint: bool
) -> Lexicon:
    """A lexicon without the words that no target needs.

    The source token of a pair that yields a word as its most frequent one explains it. What explains nothing
    goes; the words that most often nothing explains may always be written.

    Args:
        yields: for each source token the target tokens it may yield, the most frequent first; 0: none.
        pairs: source and target tokens.
        joint: both sides have one vocabulary; what yields itself stays.
    """
    used = (yields == np.arange(len(yields))[:, None]) & joint
    unexplained: Counter[int] = Counter()
    for src, tgt in pairs:
        tokens, words = np.unique(src), np.unique(tgt)
        if not len(tokens):
            continue
        yielded = yields[tokens].T.reshape(-1, 1) == words  # [ranks * tokens, words]
        explained = yielded.any(0)
        rank, token = np.divmod(yielded[:, explained].argmax(0), len(tokens))
        used[tokens[token], rank] = True
        unexplained.update(words[~explained].tolist())
    used &= yields != PAD
    order = np.argsort(~used, axis=1, kind="stable")[:, : max(1, used.sum(1).max())]
    kept = np.take_along_axis(np.where(used, yields, PAD), order, axis=1)
    always = sorted(word for word, _ in unexplained.most_common(ALWAYS))
    return Lexicon(kept, np.array(always, dtype=np.int64))
