"""Multi-head attention, and the masks that say who may look at whom.

Masks are additive: 0 where attention is allowed, -inf where it is not, [B or 1, 1, T or 1, S], built
once a forward pass and shared by all layers. Attention weights have no dropout.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class KeyValue(NamedTuple):
    """Projected keys and values, each [B, H, S, D/H]."""

    key: Tensor
    value: Tensor

    def append(self, new: KeyValue) -> KeyValue:
        """This with the positions of `new` behind it."""
        return KeyValue(torch.cat([self.key, new.key], 2), torch.cat([self.value, new.value], 2))

    def select(self, rows: Tensor) -> KeyValue:
        """The given rows of the batch, in that order."""
        return KeyValue(self.key.index_select(0, rows), self.value.index_select(0, rows))


def additive(allowed: Tensor) -> Tensor:
    """Turns a bool mask (True = may be attended to) into an additive one of the same shape."""
    return torch.zeros(allowed.shape, device=allowed.device).masked_fill_(~allowed, -torch.inf)


def padding_mask(mask: Tensor) -> Tensor:
    """Everyone may look at real tokens: bool [B, S] -> additive [B, 1, 1, S]."""
    return additive(mask[:, None, None, :])


def causal_mask(length: int, device: torch.device) -> Tensor:
    """Position t looks at 0..t: additive [1, 1, T, T]."""
    return additive(torch.ones(1, 1, length, length, dtype=torch.bool, device=device).tril())


def others_mask(mask: Tensor) -> Tensor:
    """Every position looks at all real positions but its own (Gu et al. 2018, section 3.1).

    A sentence of one token looks at itself, or it would have nothing to attend to; so does a padded
    position of it.

    Args:
        mask: bool [B, T], True = real token; at least one True a row.

    Returns:
        Additive [B, 1, T, T].
    """
    itself = torch.eye(mask.size(1), dtype=torch.bool, device=mask.device)
    alone = mask.sum(1) == 1  # [B]
    allowed = mask[:, None, :] & (~itself | alone[:, None, None])  # [B, T, T]
    return additive(allowed[:, None])


def attention(query: Tensor, memory: KeyValue, mask: Tensor | None) -> Tensor:
    """softmax(q kᵀ / √d + mask) v; query and result [B, H, T, d].

    torch's fused CPU kernel has a backward pass six times slower than the plain formula at the
    lengths of sentences, so the formula is used wherever a gradient is wanted on a CPU.
    """
    if query.device.type == "cpu" and torch.is_grad_enabled():
        scores = (query * query.size(-1) ** -0.5) @ memory.key.transpose(-1, -2)  # [B, H, T, S]
        scores = scores.to(torch.promote_types(scores.dtype, torch.float32))
        scores = scores if mask is None else scores + mask
        return torch.softmax(scores, dim=-1).to(query.dtype) @ memory.value
    mask = None if mask is None else mask.to(query.dtype)
    return F.scaled_dot_product_attention(query, memory.key, memory.value, attn_mask=mask)


class MultiHeadAttention(nn.Module):
    """Scaled dot-product attention with H heads (Vaswani et al. 2017, section 3.2)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.projection = nn.Linear(width, 3 * width)  # query, key, value
        self.output = nn.Linear(width, width)

    def _split(self, x: Tensor) -> Tensor:
        return x.view(*x.shape[:-1], self.heads, -1).transpose(1, 2)  # [B, H, T, D/H]

    def _project(self, x: Tensor, first: int, last: int) -> list[Tensor]:
        width = self.output.in_features
        rows = slice(first * width, last * width)
        projected = F.linear(x, self.projection.weight[rows], self.projection.bias[rows])
        return [self._split(part) for part in projected.chunk(last - first, dim=-1)]

    def project_self(self, x: Tensor) -> tuple[Tensor, KeyValue]:
        """Query and key/value of the same states [B, T, D]."""
        query, key, value = (self._split(part) for part in self.projection(x).chunk(3, dim=-1))
        return query, KeyValue(key, value)

    def project_query(self, x: Tensor) -> Tensor:
        """[B, T, D] -> [B, H, T, D/H]."""
        return self._project(x, 0, 1)[0]

    def project_memory(self, states: Tensor) -> KeyValue:
        """Keys and values of the same states [B, S, D]."""
        return KeyValue(*self._project(states, 1, 3))

    def attend(self, query: Tensor, memory: KeyValue, mask: Tensor | None) -> Tensor:
        """Query [B, H, T, D/H] over the memory -> [B, T, D]."""
        return self.output(attention(query, memory, mask).transpose(1, 2).flatten(2))  # type: ignore[no-any-return]

    def most_attended(self, query: Tensor, key: Tensor, mask: Tensor) -> Tensor:
        """Which place of `key` [B, S, D] each one of `query` [B, T, D] attends to most: int64 [B, T].

        By the sum of all heads' scores, so by the geometric mean of their weights.

        Args:
            query, key: as in `forward`.
            mask: bool [B, S], the places that count.
        """
        queries, keys = (
            self._project(x, first, first + 1)[0].transpose(1, 2).flatten(2)
            for first, x in enumerate((query, key))
        )
        scores = queries @ keys.transpose(-1, -2)  # [B, T, S]
        return scores.masked_fill(~mask[:, None, :], -torch.inf).argmax(-1)

    def forward(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
        """Attention of `query` [B, T, D] over `key` and `value` [B, S, D] under an additive mask."""
        if query is key and key is value:
            projected, memory = self.project_self(query)
        else:
            projected = self.project_query(query)
            if key is value:
                memory = self.project_memory(key)
            else:
                memory = KeyValue(self._project(key, 1, 2)[0], self._project(value, 2, 3)[0])
        return self.attend(projected, memory, mask)
