"""Tiny random graphs, and all paths through them by the definition."""

import itertools

import torch
from torch import Tensor

from onepass.models.slots import IMPOSSIBLE

SLOTS = [3, 6, 6, 7, 6, 7]


def make_edges(slots: list[int], *, seed: int = 0) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    longest = max(slots)
    scores = torch.randn(len(slots), longest, longest, generator=random, dtype=torch.float64)
    real = torch.arange(longest) < torch.tensor(slots)[:, None]
    allowed = torch.ones(longest, longest, dtype=torch.bool).triu(1) & real[:, None, :] & real[:, :, None]
    return scores.masked_fill(~allowed, IMPOSSIBLE).log_softmax(-1).masked_fill(~allowed, IMPOSSIBLE)


def paths_of(tgt_length: int, slots: int) -> list[tuple[int, ...]]:
    """Every path from the first slot to the last with that many slots between, by the definition."""
    return [(0, *inner, slots - 1) for inner in itertools.combinations(range(1, slots - 1), tgt_length)]


def score_of(words: Tensor, edges: Tensor, path: tuple[int, ...]) -> Tensor:
    """Of one sentence: words [T, L], edges [L, L]."""
    return sum(words[t, j] for t, j in enumerate(path[1:-1])) + sum(
        edges[i, j] for i, j in itertools.pairwise(path)
    )
