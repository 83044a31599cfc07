"""One-pass students as ONNX graphs for ONNX Runtime: ids in, ids out.

The graph is written operator by operator, so that it holds no more of them than it needs. It computes what
`decoding/parallel.py` does in float32.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto

from onepass.alignment.lexicon import Lexicon
from onepass.decoding.candidates import CHOICES
from onepass.export.graph import Outputs, Range, Step, Value
from onepass.export.transformer_graph import KeyValue, Shortlist, Source, TransformerGraph
from onepass.models.autoregressive import BOS, EOS, PAD, AutoregressiveTransformer
from onepass.models.ctc import CTCTransformer
from onepass.models.dag import REPEATED, DAGTransformer
from onepass.models.fertility import FertilityTransformer
from onepass.models.one_pass import NEVER, OnePassTransformer, length_cap
from onepass.models.slots import IMPOSSIBLE, SOFT_COPY_TEMPERATURE, SlotTransformer
from onepass.runtime.candidates import CHANGES, MOST_LABELLINGS, candidate_numbers, combinations
from onepass.runtime.text_translator import MAX_SRC_TOKENS

OUTPUTS = {
    "ids": Value(TensorProto.INT64, ["B", "T"]),
    "scores": Value(TensorProto.FLOAT, ["B"]),
    "fertilities": Value(TensorProto.INT64, ["B", "S"]),
    "lows": Value(TensorProto.FLOAT, ["factors"]),
    "highs": Value(TensorProto.FLOAT, ["factors"]),
}


def _ctc(
    g: TransformerGraph,
    model: CTCTransformer,
    source: Source,
    teacher: AutoregressiveTransformer | None,
) -> Outputs:
    """The most probable labels; with a teacher and a window, the labelling that it likes best."""
    real, mask, positions = source.real, source.mask, source.positions
    memory = g.project_memory(model.decoder, g.encode(model, source, keep=model.keep))
    slot = g.range(g.op("Mul", g.size(real, 1), g.constant([model.slots])))
    x = g.start(_soft_copy(g, source, model.slots, slot), model.width, positions)
    lengths = g.op("Mul", g.sum(g.cast(real, TensorProto.INT64), 1, keep=True), g.constant(model.slots))
    real_slot = g.op("Less", slot, lengths)  # [B, L]
    slot_mask = g.cast(real_slot, TensorProto.INT32)
    x = g.decode(model, x, slot_mask, memory, mask)

    def most_probable() -> Outputs:
        labels, scores = g.best_words(x, source)
        keep = _word_slots(g, labels, g.constant([0, 1, 0, -1]), real_slot, model.blank)
        return {"ids": g.compact(labels, keep), "scores": g.mean(scores, real_slot, keep)}

    if teacher is None:
        return most_probable()
    end = g.rows("window", g.constant([1]), g.constant([2]))
    return g.choose(
        g.op("Greater", end, g.constant([0])),
        lambda: _best_labelling(g, teacher, source, *_labellings(g, model.blank, source, x, real_slot)),
        most_probable,
        OUTPUTS,
    )


def _soft_copy(g: TransformerGraph, source: Source, slots: int, slot: str) -> str:
    """As in `models.slots`: [B, L, D]; `slot` are the numbers 0 .. L - 1."""
    place = g.range(g.size(source.real, 1))
    centre = g.op("Mul", g.cast(slot, TensorProto.FLOAT), g.number(1 / slots))
    centre = g.op("Add", centre, g.number(0.5 / slots - 0.5))  # [L]
    far = g.op("Abs", g.op("Sub", g.cast(place, TensorProto.FLOAT), g.unsqueeze(centre, 1)))  # [L, S]
    near = g.op("Mul", far, g.number(-1 / SOFT_COPY_TEMPERATURE))
    near = g.op("Where", g.unsqueeze(source.real, 1), near, g.number(-np.inf))  # [B, L, S]
    return g.op("MatMul", g.op("Softmax", near, axis=-1), source.embedded)


def _word_slots(g: TransformerGraph, labels: str, shift: str, real_slot: str, blank: int) -> str:
    """The slots whose label is a token and not that of the slot before; `shift` pads one slot in front."""
    before = g.op("Pad", labels, shift, g.constant(blank))
    differs = g.op("Not", g.op("Equal", labels, before))
    word = g.op("Not", g.op("Equal", labels, g.constant(blank)))
    return g.op("And", g.op("And", real_slot, differs), word)


def _labellings(
    g: TransformerGraph, blank: int, source: Source, states: str, real_slot: str
) -> tuple[str, str]:
    """The translations of all combinations of changes, [B·M, T], and what each of them loses, [B, M].

    As in `decoding.candidates`: those of a sentence are together, the likeliest first; not all differ.
    """
    count = min(CHOICES, len(source.labels))
    choices, every = g.top_words(states, source, count), g.constant([0, -1])
    behind = g.constant([0, 0, 0, CHANGES])
    first = g.rows(choices.log_probs, g.constant([0]), g.constant([1]), dim=2)
    lost = g.op("Sub", first, g.rows(choices.log_probs, g.constant([1]), g.constant([count]), dim=2))
    lost = g.op("Where", g.unsqueeze(real_slot, 2), lost, g.number(np.inf))
    lost = g.op("Pad", g.op("Reshape", lost, every), behind, g.number(np.inf))
    lost, place = g.several("TopK", lost, g.constant([CHANGES]), count=2, largest=0)
    others = g.rows(choices.labels, g.constant([1]), g.constant([count]), dim=2)
    others = g.op("Pad", g.op("Reshape", others, every), behind, g.constant(0))
    to = g.split(g.op("GatherElements", others, place, axis=1), CHANGES)  # [B, 1] each
    slots = g.split(g.op("Div", place, g.constant(count - 1)), CHANGES)
    made = g.constant(combinations(), np.bool_)  # [M, CHANGES]
    total = g.sum(g.op("Where", made, g.unsqueeze(lost, 1), g.number(0)), 2)
    total, likeliest = g.several("TopK", total, g.constant([MOST_LABELLINGS]), count=2, largest=0)
    made = g.op("Gather", g.cast(made, TensorProto.INT32), likeliest)  # [B, M, CHANGES]
    # labellings [B, M, L]
    labels = g.rows(choices.labels, g.constant([0]), g.constant([1]), dim=2)
    labels = g.op("Transpose", labels, perm=[0, 2, 1])
    slot = g.range(g.size(real_slot, 1))
    for part, place, label in zip(g.split(made, CHANGES), slots, to, strict=True):
        here = g.op("Equal", slot, g.unsqueeze(place, 2))
        here = g.op("And", g.cast(part, TensorProto.BOOL), here)
        labels = g.op("Where", here, g.unsqueeze(label, 2), labels)
    keep = _word_slots(g, labels, g.constant([0, 0, 1, 0, 0, -1]), g.unsqueeze(real_slot, 1), blank)
    shape = g.op("Concat", g.constant([-1]), g.size(labels, 2), axis=0)
    return g.compact(g.op("Reshape", labels, shape), g.op("Reshape", keep, shape)), total


def _best_labelling(
    g: TransformerGraph, teacher: AutoregressiveTransformer, source: Source, ids: str, lost: str
) -> Outputs:
    """The teacher's favourite of the different labellings from the first number of `window` up to the second.

    The labellings are those of `_labellings`.
    """
    number = g.range(g.size(ids, 0))
    sentence = g.op("Div", number, g.constant(MOST_LABELLINGS))
    keyed = g.op("Concat", g.unsqueeze(sentence, 1), ids, axis=1)
    _, different, _, _ = g.several("Unique", keyed, count=4, axis=0)
    zeros = g.op("Mul", number, g.constant(0))
    ones = g.op("Expand", g.constant(1), g.op("Shape", different))
    by_sentence = g.constant([-1, MOST_LABELLINGS])
    is_first = g.op("Reshape", g.op("ScatterElements", zeros, different, ones), by_sentence)
    is_first = g.op("Mul", is_first, g.cast(g.op("Less", lost, g.number(-IMPOSSIBLE / 2)), TensorProto.INT64))
    rank = g.op("Sub", g.op("CumSum", is_first, g.constant(1)), g.constant(1))  # [B, M]
    start, end = g.split("window", 2)
    inside = g.op("And", g.op("GreaterOrEqual", rank, start), g.op("Less", rank, end))
    kept = g.op("And", g.cast(is_first, TensorProto.BOOL), inside)
    rows = g.op("Squeeze", g.op("NonZero", g.op("Reshape", kept, g.constant([-1]))), g.constant([0]))
    scores = _teacher_scores(g, teacher, source, g.op("Gather", ids, rows), g.op("Gather", sentence, rows))
    none = g.op("Expand", g.number(-np.inf), g.op("Shape", number))
    scores = g.op("Reshape", g.op("ScatterElements", none, rows, scores), by_sentence)
    winner = g.op("ArgMax", scores, axis=1, keepdims=0)
    offset = g.op("Mul", g.range(g.size(scores, 0)), g.constant(MOST_LABELLINGS))
    return {"ids": g.op("Gather", ids, g.op("Add", offset, winner)), "scores": g.maximum(scores, 1)}


def _dag(g: TransformerGraph, model: DAGTransformer, source: Source) -> Outputs:
    """Word by word the most probable next one, as `most_probable_words`."""
    real = source.real
    memory = g.project_memory(model.decoder, g.encode(model, source, keep=model.keep))
    slots = g.constant([model.slots])
    length = g.op("Add", g.op("Mul", g.size(real, 1), slots), g.constant([2]))
    slot = g.range(length)
    lengths = g.op("Mul", g.sum(g.cast(real, TensorProto.INT64), 1, keep=True), slots)  # [B, 1]
    last = g.op("Add", lengths, g.constant(1))
    inner = g.op("And", g.op("Greater", slot, g.constant(0)), g.op("Less", slot, last))  # [B, L]
    is_last = g.op("Equal", slot, last)
    real_slot = g.op("LessOrEqual", slot, last)
    after_first = g.cast(g.op("Greater", slot, g.constant(0)), TensorProto.INT64)
    kind = g.op("Add", after_first, g.cast(is_last, TensorProto.INT64))
    x = g.op("Gather", g.weight(model.slot_embedding.weight), kind)
    if model.soft_copy:
        copied = _soft_copy(g, source, model.slots, g.range(g.op("Mul", g.size(real, 1), slots)))
        copied = g.op("Pad", copied, g.constant([0, 1, 0, 0, 1, 0]))
        x = g.op("Add", x, g.op("Where", g.unsqueeze(inner, 2), copied, g.number(0)))
    x = g.start(x, model.width, source.positions)
    x = g.decode(model, x, g.cast(real_slot, TensorProto.INT32), memory, source.mask)
    labels, words = g.best_words(x, source)
    labels = g.op("Mul", labels, g.cast(inner, TensorProto.INT64))
    word_probs = g.op("Where", inner, g.op("Exp", words), g.cast(is_last, TensorProto.FLOAT))
    positions = g.rows(source.positions, g.constant([0]), length)
    edges = _edges(g, model, x, positions, slot, real_slot)
    edges = _discount_repeats(g, edges, labels, source.ids if model.joint else None)
    return _most_probable_words(g, edges, word_probs, labels)


def _edges(
    g: TransformerGraph, model: DAGTransformer, states: str, positions: str, slot: str, real_slot: str
) -> str:
    """The probability of going from slot i to slot j, [B, L, L]; in float32, since rounded ones cost BLEU."""
    features = g.op("Concat", states, g.op("Expand", positions, g.op("Shape", states)), axis=-1)
    heads = g.constant([0, 0, model.heads, -1])
    query, key = (
        g.op(
            "Transpose",
            g.op("Reshape", g.linear(features, part.weight, part.bias, exact=True), heads),
            perm=perm,
        )
        for part, perm in ((model.edge_query, [0, 2, 1, 3]), (model.edge_key, [0, 2, 3, 1]))
    )
    gate = g.linear(features, model.edge_gate.weight, model.edge_gate.bias, exact=True)
    gate = g.op("Softmax", gate, axis=-1)
    gate = g.unsqueeze(g.op("Transpose", gate, perm=[0, 2, 1]), 3)  # [B, H, L, 1]
    width = model.edge_query.out_features // model.heads
    scores = g.op("Mul", g.op("MatMul", query, key), g.number(width**-0.5))  # [B, H, L, L]
    later = g.op("Greater", slot, g.unsqueeze(slot, 1))  # [L, L]
    allowed = g.op("And", later, g.unsqueeze(real_slot, 1))  # [B, L, L]
    scores = g.op("Where", g.unsqueeze(allowed, 1), scores, g.number(IMPOSSIBLE))
    mixed = g.sum(g.op("Mul", g.op("Softmax", scores, axis=-1), gate), 1)
    return g.op("Where", allowed, mixed, g.number(0))


def _discount_repeats(g: TransformerGraph, edges: str, labels: str, src_ids: str | None) -> str:
    """As `models.dag.discount_repeats`, of probabilities."""
    seldom = g.op("Greater", labels, g.constant(PAD))  # [B, L]
    if src_ids is not None:
        before = g.op("Pad", src_ids, g.constant([0, 1, 0, -1]))
        again = g.op("Where", g.op("Equal", src_ids, before), src_ids, g.constant(PAD))
        same = g.op("Equal", g.unsqueeze(labels, 2), g.unsqueeze(again, 1))  # [B, L, S]
        freely = g.maximum(g.cast(same, TensorProto.FLOAT), 2)
        seldom = g.op("And", seldom, g.op("Less", freely, g.number(1)))
    same = g.op("Equal", g.unsqueeze(labels, 2), g.unsqueeze(labels, 1))  # [B, L, L]
    repeated = g.op("And", same, g.unsqueeze(seldom, 2))
    return g.op("Mul", edges, g.op("Where", repeated, g.number(REPEATED), g.number(1)))


def _most_probable_words(g: TransformerGraph, edges: str, word_probs: str, labels: str) -> Outputs:
    """As `models.dag.most_probable_words`, of probabilities."""
    same = g.op("Equal", g.unsqueeze(labels, 2), g.unsqueeze(labels, 1))
    same = g.cast(same, TensorProto.FLOAT)  # [B, L, L]
    word_probs = g.unsqueeze(word_probs, 1)  # [B, 1, L]

    def step(before: Outputs) -> Step:
        reached = g.op("Mul", g.op("MatMul", before["at"], edges), word_probs)  # [B, 1, L]
        of_words = g.op("MatMul", reached, same)
        best = g.op("ReduceMax", of_words, g.constant([2]))  # [B, 1, 1]
        place = g.op("ArgMax", of_words, axis=2, keepdims=0)  # [B, 1]
        written = g.op("GatherElements", labels, place, axis=1)
        best = g.op("Where", g.op("Greater", best, g.number(0)), best, g.number(1))  # 0 behind the end
        here = g.unsqueeze(g.op("Equal", labels, written), 1)
        at = g.op("Where", here, g.op("Div", reached, best), g.number(0))
        score = g.op("Add", before["score"], g.op("Log", best))
        going = g.op("Greater", g.op("ReduceMax", written, keepdims=0), g.constant(PAD))
        return Step(going, {"at": at, "score": score}, written)

    length = g.size(labels, 1)
    first = g.cast(g.op("Equal", g.range(length), g.constant(0)), TensorProto.FLOAT)
    state = {
        "at": g.op("Expand", first, g.op("Shape", word_probs)),
        "score": g.op("Expand", g.number(0), g.op("Concat", g.size(labels, 0), g.constant([1, 1]), axis=0)),
    }
    described = {
        "at": Value(TensorProto.FLOAT, ["B", 1, "L"]),
        "score": Value(TensorProto.FLOAT, ["B", 1, 1]),
        "row": Value(TensorProto.INT64, ["B", 1]),
    }
    ended, rows = g.loop(length, state, described, step)  # rows [T + 1, B, 1]
    ids = g.op("Transpose", g.op("Squeeze", rows, g.constant([2])), perm=[1, 0])
    ids = g.rows(ids, g.constant([0]), g.constant([-1]), dim=1)  # the last step writes ends alone
    count = g.sum(g.cast(g.op("Greater", ids, g.constant(PAD)), TensorProto.FLOAT), 1)
    score = g.op("Squeeze", ended["score"], g.constant([1, 2]))
    return {"ids": ids, "scores": g.op("Div", score, g.op("Max", count, g.number(1)))}


class Fertilities(NamedTuple):
    """What is known of them: the argmax [B, S], their probabilities [B, S, F] and those of 0, [B, S]."""

    counts: str
    shares: str
    none: str


def _fertility(
    g: TransformerGraph,
    model: FertilityTransformer,
    source: Source,
    teacher: AutoregressiveTransformer | None,
) -> Outputs:
    """By argmax; with a teacher, by noisy parallel decoding."""
    states = g.encode(model, source, keep=model.keep)
    logits = g.linear(states[-1], model.fertility.weight, model.fertility.bias)  # [B, S, F]
    counts = g.op("ArgMax", logits, axis=-1, keepdims=0)
    shares = g.op("Softmax", logits, axis=-1)
    none = g.rows(shares, g.constant([0]), g.constant([1]), dim=-1)
    none = g.op("Squeeze", none, g.constant([-1]))
    memory = g.project_memory(model.decoder, states)

    def most_probable() -> Outputs:
        return _write(g, model, source, _ends(g, counts, none, source.real), memory)

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
    teacher: AutoregressiveTransformer,
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
    found = _write(g, model, source.select(g, rows), ends, chosen)
    scores = _teacher_scores(g, teacher, source, found["ids"], rows)
    scores = g.op("Reshape", g.op("Gather", scores, inverse), g.op("Concat", batch, candidates, axis=0))
    inverse = g.op("Reshape", inverse, g.op("Concat", batch, candidates, axis=0))
    winner = g.op("ArgMax", scores, axis=1, keepdims=1)
    row = g.op("Squeeze", g.op("GatherElements", inverse, winner, axis=1), g.constant([1]))  # [B]
    ids, fertilities = (g.op("Gather", found[name], row) for name in ("ids", "fertilities"))
    return {"ids": ids, "scores": g.maximum(scores, 1), "fertilities": fertilities}


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


def _write(
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
    labels, scores = g.best_words(x, source)
    ids = g.op("Mul", labels, g.cast(real_tgt, TensorProto.INT64))
    return {"ids": ids, "scores": g.mean(scores, real_tgt, real_tgt), "fertilities": fertilities}


def _teacher_scores(
    g: TransformerGraph, teacher: AutoregressiveTransformer, source: Source, tgt_ids: str, rows: str
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
    source = source._replace(embedded=g.look_up(table, source.ids))
    memory = g.project_memory(teacher.decoder, g.encode(teacher, source))
    src_mask = g.op("Gather", source.mask, rows)
    tgt_lengths = g.sum(g.cast(g.op("Greater", tgt_ids, g.constant(PAD)), TensorProto.INT64), 1, keep=True)
    inputs = g.op("Pad", tgt_ids, g.constant([0, 1, 0, 0]), g.constant(BOS))  # [R, T + 1]
    place = g.range(g.size(inputs, 1))
    end = g.cast(g.op("Equal", place, tgt_lengths), TensorProto.INT64)
    targets = g.op("Pad", tgt_ids, g.constant([0, 0, 0, 1]), g.constant(PAD))
    targets = g.op("Add", targets, g.op("Mul", end, g.constant(EOS)))
    real = g.op("LessOrEqual", place, tgt_lengths)
    x = g.start(g.look_up(words, inputs), teacher.width, source.positions)
    chosen = [key_value.select(g, rows) for key_value in memory]
    # What follows a target is padding, which it does not see.
    x = g.decode(teacher, x, "", chosen, src_mask, causal=True)
    if source.shortlist is None:
        columns = g.op("Transpose", words.rows, perm=[1, 0])
        logits = g.product(x, columns, words.scales)  # [R, T + 1, V]
    else:
        shortlist, place = _with_end(g, source.shortlist, teacher.tgt_embedding.num_embeddings)
        logits = g.logits(x, words, *shortlist)  # [R, T + 1, n + 1]
        targets = g.op("Gather", place, targets)
    written = g.op("GatherElements", logits, g.unsqueeze(targets, 2), axis=2)
    written = g.op("Squeeze", written, g.constant([2]))
    total = g.log_sum(logits, g.maximum(logits, 2))
    return g.mean(g.op("Sub", written, total), real, real)


def _with_end(g: TransformerGraph, shortlist: Shortlist, tgt_size: int) -> tuple[Shortlist, str]:
    """A shortlist of a teacher's tokens, </s> among them, and where each token of the vocabulary is in it."""
    own = g.op("Less", shortlist.labels, g.constant(tgt_size))  # the others are the student's alone
    labels = g.op("Where", own, shortlist.labels, g.constant(EOS))
    real = g.op("And", own, g.op("Equal", shortlist.penalty, g.number(0)))
    labels = g.op("Concat", labels, g.constant([EOS]), axis=0)
    penalty = g.op("Where", real, g.number(0), g.number(IMPOSSIBLE))
    penalty = g.op("Concat", penalty, g.constant([0], np.float32), axis=0)
    # What only fills up stands in a place of its own.
    real = g.op("Concat", real, g.constant([True], np.bool_), axis=0)
    to = g.op("Where", real, labels, g.constant(tgt_size))
    numbers = g.range(g.size(labels, 0))
    nowhere = g.op("Expand", g.constant(0), g.constant([tgt_size + 1]))
    place = g.op("ScatterElements", nowhere, to, numbers, axis=0)
    return Shortlist(labels, penalty), place


