"""The directed acyclic Transformer (Huang et al. 2022): slots with words, and edges between slots.

A translation is a path through the slots from the first to the last, always to the right. The first and
the last slot write nothing; each slot between them has a distribution over words, and every slot but the
last one over the slots behind it.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from onepass.families import DAG, Family
from onepass.models.one_pass import Decoded, Length
from onepass.models.slots import IMPOSSIBLE, SlotTransformer
from onepass.nn.transformer import Memory
from onepass.settings import StudentSettings, TransformerSettings


class DAGTransformer(SlotTransformer):
    """Encoder, decoder over `student.slots` slots a source token and two at the ends, words and edges.

    Of the student's settings it uses `slots`, `start`, `soft_copy`, `attend_to` and `dropout`.
    """

    family: ClassVar[Family] = DAG

    def add_parts(self, sizes: TransformerSettings, student: StudentSettings) -> None:
        self.add_slots(sizes.width, student)
        self.heads, self.soft_copy = sizes.heads, student.soft_copy
        self.slot_embedding = nn.Embedding(3, sizes.width)  # first, between, last
        self.edge_query = nn.Linear(2 * sizes.width, sizes.width)
        self.edge_key = nn.Linear(2 * sizes.width, sizes.width)
        self.edge_gate = nn.Linear(2 * sizes.width, sizes.heads)

    def num_slots(self, src_length: Length) -> Length:
        return (src_length + self.ends) * self.slots + 2

    def start(self, src_ids: Tensor, memory: Memory, mask: Tensor) -> Tensor:
        slot = torch.arange(mask.size(1), device=mask.device)
        last = slot - mask.sum(1, keepdim=True) + 1  # [B, L]; 0 at the last slot
        kind: Tensor = self.slot_embedding((slot > 0).long() + (last == 0))
        if not self.soft_copy:
            return kind
        if self.from_states is not None:
            kind = kind * self.width**0.5
        copied = self.stretched(src_ids, memory)  # [B, L - 2, D]
        return kind + F.pad(copied, (0, 0, 1, 1)).masked_fill(last[..., None] >= 0, 0)

    def edges(self, decoded: Decoded) -> Tensor:
        """Log probability of going from slot i to slot j > i: [B, L, L], float32 at least.

        A mixture over heads h: Σ_h softmax_h(g_i) softmax_j(q_ih · k_jh / √c), queries, keys and gates from
        the state and the position of a slot. Rows sum to 1; that of the last slot has no edge.
        """
        states, mask, _ = decoded
        positions = self.positions(mask.size(1), mask.device).to(states.dtype)
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
