"""The student of Gu et al. (2018): fertilities, then every target position at once.

The encoder's last layer predicts a fertility 0..49 for each source token; each source embedding is
repeated that often and the decoder turns the repeated source into the target in one pass. There is
no end-of-sentence token: the length is the sum of the fertilities.
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from onepass.families import FERTILITY, Family
from onepass.models.autoregressive import PAD
from onepass.models.one_pass import NEVER, Decoded, OnePassTransformer, length_cap
from onepass.nn.attention import others_mask, padding_mask
from onepass.nn.positions import in_compute_dtype
from onepass.nn.transformer import Memory
from onepass.settings import StudentSettings, TransformerSettings

FERTILITY_CLASSES = 50


def source_of_target(fertilities: Tensor, length: int) -> Tensor:
    """Which source position each target position copies (Gu et al. 2018, figure 2).

    Args:
        fertilities: int64 [B, S]; 0 at padding.
        length: T, at least the largest sum of fertilities.

    Returns:
        int64 [B, T]; positions behind the sum of a row's fertilities give S - 1.
    """
    ends = fertilities.cumsum(1)  # [B, S]
    target = torch.arange(length, device=fertilities.device)
    index = (ends[:, None, :] <= target[None, :, None]).sum(2)  # [B, T]
    return index.clamp_(max=fertilities.size(1) - 1)


def uniform_source_of_target(src_lengths: Tensor, tgt_lengths: Tensor, length: int) -> Tensor:
    """Evenly spread copying: target t copies source floor(t·S/T). The paper's ablation. -> int64 [B, T]."""
    target = torch.arange(length, device=src_lengths.device)[None, :]
    index = target * src_lengths[:, None] // tgt_lengths[:, None].clamp(min=1)
    return torch.minimum(index, src_lengths[:, None] - 1).clamp_(min=0)


class FertilityTransformer(OnePassTransformer):
    """Non-autoregressive Transformer with fertilities.

    Of the student's settings it uses `copy_source`, `positional_attention`, `attend_to` and `dropout`.
    """

    family: ClassVar[Family] = FERTILITY

    def add_parts(self, sizes: TransformerSettings, student: StudentSettings) -> None:
        self.copy_source = student.copy_source
        self.positional = student.positional_attention
        self.fertility = nn.Linear(sizes.width, FERTILITY_CLASSES)

    def most_places(self, src_length: int) -> int:
        return length_cap(src_length)

    def fertility_logits(self, memory: Memory) -> Tensor:
        """Scores of the fertilities 0..49 of every source token, [B, S, F]; </s> has none."""
        return self.fertility(memory.top[:, : memory.mask.size(1) - self.ends])  # type: ignore[no-any-return]

    def src_mask(self, memory: Memory) -> Tensor:
        """Which source tokens are real, </s> left out: bool [B, S]."""
        return memory.mask[:, self.ends :]

    def own_mask(self, mask: Tensor) -> Tensor:
        return others_mask(mask)

    def decode(self, src_ids: Tensor, fertilities: Tensor, memory: Memory) -> Decoded:
        """All target positions at once.

        Args:
            src_ids: int64 [B, S].
            fertilities: int64 [B, S], 0 at padding; each row sums to its target length T_b >= 1.
            memory: from `encode(src_ids)`.
        """
        tgt_lengths = fertilities.sum(1)  # [B]
        length = int(tgt_lengths.max())
        mask = torch.arange(length, device=src_ids.device)[None, :] < tgt_lengths[:, None]  # [B, T]
        positions = self.positions(length, src_ids.device)[None]  # [1, T, D]
        positions = positions.to(self.src_embedding.weight.dtype)
        x = positions.expand(src_ids.size(0), -1, -1)
        if self.copy_source != "none":
            if self.copy_source == "fertility":
                index = source_of_target(fertilities, length)
            else:
                index = uniform_source_of_target((src_ids != PAD).sum(1), tgt_lengths, length)
            x = self.src_embedding(src_ids.gather(1, index)) * self.width**0.5 + x  # [B, T, D]
        x = self.dropout(in_compute_dtype(x))
        self_mask = self.own_mask(mask)
        positional_mask = padding_mask(mask)
        source_mask = padding_mask(memory.mask)
        before = x
        for i, layer in enumerate(self.decoder):
            before = x
            x = layer(
                x,
                self_mask,
                memory.for_layer(i),
                source_mask,
                positions if self.positional else None,
                positional_mask,
            )
        return Decoded(self.decoder_norm(x), mask, before)

    def logits(self, states: Tensor) -> Tensor:
        """Decoder states [..., D] -> scores of the target vocabulary [..., V]."""
        scores = F.linear(states, self.tgt_embedding.weight)
        return scores + self.word_bias if self.post_norm else scores