def export_onnx(
    model: OnePassTransformer,
    path: Path,
    *,
    examples: Sequence[Sequence[int]] | None = None,
    teacher: AutoregressiveTransformer | None = None,
    vocabulary: NDArray[np.int64] | None = None,
    lexicon: Lexicon | None = None,
) -> None:
    """Writes a student as an ONNX graph.

    Its input is `src_ids`, int64 [B, S] padded with 0, of 1 to 256 tokens. Its outputs are `ids`, int64
    [B, T] padded with 0, `scores`, float32 [B], the mean log probability a token, and of a student with
    fertilities `fertilities`, int64 [B, S].

    Args:
        model: in eval mode.
        path: the file to write.
        examples: source ids of some sentences, 1 to 256 each: round the weights to int8, a quarter of the
            size, and what is multiplied with them to the range that it has in these.
        teacher: may choose among candidates. The graph has a second input. Of a student with fertilities it
            is `uniform`, float32 [N - 1, S], the numbers in [0, 1) that N - 1 samples are drawn with; of CTC
            `window`, int64 [2], the first candidate and the one behind the last (`decoding.candidates`): a
            sentence that has none in there scores -inf. `scores` are then the teacher's. With no samples or
            a window of zeros the graph does what it does without a teacher.
        vocabulary: the target tokens that may be written [all but padding, <unk>, <s> and </s>]. Those that
            a student never saw in training it does not write; without them the output layer is faster.
        lexicon: write only what it allows for the source tokens of a batch, which is faster still. Then a
            translation depends on its batch where it needs a word that another sentence has brought in, and
            so do its scores, which are shares of the words of the batch; a teacher's, too.
    """

    def write(to: Path, ranges: Sequence[Range] | None, *, limits: bool = False) -> None:
        g = TransformerGraph(ranges, all_parts=limits)
        outputs = _student(g, model, teacher, vocabulary, lexicon)
        if limits:
            outputs = g.limits()
        for name, value in outputs.items():
            g.name(value, name)
        inputs = {"src_ids": Value(TensorProto.INT64, ["B", "S"])}
        if teacher is not None:
            if isinstance(model, FertilityTransformer):
                inputs["uniform"] = Value(TensorProto.FLOAT, ["samples", "S"])
            else:
                inputs["window"] = Value(TensorProto.INT64, [2])
        g.save(to, inputs, {name: OUTPUTS[name] for name in outputs})

    ranges = None
    if examples is not None:
        with tempfile.TemporaryDirectory() as scratch:
            measuring = Path(scratch) / "limits.onnx"
            write(measuring, None, limits=True)
            ranges = _measured(measuring, examples)
    write(path, ranges)


