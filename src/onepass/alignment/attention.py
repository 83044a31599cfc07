"""A teacher's own attention to the source as word alignment: one head of one layer, over a known target.

Which head, and whether it is read at the position that writes a token or at the next one, which has read it
(Chen et al. 2020, "shift-attention"), differs between teachers. So it is chosen: the one that agrees most
with an aligner on a few pairs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from onepass.alignment.aligner import Alignments
from onepass.alignment.fast_align import Rows
from onepass.models.autoregressive import BOS, PAD
from onepass.models.marian import MarianTransformer
from onepass.nn.attention import padding_mask
from onepass.nn.post_norm import PostNormDecoderLayer
from onepass.text.batches import batches_for_workers, padded

BATCH_TOKENS = 4096


class Head(NamedTuple):
    """Of which attention to the source is an alignment.

    Attributes:
        layer, head: from 0.
        after: at the position that has read the token, not at the one that writes it.
    """

    layer: int
    head: int
    after: bool


@torch.no_grad()
def attended(model: MarianTransformer, src_ids: Tensor, tgt_ids: Tensor, last: int) -> Iterator[Tensor]:
    """Which source token each head attends to most, layer by layer up to `last`.

    Args:
        model: the teacher, in eval mode.
        src_ids: int64 [B, S], padded with 0.
        tgt_ids: int64 [B, T], padded with 0.
        last: number of the last layer.

    Yields:
        int64 [B, H, T + 1]: at the position that writes each token; T is that of the end. The end of the
        source is never among them.
    """
    memory = model.encode(src_ids)
    mask, words = padding_mask(memory.mask), padding_mask(F.pad(src_ids != PAD, (0, 1)))
    x = model.embed_target(F.pad(tgt_ids, (1, 0), value=BOS))
    for number, layer in enumerate(model.decoder[: last + 1]):
        assert isinstance(layer, PostNormDecoderLayer)
        attention = layer.source_attention
        query = attention.project_query(layer.query(x))  # [B, H, T + 1, D/H]
        key = attention.project_memory(memory.top).key
        yield (query @ key.transpose(-1, -2) + words).argmax(-1)
        if number < last:
            x = layer(x, memory.top, mask)


class AttentionAligner:
    """Aligns by one head of a teacher; the interface is that of `onepass.alignment.aligner.Aligner`."""

    def __init__(self, model: MarianTransformer, head: Head) -> None:
        self._model, self._head = model, head

    def align(self, src: Rows, tgt: Rows) -> Alignments:
        """Aligns N pairs, of which none has an empty source; each target token has one link."""
        layer, head, after = self._head
        positions: list[NDArray[np.int32]] = [np.zeros(0, np.int32)] * len(src)
        for rows, src_ids, tgt_ids in _batches(self._model, src, tgt):
            *_, found = attended(self._model, src_ids, tgt_ids, layer)
            own = found[:, head, int(after) :].cpu().numpy().astype(np.int32)
            for row, places in zip(rows, own, strict=True):
                positions[row] = places[: tgt.lengths[row]]
        pharaoh = [" ".join(f"{s}-{t}" for t, s in enumerate(row.tolist())) for row in positions]
        return Alignments(pharaoh, positions)


def choose_head(
    model: MarianTransformer, src: Rows, tgt: Rows, positions: Sequence[NDArray[np.integer]]
) -> Head:
    """The head that agrees most with the source positions that an aligner has found of N pairs."""
    layers, heads = range(len(model.decoder)), range(model.sizes.layers.heads)
    agreed = np.zeros((len(layers), len(heads), 2), dtype=np.int64)
    for rows, src_ids, tgt_ids in _batches(model, src, tgt):
        wanted = torch.from_numpy(padded([positions[row] for row in rows])).to(tgt_ids.device)
        real = (tgt_ids != PAD)[:, None]
        for layer, found in enumerate(attended(model, src_ids, tgt_ids, layers[-1])):
            for after, own in enumerate((found[:, :, :-1], found[:, :, 1:])):
                agreed[layer, :, after] += ((own == wanted[:, None]) & real).sum((0, 2)).cpu().numpy()
    return max(
        (Head(layer, head, after) for layer, head, after in product(layers, heads, (False, True))),
        key=lambda head: agreed[head.layer, head.head, int(head.after)],
    )


class _Batch(NamedTuple):
    rows: list[int]
    src_ids: Tensor
    tgt_ids: Tensor


def _batches(model: MarianTransformer, src: Rows, tgt: Rows) -> Iterator[_Batch]:
    """The pairs with two sides, those of similar length together."""
    device = next(model.parameters()).device
    filled = np.flatnonzero((src.lengths > 0) & (tgt.lengths > 0))
    longest = np.maximum(src.lengths, tgt.lengths)[filled]
    for batch in batches_for_workers(longest.tolist(), BATCH_TOKENS):
        rows = filled[batch]
        src_ids, tgt_ids = (torch.from_numpy(padded(list(side.take(rows)))) for side in (src, tgt))
        yield _Batch(rows.tolist(), src_ids.to(device), tgt_ids.to(device))
