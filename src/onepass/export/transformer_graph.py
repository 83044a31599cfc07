"""The layers of the Transformers as ONNX operators, with ONNX Runtime's fused attention."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from onnx import TensorProto
from torch import Tensor, nn
from torch.nn import functional

from onepass.export.graph import MICROSOFT, Graph, Outputs, Table, Value
from onepass.models.autoregressive import EOS, PAD, AutoregressiveTransformer
from onepass.models.one_pass import NEVER, OnePassTransformer
from onepass.models.slots import IMPOSSIBLE, SOFT_COPY_TEMPERATURE, StateStart
from onepass.nn.attention import MultiHeadAttention
from onepass.nn.post_norm import ActivatedFeedForward, PostNorm, PostNormEncoderLayer, PostNormSlotLayer
from onepass.nn.transformer import DecoderLayer, Encoder, EncoderLayer, FeedForward

OUTPUTS = {
    "ids": Value(TensorProto.INT64, ["B", "T"]),
    "scores": Value(TensorProto.FLOAT, ["B"]),
    "fertilities": Value(TensorProto.INT64, ["B", "S"]),
}
"""Of a student's graph; `fertilities` where there are any."""
BLOCK = 64
"""Labels looked through together for the most probable one."""


class KeyValue(NamedTuple):
    """Projected keys and values of the source, [B, S, D] each."""

    key: str
    value: str

    def select(self, g: Graph, rows: str) -> KeyValue:
        """The given rows of the batch."""
        return KeyValue(*(g.op("Gather", part, rows) for part in self))


class Words(NamedTuple):
    """Labels and their log probabilities, [B, L] each."""

    labels: str
    log_probs: str


class Shortlist(NamedTuple):
    """Some labels, filled up to a multiple of BLOCK.

    Attributes:
        labels: int64 [n].
        penalty: added to their scores, [n]: 0, or for what fills up too low to be chosen.
    """

    labels: str
    penalty: str


class Source(NamedTuple):
    """A batch of sources.

    Attributes:
        ids: int64 [B, S]; `real`: which are tokens, bool [B, S].
        read_ids: what an encoder reads, int64 [B, S']: the same, or with post-norm </s> as well.
        read: which of these are tokens, bool [B, S']; `mask`: the same as int32.
        embedded: what an encoder reads, [B, S', D].
        table: the embeddings of source tokens; `words` those of all labels.
        labels: those that may be written.
        shortlist: those that the sentences of this batch can need; None: all.
        positions: position encodings, [most, D].
    """

    ids: str
    real: str
    read_ids: str
    read: str
    mask: str
    embedded: str
    table: Table
    words: Table
    labels: NDArray[np.int64]
    shortlist: Shortlist | None
    positions: str

    def select(self, g: Graph, rows: str) -> Source:
        """The given rows of the batch, for a decoder; what an encoder reads stays as it is."""
        ids, real, mask = (g.op("Gather", x, rows) for x in (self.ids, self.real, self.mask))
        return self._replace(ids=ids, real=real, mask=mask)


