"""The Transformers as ONNX operators: what encoders read, what decoders start from, and words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto
from torch import Tensor, nn

from onepass.export.graph import Graph, Outputs, Table, Value
from onepass.export.layer_graph import KeyValue, LayerGraph
from onepass.models.autoregressive import EOS, PAD
from onepass.models.marian import MarianTransformer
from onepass.models.one_pass import NEVER, OnePassTransformer
from onepass.models.slots import IMPOSSIBLE, SOFT_COPY_TEMPERATURE, StateStart
from onepass.models.stepwise import WordByWord
from onepass.nn.transformer import Encoder

OUTPUTS = {
    "ids": Value(TensorProto.INT64, ["B", "T"]),
    "scores": Value(TensorProto.FLOAT, ["B"]),
    "sources": Value(TensorProto.INT64, ["B", "T"]),
    "attended": Value(TensorProto.INT64, ["B", "L"]),
    "fertilities": Value(TensorProto.INT64, ["B", "S"]),
    "labels": Value(TensorProto.INT64, ["B", "L"]),
    "log_probs": Value(TensorProto.FLOAT, ["B", "L"]),
    "span_log_probs": Value(TensorProto.FLOAT, ["B", "L", "K"]),
}
"""Of a student's graph; `fertilities` where there are any, the last three of CTC with placeholders."""
SPAN_INPUTS = {
    "spans": Value(TensorProto.INT64, ["B", "K"]),
    "forced": Value(TensorProto.INT64, ["B", "F"]),
}
"""Of a graph with placeholders: those of each sentence, padded with 0, and the labels that slots must have, 0
where a slot is free; [B, 1] of zeros: all are."""
BLOCK = 64
"""Labels looked through together for the most probable one."""


class Words(NamedTuple):
    """Labels and their log probabilities, [B, L] each."""

    labels: str
    log_probs: str


class Shortlist(NamedTuple):
    """The labels that the sentences of a batch can need, filled up to a multiple of BLOCK.

    Attributes:
        labels: int64 [n].
        filling: which of them only fill up, bool [n].
        own: added to their scores, [B, 1, n]: 0, or for what a sentence cannot need too low to be chosen. So
            its translation does not depend on its batch.
    """

    labels: str
    filling: str
    own: str


class Placeholders(NamedTuple):
    """The placeholders of a model: the first id, and the alias and its twin of each, int64 [n]."""

    first: int
    aliases: NDArray[np.int64]
    twins: NDArray[np.int64]


