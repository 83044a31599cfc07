"""The layers of a graph compute what those of torch do."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from onnx import TensorProto

from onepass.export.graph import Range, Value
from onepass.export.parameters import int8_rows
from onepass.export.transformer_graph import TransformerGraph
from onepass.nn.attention import MultiHeadAttention


@pytest.mark.usefixtures("no_gradient")
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("int8", [True, False], ids=["int8", "float32"])
def test_attention_is_that_of_torch(tmp_path: Path, int8: bool, causal: bool) -> None:
    """In int8 with the same rounding."""
    torch.manual_seed(1)
    part = MultiHeadAttention(32, 4)
    x = torch.randn(3, 5, 32)
    lengths = torch.tensor([[5], [2], [3]])
    real = torch.arange(5) < lengths  # [B, L]
    limits = Range(x.min().item(), x.max().item()), Range(-2.0, 2.0)
    g = TransformerGraph(limits if int8 else None)
    g.name(g.self_attention(part, "x", "" if causal else "mask", causal=causal), "y")
    kinds = {"x": Value(TensorProto.FLOAT, ["B", "L", 32]), "mask": Value(TensorProto.INT32, ["B", "L"])}
    g.save(tmp_path / "attention.onnx", kinds, {"y": Value(TensorProto.FLOAT, ["B", "L", 32])})
    session = onnxruntime.InferenceSession(tmp_path / "attention.onnx")
    [found] = session.run(None, {"x": x.numpy(), "mask": real.int().numpy()})
    if int8:
        for layer in (part.projection, part.output):
            values, scales = int8_rows(layer.weight.numpy())
            layer.weight.copy_(torch.from_numpy(values * scales[:, None]))
        step = (limits[0].high - limits[0].low) / 255
        x = (x / step).round() * step
    seen = torch.ones(5, 5).tril() > 0 if causal else real[:, None, None]
    expected = part(x, x, x, torch.where(seen, 0.0, -torch.inf))
    assert np.abs(found - expected.numpy())[real.numpy()].max() < (0.02 if int8 else 1e-5)
    assert expected[real].std() > 0.1