class TransformerGraph(Graph):
    """A graph with layers; every method returns names of values."""

    def attend(
        self,
        part: MultiHeadAttention,
        query: str,
        key: str,
        value: str,
        mask: str,
        bias: str = "",
        *,
        causal: bool = False,
    ) -> str:
        """softmax(q kᵀ / √d) v and the output layer.

        Args:
            part: the layers around it.
            query: [B, T, D]; `key` and `value` [B, S, D].
            mask: int32 [B, S]; "": all are seen.
            bias: [B, 1, T, S], added to the scores.
            causal: a place sees itself and what comes before.
        """
        inputs = [query, key, value, "", mask, bias]
        y = self.op(
            "MultiHeadAttention",
            *inputs,
            domain=MICROSOFT,
            num_heads=part.heads,
            unidirectional=int(causal),
        )
        return self.linear(y, part.output.weight, part.output.bias)

    def self_attention(
        self, part: MultiHeadAttention, x: str, mask: str, bias: str = "", *, causal: bool = False
    ) -> str:
        """Attention of x [B, L, D] to itself; the other arguments as in `attend`."""
        if self.int8 and not bias:
            # Projection and attention in one, without the copies between them (docs/results/LOG.md).
            values, scale, zero = self.to_uint8(x)
            columns, scales = self.int8_columns(part.projection.weight)
            inputs = [values, columns, self.weight(part.projection.bias), scale, scales, mask, zero]
            y = self.op(
                "QAttention", *inputs, domain=MICROSOFT, num_heads=part.heads, unidirectional=int(causal)
            )
            return self.linear(y, part.output.weight, part.output.bias)
        query, key, value = self.split(self.linear(x, part.projection.weight, part.projection.bias), 3)
        return self.attend(part, query, key, value, mask, bias, causal=causal)

    def project_memory(self, layers: Iterable[Any], memory: list[str]) -> list[KeyValue]:
        """Keys and values of the source for every decoder layer: one product for those that see the same."""
        parts = [layer.source_attention for layer in layers]
        width = parts[0].output.in_features
        found: list[KeyValue] = []
        for states, group in groupby(zip(memory, parts, strict=True), key=itemgetter(0)):
            projections = [part.projection for _, part in group]
            weight = torch.cat([projection.weight[width:] for projection in projections])
            bias = torch.cat([projection.bias[width:] for projection in projections])
            both = self.split(self.linear(states, weight, bias), 2 * len(projections))
            found.extend(KeyValue(*both[i : i + 2]) for i in range(0, len(both), 2))
        return found

    def source_attention(self, part: MultiHeadAttention, x: str, memory: KeyValue, src_mask: str) -> str:
        """Attention of x [B, T, D] to the source."""
        width = part.output.in_features
        query = self.linear(x, part.projection.weight[:width], part.projection.bias[:width])
        return self.attend(part, query, memory.key, memory.value, src_mask)

    def positional_attention(self, part: MultiHeadAttention, x: str, positions: str, mask: str) -> str:
        """Attention of positions [1, T, D] to each other; what they see is x [B, T, D]."""
        width = part.output.in_features
        weight, own = part.projection.weight, part.projection.bias
        where = self.linear(positions, weight[: 2 * width], own[: 2 * width])  # [1, T, 2D]
        shape = self.op("Concat", self.size(x, 0), self.constant([1, 1]), axis=0)
        query, key = self.split(self.op("Expand", where, shape), 2)
        value = self.linear(x, weight[2 * width :], own[2 * width :])
        return self.attend(part, query, key, value, mask)

    def feed_forward(self, part: FeedForward | ActivatedFeedForward, x: str) -> str:
        """A network of one hidden layer."""
        swish = isinstance(part, ActivatedFeedForward) and part.activation is functional.silu
        return self.two_layers(x, part.inner, part.outer, swish=swish)

    def sublayer(self, x: str, norm: nn.LayerNorm, compute: Callable[[str], str]) -> str:
        """x + compute(norm(x)); or norm(x + compute(x)), where norms come after."""
        if isinstance(norm, PostNorm):
            return self.norm(self.op("Add", x, compute(x)), norm)
        return self.op("Add", x, compute(self.norm(x, norm)))

    def encoder_layer(self, layer: EncoderLayer | PostNormEncoderLayer, x: str, mask: str) -> str:
        """A layer of the encoder, [B, S, D] -> [B, S, D]."""
        x = self.sublayer(x, layer.self_norm, lambda y: self.self_attention(layer.self_attention, y, mask))
        return self.sublayer(x, layer.ffn_norm, lambda y: self.feed_forward(layer.ffn, y))

    def decoder_layer(
        self,
        layer: DecoderLayer | PostNormSlotLayer,
        x: str,
        mask: str,
        bias: str,
        memory: KeyValue,
        src_mask: str,
        positions: str,
        causal: bool,
    ) -> str:
        """A layer of the decoder; the arguments are those of `decode`."""
        x = self.sublayer(
            x,
            layer.self_norm,
            lambda y: self.self_attention(layer.self_attention, y, mask, bias, causal=causal),
        )
        if positions:
            x = self.sublayer(
                x,
                layer.positional_norm,
                lambda y: self.positional_attention(layer.positional_attention, y, positions, mask),
            )
        x = self.sublayer(
            x,
            layer.source_norm,
            lambda y: self.source_attention(layer.source_attention, y, memory, src_mask),
        )
        return self.sublayer(x, layer.ffn_norm, lambda y: self.feed_forward(layer.ffn, y))

    def decode(
        self,
        model: OnePassTransformer | AutoregressiveTransformer,
        x: str,
        mask: str,
        memory: list[KeyValue],
        src_mask: str,
        *,
        bias: str = "",
        positions: str = "",
        causal: bool = False,
    ) -> str:
        """The decoder and its last normalisation, where it has one.

        Args:
            model: whose decoder it is.
            x: [B, T, D].
            mask: int32 [B, T]; `bias` [B or 1, 1, T, T] is added to its own attention's scores.
            causal: a place sees itself and what comes before.
            memory: of each layer; `src_mask` int32 [B, S].
            positions: of a positional attention, [1, T, D].
        """
        for layer, key_value in zip(model.decoder, memory, strict=True):
            x = self.decoder_layer(layer, x, mask, bias, key_value, src_mask, positions, causal)  # type: ignore[arg-type]
        return self.norm(x, model.decoder_norm) if isinstance(model.decoder_norm, nn.LayerNorm) else x

    def positions(self, table: Tensor) -> str:
        """Position encodings, [most, D]."""
        return self.halved(table.numpy()) if self.int8 else self.weight(table)

    def with_end(self, ids: str, real: str) -> str:
        """Ids [B, S], padded with 0, and </s> behind the real ones: [B, S + 1]."""
        lengths = self.sum(self.cast(real, TensorProto.INT64), 1, keep=True)
        longer = self.op("Pad", ids, self.constant([0, 0, 0, 1]), self.constant(PAD))
        end = self.op("Equal", self.range(self.size(longer, 1)), lengths)
        return self.op("Where", end, self.constant(EOS), longer)

    def scaled(self, embedded: str, width: int) -> str:
        """Embeddings in the size of states."""
        return self.op("Mul", embedded, self.number(width**0.5))

    def start(self, x: str, width: int, table: str, *, embedded: bool = True) -> str:
        """x [B, L, D] with the positions of a table; scaled first, if it is embedded."""
        y = self.scaled(x, width) if embedded else x
        return self.op("Add", y, self.rows(table, self.constant([0]), self.size(x, 1)))

    def state_start(self, part: StateStart, states: str) -> str:
        """As `models.slots.StateStart`: [B, S, D] -> [B, S · slots, D]."""
        mapped = self.linear(states, part.weight, part.bias)
        x = self.op("Add", self.unsqueeze(mapped, 2), self.weight(part.vectors))  # [B, S, slots, D]
        return self.op("Reshape", x, self.constant([0, -1, part.vectors.size(1)]))

    def soft_copy(self, source: Source, slots: int, slot: str) -> str:
        """As `models.slots.soft_copy`: [B, L, D]; `slot` are the numbers 0 .. L - 1."""
        place = self.range(self.size(source.read, 1))
        centre = self.op("Mul", self.cast(slot, TensorProto.FLOAT), self.number(1 / slots))
        centre = self.op("Add", centre, self.number(0.5 / slots - 0.5))  # [L]
        far = self.op("Sub", self.cast(place, TensorProto.FLOAT), self.unsqueeze(centre, 1))
        far = self.op("Abs", far)  # [L, S]
        near = self.op("Mul", far, self.number(-1 / SOFT_COPY_TEMPERATURE))
        near = self.op("Where", self.unsqueeze(source.read, 1), near, self.number(-np.inf))  # [B, L, S]
        return self.op("MatMul", self.op("Softmax", near, axis=-1), source.embedded)

    def encode(
        self, model: OnePassTransformer | AutoregressiveTransformer, source: Source, *, keep: int = 1
    ) -> list[str]:
        """What each decoder layer sees of the source, [B, S, D]; `keep` as in `nn.transformer.Encoder`."""
        x, outputs = self.start(source.embedded, model.width, source.positions), []
        for layer in model.encoder.layers:
            x = self.encoder_layer(layer, x, source.mask)  # type: ignore[arg-type]
            outputs.append(x)
        kept = outputs[-keep:]
        if isinstance(model.encoder, Encoder):
            kept = [self.norm(y, model.encoder.norm) for y in kept]
        return [kept[min(i, len(kept) - 1)] for i in range(len(model.decoder))]

    def shortlist(
        self, src_ids: str, lexicon: NDArray[np.int64], always: NDArray[np.int64], allowed: NDArray[np.int64]
    ) -> Shortlist:
        """The labels that the source tokens of a batch can yield.

        Args:
            src_ids: int64 [B, S].
            lexicon: labels of each source token, [V, k].
            always: labels that every sentence may need.
            allowed: labels that may be written at all; the others are left out.
        """
        size = int(allowed.max()) + 1
        start, may = np.zeros(size, dtype=np.int32), np.zeros(size, dtype=np.int32)
        start[always] = 1
        may[allowed] = 1
        small = np.int16 if size <= np.iinfo(np.int16).max else np.int32
        yielded = self.op("Gather", self.constant(np.where(lexicon < size, lexicon, 0), small), src_ids)
        yielded = self.op("Reshape", self.cast(yielded, TensorProto.INT64), self.constant([-1]))
        ones = self.op("Expand", self.constant(1, np.int32), self.op("Shape", yielded))
        marked = self.op("ScatterElements", self.constant(start, np.int32), yielded, ones, axis=0)
        marked = self.op("Mul", marked, self.constant(may, np.int32))
        labels = self.op("Squeeze", self.op("NonZero", marked), self.constant([0]))
        missing = self.op("Mod", self.op("Neg", self.size(labels, 0)), self.constant([BLOCK]))
        filling = self.op("Expand", self.constant(int(allowed[0])), missing)
        none = self.op("Expand", self.number(0), self.op("Shape", labels))
        penalty = self.op("Expand", self.number(IMPOSSIBLE), missing)
        return Shortlist(self.op("Concat", labels, filling, axis=0), self.op("Concat", none, penalty, axis=0))

    def logits(self, states: str, table: Table, labels: str, penalty: str = "") -> str:
        """The scores of some labels, [B, L, n], and a penalty [n] added to them."""
        rows, scales, bias = (self.op("Gather", part, labels) if part else "" for part in table)
        if bias and penalty:
            bias = self.op("Add", bias, penalty)
        return self.product(states, self.op("Transpose", rows, perm=[1, 0]), scales, bias or penalty)

    def highest(self, logits: str, blocks: int, columns: int) -> tuple[str, str]:
        """The place of the highest score in each row of blocks · columns (blocks -1: unknown), and the score
        of each block's highest.

        ONNX Runtime's ArgMax is slower over a vocabulary than the product before it, and its ReduceMax
        is not: so the maximum of each block comes first.
        """
        places = self.op("Reshape", logits, self.constant([0, 0, blocks, columns]))
        highest = self.maximum(places, 3)  # [B, L, blocks]
        block = self.op("ArgMax", highest, axis=-1, keepdims=0)  # [B, L]
        chosen = self.op("GatherND", places, self.unsqueeze(block, -1), batch_dims=2)  # [B, L, columns]
        within = self.op("ArgMax", chosen, axis=-1, keepdims=0)
        place = self.op("Add", self.op("Mul", block, self.constant(columns)), within)
        return place, highest

    def log_sum(self, logits: str, highest: str) -> str:
        """log Σ exp over the last of three dimensions, whose highest scores are known.

        By way of Softmax, because ONNX Runtime's ReduceLogSumExp is slow over a vocabulary.
        """
        share = self.maximum(self.op("Softmax", logits, axis=-1), 2)
        return self.op("Sub", highest, self.op("Log", share))

    def top_words(self, states: str, source: Source, count: int) -> Words:
        """The most probable labels of every place, best first, [B, L, count], and scores that differ as their
        log probabilities do."""
        labels, penalty = source.shortlist or (self.constant(source.labels), "")
        logits = self.logits(states, source.words, labels, penalty)
        scores, place = self.several("TopK", logits, self.constant([count]), count=2)
        return Words(self.op("Gather", labels, place), scores)

    def best_words(self, states: str, source: Source) -> Words:
        """The most probable label of every place, and its log probability (with a shortlist: within it)."""
        if source.shortlist is not None:
            logits = self.logits(states, source.words, *source.shortlist)
            place, _ = self.highest(logits, -1, BLOCK)
            share = self.maximum(self.op("Softmax", logits, axis=-1), 2)
            return Words(self.op("Gather", source.shortlist.labels, place), self.op("Log", share))
        # The few labels that fill no block, and those that are never written, are a product of their own.
        labels = source.labels
        columns = BLOCK if len(labels) >= 4 * BLOCK else min(2, len(labels) - 1)
        blocks = (len(labels) - 1) // columns
        in_blocks, rest = np.split(labels, [blocks * columns])
        many = self.logits(states, source.words, self.constant(in_blocks))  # [B, L, blocks * columns]
        few = self.logits(states, source.words, self.constant(np.concatenate([NEVER, rest])))
        place, highest = self.highest(many, blocks, columns)
        best = self.maximum(highest, 2)
        first = len(NEVER)
        tail = self.rows(few, self.constant([first]), self.constant([first + len(rest)]), dim=2)
        best_in_tail = self.maximum(tail, 2)
        in_tail = self.op("ArgMax", tail, axis=-1, keepdims=0)
        in_tail = self.op("Add", in_tail, self.constant(len(in_blocks)))
        place = self.op("Where", self.op("Greater", best_in_tail, best), in_tail, place)
        sums = self.unsqueeze(self.log_sum(many, best), 2)
        total = self.op(
            "ReduceLogSumExp", self.op("Concat", sums, few, axis=2), self.constant([2]), keepdims=0
        )
        label = self.op("Gather", self.constant(labels), place)
        return Words(label, self.op("Sub", self.op("Max", best, best_in_tail), total))


class CandidateInput(NamedTuple):
    """The input of a graph that says which candidates its teacher chooses among.

    Attributes:
        name: of the input.
        value: its type and dimensions.
        example: for a source of so many tokens: ten candidates.
    """

    name: str
    value: Value
    example: Callable[[int], NDArray[Any]]


class StudentGraph(NamedTuple):
    """How students of a family become a graph.

    Attributes:
        write: what a model writes for a source, as `OUTPUTS`; a teacher chooses among candidates.
        candidates: which input says how many there are; None: the graph has none.
        is_sure: what is written depends on how sure a place is of its word, among all that there are.
    """

    write: Callable[[TransformerGraph, OnePassTransformer, Source, AutoregressiveTransformer | None], Outputs]
    candidates: CandidateInput | None
    is_sure: bool = False
