"""A lexical shortlist: which target words a source may need, so that only they are scored.

Of a source: the most frequent words, its own ids where both sides share a vocabulary, and the likeliest
translations of each of its ids. A row's words depend on its source alone, never on its batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file
from torch import Tensor

from onepass.alignment.lexicon import Lexicon
from onepass.errors import ModelError
from onepass.files import replacing
from onepass.models.autoregressive import EOS, PAD, with_end
from onepass.models.marian import MarianCache, MarianTransformer
from onepass.nn.transformer import Memory
from onepass.runtime.text_translator import Hypotheses

SHORTLIST = "shortlist.safetensors"
"""In the bundle of a teacher that came with one."""
MULTIPLE = 8
"""Engines fill a row's words up to a multiple of it."""
_FIRST_WORD = 4


@dataclass(frozen=True)
class Shortlist:
    """Target ids by source id.

    Attributes:
        by_frequency: all target ids in the order of the teacher's own vocabulary.
        first: how many of them every source may use.
        offsets, words: the words of source id i are words[offsets[i] : offsets[i + 1]]; int64 each.
        joint: source ids are target ids.
    """

    by_frequency: NDArray[np.int64]
    first: int
    offsets: NDArray[np.int64]
    words: NDArray[np.int64]
    joint: bool

    def of(self, src_ids: Sequence[int]) -> NDArray[np.int64]:
        """The target ids for a source that ends with </s>, ascending."""
        distinct = np.unique(np.asarray(src_ids, dtype=np.int64))
        distinct = distinct[distinct < len(self.offsets) - 1]  # what is reserved yields nothing
        lists = [self.words[self.offsets[i] : self.offsets[i + 1]] for i in distinct]
        own = [distinct] if self.joint else []
        found = np.unique(np.concatenate([self.by_frequency[: self.first], *own, *lists]))
        missing = -len(found) % MULTIPLE
        if missing:
            rest = self.by_frequency[self.first :]
            found = np.union1d(found, rest[~np.isin(rest, found)][:missing])
        return found

    def known(self) -> NDArray[np.int64]:
        """Every target id that some source may use, ascending."""
        return np.unique(np.concatenate([self.by_frequency[: self.first], self.words]))

    def added_to(self, lexicon: Lexicon) -> Lexicon:
        """A lexicon that allows what this does, too: links of few pairs know little of rare words."""
        rows = [row[row > 0] for row in lexicon.yields]
        for i, (start, end) in enumerate(pairwise(self.offsets.tolist())):
            rows[i] = np.concatenate([rows[i], np.setdiff1d(self.words[start:end], rows[i])])
        yields = np.zeros((len(rows), max(map(len, rows))), dtype=np.int64)
        for row, words in zip(yields, rows, strict=True):
            row[: len(words)] = words
        return Lexicon(yields, np.union1d(lexicon.always, self.by_frequency[: self.first]))

    def save(self, path: Path) -> None:
        """Writes a safetensors file, which appears whole or not at all."""
        with replacing(path) as partial:
            save_file(
                {"by_frequency": self.by_frequency, "offsets": self.offsets, "words": self.words},
                partial,
                metadata={"first": str(self.first), "joint": str(self.joint)},
            )

    @classmethod
    def load(cls, path: Path) -> Shortlist:
        """What `save` wrote. Raises ModelError where it cannot be read."""
        try:
            with safe_open(path, framework="numpy") as file:
                said = file.metadata()
                arrays = {name: file.get_tensor(name) for name in ("by_frequency", "offsets", "words")}
            return cls(**arrays, first=int(said["first"]), joint=said["joint"] == "True")
        except (SafetensorError, OSError, KeyError, ValueError) as error:
            raise ModelError(f"The shortlist cannot be read: {error}", where=path) from None


@dataclass
class ShortlistCache:
    """The model's cache, and which of the batch's words each row may use: additive [B, U]."""

    inner: MarianCache
    allowed: Tensor

    def select(self, rows: Tensor) -> None:
        """Keeps the given rows of the batch, in that order."""
        self.inner.select(rows)
        self.allowed = self.allowed.index_select(0, rows)


class ShortlistedModel:
    """A teacher that knows the words of one batch only; its target ids are places in `ids`.

    The first four places are the special ids, so that any search of `onepass.decoding.autoregressive`
    runs on it. Probabilities are shares among a row's words.

    Args:
        model: in eval mode.
        src_ids: int64 [B, S], padded with 0: the batch that it will decode.
    """

    def __init__(self, model: MarianTransformer, shortlist: Shortlist, src_ids: Tensor) -> None:
        rows = [shortlist.of([i for i in row if i != PAD]) for row in with_end(src_ids).tolist()]
        every = np.unique(np.concatenate(rows))
        ids = np.concatenate([np.arange(_FIRST_WORD), every[every >= _FIRST_WORD]])
        allowed = np.full((len(rows), len(ids)), -np.inf, dtype=np.float32)
        for row, words in zip(allowed, rows, strict=True):
            row[np.searchsorted(ids, words)] = 0.0
        allowed[:, EOS] = 0.0
        device = src_ids.device
        self.model = model
        self.ids = torch.from_numpy(ids).to(device)
        self.allowed = torch.from_numpy(allowed).to(device)
        self.output = model.output.of(self.ids)

    def encode(self, src_ids: Tensor) -> Memory:
        """See `MarianTransformer.encode`."""
        return self.model.encode(src_ids)

    def start(self, memory: Memory) -> ShortlistCache:
        """A cache to decode from the first position."""
        return ShortlistCache(self.model.start(memory), self.allowed)

    def step(self, last_ids: Tensor, cache: ShortlistCache) -> Tensor:
        """One position: the places decoded last [B] -> logits of the next [B, U]."""
        states = self.model.step_states(self.ids[last_ids], cache.inner)
        return self.output(states) + cache.allowed  # type: ignore[no-any-return]


def search_shortlist(
    model: MarianTransformer,
    src_ids: Tensor,
    shortlist: Shortlist,
    search: Callable[[ShortlistedModel, Tensor], Hypotheses],
) -> Hypotheses:
    """Runs a search, such as `greedy`, among the words of each row's shortlist.

    Args:
        model: in eval mode.
        src_ids: int64 [B, S], padded with 0.
    """
    limited = ShortlistedModel(model, shortlist, src_ids)
    found = search(limited, src_ids)
    ids = limited.ids.tolist()
    return found._replace(ids=[[ids[place] for place in row] for row in found.ids])