class Source(NamedTuple):
    """A batch of sources.

    Attributes:
        ids: int64 [B, S]; `real`: which are tokens, bool [B, S].
        read_ids: what an encoder reads, int64 [B, S']: the same, or with post-norm </s> as well.
        read: which of these are tokens, bool [B, S']; `mask`: the same as int32.
        embedded: what an encoder reads, [B, S', D].
        table: the embeddings of source tokens; `words` those of all labels.
        labels: those that may be written.
        shortlist: those that the sentences of this batch can need, and each of them; None: all.
        positions: position encodings, [most, D].
        shared_encoder: the teacher in the graph reads as the student does.
        states: what the student's encoder made of them, [B, S', D].
        placeholders: of a graph that has `SPAN_INPUTS`; None: it has not.
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
    shared_encoder: bool = False
    states: str = ""
    placeholders: Placeholders | None = None

    def select(self, g: Graph, rows: str) -> Source:
        """The given rows of the batch, for a decoder; what an encoder reads stays as it is."""
        ids, real, mask = (g.op("Gather", x, rows) for x in (self.ids, self.real, self.mask))
        shortlist = self.shortlist
        if shortlist is not None:
            shortlist = shortlist._replace(own=g.op("Gather", shortlist.own, rows))
        return self._replace(ids=ids, real=real, mask=mask, shortlist=shortlist)


class TransformerGraph(LayerGraph):
    """A graph with a model; every method returns names of values."""

    def decode(
        self,
        model: OnePassTransformer | WordByWord,
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
        if isinstance(model, MarianTransformer) or not isinstance(model.decoder_norm, nn.LayerNorm):
            return x
        return self.norm(x, model.decoder_norm)

    def attended(self, source: Source) -> str:
        """The source token that each place attends to most in the last layer so far: int64 [B, T].

        As `models.one_pass.OnePassTransformer.attended`.
        """
        query, key = self.looks[-1]
        key = self.rows(key, self.constant([0]), self.size(source.ids, 1), dim=1)  # without </s>
        scores = self.op("MatMul", query, self.op("Transpose", key, perm=[0, 2, 1]))  # [B, T, S]
        scores = self.op("Where", self.unsqueeze(source.real, 1), scores, self.number(-np.inf))
        return self.op("ArgMax", scores, axis=-1, keepdims=0)

    def positions(self, table: Tensor) -> str:
        """Position encodings, [most, D]."""
        return self.halved(table.numpy()) if self.int8 else self.weight(table)

    def lengths(self, ids: str, dim: int, *, keep: bool = False) -> str:
        """How many ids along a dimension are no padding."""
        written = self.op("Greater", ids, self.constant(PAD))
        return self.sum(self.cast(written, TensorProto.INT64), dim, keep=keep)

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

    def encode(self, model: OnePassTransformer | WordByWord, source: Source, *, keep: int = 1) -> list[str]:
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
            lexicon: labels of each source token, [V, k]; 0: none.
            always: labels that every sentence may need.
            allowed: labels that may be written at all; the others are left out.
        """
        size = int(allowed.max()) + 1
        start = np.zeros((1, size), dtype=np.uint8)
        start[:, always] = 1
        yielded = self._yielded(src_ids, lexicon, np.setdiff1d(allowed, always), [*always, *allowed][0])
        ones = self.op("Expand", self.constant(1, np.uint8), self.op("Shape", yielded))
        shape = self.op("Concat", self.size(src_ids, 0), self.constant([size]), axis=0)
        marked = self.op("Expand", self.constant(start, np.uint8), shape)
        marked = self.op("ScatterElements", marked, yielded, ones, axis=1)  # [B, size]
        # The same of the batch at once: its maximum over the sentences takes longer.
        every = [self.op("Reshape", part, self.constant([-1])) for part in (yielded, ones)]
        of_batch = self.op("ScatterElements", self.constant(start[0], np.uint8), *every, axis=0)
        labels = self.op("Squeeze", self.op("NonZero", of_batch), self.constant([0]))
        missing = self.op("Mod", self.op("Neg", self.size(labels, 0)), self.constant([BLOCK]))
        filling = self.op("Expand", self.constant(int(allowed[0])), missing)
        none = self.op("Concat", self.constant([0, 0, 0]), missing, axis=0)
        own = self.op("Pad", self.op("Gather", marked, labels, axis=1), none)  # [B, n]
        penalty = self.op("Where", self.cast(own, TensorProto.BOOL), self.number(0), self.number(IMPOSSIBLE))
        real = self.op("Expand", self.constant(0, np.int32), self.op("Shape", labels))
        fills = self.op("Concat", real, self.op("Expand", self.constant(1, np.int32), missing), axis=0)
        return Shortlist(
            self.op("Concat", labels, filling, axis=0),
            self.cast(fills, TensorProto.BOOL),
            self.unsqueeze(penalty, 1),
        )

    def _yielded(
        self, src_ids: str, lexicon: NDArray[np.int64], wanted: NDArray[np.int64], usual: int
    ) -> str:
        """The wanted labels of each sentence's tokens, [B, n], and `usual` where there are fewer.

        Few tokens have as many as the richest, so the rows lie one behind the other in one array.
        """
        kept = np.isin(lexicon, wanted)
        counts = kept.sum(1)
        most = max(int(counts.max()), 1)
        small = np.int16 if max(lexicon.max(), usual) <= np.iinfo(np.int16).max else np.int32
        words = self.constant(np.concatenate([lexicon[kept], np.full(most, usual)]), small)
        ends = np.cumsum(counts)
        first, end = (
            self.cast(self.op("Gather", self.constant(places, np.int32), src_ids), TensorProto.INT64)
            for places in (ends - counts, ends)
        )
        places = self.op("Add", self.unsqueeze(first, 2), self.constant(np.arange(most)))  # [B, S, most]
        found = self.cast(self.op("Gather", words, places), TensorProto.INT64)
        found = self.op("Where", self.op("Less", places, self.unsqueeze(end, 2)), found, self.constant(usual))
        return self.op("Reshape", found, self.constant([0, -1]))

    def logits(self, states: str, table: Table, labels: str, penalty: str = "") -> str:
        """The scores of some labels, [B, L, n], and a penalty [B, 1, n] added to them."""
        words = self.words_of(table, labels)
        scores = self.product(states, words.rows, words.scales, words.bias)
        return self.op("Add", scores, penalty) if penalty else scores

    def words_of(self, table: Table, labels: str) -> Table:
        """Some words of a table to multiply with: its `rows` are columns, [D, n]."""
        found = Table(*(self.op("Gather", part, labels) if part else "" for part in table))
        return found._replace(rows=self.op("Transpose", found.rows, perm=[1, 0]))

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

    def needed(self, source: Source) -> tuple[str, str]:
        """The labels that a batch can need, and the penalty of those that a sentence cannot, if any."""
        if source.shortlist is None:
            return self.constant(source.labels), ""
        return source.shortlist.labels, source.shortlist.own

    def top_words(self, states: str, source: Source, count: int) -> Words:
        """The most probable labels of every place, best first, [B, L, count], and scores that differ as their
        log probabilities do."""
        labels, penalty = self.needed(source)
        logits = self.logits(states, source.words, labels, penalty)
        if source.placeholders is not None:
            logits = self.op("Add", logits, self.not_hidden(source.placeholders, labels))
        scores, place = self.several("TopK", logits, self.constant([count]), count=2)
        return Words(self.op("Gather", labels, place), scores)

    def not_hidden(self, placeholders: Placeholders, labels: str) -> str:
        """What to add to the scores of labels [n], so that no placeholder or its alias is best: [B, 1, n]."""
        own = self.op("Greater", "spans", self.constant(0))  # [B, K]
        slot = self.op("Max", self.op("Sub", "spans", self.constant(placeholders.first)), self.constant(0))
        last = placeholders.first + len(placeholders.aliases)
        hidden = self.op(
            "And",
            self.op("GreaterOrEqual", labels, self.constant(placeholders.first)),
            self.op("Less", labels, self.constant(last)),
        )  # [n]
        count = self.cast(hidden, TensorProto.INT32)
        for ids in (placeholders.aliases, placeholders.twins):
            mine = self.op("Where", own, self.op("Gather", self.constant(ids), slot), self.constant(-1))
            same = self.op("Equal", self.unsqueeze(mine, 2), labels)  # [B, K, n]
            count = self.op("Add", count, self.sum(self.cast(same, TensorProto.INT32), 1))
        penalty = self.op(
            "Where",
            self.op("Greater", count, self.constant(0, np.int32)),
            self.number(IMPOSSIBLE),
            self.number(0),
        )
        return self.unsqueeze(penalty, 1)

    def words_beside(self, states: str, source: Source) -> Outputs:
        """As `best_words`, of batches with placeholders: `labels` that are none, and the `span_log_probs`."""
        assert source.placeholders is not None
        labels, penalty = self.needed(source)
        logits = self.logits(states, source.words, labels, penalty)
        logits = self.op("Add", logits, self.not_hidden(source.placeholders, labels))  # [B, L, n]
        rows = self.look_up(source.words, "spans")  # [B, K, D]
        of_spans = self.op("MatMul", states, self.op("Transpose", rows, perm=[0, 2, 1]))
        if source.words.bias:
            of_spans = self.op(
                "Add", of_spans, self.unsqueeze(self.op("Gather", source.words.bias, "spans"), 1)
            )
        own = self.unsqueeze(self.op("Greater", "spans", self.constant(0)), 1)
        of_spans = self.op("Where", own, of_spans, self.number(IMPOSSIBLE))  # [B, L, K]
        every = self.op("Concat", logits, of_spans, axis=2)
        total = self.log_sum(every, self.maximum(every, 2))  # [B, L]
        best = self.op("Sub", self.maximum(logits, 2), total)
        return {
            "labels": self.op("Gather", labels, self.op("ArgMax", logits, axis=-1, keepdims=0)),
            "log_probs": best,
            "span_log_probs": self.op("Sub", of_spans, self.unsqueeze(total, 2)),
        }

    def best_words(self, states: str, source: Source) -> Words:
        """The most probable label of every place, and its log probability (with a shortlist: within it)."""
        if source.shortlist is not None:
            logits = self.logits(states, source.words, source.shortlist.labels, source.shortlist.own)
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
        carries_placeholders: it may have `SPAN_INPUTS`, and tells of every place how likely they are.
    """

    write: Callable[[TransformerGraph, OnePassTransformer, Source, WordByWord | None], Outputs]
    candidates: CandidateInput | None
    is_sure: bool = False
    carries_placeholders: bool = False
