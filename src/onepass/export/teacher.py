"""The teacher in a student's graph: it scores all candidates in one parallel pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from onnx import TensorProto

from onepass.export.transformer_graph import Shortlist, Source, TransformerGraph
from onepass.models.autoregressive import BOS, EOS, PAD
from onepass.models.marian import MarianTransformer
from onepass.models.slots import IMPOSSIBLE
from onepass.models.stepwise import WordByWord


class Opinion(NamedTuple):
    """What a teacher says to R targets of T tokens and their </s>.

    Attributes:
        logits: of the words that it may write, [R, T + 1, n].
        ids: the targets with </s>, padded with 0, int64 [R, T + 1].
        columns: where these are among the words, int64 [R, T + 1].
        real: which are no padding, bool [R, T + 1].
    """

    logits: str
    ids: str
    columns: str
    real: str


class Judge:
    """The teacher, which has read the sources.

    Args:
        g: the graph.
        teacher: of the student's arrangement.
        source: the sources.

    Attributes:
        labels: the words that it may write, int64 [n].
        size: of its vocabulary; `width`: of its states.
        cells: how many SSRUs it has; 0: places see others in another way.
    """

    def __init__(self, g: TransformerGraph, teacher: WordByWord, source: Source) -> None:
        self._g, self._teacher, self._source = g, teacher, source
        words = g.table([teacher.output_weight()], teacher.output_bias())
        tied = teacher.output_weight() is teacher.tgt_embedding.weight
        self._targets = words if tied else g.table([teacher.tgt_embedding.weight])
        joint = teacher.src_embedding is teacher.tgt_embedding
        if source.shared_encoder:
            states = [source.states] * len(teacher.decoder)
        else:
            table = self._targets if joint else g.table([teacher.src_embedding.weight])
            states = g.encode(teacher, source._replace(embedded=g.look_up(table, source.read_ids)))
        self._memory = g.project_memory(teacher.decoder, states)
        self._own = self._columns = ""
        self.size, self.width = teacher.tgt_embedding.num_embeddings, teacher.width
        self.cells = (
            len(teacher.decoder) if isinstance(teacher, MarianTransformer) and teacher.sizes.recurrent else 0
        )
        if source.shortlist is None:
            self.labels = g.constant(np.arange(self.size))
            self._words = words._replace(rows=g.op("Transpose", words.rows, perm=[1, 0]))
        else:
            shortlist, self._columns = _with_end(g, source.shortlist, self.size)
            self.labels, self._own = shortlist.labels, shortlist.own
            self._words = g.words_of(words, shortlist.labels)

    def end(self) -> str:
        """Where </s> is among the words, int64 [1]: behind all others of a shortlist."""
        if not self._columns:
            return self._g.constant([EOS])
        return self._g.op("Sub", self._g.size(self.labels, 0), self._g.constant([1]))

    def opinion(self, tgt_ids: str, rows: str, begin: str = "", cells: Sequence[str] = ()) -> Opinion:
        """Of targets [R, T] without </s>, padded with 0; `rows`: the source of each, [R].

        Args:
            tgt_ids, rows: the targets.
            begin: the first place of each that it is asked about, [R]; the result has as many places as the
                longest rest. "": all.
            cells: of each SSRU before that place, [R, D].
        """
        g, teacher = self._g, self._teacher
        src_mask = g.op("Gather", self._source.mask, rows)
        tgt_lengths = g.lengths(tgt_ids, 1, keep=True)
        inputs = g.op("Pad", tgt_ids, g.constant([0, 1, 0, 0]), g.constant(BOS))  # [R, T + 1]
        place = g.range(g.size(inputs, 1))
        end = g.cast(g.op("Equal", place, tgt_lengths), TensorProto.INT64)
        targets = g.op("Pad", tgt_ids, g.constant([0, 0, 0, 1]), g.constant(PAD))
        targets = g.op("Add", targets, g.op("Mul", end, g.constant(EOS)))
        positions = g.rows(self._source.positions, g.constant([0]), g.size(inputs, 1))
        if begin:
            rest = g.op("Sub", tgt_lengths, g.unsqueeze(begin, 1))
            most = g.op("Max", g.op("ReduceMax", rest, g.constant([0, 1]), keepdims=0), g.constant(0))
            steps = g.range(g.unsqueeze(g.op("Add", most, g.constant(1)), 0))
            place = g.op("Add", g.unsqueeze(begin, 1), steps)  # [R, most + 1]
            there = g.op("Min", place, g.op("Sub", g.size(inputs, 1), g.constant(1)))
            inputs, targets = (g.op("GatherElements", x, there, axis=1) for x in (inputs, targets))
            positions = g.op("Gather", positions, there)
        real = g.op("LessOrEqual", place, tgt_lengths)
        x = g.op("Add", g.scaled(g.look_up(self._targets, inputs), teacher.width), positions)
        chosen = [key_value.select(g, rows) for key_value in self._memory]
        g.starts = list(cells)
        # What follows a target is padding, which it does not see.
        x = g.decode(teacher, x, "", chosen, src_mask, causal=True)
        logits = g.product(x, self._words.rows, self._words.scales, self._words.bias)
        columns = targets
        if self._columns:
            logits = g.op("Add", logits, g.op("Gather", self._own, rows))
            columns = g.op("Gather", self._columns, targets)
        return Opinion(logits, targets, columns, real)

    def scores(self, tgt_ids: str, rows: str) -> str:
        """The mean log probability, [R], of targets as in `opinion`, with their </s>."""
        g = self._g
        found = self.opinion(tgt_ids, rows)
        written = written_scores(g, found.logits, found.columns)
        total = g.log_sum(found.logits, g.maximum(found.logits, 2))
        return g.mean(g.op("Sub", written, total), found.real, found.real)


def written_scores(g: TransformerGraph, logits: str, columns: str) -> str:
    """Of logits [R, T, n] those of one column each, [R, T]."""
    written = g.op("GatherElements", logits, g.unsqueeze(columns, 2), axis=2)
    return g.op("Squeeze", written, g.constant([2]))


def _with_end(g: TransformerGraph, shortlist: Shortlist, tgt_size: int) -> tuple[Shortlist, str]:
    """A shortlist of a teacher's tokens, </s> among them, and where each token of the vocabulary is in it."""
    own = g.op("Less", shortlist.labels, g.constant(tgt_size))  # the others are the student's alone
    labels = g.op("Where", own, shortlist.labels, g.constant(EOS))
    real = g.op("And", own, g.op("Not", shortlist.filling))
    labels = g.op("Concat", labels, g.constant([EOS]), axis=0)
    penalty = g.op("Where", own, shortlist.own, g.number(IMPOSSIBLE))
    penalty = g.op("Pad", penalty, g.constant([0, 0, 0, 0, 0, 1]))
    # What only fills up stands in a place of its own.
    real = g.op("Concat", real, g.constant([True], np.bool_), axis=0)
    to = g.op("Where", real, labels, g.constant(tgt_size))
    numbers = g.range(g.size(labels, 0))
    nowhere = g.op("Expand", g.constant(0), g.constant([tgt_size + 1]))
    place = g.op("ScatterElements", nowhere, to, numbers, axis=0)
    return Shortlist(labels, shortlist.filling, penalty), place
