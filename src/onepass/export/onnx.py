"""One-pass students as ONNX graphs for ONNX Runtime: ids in, ids out, no loop over tokens.

The graph is written operator by operator, with ONNX Runtime's fused attention, so that it holds no more
operators than it needs. It computes what `decoding/parallel.py` does in float32.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from onepass.decoding.translator import MAX_SRC_TOKENS
from onepass.models.autoregressive import PAD
from onepass.models.ctc import SOFT_COPY_TEMPERATURE, CTCTransformer
from onepass.models.dag import DAGTransformer
from onepass.models.fertility import FertilityTransformer
from onepass.models.one_pass import NEVER, OnePassTransformer, length_cap
from onepass.models.slots import IMPOSSIBLE, SlotTransformer
from onepass.nn.attention import MultiHeadAttention
from onepass.nn.positions import sinusoidal_positions
from onepass.nn.transformer import DecoderLayer, EncoderLayer, FeedForward

OPSET = 18
MICROSOFT = "com.microsoft"


class _Graph:
    """A graph in the making; every method returns names of values."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: dict[str, NDArray[Any]] = {}

    def constant(self, value: Any, dtype: Any = np.int64) -> str:
        name = f"c{len(self.constants)}"
        self.constants[name] = np.asarray(value, dtype=dtype)
        return name

    def number(self, value: float) -> str:
        return self.constant(value, np.float32)

    def weight(self, tensor: Tensor) -> str:
        return self.constant(tensor.detach().float().cpu().numpy(), np.float32)

    def several(self, kind: str, *inputs: str, count: int, domain: str = "", **attributes: Any) -> list[str]:
        outputs = [f"v{len(self.nodes)}_{i}" for i in range(count)]
        self.nodes.append(helper.make_node(kind, inputs, outputs, domain=domain, **attributes))
        return outputs

    def op(self, kind: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        return self.several(kind, *inputs, count=1, domain=domain, **attributes)[0]

    # --- small compositions

    def cast(self, x: str, to: int) -> str:
        return self.op("Cast", x, to=to)

    def size(self, x: str, dim: int) -> str:
        """A dimension of x, int64 [1]."""
        return self.op("Shape", x, start=dim, end=dim + 1)

    def range(self, count: str) -> str:
        """0 .. count - 1 for count int64 [1]."""
        scalar = self.op("Squeeze", count, self.constant([0]))
        return self.op("Range", self.constant(0), scalar, self.constant(1))

    def unsqueeze(self, x: str, *dims: int) -> str:
        return self.op("Unsqueeze", x, self.constant(dims))

    def rows(self, x: str, first: str, last: str, dim: int = 0) -> str:
        """x[first:last] along a dimension; int64 [1] each."""
        return self.op("Slice", x, first, last, self.constant([dim]))

    def sum(self, x: str, dim: int, *, keep: bool = False) -> str:
        return self.op("ReduceSum", x, self.constant([dim]), keepdims=int(keep))

    def maximum(self, x: str, dim: int) -> str:
        return self.op("ReduceMax", x, self.constant([dim]), keepdims=0)

    def linear(self, x: str, weight: Tensor, bias: Tensor | None = None) -> str:
        y = self.op("MatMul", x, self.weight(weight.T.contiguous()))
        return y if bias is None else self.op("Add", y, self.weight(bias))

    def norm(self, x: str, norm: nn.LayerNorm) -> str:
        scale, bias = self.weight(norm.weight), self.weight(norm.bias)
        return self.op("LayerNormalization", x, scale, bias, axis=-1, epsilon=norm.eps)

    def split(self, x: str, parts: int) -> list[str]:
        return self.several("Split", x, count=parts, axis=-1, num_outputs=parts)

    def attend(
        self, part: MultiHeadAttention, query: str, key: str, value: str, mask: str, bias: str = ""
    ) -> str:
        """softmax(q kᵀ / √d) v and the output layer; `mask` int32 [B, S], `bias` [B, 1, T, S] is added."""
        inputs = [query, key, value, "", mask, bias]
        y = self.op("MultiHeadAttention", *inputs, domain=MICROSOFT, num_heads=part.heads)
        return self.linear(y, part.output.weight, part.output.bias)

    def self_attention(self, part: MultiHeadAttention, x: str, mask: str, bias: str = "") -> str:
        query, key, value = self.split(self.linear(x, part.projection.weight, part.projection.bias), 3)
        return self.attend(part, query, key, value, mask, bias)

    def source_attention(self, part: MultiHeadAttention, x: str, memory: str, mask: str) -> str:
        width = part.output.in_features
        weight, bias = part.projection.weight, part.projection.bias
        query = self.linear(x, weight[:width], bias[:width])
        key, value = self.split(self.linear(memory, weight[width:], bias[width:]), 2)
        return self.attend(part, query, key, value, mask)

    def feed_forward(self, part: FeedForward, x: str) -> str:
        inner = self.op("Relu", self.linear(x, part.inner.weight, part.inner.bias))
        return self.linear(inner, part.outer.weight, part.outer.bias)

    def encoder_layer(self, layer: EncoderLayer, x: str, mask: str) -> str:
        x = self.op("Add", x, self.self_attention(layer.self_attention, self.norm(x, layer.self_norm), mask))
        return self.op("Add", x, self.feed_forward(layer.ffn, self.norm(x, layer.ffn_norm)))

    def decoder_layer(
        self, layer: DecoderLayer, x: str, mask: str, bias: str, memory: str, src_mask: str, positions: str
    ) -> str:
        y = self.norm(x, layer.self_norm)
        x = self.op("Add", x, self.self_attention(layer.self_attention, y, mask, bias))
        if positions:
            part, y = layer.positional_attention, self.norm(x, layer.positional_norm)
            width = part.output.in_features
            weight, own = part.projection.weight, part.projection.bias
            where = self.op("Expand", positions, self.op("Shape", y))
            query, key = self.split(self.linear(where, weight[: 2 * width], own[: 2 * width]), 2)
            value = self.linear(y, weight[2 * width :], own[2 * width :])
            x = self.op("Add", x, self.attend(part, query, key, value, mask))
        y = self.norm(x, layer.source_norm)
        x = self.op("Add", x, self.source_attention(layer.source_attention, y, memory, src_mask))
        return self.op("Add", x, self.feed_forward(layer.ffn, self.norm(x, layer.ffn_norm)))

    # --- what all students have

    def start(self, embedded: str, width: int, table: str) -> str:
        """Embeddings [B, L, D] scaled, with the positions of a table."""
        scaled = self.op("Mul", embedded, self.number(width**0.5))
        return self.op("Add", scaled, self.rows(table, self.constant([0]), self.size(embedded, 1)))

    def encode(self, model: OnePassTransformer, src_ids: str, mask: str, table: str) -> list[str]:
        """The memory for each decoder layer, [B, S, D]."""
        embedded = self.op("Gather", self.weight(model.src_embedding.weight), src_ids)
        x, outputs = self.start(embedded, model.width, table), []
        for layer in model.encoder.layers:
            x = self.encoder_layer(layer, x, mask)  # type: ignore[arg-type]
            outputs.append(x)
        kept = [self.norm(y, model.encoder.norm) for y in outputs[-model.keep :]]
        return [kept[min(i, len(kept) - 1)] for i in range(len(model.decoder))]

    def best_words(self, states: str, weight: Tensor) -> tuple[str, str]:
        """The most probable label of every place and its log probability, [B, L] each."""
        logits = self.linear(states, weight)  # [B, L, C]
        total = self.op("ReduceLogSumExp", logits, self.constant([-1]), keepdims=0)
        first = max(NEVER) + 1  # those that are never written come first
        allowed = self.rows(logits, self.constant([first]), self.constant([weight.size(0)]), dim=-1)
        label = self.op("Add", self.op("ArgMax", allowed, axis=-1, keepdims=0), self.constant(first))
        return label, self.op("Sub", self.maximum(allowed, -1), total)

    def compact(self, labels: str, keep: str) -> str:
        """The labels of the places to keep, moved to the left, padded with 0: [B, most of a row]."""
        count = self.op("CumSum", self.cast(keep, TensorProto.INT64), self.constant(1))
        behind = self.size(labels, 1)
        place = self.op("Where", keep, self.op("Sub", count, self.constant(1)), behind)
        shape = self.op("Concat", self.size(labels, 0), self.op("Add", behind, self.constant([1])), axis=0)
        zeros = self.op("Expand", self.constant(0), shape)
        ids = self.op("ScatterElements", zeros, place, labels, axis=1)
        most = self.op("ReduceMax", self.sum(self.cast(keep, TensorProto.INT64), 1), keepdims=0)
        return self.rows(ids, self.constant([0]), self.unsqueeze(most, 0), dim=1)

    def mean(self, scores: str, counted: str, tokens: str) -> str:
        """Σ scores where `counted`, [B, L], over the number of tokens where `tokens`, at least 1: [B]."""
        total = self.sum(self.op("Where", counted, scores, self.number(0)), 1)
        count = self.sum(self.cast(tokens, TensorProto.FLOAT), 1)
        return self.op("Div", total, self.op("Max", count, self.number(1)))


def _ctc(g: _Graph, model: CTCTransformer, src_ids: str, real: str, table: str) -> dict[str, str]:
    mask = g.cast(real, TensorProto.INT32)
    memory = g.encode(model, src_ids, mask, table)
    length = g.op("Mul", g.size(src_ids, 1), g.constant([model.slots]))
    slot, source = g.range(length), g.range(g.size(src_ids, 1))
    centre = g.op("Mul", g.cast(slot, TensorProto.FLOAT), g.number(1 / model.slots))
    centre = g.op("Add", centre, g.number(0.5 / model.slots - 0.5))  # [L]
    far = g.op("Abs", g.op("Sub", g.cast(source, TensorProto.FLOAT), g.unsqueeze(centre, 1)))  # [L, S]
    near = g.op("Mul", far, g.number(-1 / SOFT_COPY_TEMPERATURE))
    near = g.op("Where", g.unsqueeze(real, 1), near, g.number(-np.inf))  # [B, L, S]
    embedded = g.op("Gather", g.weight(model.src_embedding.weight), src_ids)
    x = g.op("MatMul", g.op("Softmax", near, axis=-1), embedded)
    x = g.start(x, model.width, table)
    lengths = g.op("Mul", g.sum(g.cast(real, TensorProto.INT64), 1, keep=True), g.constant(model.slots))
    real_slot = g.op("Less", slot, lengths)  # [B, L]
    slot_mask = g.cast(real_slot, TensorProto.INT32)
    for layer, states in zip(model.decoder, memory, strict=True):
        x = g.decoder_layer(layer, x, slot_mask, "", states, mask, "")  # type: ignore[arg-type]
    labels, scores = g.best_words(g.norm(x, model.decoder_norm), model.output_weight())
    before = g.op("Pad", labels, g.constant([0, 1, 0, -1]), g.constant(model.blank))
    differs = g.op("Not", g.op("Equal", labels, before))
    word = g.op("Not", g.op("Equal", labels, g.constant(model.blank)))
    keep = g.op("And", g.op("And", real_slot, differs), word)
    return {"ids": g.compact(labels, keep), "scores": g.mean(scores, real_slot, keep)}


def _dag(g: _Graph, model: DAGTransformer, src_ids: str, real: str, table: str) -> dict[str, str]:
    """By lookahead."""
    mask = g.cast(real, TensorProto.INT32)
    memory = g.encode(model, src_ids, mask, table)
    slots = g.constant([model.slots])
    length = g.op("Add", g.op("Mul", g.size(src_ids, 1), slots), g.constant([2]))
    slot = g.range(length)
    lengths = g.op("Mul", g.sum(g.cast(real, TensorProto.INT64), 1, keep=True), slots)  # [B, 1]
    last = g.op("Add", lengths, g.constant(1))
    inner = g.op("And", g.op("Greater", slot, g.constant(0)), g.op("Less", slot, last))  # [B, L]
    is_last = g.op("Equal", slot, last)
    real_slot = g.op("LessOrEqual", slot, last)
    slot_mask = g.cast(real_slot, TensorProto.INT32)
    after_first = g.cast(g.op("Greater", slot, g.constant(0)), TensorProto.INT64)
    kind = g.op("Add", after_first, g.cast(is_last, TensorProto.INT64))
    x = g.start(g.op("Gather", g.weight(model.slot_embedding.weight), kind), model.width, table)
    for layer, states in zip(model.decoder, memory, strict=True):
        x = g.decoder_layer(layer, x, slot_mask, "", states, mask, "")  # type: ignore[arg-type]
    x = g.norm(x, model.decoder_norm)
    labels, words = g.best_words(x, model.output_weight())
    # edges
    positions = g.op("Expand", g.rows(table, g.constant([0]), length), g.op("Shape", x))
    features = g.op("Concat", x, positions, axis=-1)
    heads = g.constant([0, 0, model.heads, -1])
    query, key = (
        g.op("Transpose", g.op("Reshape", g.linear(features, part.weight, part.bias), heads), perm=perm)
        for part, perm in ((model.edge_query, [0, 2, 1, 3]), (model.edge_key, [0, 2, 3, 1]))
    )
    gate = g.op("LogSoftmax", g.linear(features, model.edge_gate.weight, model.edge_gate.bias), axis=-1)
    gate = g.unsqueeze(g.op("Transpose", gate, perm=[0, 2, 1]), 3)  # [B, H, L, 1]
    width = model.edge_query.out_features // model.heads
    scores = g.op("Mul", g.op("MatMul", query, key), g.number(width**-0.5))  # [B, H, L, L]
    later = g.op("Greater", slot, g.unsqueeze(slot, 1))  # [L, L]
    allowed = g.op("And", later, g.unsqueeze(real_slot, 1))  # [B, L, L]
    never = g.number(IMPOSSIBLE)
    scores = g.op("LogSoftmax", g.op("Where", g.unsqueeze(allowed, 1), scores, never), axis=-1)
    edges = g.op("ReduceLogSumExp", g.op("Add", scores, gate), g.constant([1]), keepdims=0)
    gain = g.op("Where", inner, words, g.number(0))  # [B, L]
    both = g.op("Where", allowed, g.op("Add", edges, g.unsqueeze(gain, 1)), never)
    # the walk
    best, follower = g.maximum(both, 2), g.op("ArgMax", both, axis=2, keepdims=0)
    ended = g.op("GreaterOrEqual", slot, last)
    jump = g.op("Where", ended, slot, follower)
    visited = g.cast(
        g.op("Expand", g.op("Equal", slot, g.constant(0)), g.op("Shape", jump)), TensorProto.INT32
    )
    for _ in range((MAX_SRC_TOKENS * model.slots + 1).bit_length()):
        # Slots that are not visited mark the first one, which is.
        target = g.op("Mul", jump, g.cast(visited, TensorProto.INT64))
        ones = g.op("Add", g.op("Mul", visited, g.constant(0, np.int32)), g.constant(1, np.int32))
        visited = g.op("ScatterElements", visited, target, ones, axis=1)
        jump = g.op("GatherElements", jump, jump, axis=1)
    on_path = g.cast(visited, TensorProto.BOOL)
    words_on_path = g.op("And", on_path, inner)
    counted = g.op("And", on_path, g.op("Not", ended))
    return {"ids": g.compact(labels, words_on_path), "scores": g.mean(best, counted, words_on_path)}


def _fertility(g: _Graph, model: FertilityTransformer, src_ids: str, real: str, table: str) -> dict[str, str]:
    """By argmax."""
    mask = g.cast(real, TensorProto.INT32)
    memory = g.encode(model, src_ids, mask, table)
    logits = g.linear(memory[-1], model.fertility.weight, model.fertility.bias)  # [B, S, F]
    counts = g.op("ArgMax", logits, axis=-1, keepdims=0)
    real_count = g.cast(real, TensorProto.INT64)
    counts = g.op("Mul", counts, real_count)  # [B, S]
    # Where all are zero, the position most sure of a token gets 1.
    none = g.rows(g.op("LogSoftmax", logits, axis=-1), g.constant([0]), g.constant([1]), dim=-1)
    none = g.op("Where", real, g.op("Squeeze", none, g.constant([-1])), g.number(np.inf))
    source = g.range(g.size(src_ids, 1))
    surest = g.op("Equal", source, g.op("ArgMin", none, axis=1, keepdims=1))
    empty = g.op("Equal", g.sum(counts, 1, keep=True), g.constant(0))
    counts = g.op("Add", counts, g.cast(g.op("And", surest, empty), TensorProto.INT64))
    src_lengths = g.sum(real_count, 1, keep=True)  # [B, 1]
    base = length_cap(0)
    cap = g.op("Mul", src_lengths, g.constant(length_cap(1) - base))
    ends = g.op("Min", g.op("CumSum", counts, g.constant(1)), g.op("Add", cap, g.constant(base)))
    starts = g.op("Pad", ends, g.constant([0, 1, 0, -1]), g.constant(0))
    fertilities = g.op("Sub", ends, starts)
    tgt_lengths = g.maximum(ends, 1)  # [B]
    target = g.range(g.unsqueeze(g.op("ReduceMax", tgt_lengths, keepdims=0), 0))  # [T]
    lengths = g.unsqueeze(tgt_lengths, 1)
    real_tgt = g.op("Less", target, lengths)  # [B, T]
    shape = g.op("Concat", g.size(src_ids, 0), g.size(target, 0), g.constant([model.width]), axis=0)
    positions = g.unsqueeze(g.rows(table, g.constant([0]), g.size(target, 0)), 0)
    x = g.op("Expand", positions, shape)
    if model.copy_source != "none":
        if model.copy_source == "fertility":
            passed = g.op("LessOrEqual", g.unsqueeze(ends, 1), g.unsqueeze(target, 1))  # [B, T, S]
            index = g.sum(g.cast(passed, TensorProto.INT64), 2)
        else:
            index = g.op("Div", g.op("Mul", target, src_lengths), lengths)
            index = g.op("Min", index, g.op("Sub", src_lengths, g.constant(1)))
        final = g.op("Sub", g.size(src_ids, 1), g.constant([1]))
        copied = g.op("GatherElements", src_ids, g.op("Min", index, final), axis=1)
        x = g.start(g.op("Gather", g.weight(model.src_embedding.weight), copied), model.width, table)
    # A position sees the others, or itself where there is none.
    others = g.op("Not", g.op("Equal", target, g.unsqueeze(target, 1)))  # [T, T]
    alone = g.op("Equal", g.unsqueeze(lengths, 2), g.constant(1))  # [B, 1, 1]
    seen = g.op("And", g.unsqueeze(real_tgt, 1), g.op("Or", others, alone))
    bias = g.unsqueeze(g.op("Where", seen, g.number(0), g.number(IMPOSSIBLE)), 1)
    tgt_mask = g.cast(real_tgt, TensorProto.INT32)
    where = positions if model.positional else ""
    for layer, states in zip(model.decoder, memory, strict=True):
        x = g.decoder_layer(layer, x, tgt_mask, bias, states, mask, where)  # type: ignore[arg-type]
    labels, scores = g.best_words(g.norm(x, model.decoder_norm), model.tgt_embedding.weight)
    ids = g.op("Mul", labels, g.cast(real_tgt, TensorProto.INT64))
    return {"ids": ids, "scores": g.mean(scores, real_tgt, real_tgt), "fertilities": fertilities}


def export_onnx(model: OnePassTransformer, path: Path) -> None:
    """Writes a student as an ONNX graph.

    Its input is `src_ids`, int64 [B, S] padded with 0, of 1 to 256 tokens. Its outputs are `ids`, int64
    [B, T] padded with 0, `scores`, float32 [B], the mean log probability a token, and of a student with
    fertilities `fertilities`, int64 [B, S].
    """
    g = _Graph()
    real = g.op("Not", g.op("Equal", "src_ids", g.constant(PAD)))
    if isinstance(model, FertilityTransformer):
        table = g.weight(sinusoidal_positions(length_cap(MAX_SRC_TOKENS), model.width))
        outputs = _fertility(g, model, "src_ids", real, table)
    else:
        assert isinstance(model, SlotTransformer)
        table = g.weight(sinusoidal_positions(model.num_slots(MAX_SRC_TOKENS), model.width))
        if isinstance(model, CTCTransformer):
            outputs = _ctc(g, model, "src_ids", real, table)
        else:
            assert isinstance(model, DAGTransformer)
            outputs = _dag(g, model, "src_ids", real, table)
    for name, value in outputs.items():
        g.nodes.append(helper.make_node("Identity", [value], [name]))
    shapes = {"ids": ["B", "T"], "scores": ["B"], "fertilities": ["B", "S"]}
    types = {"scores": TensorProto.FLOAT}
    graph = helper.make_graph(
        g.nodes,
        "onepass",
        [helper.make_tensor_value_info("src_ids", TensorProto.INT64, ["B", "S"])],
        [
            helper.make_tensor_value_info(name, types.get(name, TensorProto.INT64), shapes[name])
            for name in outputs
        ],
        [numpy_helper.from_array(value, name) for name, value in g.constants.items()],
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(MICROSOFT, 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=10), path)
