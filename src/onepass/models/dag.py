"""The directed acyclic Transformer (Huang et al. 2022): slots with words, and edges between slots.

A translation is a path through the slots from the first to the last, always to the right. The first and
the last slot write nothing; each slot between them has a distribution over words, and every slot but the
last one over the slots behind it.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from onepass.models.autoregressive import PAD
from onepass.models.one_pass import Decoded, OnePassTransformer, Revealed
from onepass.nn.attention import padding_mask
from onepass.nn.positions import in_compute_dtype, sinusoidal_positions
from onepass.nn.transformer import Memory, initialise
from onepass.recipe import StudentSettings, TransformerSettings

IMPOSSIBLE = -1e9
"""A log probability: not -inf, since a log-sum of nothing but -inf has no gradient."""


class Walk(NamedTuple):
    """A path: the slots on it, bool [B, L], first and last among them; the sum of its edges' scores, [B]."""

    visited: Tensor
    score: Tensor


class DAGTransformer(OnePassTransformer):
    """Encoder, decoder over `student.slots` slots a source token, words and edges.

    Args:
        sizes: of the teacher, whose weights it may start from.
        student: `slots`, `attend_to` and `dropout` are used.
        src_size: source vocabulary.
        tgt_size: target vocabulary.
        joint: one embedding for source, target and output.
    """

    def __init__(
        self,
        sizes: TransformerSettings,
        student: StudentSettings,
        src_size: int,
        tgt_size: int,
        *,
        joint: bool,
    ) -> None:
        super().__init__(sizes, student, src_size, tgt_size, joint=joint)
        self.slots, self.heads = student.slots, sizes.heads
        self.slot_embedding = nn.Embedding(3, sizes.width)  # first, between, last
        self.add_decoder(sizes.decoder_layers)
        self.edge_query = nn.Linear(2 * sizes.width, sizes.width)
        self.edge_key = nn.Linear(2 * sizes.width, sizes.width)
        self.edge_gate = nn.Linear(2 * sizes.width, sizes.heads)
        initialise(self)

    def slot_lengths(self, src_ids: Tensor) -> Tensor:
        """How many slots each sentence has, its first and last among them; [B, S] -> int64 [B]."""
        return (src_ids != PAD).sum(1) * self.slots + 2

    def decode(self, src_ids: Tensor, memory: Memory, revealed: Revealed | None = None) -> Decoded:
        """All slots at once.

        Args:
            src_ids: int64 [B, S], padded with 0.
            memory: from `encode(src_ids)`.
            revealed: slots that start from the embedding of their word.
        """
        lengths = self.slot_lengths(src_ids)[:, None]  # [B, 1]
        slot = torch.arange(src_ids.size(1) * self.slots + 2, device=src_ids.device)
        mask = slot < lengths  # [B, L]
        x = self.slot_embedding((slot > 0).long() + (slot == lengths - 1))  # [B, L, D]
        if revealed is not None:
            x = torch.where(revealed.mask[..., None], self.tgt_embedding(revealed.labels), x)
        positions = sinusoidal_positions(mask.size(1), self.width, device=src_ids.device)
        x = self.dropout(in_compute_dtype(x * self.width**0.5 + positions))
        self_mask, source_mask = padding_mask(mask), padding_mask(memory.mask)
        for i, layer in enumerate(self.decoder):
            x = layer(x, self_mask, memory.for_layer(i), source_mask)
        return Decoded(self.decoder_norm(x), mask)

    def edges(self, decoded: Decoded) -> Tensor:
        """Log probability of going from slot i to slot j > i: [B, L, L], float32 at least.

        A mixture over heads h: Σ_h softmax_h(g_i) softmax_j(q_ih · k_jh / √c), queries, keys and gates from
        the state and the position of a slot. Rows sum to 1; that of the last slot has no edge.
        """
        states, mask = decoded
        positions = sinusoidal_positions(mask.size(1), self.width, device=mask.device).to(states.dtype)
        features = torch.cat([states, positions.expand_as(states)], -1)  # [B, L, 2D]

        def split(x: Tensor) -> Tensor:
            return _exact(x).view(*x.shape[:2], self.heads, -1).transpose(1, 2)  # [B, H, L, c]

        query, key = split(self.edge_query(features)), split(self.edge_key(features))
        gate = _exact(self.edge_gate(features)).log_softmax(-1).transpose(1, 2)[..., None]  # [B, H, L, 1]
        later = torch.ones(mask.size(1), mask.size(1), dtype=torch.bool, device=mask.device).triu(1)
        allowed = (later & mask[:, None, :] & mask[:, :, None])[:, None]  # [B, 1, L, L]
        with torch.autocast(states.device.type, enabled=False):
            scores = query @ key.transpose(-1, -2) / query.size(-1) ** 0.5  # [B, H, L, L]
        log_probs = scores.masked_fill(~allowed, IMPOSSIBLE).log_softmax(-1)
        mixed: Tensor = (log_probs + gate).logsumexp(1)
        return mixed.masked_fill(~allowed[:, 0], IMPOSSIBLE)