class Tokens(NamedTuple):
    """Token ids, int64 [B, T] padded with 0, and their mean log probabilities [B]."""

    ids: Tensor
    scores: Tensor


def most_probable(model: FertilityTransformer, decoded: Decoded) -> Tokens:
    """The most probable token of every position; never padding, <unk>, <s> or </s>."""
    states, mask, _ = decoded
    logits = model.logits(states[mask]).float()  # [N, V]
    total = logits.logsumexp(-1)
    logits[:, list(NEVER)] = -torch.inf
    best, tokens = logits.max(-1)
    ids = torch.zeros(mask.shape, dtype=torch.int64, device=mask.device).masked_scatter_(mask, tokens)
    sums = torch.zeros(mask.shape, device=mask.device).masked_scatter_(mask, best - total).sum(1)
    return Tokens(ids, sums / mask.sum(1))


def usable(fertilities: Tensor, logits: Tensor, src_mask: Tensor) -> Tensor:
    """Makes fertilities decodable: none at padding, at least one token, at most the cap.

    Where all are zero the position most sure of a token gets 1; beyond the cap the rest is cut.

    Args:
        fertilities: int64 [B, S].
        logits: of the fertility classes, [B, S, F].
        src_mask: bool [B, S].
    """
    fertilities = fertilities.masked_fill(~src_mask, 0)
    no_token = torch.log_softmax(logits.float(), -1)[..., 0].masked_fill(~src_mask, torch.inf)  # [B, S]
    surest = F.one_hot(no_token.argmin(1), fertilities.size(1))  # [B, S]
    fertilities = torch.where(fertilities.sum(1, keepdim=True) == 0, surest, fertilities)
    ends = fertilities.cumsum(1).minimum(length_cap(src_mask.sum(1))[:, None])
    return ends.diff(dim=1, prepend=torch.zeros_like(ends[:, :1]))


def argmax_fertilities(logits: Tensor, src_mask: Tensor) -> Tensor:
    """The most probable fertility of each source token; logits [B, S, F] -> int64 [B, S] (equation 6)."""
    return usable(logits.argmax(-1), logits, src_mask)


def average_fertilities(logits: Tensor, src_mask: Tensor) -> Tensor:
    """round(Σ_f f · p(f)) of each source token; logits [B, S, F] -> int64 [B, S] (equation 7)."""
    classes = torch.arange(logits.size(-1), device=logits.device, dtype=torch.float32)
    mean = (logits.float().softmax(-1) * classes).sum(-1)
    return usable(mean.round().long(), logits, src_mask)


def sampled_fertilities(logits: Tensor, src_mask: Tensor, uniform: Tensor) -> Tensor:
    """One sample a row of uniform numbers (equation 8's candidates).

    Args:
        logits: [B, S, F].
        src_mask: bool [B, S].
        uniform: in [0, 1), [N, at least S].

    Returns:
        int64 [B, N, S].
    """
    cumulative = logits.float().softmax(-1).cumsum(-1)  # [B, S, F]
    draws = uniform[:, : logits.size(1)].T.expand(logits.size(0), -1, -1).contiguous()  # [B, S, N]
    samples = torch.searchsorted(cumulative, draws, right=True).clamp_(max=logits.size(-1) - 1)
    samples = samples.transpose(1, 2)  # [B, N, S]
    shape = samples.shape
    flat = samples.flatten(0, 1)
    candidates = shape[1]
    return usable(
        flat, logits.repeat_interleave(candidates, 0), src_mask.repeat_interleave(candidates, 0)
    ).view(shape)
