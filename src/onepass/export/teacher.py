"""The teacher in a student's graph: it scores all candidates in one parallel pass."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from onepass.export.transformer_graph import Shortlist, Source, TransformerGraph
from onepass.models.autoregressive import BOS, EOS, PAD
from onepass.models.slots import IMPOSSIBLE
from onepass.models.stepwise import WordByWord


def teacher_scores(g: TransformerGraph, teacher: WordByWord, source: Source, tgt_ids: str, rows: str) -> str:
    """The teacher's mean log probability, [R], of targets [R, T] with their </s>.

    Args:
        teacher: of the student's arrangement.
        source: the sources.
        tgt_ids: targets without </s>, padded with 0.
        rows: the source of each target, [R].
    """
    words = g.table([teacher.output_weight()], teacher.output_bias())
    tied = teacher.output_weight() is teacher.tgt_embedding.weight
    targets_table = words if tied else g.table([teacher.tgt_embedding.weight])
    joint = teacher.src_embedding is teacher.tgt_embedding
    if source.shared_encoder:
        states = [source.states] * len(teacher.decoder)
    else:
        table = targets_table if joint else g.table([teacher.src_embedding.weight])
        states = g.encode(teacher, source._replace(embedded=g.look_up(table, source.read_ids)))
    memory = g.project_memory(teacher.decoder, states)
    src_mask = g.op("Gather", source.mask, rows)
    tgt_lengths = g.sum(g.cast(g.op("Greater", tgt_ids, g.constant(PAD)), TensorProto.INT64), 1, keep=True)
    inputs = g.op("Pad", tgt_ids, g.constant([0, 1, 0, 0]), g.constant(BOS))  # [R, T + 1]
    place = g.range(g.size(inputs, 1))
    end = g.cast(g.op("Equal", place, tgt_lengths), TensorProto.INT64)
    targets = g.op("Pad", tgt_ids, g.constant([0, 0, 0, 1]), g.constant(PAD))
    targets = g.op("Add", targets, g.op("Mul", end, g.constant(EOS)))
    real = g.op("LessOrEqual", place, tgt_lengths)
    x = g.start(g.look_up(targets_table, inputs), teacher.width, source.positions)
    chosen = [key_value.select(g, rows) for key_value in memory]
    # What follows a target is padding, which it does not see.
    x = g.decode(teacher, x, "", chosen, src_mask, causal=True)
    if source.shortlist is None:
        columns = g.op("Transpose", words.rows, perm=[1, 0])
        logits = g.product(x, columns, words.scales, words.bias)  # [R, T + 1, V]
    else:
        shortlist, place = _with_end(g, source.shortlist, teacher.tgt_embedding.num_embeddings)
        own = g.op("Gather", shortlist.own, rows)
        logits = g.logits(x, words, shortlist.labels, own)  # [R, T + 1, n + 1]
        targets = g.op("Gather", place, targets)
    written = g.op("GatherElements", logits, g.unsqueeze(targets, 2), axis=2)
    written = g.op("Squeeze", written, g.constant([2]))
    total = g.log_sum(logits, g.maximum(logits, 2))
    return g.mean(g.op("Sub", written, total), real, real)


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
