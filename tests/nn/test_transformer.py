"""Our stacks equal torch's with the same weights, and start from the documented distribution."""

import math

import pytest
import torch
from copied import copy_decoder_layer, copy_encoder_layer
from torch import Tensor, nn

from onepass.nn.attention import causal_mask, padding_mask
from onepass.nn.transformer import DecoderLayer, Encoder, initialise

B, T, S, D, F, H, LAYERS = 3, 5, 7, 12, 20, 3, 2
SRC_MASK = torch.arange(S) < torch.tensor([[7], [1], [4]])


def randomise(module: nn.Module) -> None:
    torch.manual_seed(1)
    for weight in module.parameters():
        nn.init.normal_(weight, std=0.4)


def assert_same_gradients(ours: Tensor, theirs: Tensor, leaves: list[Tensor]) -> None:
    weight = torch.randn_like(ours)
    found = torch.autograd.grad((ours * weight).sum(), leaves)
    wanted = torch.autograd.grad((theirs * weight).sum(), leaves)
    for a, b in zip(found, wanted, strict=True):
        torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-4)


@pytest.fixture
def encoders() -> tuple[Encoder, nn.TransformerEncoder]:
    ours = Encoder(LAYERS, D, F, H, 0.0)
    randomise(ours)
    layer = nn.TransformerEncoderLayer(D, H, F, 0.0, batch_first=True, norm_first=True)
    theirs = nn.TransformerEncoder(layer, LAYERS, nn.LayerNorm(D), enable_nested_tensor=False)
    for a, b in zip(ours.layers, theirs.layers, strict=True):
        copy_encoder_layer(a, b)
    theirs.norm.load_state_dict(ours.norm.state_dict())
    return ours, theirs


@pytest.mark.parametrize("gradient", [True, False], ids=["with gradient", "without gradient"])
def test_the_encoder_equals_torchs(encoders, gradient: bool) -> None:
    ours, theirs = encoders
    x = torch.randn(B, S, D, requires_grad=True)
    with torch.set_grad_enabled(gradient):
        result = ours(x, SRC_MASK).top[SRC_MASK]
        expected = theirs(x, src_key_padding_mask=~SRC_MASK)[SRC_MASK]
    torch.testing.assert_close(result, expected, atol=1e-5, rtol=1e-5)
    if gradient:
        assert_same_gradients(result, expected, [x])


@torch.no_grad()
def test_the_memory_keeps_the_last_layers_each_normalised(encoders) -> None:
    ours, theirs = encoders
    x = torch.randn(B, S, D)
    first = theirs.norm(theirs.layers[0](x, src_key_padding_mask=~SRC_MASK))
    memory = ours(x, SRC_MASK, keep=LAYERS)
    assert memory.states.shape == (LAYERS, B, S, D)
    torch.testing.assert_close(memory.for_layer(0)[SRC_MASK], first[SRC_MASK], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(memory.for_layer(1), memory.top)
    torch.testing.assert_close(ours(x, SRC_MASK).top, memory.top)


@pytest.mark.parametrize("gradient", [True, False], ids=["with gradient", "without gradient"])
def test_a_teachers_decoder_stack_equals_torchs(gradient: bool) -> None:
    ours = nn.ModuleList(DecoderLayer(D, F, H, 0.0) for _ in range(LAYERS))
    randomise(ours)
    layer = nn.TransformerDecoderLayer(D, H, F, 0.0, batch_first=True, norm_first=True)
    theirs = nn.TransformerDecoder(layer, LAYERS)
    for a, b in zip(ours, theirs.layers, strict=True):
        copy_decoder_layer(a, b)
    x, source = torch.randn(B, T, D, requires_grad=True), torch.randn(B, S, D, requires_grad=True)
    with torch.set_grad_enabled(gradient):
        result = x
        for one in ours:
            result = one(result, causal_mask(T, x.device), source, padding_mask(SRC_MASK))
        future = nn.Transformer.generate_square_subsequent_mask(T) != 0
        expected = theirs(x, source, tgt_mask=future, memory_key_padding_mask=~SRC_MASK)
    torch.testing.assert_close(result, expected, atol=1e-5, rtol=1e-5)
    if gradient:
        assert_same_gradients(result, expected, [x, source])


@torch.no_grad()
def test_initial_weights_are_xavier_uniform_and_embeddings_normal() -> None:
    torch.manual_seed(1)
    width, inner = 64, 256
    module = nn.ModuleDict(
        {"layer": DecoderLayer(width, inner, 4, 0.0), "embedding": nn.Embedding(1000, width)}
    )
    initialise(module)
    layer = module["layer"]
    square = [*layer.self_attention.projection.weight.split(width), layer.source_attention.output.weight]
    for weight, fans in [*((w, 2 * width) for w in square), (layer.ffn.inner.weight, width + inner)]:
        bound = math.sqrt(6 / fans)
        assert 0.98 * bound < weight.abs().max() <= bound
        assert float(weight.std()) == pytest.approx(bound / math.sqrt(3), rel=0.05)
    assert not any(p.any() for name, p in layer.named_parameters() if name.endswith("bias"))
    assert float(module["embedding"].weight.std()) == pytest.approx(width**-0.5, rel=0.02)