def _exact(x: Tensor) -> Tensor:
    return x.to(torch.promote_types(x.dtype, torch.float32))


def walk(scores: Tensor, lengths: Tensor) -> Walk:
    """From the first slot always along the best edge to the last, in about log2(L) steps.

    Edges only go right, so the slots visited, in the order of their places, are the path: which they are is
    found by doubling pointers, every slot's `next` after 1, 2, 4 ... steps.

    Args:
        scores: of the edges, [B, L, L]; IMPOSSIBLE where there is none.
        lengths: real slots, int64 [B]; the last of them is the end.
    """
    best, follower = scores.max(2)  # [B, L]
    slot = torch.arange(scores.size(1), device=scores.device)
    ended = slot >= lengths[:, None] - 1
    jump = torch.where(ended, slot, follower)
    visited = (slot == 0).expand_as(jump)
    for _ in range((scores.size(1) - 1).bit_length()):
        visited = visited | torch.zeros_like(visited).scatter(1, jump.masked_fill(~visited, 0), True)
        jump = jump.gather(1, jump)
    return Walk(visited, best.masked_fill(~visited | ended, 0).sum(1))


def best_walk(scores: Tensor, lengths: Tensor, *, length_penalty: float = 1.0) -> Walk:
    """The best path of all, by its score over (edges ** length_penalty) (joint Viterbi, Shao et al. 2022).

    Args:
        scores: of the edges, [B, L, L]; IMPOSSIBLE where there is none.
        lengths: real slots, int64 [B].
        length_penalty: 0 compares sums, 1 means.
    """
    sentences, slots, _ = scores.shape
    last = (lengths - 1)[:, None]  # [B, 1]
    reached = scores.new_full((sentences, slots), IMPOSSIBLE)
    reached[:, 0] = 0
    ends, came_from = [], []
    for _ in range(slots - 1):
        reached, back = (reached[:, :, None] + scores).max(1)  # [B, L]
        came_from.append(back)
        ends.append(reached.gather(1, last)[:, 0])
    totals = torch.stack(ends, 1)  # [B, L - 1]
    edges = torch.arange(1, slots, device=scores.device)
    chosen = (totals / edges**length_penalty).argmax(1)  # [B]; edges - 1
    visited = torch.zeros(sentences, slots, dtype=torch.bool, device=scores.device)
    place = last
    for step in range(slots - 2, -1, -1):
        on_path = (step <= chosen)[:, None]
        visited |= torch.zeros_like(visited).scatter(1, place, on_path)
        place = torch.where(on_path, came_from[step].gather(1, place), place)
    visited[:, 0] = True
    return Walk(visited, totals.gather(1, chosen[:, None])[:, 0])
