"""Students with fertilities as graphs: what `decoding/fertility.py` does, operator by operator."""

from __future__ import annotations

from typing import NamedTuple

from onnx import TensorProto

from onepass.export.graph import Outputs, Value
from onepass.export.layer_graph import KeyValue
from onepass.export.teacher import Judge
from onepass.export.transformer_graph import (
    OUTPUTS,
    CandidateInput,
    Source,
    StudentGraph,
    TransformerGraph,
)
from onepass.models.fertility import FertilityTransformer
from onepass.models.one_pass import OnePassTransformer, length_cap
from onepass.models.slots import IMPOSSIBLE
from onepass.models.stepwise import WordByWord
from onepass.runtime.candidates import candidate_numbers


class Fertilities(NamedTuple):
    """What is known of them: the argmax [B, S], their probabilities [B, S, F] and those of 0, [B, S]."""

    counts: str
    shares: str
    none: str


def _write(
    g: TransformerGraph,
    model: OnePassTransformer,
    source: Source,
    teacher: WordByWord | None,
) -> Outputs:
    """By argmax; with a teacher, by noisy parallel decoding."""
    assert isinstance(model, FertilityTransformer)
    states = g.encode(model, source, keep=model.keep)
    source = source._replace(states=states[-1])
    top = states[-1]
    if model.ends:  # </s> has no fertility
        top = g.rows(top, g.constant([0]), g.size(source.ids, 1), dim=1)
    logits = g.linear(top, model.fertility.weight, model.fertility.bias)  # [B, S, F]
    counts = g.op("ArgMax", logits, axis=-1, keepdims=0)
    shares = g.op("Softmax", logits, axis=-1)
    none = g.rows(shares, g.constant([0]), g.constant([1]), dim=-1)
    none = g.op("Squeeze", none, g.constant([-1]))
    memory = g.project_memory(model.decoder, states)

    def most_probable() -> Outputs:
        return _words(g, model, source, _ends(g, counts, none, source.real), memory)

    if teacher is None:
        return most_probable()
    return g.choose(
        g.op("Greater", g.size("uniform", 0), g.constant([0])),
        lambda: _noisy_parallel(g, model, teacher, source, Fertilities(counts, shares, none), memory),
        most_probable,
        OUTPUTS,
    )


def _noisy_parallel(
    g: TransformerGraph,
    model: FertilityTransformer,
    teacher: WordByWord,
    source: Source,
    predicted: Fertilities,
    memory: list[KeyValue],
) -> Outputs:
    """The translation that the teacher likes best, of the argmax and a sample a row of `uniform`."""
    counts, shares, none = predicted
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
    chosen = [key_value.select(g, rows) for key_value in memory]
    found = _words(g, model, source.select(g, rows), ends, chosen)
    scores = Judge(g, teacher, source).scores(found["ids"], rows)
    scores = g.op("Reshape", g.op("Gather", scores, inverse), g.op("Concat", batch, candidates, axis=0))
    inverse = g.op("Reshape", inverse, g.op("Concat", batch, candidates, axis=0))
    winner = g.op("ArgMax", scores, axis=1, keepdims=1)
    row = g.op("Squeeze", g.op("GatherElements", inverse, winner, axis=1), g.constant([1]))  # [B]
    ids, sources, fertilities = (
        g.op("Gather", found[name], row) for name in ("ids", "sources", "fertilities")
    )
    return {"ids": ids, "scores": g.maximum(scores, 1), "sources": sources, "fertilities": fertilities}


def _ends(g: TransformerGraph, counts: str, none: str, real: str) -> str:
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


def _words(
    g: TransformerGraph, model: FertilityTransformer, source: Source, ends: str, memory: list[KeyValue]
) -> Outputs:
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
    sources = g.attended(source)
    labels, scores = g.best_words(x, source)
    ids = g.op("Mul", labels, g.cast(real_tgt, TensorProto.INT64))
    return {
        "ids": ids,
        "scores": g.mean(scores, real_tgt, real_tgt),
        "sources": sources,
        "fertilities": fertilities,
    }


GRAPH = StudentGraph(
    _write,
    CandidateInput(
        "uniform",
        Value(TensorProto.FLOAT, ["samples", "S"]),
        lambda length: candidate_numbers(10, seed=1)[:, :length],
    ),
)
"""`uniform`: the numbers in [0, 1) that samples are drawn with, a row for each beside the argmax."""
