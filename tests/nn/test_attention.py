"""Attention equals torch's nn.MultiheadAttention and the formula; masks say who looks at whom."""

import math

import pytest
import torch
from copied import copy_attention
from torch import Tensor, nn

from onepass.nn.attention import (
    KeyValue,
    MultiHeadAttention,
    additive,
    attention,
    causal_mask,
    others_mask,
    padding_mask,
)
from onepass.nn.transformer import DecoderLayer

B, T, S, D, H = 3, 5, 7, 12, 3


def seeing(rows: int, columns: int) -> Tensor:
    """A random bool mask [B, rows, columns] that leaves every row something to look at."""
    allowed = torch.rand(B, rows, columns) < 0.5
    allowed[:, torch.arange(rows), torch.arange(rows) % columns] = True
    return allowed


def inputs(kind: str) -> list[Tensor]:
    query, source, values = (torch.randn(B, n, D, requires_grad=True) for n in (T, S, S))
    return {
        "self": [query, query, query],
        "to the source": [query, source, source],
        "by position": [query, source, values],
    }[kind]


@pytest.fixture
def pair() -> tuple[MultiHeadAttention, nn.MultiheadAttention]:
    torch.manual_seed(1)
    ours, theirs = MultiHeadAttention(D, H), nn.MultiheadAttention(D, H, batch_first=True)
    nn.init.normal_(ours.projection.bias)
    nn.init.normal_(ours.output.bias)
    copy_attention(ours, theirs)
    return ours, theirs


@pytest.mark.parametrize("masked", [False, True], ids=["all seen", "masked"])
@pytest.mark.parametrize("kind", ["self", "to the source", "by position"])
@pytest.mark.parametrize("gradient", [True, False], ids=["with gradient", "without gradient"])
def test_attention_and_its_gradients_equal_torchs(pair, kind: str, masked: bool, gradient: bool) -> None:
    ours, theirs = pair
    query, key, value = inputs(kind)
    allowed = seeing(T, key.size(1)) if masked else None
    with torch.set_grad_enabled(gradient):
        result = ours(query, key, value, None if allowed is None else additive(allowed[:, None]))
        blocked = None if allowed is None else ~allowed.repeat_interleave(H, 0)
        expected, _ = theirs(query, key, value, attn_mask=blocked, need_weights=False)
    torch.testing.assert_close(result, expected)
    if gradient:
        weight = torch.randn_like(result)
        leaves = list({id(x): x for x in (query, key, value)}.values())
        found = torch.autograd.grad((result * weight).sum(), [*leaves, *ours.parameters()])
        wanted = torch.autograd.grad((expected * weight).sum(), [*leaves, *theirs.parameters()])
        for ours_gradient, torchs in zip(found, wanted, strict=True):
            torch.testing.assert_close(ours_gradient, torchs, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("gradient", [True, False], ids=["with gradient", "without gradient"])
def test_attention_in_bfloat16_is_that_of_float32_rounded(gradient: bool) -> None:
    torch.manual_seed(1)
    query, key, value = (torch.randn(B, H, n, 8) for n in (T, S, S))
    mask = additive(seeing(T, S)[:, None])
    exact = attention(query, KeyValue(key, value), mask)
    with torch.set_grad_enabled(gradient):
        rounded = attention(query.bfloat16(), KeyValue(key.bfloat16(), value.bfloat16()), mask)
    assert rounded.dtype == torch.bfloat16
    torch.testing.assert_close(rounded.float(), exact, atol=0.03, rtol=0.03)


def brute_force(
    module: MultiHeadAttention, query: Tensor, key: Tensor, value: Tensor, mask: Tensor
) -> Tensor:
    """One sentence, one head and one position at a time; mask bool [B, T, S]."""
    size = D // H
    wq, wk, wv = module.projection.weight.split(D)
    bq, bk, bv = module.projection.bias.split(D)
    result = torch.zeros(query.size(0), query.size(1), D)
    for b in range(query.size(0)):
        for t in range(query.size(1)):
            heads = []
            for h in range(H):
                part = slice(h * size, (h + 1) * size)
                q = wq[part] @ query[b, t] + bq[part]
                seen = [s for s in range(key.size(1)) if mask[b, t, s]]
                energy = [float(q @ (wk[part] @ key[b, s] + bk[part])) / math.sqrt(size) for s in seen]
                total = sum(math.exp(e) for e in energy)
                values = [wv[part] @ value[b, s] + bv[part] for s in seen]
                heads.append(sum(math.exp(e) / total * v for e, v in zip(energy, values, strict=True)))
            result[b, t] = module.output.weight @ torch.cat(heads) + module.output.bias
    return result


@torch.no_grad()
def test_a_student_layer_is_self_then_positional_then_source_attention_then_feed_forward() -> None:
    torch.manual_seed(1)
    layer = DecoderLayer(D, 24, H, 0.0, positional_attention=True)
    x, source, positions = torch.randn(B, T, D), torch.randn(B, S, D), torch.randn(1, T, D)
    tgt_mask = torch.arange(T) < torch.tensor([[5], [1], [3]])
    src_mask = torch.arange(S) < torch.tensor([[2], [7], [4]])
    result = layer(
        x, others_mask(tgt_mask), source, padding_mask(src_mask), positions, padding_mask(tgt_mask)
    )

    others = (tgt_mask[:, None] & ~torch.eye(T, dtype=torch.bool)).clone()
    others[1] = tgt_mask[1]  # a single token looks at itself
    where = positions.expand(B, T, D)
    y = layer.self_norm(x)
    x = x + brute_force(layer.self_attention, y, y, y, others)
    y = layer.positional_norm(x)
    x = x + brute_force(layer.positional_attention, where, where, y, tgt_mask[:, None].expand(B, T, T))
    y = layer.source_norm(x)
    x = x + brute_force(layer.source_attention, y, source, source, src_mask[:, None].expand(B, T, S))
    y = layer.ffn_norm(x)
    x = x + layer.ffn.outer(layer.ffn.inner(y).clamp(min=0))
    torch.testing.assert_close(result[tgt_mask], x[tgt_mask], atol=1e-5, rtol=1e-5)


def test_each_target_position_sees_the_real_others_and_a_lone_token_itself() -> None:
    lengths = [1, 2, 5]
    mask = torch.arange(5) < torch.tensor(lengths)[:, None]
    allowed = others_mask(mask) == 0  # [B, 1, T, T]
    for b, length in enumerate(lengths):
        for t in range(5):
            expected = [s < length and (s != t or length == 1) for s in range(5)]
            assert allowed[b, 0, t].tolist() == expected


def test_the_causal_mask_shows_the_past_and_the_present() -> None:
    allowed = causal_mask(4, torch.device("cpu"))[0, 0] == 0
    assert allowed.tolist() == [[s <= t for s in range(4)] for t in range(4)]


@pytest.mark.parametrize("gradient", [True, False], ids=["with gradient", "without gradient"])
def test_no_row_of_any_length_is_left_with_nothing_to_look_at(gradient: bool) -> None:
    mask = torch.arange(6) < torch.arange(1, 7)[:, None]
    x = torch.randn(6, H, 6, 4)
    with torch.set_grad_enabled(gradient):
        assert attention(x, KeyValue(x, x), others_mask(mask)).isfinite().all()


def test_additive_masks_hold_only_zero_and_minus_infinity() -> None:
    assert additive(torch.tensor([True, False])).tolist() == [0.0, -math.inf]
