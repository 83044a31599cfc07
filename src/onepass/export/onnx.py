"""One-pass students as ONNX graphs for ONNX Runtime: ids in, ids out, no loop over tokens.

The graph is written operator by operator, with ONNX Runtime's fused attention, so that it holds no more
operators than it needs. It computes what `decoding/parallel.py` does in float32.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from onepass.models.autoregressive import BOS, EOS, PAD, AutoregressiveTransformer
from onepass.models.ctc import SOFT_COPY_TEMPERATURE, CTCTransformer
from onepass.models.dag import DAGTransformer
from onepass.models.fertility import FertilityTransformer
from onepass.models.one_pass import NEVER, OnePassTransformer, length_cap
from onepass.models.slots import IMPOSSIBLE, SlotTransformer
from onepass.nn.attention import MultiHeadAttention
from onepass.nn.positions import sinusoidal_positions
from onepass.nn.transformer import DecoderLayer, EncoderLayer, FeedForward
from onepass.runtime.text import MAX_SRC_TOKENS

OPSET = 18
MICROSOFT = "com.microsoft"


INT8_MOST = 64
"""Weights are rounded to -64..64: with more, a CPU that adds two products in 16 bits (AVX2) overflows."""


BLOCK = 64
"""Labels looked through together for the most probable one."""


class _Table(NamedTuple):
    """Rows to look up and to multiply with, [V, D]; their scales [V] where the rows are int8."""

    rows: str
    scales: str


class _KeyValue(NamedTuple):
    key: str
    value: str


class _Words(NamedTuple):
    """Labels and their log probabilities, [B, L] each."""

    labels: str
    log_probs: str


class _Source(NamedTuple):
    """A batch of sources.

    Attributes:
        ids: int64 [B, S].
        real: bool [B, S]; `mask`: the same as int32.
        embedded: [B, S, D].
        table: the embeddings of source tokens; `words` those of all labels.
        labels: those that may be written.
        positions: position encodings, [most, D].
    """

    ids: str
    real: str
    mask: str
    embedded: str
    table: _Table
    words: _Table
    labels: NDArray[np.int64]
    positions: str

    def select(self, g: _Graph, rows: str) -> _Source:
        """The given rows of the batch; what is embedded stays as it is."""
        ids, real, mask = (g.op("Gather", x, rows) for x in (self.ids, self.real, self.mask))
        return self._replace(ids=ids, real=real, mask=mask)


class _Graph:
    """A graph in the making; every method returns names of values.

    Args:
        int8: weight matrices are int8 with a scale a row, and multiplied with rounded activations.
    """

    def __init__(self, *, int8: bool) -> None:
        self.int8 = int8
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

    def rounded(self, weight: Tensor) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
        """int8 [N, K] and a scale a row, [N]."""
        values = weight.detach().float().cpu().numpy()
        scales = np.maximum(np.abs(values).max(1), 1e-12) / INT8_MOST
        return np.rint(values / scales[:, None]).astype(np.int8), scales.astype(np.float32)

    def product(self, x: str, columns: str, scales: str, bias: str = "") -> str:
        """x times a matrix [K, N]; of int8, if it has scales."""
        if scales:
            return self.op(
                "DynamicQuantizeMatMul", *[x, columns, scales, "", bias][: 5 if bias else 3], domain=MICROSOFT
            )
        y = self.op("MatMul", x, columns)
        return self.op("Add", y, bias) if bias else y

    def linear(self, x: str, weight: Tensor, bias: Tensor) -> str:
        scales = ""
        if self.int8:
            values, by_row = self.rounded(weight)
            columns = self.constant(np.ascontiguousarray(values.T), np.int8)
            scales = self.constant(by_row, np.float32)
        else:
            columns = self.weight(weight.T.contiguous())
        return self.product(x, columns, scales, self.weight(bias))

    def table(self, weight: Tensor) -> _Table:
        """A matrix [V, D] to look up and to multiply with."""
        if not self.int8:
            return _Table(self.weight(weight), "")
        values, scales = self.rounded(weight)
        return _Table(self.constant(values, np.int8), self.constant(scales, np.float32))

    def look_up(self, table: _Table, ids: str) -> str:
        """Rows of a table."""
        rows = self.op("Gather", table.rows, ids)
        if not table.scales:
            return rows
        scales = self.unsqueeze(self.op("Gather", table.scales, ids), -1)
        return self.op("Mul", self.cast(rows, TensorProto.FLOAT), scales)

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

    def project_memory(self, layers: Iterable[Any], memory: list[str]) -> list[_KeyValue]:
        """Keys and values of the source for every decoder layer: one product for those that see the same."""
        parts = [layer.source_attention for layer in layers]
        width = parts[0].output.in_features
        found: list[_KeyValue] = []
        for states, group in groupby(zip(memory, parts, strict=True), key=itemgetter(0)):
            projections = [part.projection for _, part in group]
            weight = torch.cat([projection.weight[width:] for projection in projections])
            bias = torch.cat([projection.bias[width:] for projection in projections])
            both = self.split(self.linear(states, weight, bias), 2 * len(projections))
            found.extend(_KeyValue(*both[i : i + 2]) for i in range(0, len(both), 2))
        return found

    def feed_forward(self, part: FeedForward, x: str) -> str:
        inner = self.op("Relu", self.linear(x, part.inner.weight, part.inner.bias))
        return self.linear(inner, part.outer.weight, part.outer.bias)

    def encoder_layer(self, layer: EncoderLayer, x: str, mask: str) -> str:
        x = self.op("Add", x, self.self_attention(layer.self_attention, self.norm(x, layer.self_norm), mask))
        return self.op("Add", x, self.feed_forward(layer.ffn, self.norm(x, layer.ffn_norm)))

    def decoder_layer(
        self,
        layer: DecoderLayer,
        x: str,
        mask: str,
        bias: str,
        memory: _KeyValue,
        src_mask: str,
        positions: str,
    ) -> str:
        y = self.norm(x, layer.self_norm)
        x = self.op("Add", x, self.self_attention(layer.self_attention, y, mask, bias))
        if positions:
            part, y = layer.positional_attention, self.norm(x, layer.positional_norm)
            width = part.output.in_features
            weight, own = part.projection.weight, part.projection.bias
            where = self.linear(positions, weight[: 2 * width], own[: 2 * width])  # [1, T, 2D]
            shape = self.op("Concat", self.size(y, 0), self.constant([1, 1]), axis=0)
            query, key = self.split(self.op("Expand", where, shape), 2)
            value = self.linear(y, weight[2 * width :], own[2 * width :])
            x = self.op("Add", x, self.attend(part, query, key, value, mask))
        part, width = layer.source_attention, layer.source_attention.output.in_features
        weight, own = part.projection.weight, part.projection.bias
        query = self.linear(self.norm(x, layer.source_norm), weight[:width], own[:width])
        x = self.op("Add", x, self.attend(part, query, memory.key, memory.value, src_mask))
        return self.op("Add", x, self.feed_forward(layer.ffn, self.norm(x, layer.ffn_norm)))

    # --- what all models have

    def decode(
        self,
        model: OnePassTransformer | AutoregressiveTransformer,
        x: str,
        mask: str,
        memory: list[_KeyValue],
        src_mask: str,
        *,
        bias: str = "",
        positions: str = "",
    ) -> str:
        """The decoder and its last normalisation.

        Args:
            model: whose decoder it is.
            x: [B, T, D].
            mask: int32 [B, T]; `bias` [B or 1, 1, T, T] is added to its own attention's scores.
            memory: of each layer; `src_mask` int32 [B, S].
            positions: of a positional attention, [1, T, D].
        """
        for layer, key_value in zip(model.decoder, memory, strict=True):
            x = self.decoder_layer(layer, x, mask, bias, key_value, src_mask, positions)  # type: ignore[arg-type]
        return self.norm(x, model.decoder_norm)

    def start(self, embedded: str, width: int, table: str) -> str:
        """Embeddings [B, L, D] scaled, with the positions of a table."""
        scaled = self.op("Mul", embedded, self.number(width**0.5))
        return self.op("Add", scaled, self.rows(table, self.constant([0]), self.size(embedded, 1)))

    def encode(
        self, model: OnePassTransformer | AutoregressiveTransformer, source: _Source, *, keep: int = 1
    ) -> list[str]:
        """What each decoder layer sees of the source, [B, S, D]; `keep` as in `nn.transformer.Encoder`."""
        x, outputs = self.start(source.embedded, model.width, source.positions), []
        for layer in model.encoder.layers:
            x = self.encoder_layer(layer, x, source.mask)  # type: ignore[arg-type]
            outputs.append(x)
        kept = [self.norm(y, model.encoder.norm) for y in outputs[-keep:]]
        return [kept[min(i, len(kept) - 1)] for i in range(len(model.decoder))]

    def best_words(self, states: str, source: _Source) -> _Words:
        """The most probable label of every place, of those that may be written.

        ONNX Runtime's ArgMax and ReduceLogSumExp are slower over a vocabulary than the product; its
        ReduceMax and Softmax are not. So most labels are looked through in blocks, the maximum of each
        first; the few that fill no block, and those that are never written, are a small product of their own.
        """
        table, labels = source.words, source.labels
        columns = BLOCK if len(labels) >= 4 * BLOCK else min(2, len(labels) - 1)
        blocks = (len(labels) - 1) // columns
        in_blocks, rest = np.split(labels, [blocks * columns])

        def logits(wanted: NDArray[np.int64]) -> str:
            rows, scales = (self.op("Gather", part, self.constant(wanted)) if part else "" for part in table)
            return self.product(states, self.op("Transpose", rows, perm=[1, 0]), scales)

        many = logits(in_blocks)  # [B, L, blocks * columns]
        few = logits(np.concatenate([NEVER, rest]))
        places = self.op("Reshape", many, self.constant([0, 0, blocks, columns]))
        highest = self.maximum(places, 3)  # [B, L, blocks]
        block = self.op("ArgMax", highest, axis=-1, keepdims=0)  # [B, L]
        chosen = self.op("GatherND", places, self.unsqueeze(block, -1), batch_dims=2)  # [B, L, columns]
        within = self.op("ArgMax", chosen, axis=-1, keepdims=0)
        place = self.op("Add", self.op("Mul", block, self.constant(columns)), within)
        best = self.maximum(highest, 2)
        share = self.maximum(self.op("Softmax", many, axis=-1), 2)  # of the best among the many
        first = len(NEVER)
        tail = self.rows(few, self.constant([first]), self.constant([first + len(rest)]), dim=2)
        best_in_tail = self.maximum(tail, 2)
        in_tail = self.op("ArgMax", tail, axis=-1, keepdims=0)
        in_tail = self.op("Add", in_tail, self.constant(len(in_blocks)))
        place = self.op("Where", self.op("Greater", best_in_tail, best), in_tail, place)
        sums = self.unsqueeze(self.op("Sub", best, self.op("Log", share)), 2)  # log-sum of the many
        total = self.op(
            "ReduceLogSumExp", self.op("Concat", sums, few, axis=2), self.constant([2]), keepdims=0
        )
        label = self.op("Gather", self.constant(labels), place)
        return _Words(label, self.op("Sub", self.op("Max", best, best_in_tail), total))

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


def _ctc(g: _Graph, model: CTCTransformer, source: _Source) -> dict[str, str]:
    real, mask, positions = source.real, source.mask, source.positions
    memory = g.project_memory(model.decoder, g.encode(model, source, keep=model.keep))
    length = g.op("Mul", g.size(real, 1), g.constant([model.slots]))
    slot, place = g.range(length), g.range(g.size(real, 1))
    centre = g.op("Mul", g.cast(slot, TensorProto.FLOAT), g.number(1 / model.slots))
    centre = g.op("Add", centre, g.number(0.5 / model.slots - 0.5))  # [L]
    far = g.op("Abs", g.op("Sub", g.cast(place, TensorProto.FLOAT), g.unsqueeze(centre, 1)))  # [L, S]
    near = g.op("Mul", far, g.number(-1 / SOFT_COPY_TEMPERATURE))
    near = g.op("Where", g.unsqueeze(real, 1), near, g.number(-np.inf))  # [B, L, S]
    x = g.op("MatMul", g.op("Softmax", near, axis=-1), source.embedded)
    x = g.start(x, model.width, positions)
    lengths = g.op("Mul", g.sum(g.cast(real, TensorProto.INT64), 1, keep=True), g.constant(model.slots))
    real_slot = g.op("Less", slot, lengths)  # [B, L]
    slot_mask = g.cast(real_slot, TensorProto.INT32)
    x = g.decode(model, x, slot_mask, memory, mask)
    labels, scores = g.best_words(x, source)
    before = g.op("Pad", labels, g.constant([0, 1, 0, -1]), g.constant(model.blank))
    differs = g.op("Not", g.op("Equal", labels, before))
    word = g.op("Not", g.op("Equal", labels, g.constant(model.blank)))
    keep = g.op("And", g.op("And", real_slot, differs), word)
    return {"ids": g.compact(labels, keep), "scores": g.mean(scores, real_slot, keep)}


def _dag(g: _Graph, model: DAGTransformer, source: _Source) -> dict[str, str]:
    """By lookahead."""
    real, mask, table = source.real, source.mask, source.positions
    memory = g.project_memory(model.decoder, g.encode(model, source, keep=model.keep))
    slots = g.constant([model.slots])
    length = g.op("Add", g.op("Mul", g.size(real, 1), slots), g.constant([2]))
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
    x = g.decode(model, x, slot_mask, memory, mask)
    labels, words = g.best_words(x, source)
    # edges
    positions = g.op("Expand", g.rows(table, g.constant([0]), length), g.op("Shape", x))
    features = g.op("Concat", x, positions, axis=-1)
    heads = g.constant([0, 0, model.heads, -1])
    query, key = (
        g.op("Transpose", g.op("Reshape", g.linear(features, part.weight, part.bias), heads), perm=perm)
        for part, perm in ((model.edge_query, [0, 2, 1, 3]), (model.edge_key, [0, 2, 3, 1]))
    )
    gate = g.op("Softmax", g.linear(features, model.edge_gate.weight, model.edge_gate.bias), axis=-1)
    gate = g.unsqueeze(g.op("Transpose", gate, perm=[0, 2, 1]), 3)  # [B, H, L, 1]
    width = model.edge_query.out_features // model.heads
    scores = g.op("Mul", g.op("MatMul", query, key), g.number(width**-0.5))  # [B, H, L, L]
    later = g.op("Greater", slot, g.unsqueeze(slot, 1))  # [L, L]
    allowed = g.op("And", later, g.unsqueeze(real_slot, 1))  # [B, L, L]
    never = g.number(IMPOSSIBLE)
    shares = g.op("Softmax", g.op("Where", g.unsqueeze(allowed, 1), scores, never), axis=-1)
    edges = g.sum(g.op("Mul", shares, gate), 1)
    edges = g.op("Log", g.op("Max", edges, g.number(1e-37)))  # [B, L, L]
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


def _fertility(
    g: _Graph, model: FertilityTransformer, source: _Source, teacher: AutoregressiveTransformer | None
) -> dict[str, str]:
    """By argmax; with a teacher, by noisy parallel decoding."""
    states = g.encode(model, source, keep=model.keep)
    logits = g.linear(states[-1], model.fertility.weight, model.fertility.bias)  # [B, S, F]
    counts = g.op("ArgMax", logits, axis=-1, keepdims=0)
    shares = g.op("Softmax", logits, axis=-1)
    none = g.rows(shares, g.constant([0]), g.constant([1]), dim=-1)
    none = g.op("Squeeze", none, g.constant([-1]))
    memory = g.project_memory(model.decoder, states)
    if teacher is None:
        return _write(g, model, source, _ends(g, counts, none, source.real), memory)
    # [B, N, S]: the argmax, then a sample for each row of uniform numbers
    cumulative = g.unsqueeze(g.op("CumSum", shares, g.constant(2)), 1)  # [B, 1, S, F]
    passed = g.op("LessOrEqual", cumulative, g.unsqueeze("uniform", 2))
    samples = g.sum(g.cast(passed, TensorProto.INT64), 3)
    samples = g.op("Min", samples, g.constant(model.fertility.out_features - 1))
    every = g.op("Concat", g.unsqueeze(counts, 1), samples, axis=1)
    batch, candidates = g.size(every, 0), g.size(every, 1)
    every = g.op("Reshape", every, g.op("Concat", g.constant([-1]), g.size(every, 2), axis=0))
    row = g.op("Div", g.range(g.op("Mul", batch, candidates)), candidates)
    ends = _ends(g, every, g.op("Gather", none, row), g.op("Gather", source.real, row))
    # Equal candidates of a sentence are decoded once.
    keyed = g.op("Concat", g.unsqueeze(row, 1), ends, axis=1)
    distinct, _, inverse, _ = g.several("Unique", keyed, count=4, axis=0)
    rows = g.op("Squeeze", g.rows(distinct, g.constant([0]), g.constant([1]), dim=1), g.constant([1]))
    ends = g.rows(distinct, g.constant([1]), g.constant([2**31]), dim=1)
    chosen = [_KeyValue(g.op("Gather", kv.key, rows), g.op("Gather", kv.value, rows)) for kv in memory]
    found = _write(g, model, source.select(g, rows), ends, chosen)
    scores = _teacher_scores(g, teacher, source, found["ids"], rows)
    scores = g.op("Reshape", g.op("Gather", scores, inverse), g.op("Concat", batch, candidates, axis=0))
    inverse = g.op("Reshape", inverse, g.op("Concat", batch, candidates, axis=0))
    winner = g.op("ArgMax", scores, axis=1, keepdims=1)
    row = g.op("Squeeze", g.op("GatherElements", inverse, winner, axis=1), g.constant([1]))  # [B]
    ids, fertilities = (g.op("Gather", found[name], row) for name in ("ids", "fertilities"))
    return {"ids": ids, "scores": g.maximum(scores, 1), "fertilities": fertilities}


def _ends(g: _Graph, counts: str, none: str, real: str) -> str:
    """Fertilities as their running sum, [B, S], at least one token and at most the cap.

    Args:
        counts: the fertilities, [B, S], whatever they are at padding.
        none: the probability of no token at all, [B, S].
        real: [B, S].
    """
    real_count = g.cast(real, TensorProto.INT64)
    counts = g.op("Mul", counts, real_count)
    # Where all are zero, the position most sure of a token gets 1.
    none = g.op("Where", real, none, g.number(2))
    surest = g.op("Equal", g.range(g.size(counts, 1)), g.op("ArgMin", none, axis=1, keepdims=1))
    empty = g.op("Equal", g.sum(counts, 1, keep=True), g.constant(0))
    counts = g.op("Add", counts, g.cast(g.op("And", surest, empty), TensorProto.INT64))
    base = length_cap(0)
    cap = g.op("Mul", g.sum(real_count, 1, keep=True), g.constant(length_cap(1) - base))
    return g.op("Min", g.op("CumSum", counts, g.constant(1)), g.op("Add", cap, g.constant(base)))


def _write(
    g: _Graph, model: FertilityTransformer, source: _Source, ends: str, memory: list[_KeyValue]
) -> dict[str, str]:
    """The words of a student with fertilities, which are given as their running sum."""
    starts = g.op("Pad", ends, g.constant([0, 1, 0, -1]), g.constant(0))
    fertilities = g.op("Sub", ends, starts)
    tgt_lengths = g.maximum(ends, 1)  # [B]
    target = g.range(g.unsqueeze(g.op("ReduceMax", tgt_lengths, keepdims=0), 0))  # [T]
    lengths = g.unsqueeze(tgt_lengths, 1)
    real_tgt = g.op("Less", target, lengths)  # [B, T]
    shape = g.op("Concat", g.size(ends, 0), g.size(target, 0), g.constant([model.width]), axis=0)
    positions = g.unsqueeze(g.rows(source.positions, g.constant([0]), g.size(target, 0)), 0)
    x = g.op("Expand", positions, shape)
    if model.copy_source != "none":
        if model.copy_source == "fertility":
            passed = g.op("LessOrEqual", g.unsqueeze(ends, 1), g.unsqueeze(target, 1))  # [B, T, S]
            index = g.sum(g.cast(passed, TensorProto.INT64), 2)
        else:
            src_lengths = g.sum(g.cast(source.real, TensorProto.INT64), 1, keep=True)  # [B, 1]
            index = g.op("Div", g.op("Mul", target, src_lengths), lengths)
            index = g.op("Min", index, g.op("Sub", src_lengths, g.constant(1)))
        final = g.op("Sub", g.size(source.ids, 1), g.constant([1]))
        copied = g.op("GatherElements", source.ids, g.op("Min", index, final), axis=1)
        x = g.start(g.look_up(source.table, copied), model.width, source.positions)
    # A position sees the others, or itself where there is none.
    others = g.op("Not", g.op("Equal", target, g.unsqueeze(target, 1)))  # [T, T]
    alone = g.op("Equal", g.unsqueeze(lengths, 2), g.constant(1))  # [B, 1, 1]
    seen = g.op("And", g.unsqueeze(real_tgt, 1), g.op("Or", others, alone))
    bias = g.unsqueeze(g.op("Where", seen, g.number(0), g.number(IMPOSSIBLE)), 1)
    tgt_mask = g.cast(real_tgt, TensorProto.INT32)
    where = positions if model.positional else ""
    x = g.decode(model, x, tgt_mask, memory, source.mask, bias=bias, positions=where)
    labels, scores = g.best_words(x, source)
    ids = g.op("Mul", labels, g.cast(real_tgt, TensorProto.INT64))
    return {"ids": ids, "scores": g.mean(scores, real_tgt, real_tgt), "fertilities": fertilities}


def _teacher_scores(
    g: _Graph, teacher: AutoregressiveTransformer, source: _Source, tgt_ids: str, rows: str
) -> str:
    """The teacher's mean log probability, [R], of targets [R, T] with their </s>.

    Args:
        source: the sources.
        tgt_ids: targets without </s>, padded with 0.
        rows: the source of each target, [R].
    """
    words = g.table(teacher.tgt_embedding.weight)
    joint = teacher.src_embedding is teacher.tgt_embedding
    table = words if joint else g.table(teacher.src_embedding.weight)
    most = length_cap(MAX_SRC_TOKENS) + 1
    positions = g.weight(sinusoidal_positions(most, teacher.width))
    source = source._replace(embedded=g.look_up(table, source.ids), positions=positions)
    memory = g.project_memory(teacher.decoder, g.encode(teacher, source))
    src_mask = g.op("Gather", source.mask, rows)
    tgt_lengths = g.sum(g.cast(g.op("Greater", tgt_ids, g.constant(PAD)), TensorProto.INT64), 1, keep=True)
    inputs = g.op("Pad", tgt_ids, g.constant([0, 1, 0, 0]), g.constant(BOS))  # [R, T + 1]
    place = g.range(g.size(inputs, 1))
    end = g.cast(g.op("Equal", place, tgt_lengths), TensorProto.INT64)
    targets = g.op("Pad", tgt_ids, g.constant([0, 0, 0, 1]), g.constant(PAD))
    targets = g.op("Add", targets, g.op("Mul", end, g.constant(EOS)))
    real = g.op("LessOrEqual", place, tgt_lengths)
    x = g.start(g.look_up(words, inputs), teacher.width, positions)
    # What follows a target is padding: a mask of what comes before is enough.
    before = g.op("LessOrEqual", place, g.unsqueeze(place, 1))  # [T + 1, T + 1]
    bias = g.unsqueeze(g.op("Where", before, g.number(0), g.number(IMPOSSIBLE)), 0, 1)
    mask = g.cast(real, TensorProto.INT32)
    chosen = [_KeyValue(g.op("Gather", kv.key, rows), g.op("Gather", kv.value, rows)) for kv in memory]
    x = g.decode(teacher, x, mask, chosen, src_mask, bias=bias)
    columns = g.op("Transpose", words.rows, perm=[1, 0])
    logits = g.product(x, columns, words.scales)  # [R, T + 1, V]
    written = g.op("GatherElements", logits, g.unsqueeze(targets, 2), axis=2)
    written = g.op("Squeeze", written, g.constant([2]))
    share = g.maximum(g.op("Softmax", logits, axis=-1), 2)
    total = g.op("Sub", g.maximum(logits, 2), g.op("Log", share))
    return g.mean(g.op("Sub", written, total), real, real)


def export_onnx(
    model: OnePassTransformer,
    path: Path,
    *,
    int8: bool = False,
    teacher: AutoregressiveTransformer | None = None,
    vocabulary: NDArray[np.int64] | None = None,
) -> None:
    """Writes a student as an ONNX graph.

    Its input is `src_ids`, int64 [B, S] padded with 0, of 1 to 256 tokens. Its outputs are `ids`, int64
    [B, T] padded with 0, `scores`, float32 [B], the mean log probability a token, and of a student with
    fertilities `fertilities`, int64 [B, S].

    Args:
        model: in eval mode.
        path: the file to write.
        int8: round the weights to int8, a quarter of the size; activations are rounded where they meet them.
        teacher: of a student with fertilities: decode noisily in parallel and let the teacher choose. The
            graph has a second input, `uniform`, float32 [N - 1, S], the numbers in [0, 1) that N - 1
            samples are drawn with, and `scores` are the teacher's.
        vocabulary: the target tokens that may be written [all but padding, <unk>, <s> and </s>]. Those that
            a student never saw in training it does not write; without them the output layer is faster.
    """
    g = _Graph(int8=int8)
    output_weight, most = model.tgt_embedding.weight, length_cap(MAX_SRC_TOKENS)
    if isinstance(model, SlotTransformer):
        output_weight, most = model.output_weight(), model.num_slots(MAX_SRC_TOKENS)
    words = g.table(output_weight)
    tgt_size = model.tgt_embedding.num_embeddings  # what labels there are beyond are the family's own
    if vocabulary is None:
        vocabulary = np.arange(tgt_size)
    vocabulary = np.setdiff1d(vocabulary, NEVER)
    if len(vocabulary) < 2:  # of a student that was taught a single word
        vocabulary = np.arange(max(NEVER) + 1, tgt_size)
    joint = model.src_embedding is model.tgt_embedding
    table = words if joint else g.table(model.src_embedding.weight)
    real = g.op("Not", g.op("Equal", "src_ids", g.constant(PAD)))
    source = _Source(
        ids="src_ids",
        real=real,
        mask=g.cast(real, TensorProto.INT32),
        embedded=g.look_up(table, "src_ids"),
        table=table,
        words=words,
        labels=np.concatenate([vocabulary, np.arange(tgt_size, output_weight.size(0))]),
        positions=g.weight(sinusoidal_positions(most, model.width)),
    )
    if isinstance(model, FertilityTransformer):
        outputs = _fertility(g, model, source, teacher)
    elif isinstance(model, CTCTransformer):
        outputs = _ctc(g, model, source)
    else:
        assert isinstance(model, DAGTransformer)
        outputs = _dag(g, model, source)
    for name, value in outputs.items():
        g.nodes.append(helper.make_node("Identity", [value], [name]))
    inputs: list[tuple[str, int, list[str]]] = [("src_ids", TensorProto.INT64, ["B", "S"])]
    inputs += [] if teacher is None else [("uniform", TensorProto.FLOAT, ["samples", "S"])]
    shapes = {"ids": ["B", "T"], "scores": ["B"], "fertilities": ["B", "S"]}
    types = {"scores": TensorProto.FLOAT}
    graph = helper.make_graph(
        g.nodes,
        "onepass",
        [helper.make_tensor_value_info(*described) for described in inputs],
        [
            helper.make_tensor_value_info(name, types.get(name, TensorProto.INT64), shapes[name])
            for name in outputs
        ],
        [numpy_helper.from_array(value, name) for name, value in g.constants.items()],
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(MICROSOFT, 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=10), path)
