"""Post-norm stacks equal torch's with the same weights, whichever way their positions are computed."""

from dataclasses import replace

import pytest
import torch
from copied import copy_decoder_layer, copy_encoder_layer
from torch import nn
from torch.nn import functional as F

from onepass.nn.attention import padding_mask
from onepass.nn.positions import Arithmetic
from onepass.nn.post_norm import EPSILON, LayerSizes, PostNormDecoderLayer, PostNormEncoder, PostNormSlotLayer

B, T, S, LAYERS = 3, 5, 7, 2
SIZES = {name: LayerSizes(12, 20, 3, name) for name in ("relu", "swish")}
SRC_MASK = torch.arange(S) < torch.tensor([[7], [1], [4]])


def randomise(module: nn.Module) -> None:
    torch.manual_seed(1)
    for weight in module.parameters():
        nn.init.normal_(weight, std=0.4)


@pytest.mark.parametrize(
    ("name", "function", "arithmetic", "epsilon"),
    [
        ("relu", F.relu, "marian", EPSILON),
        ("swish", F.silu, "marian", EPSILON),
        ("relu", F.relu, "transformers", 1e-5),
    ],
)
@torch.no_grad()
def test_the_encoder_equals_torchs(name: str, function, arithmetic: Arithmetic, epsilon: float) -> None:
    ours = PostNormEncoder(LAYERS, replace(SIZES[name], arithmetic=arithmetic)).eval()
    randomise(ours)
    assert {part.eps for part in ours.modules() if isinstance(part, nn.LayerNorm)} == {epsilon}
    layer = nn.TransformerEncoderLayer(12, 3, 20, 0.0, function, epsilon, batch_first=True)
    theirs = nn.TransformerEncoder(layer, LAYERS, enable_nested_tensor=False)
    for a, b in zip(ours.layers, theirs.layers, strict=True):
        copy_encoder_layer(a, b)
    x = torch.randn(B, S, 12)
    expected = theirs(x, src_key_padding_mask=~SRC_MASK)[SRC_MASK]
    torch.testing.assert_close(ours(x, SRC_MASK).top[SRC_MASK], expected, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_a_decoder_layer_with_self_attention_equals_torchs() -> None:
    ours = PostNormDecoderLayer(SIZES["relu"], recurrent=False).eval()
    randomise(ours)
    theirs = nn.TransformerDecoderLayer(12, 3, 20, 0.0, "relu", EPSILON, batch_first=True)
    copy_attention_names(ours)
    copy_decoder_layer(ours, theirs)
    x, source = torch.randn(B, T, 12), torch.randn(B, S, 12)
    future = nn.Transformer.generate_square_subsequent_mask(T)
    expected = theirs(x, source, tgt_mask=future, memory_key_padding_mask=~SRC_MASK, tgt_is_causal=True)
    torch.testing.assert_close(ours(x, source, padding_mask(SRC_MASK)), expected, atol=1e-5, rtol=1e-5)


def copy_attention_names(layer: PostNormDecoderLayer) -> None:
    """The names that a pre-norm layer has."""
    layer.self_attention, layer.self_norm = layer.past.attention, layer.past_norm


@pytest.mark.parametrize("recurrent", [True, False], ids=["SSRU", "self-attention"])
@torch.no_grad()
def test_steps_with_a_cache_equal_one_pass(recurrent: bool) -> None:
    layer = PostNormDecoderLayer(SIZES["swish"], recurrent=recurrent).eval()
    randomise(layer)
    x, source, mask = torch.randn(B, T, 12), torch.randn(B, S, 12), padding_mask(SRC_MASK)
    cache = layer.start(source)
    steps = [layer.step(x[:, t : t + 1], cache, mask) for t in range(T)]
    torch.testing.assert_close(torch.cat(steps, 1), layer(x, source, mask), atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_a_students_layer_equals_torchs() -> None:
    ours = PostNormSlotLayer(SIZES["relu"]).eval()
    randomise(ours)
    theirs = nn.TransformerDecoderLayer(12, 3, 20, 0.0, "relu", EPSILON, batch_first=True)
    copy_decoder_layer(ours, theirs)
    x, source, mask = (
        torch.randn(B, T, 12),
        torch.randn(B, S, 12),
        torch.arange(T) < torch.tensor([[5], [2], [4]]),
    )
    expected = theirs(x, source, tgt_key_padding_mask=~mask, memory_key_padding_mask=~SRC_MASK)
    own = ours(x, padding_mask(mask), source, padding_mask(SRC_MASK))
    torch.testing.assert_close(own[mask], expected[mask], atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_a_students_positional_attention_is_a_sublayer_like_the_others() -> None:
    ours = PostNormSlotLayer(SIZES["relu"], positional_attention=True).eval()
    randomise(ours)
    x, source, where = torch.randn(B, T, 12), torch.randn(B, S, 12), torch.randn(1, T, 12)
    everything, src_mask = padding_mask(torch.ones(B, T, dtype=torch.bool)), padding_mask(SRC_MASK)
    y = ours.self_norm(x, ours.self_attention(x, x, x, everything))
    rows = where.expand(B, -1, -1)
    y = ours.positional_norm(y, ours.positional_attention(rows, rows, y, everything))
    y = ours.source_norm(y, ours.source_attention(y, source, source, src_mask))
    expected = ours.ffn_norm(y, ours.ffn(y))
    assert torch.equal(ours(x, everything, source, src_mask, where, everything), expected)
