"""The directed acyclic Transformer (Huang et al. 2022): slots with words, and edges between slots.

A translation is a path through the slots from the first to the last, always to the right. The first and
the last slot write nothing; each slot between them has a distribution over words, and every slot but the
last one over the slots behind it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from onepass.models.autoregressive import PAD
from onepass.models.one_pass import Decoded, Length
from onepass.models.slots import IMPOSSIBLE, SlotTransformer, soft_copy
from onepass.nn.positions import sinusoidal_positions
from onepass.settings import StudentSettings, TransformerSettings

REPEATED = 0.02
"""What a word counts behind itself, where the source does not have it twice in a row too."""


class Walk(NamedTuple):
    """A path: the slots on it, bool [B, L], first and last among them; the sum of its edges' scores, [B]."""

    visited: Tensor
    score: Tensor


class Spellings(NamedTuple):
    """Different translations, the most probable first.

    Attributes:
        ids: int64 [B, N, T], padded with 0.
        log_probs: of the words and the end, [B, N]; -inf where there are fewer translations.
    """

    ids: Tensor
    log_probs: Tensor


class DAGTransformer(SlotTransformer):
    """Encoder, decoder over `student.slots` slots a source token and two at the ends, words and edges.

    Of the student's settings it uses `slots`, `soft_copy`, `attend_to` and `dropout`.
    """

    def add_parts(self, sizes: TransformerSettings, student: StudentSettings) -> None:
        self.slots, self.heads, self.soft_copy = student.slots, sizes.heads, student.soft_copy
        self.slot_embedding = nn.Embedding(3, sizes.width)  # first, between, last
        self.edge_query = nn.Linear(2 * sizes.width, sizes.width)
        self.edge_key = nn.Linear(2 * sizes.width, sizes.width)
        self.edge_gate = nn.Linear(2 * sizes.width, sizes.heads)

    def num_slots(self, src_length: Length) -> Length:
        return src_length * self.slots + 2

    def start(self, src_ids: Tensor, mask: Tensor) -> Tensor:
        slot = torch.arange(mask.size(1), device=mask.device)
        last = slot - mask.sum(1, keepdim=True) + 1  # [B, L]; 0 at the last slot
        kind: Tensor = self.slot_embedding((slot > 0).long() + (last == 0))
        if not self.soft_copy:
            return kind
        copied = soft_copy(self.src_embedding(src_ids), src_ids != PAD, self.slots)  # [B, L - 2, D]
        return kind + F.pad(copied, (0, 0, 1, 1)).masked_fill(last[..., None] >= 0, 0)

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


def discount_repeats(edges: Tensor, labels: Tensor, src_ids: Tensor | None) -> Tensor:
    """`edges` with those from a word to the same word counting REPEATED of what they did.

    A word fills several slots in a row, so a path through two of them is far more probable than two such
    words are in a translation. One that the source repeats, as a digit, may be repeated all the same.

    Args:
        edges: log probability of going from slot i to slot j, [B, L, L].
        labels: the word of each slot, int64 [B, L]; 0 where a slot writes none.
        src_ids: int64 [B, S]; None where source and target do not share a vocabulary.
    """
    freely = labels == PAD  # [B, L]
    if src_ids is not None:
        again = F.pad(src_ids[:, 1:] == src_ids[:, :-1], (1, 0))
        freely = freely | (labels[:, :, None] == src_ids.masked_fill(~again, PAD)[:, None, :]).any(2)
    repeated = (labels[:, :, None] == labels[:, None, :]) & ~freely[:, :, None]
    return edges + repeated * math.log(REPEATED)


def most_probable_words(
    edges: Tensor, words: Tensor, labels: Tensor, lengths: Tensor, *, beam_size: int = 1
) -> Spellings:
    """Word by word the most probable ones behind those before them, in whatever slots they stand.

    A path is one way to spell a translation; here all ways count together, as in the beam search of Huang
    et al. (2022), for every slot its own best word alone. With w_j the word of slot j, a translation has

        f_0 = 1 at the first slot,   r_t(j) = P_j(w_j) Σ_i f_{t-1}(i) E_ij,
        p(y_t) = Σ_{j: w_j = y_t} r_t(j),   f_t = r_t where w_j = y_t, scaled to a sum of 1.

    Args:
        edges: log probability of going from slot i to slot j, [B, L, L].
        words: log probability of each slot's word, [B, L]; 0 where it writes none.
        labels: the word of each slot, int64 [B, L]; 0 in the first slot, the last one and behind that.
        lengths: real slots, int64 [B]; the last of them ends a translation.
        beam_size: how many translations are kept at every word, those whose probability is highest so far.
    """
    batch, slots = labels.shape
    end = torch.arange(slots, device=labels.device) == lengths[:, None] - 1  # [B, L]
    # Behind its end a translation stays there, so that it competes with those that go on.
    edge_probs = edges.exp() + torch.diag_embed(end.to(edges.dtype))
    word_probs = words.exp()[:, None]  # [B, 1, L]
    same = labels[:, :, None] == labels[:, None, :]
    again = same.tril(-1).any(2)[:, None]  # [B, 1, L]; the word stands in an earlier slot, too
    together = same.to(edges.dtype)
    at = torch.zeros_like(word_probs)  # [B, N, L]
    at[:, :, 0] = 1
    log_probs = torch.zeros_like(at[:, :, 0])
    ids = labels.new_zeros(batch, 1, 0)
    for _ in range(slots - 1):
        reached = (at @ edge_probs) * word_probs
        following = (reached @ together).masked_fill(again, 0).log() + log_probs[:, :, None]
        log_probs, place = following.flatten(1).topk(min(beam_size, following[0].numel()))
        before, slot = place // slots, place % slots
        written = labels.gather(1, slot).masked_fill(log_probs.isneginf(), PAD)
        ids = ids.gather(1, before[..., None].expand(-1, -1, ids.size(2)))
        if not written.any():
            break
        ids = torch.cat([ids, written[..., None]], 2)
        reached = reached.gather(1, before[..., None].expand(-1, -1, slots))
        at = torch.where(labels[:, None] == written[..., None], reached, 0)
        at = at / at.sum(2, keepdim=True).clamp(min=torch.finfo(at.dtype).tiny)
    return Spellings(ids, log_probs)
