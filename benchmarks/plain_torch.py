"""A rival in training speed: `torch.nn.Transformer` as its documentation has it, with fused Adam.

Nothing of ours is in it but the batches, which are those that we train on, padded.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

WIDTH, FFN_WIDTH, LAYERS, HEADS, DROPOUT, SMOOTHING = 256, 1024, 4, 4, 0.1, 0.1


class PlainTransformer(nn.Module):
    """One matrix for source, target and output words; positions are learnt."""

    def __init__(self, words: int, positions: int = 512) -> None:
        super().__init__()
        self.words = nn.Embedding(words, WIDTH, padding_idx=0)
        self.positions = nn.Embedding(positions, WIDTH)
        nn.init.normal_(self.words.weight, std=WIDTH**-0.5)
        sizes = (WIDTH, HEADS, LAYERS, LAYERS, FFN_WIDTH, DROPOUT)
        self.transformer = nn.Transformer(*sizes, batch_first=True, norm_first=True)
        self.dropout = nn.Dropout(DROPOUT)

    def embed(self, ids: Tensor) -> Tensor:
        places = torch.arange(ids.size(1))
        return self.dropout(self.words(ids) * math.sqrt(WIDTH) + self.positions(places))

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        causal = nn.Transformer.generate_square_subsequent_mask(tgt.size(1)).isinf()
        states = self.transformer(
            self.embed(src),
            self.embed(tgt),
            tgt_mask=causal,
            src_key_padding_mask=src == 0,
            tgt_key_padding_mask=tgt == 0,
            memory_key_padding_mask=src == 0,
            tgt_is_causal=True,
        )
        return nn.functional.linear(states, self.words.weight)


def rate(
    batches: Sequence[tuple[Tensor, Tensor]],
    words: int,
    *,
    bf16: bool,
    warmup: int,
    clock: Callable[[], float],
) -> float:
    """Target tokens a second after the warm-up; `tgt` of a batch has the start and the end of sentences."""
    model = PlainTransformer(words)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, betas=(0.9, 0.98), eps=1e-9, fused=True)
    tokens, start = 0, 0.0
    for number, (src, tgt) in enumerate(batches):
        if number == warmup:
            tokens, start = 0, clock()
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            logits = model(src, tgt[:, :-1])
        loss = nn.functional.cross_entropy(
            logits.flatten(0, 1).float(), tgt[:, 1:].flatten(), ignore_index=0, label_smoothing=SMOOTHING
        )
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        tokens += int((tgt[:, 1:] != 0).sum())
    return tokens / (clock() - start)