def _measured(path: Path, examples: Sequence[Sequence[int]]) -> list[Range]:
    """The ranges of all factors over the examples, from a graph whose outputs are their limits."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    wanted = {value.name for value in session.get_inputs()}
    uniform, found = candidate_numbers(10, seed=1), []
    for row in examples:
        feeds: dict[str, NDArray[Any]] = {"src_ids": np.array([row], dtype=np.int64)}
        if "uniform" in wanted:
            feeds["uniform"] = uniform[:, : len(row)]
        if "window" in wanted:
            feeds["window"] = np.array([0, 10])
        found.append(session.run(["lows", "highs"], feeds))
    lows, highs = zip(*found, strict=True)
    return list(map(Range, np.min(lows, axis=0).tolist(), np.max(highs, axis=0).tolist()))


def _student(
    g: TransformerGraph,
    model: OnePassTransformer,
    teacher: AutoregressiveTransformer | None,
    vocabulary: NDArray[np.int64] | None,
    lexicon: Lexicon | None,
) -> Outputs:
    """The outputs of a student; the arguments are those of `export_onnx`."""
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
    table = words if model.joint else g.table(model.src_embedding.weight)
    real = g.op("Not", g.op("Equal", "src_ids", g.constant(PAD)))
    own = np.arange(tgt_size, output_weight.size(0))
    labels = np.concatenate([vocabulary, own])
    shortlist = None
    if lexicon is not None:
        always = np.concatenate([np.intersect1d(lexicon.always, vocabulary), own])
        shortlist = g.shortlist("src_ids", lexicon.yields, always, labels)
    source = Source(
        ids="src_ids",
        real=real,
        mask=g.cast(real, TensorProto.INT32),
        embedded=g.look_up(table, "src_ids"),
        table=table,
        words=words,
        labels=labels,
        shortlist=shortlist,
        positions=g.positions(most + 1, model.width),  # what a teacher scores has its </s>
    )
    if isinstance(model, FertilityTransformer):
        return _fertility(g, model, source, teacher)
    if isinstance(model, CTCTransformer):
        return _ctc(g, model, source, teacher)
    assert isinstance(model, DAGTransformer)
    return _dag(g, model, source)
