"""DAG students as graphs: the usual search of `decoding/dag.py`, operator by operator."""

from __future__ import annotations

from onnx import TensorProto

from onepass.decoding.dag import REPEATED
from onepass.export.graph import Outputs, Step, Value
from onepass.export.transformer_graph import Source, StudentGraph, TransformerGraph
from onepass.models.autoregressive import PAD
from onepass.models.dag import DAGTransformer
from onepass.models.one_pass import OnePassTransformer
from onepass.models.slots import IMPOSSIBLE
from onepass.models.stepwise import WordByWord


def _write(
    g: TransformerGraph,
    model: OnePassTransformer,
    source: Source,
    teacher: WordByWord | None,
) -> Outputs:
    """Word by word the most probable next one, as `decoding.dag.most_probable_words`."""
    assert isinstance(model, DAGTransformer)
    assert teacher is None
    read = source.read
    states = g.encode(model, source, keep=model.keep)
    memory = g.project_memory(model.decoder, states)
    slots = g.constant([model.slots])
    length = g.op("Add", g.op("Mul", g.size(read, 1), slots), g.constant([2]))
    slot = g.range(length)
    lengths = g.op("Mul", g.sum(g.cast(read, TensorProto.INT64), 1, keep=True), slots)  # [B, 1]
    last = g.op("Add", lengths, g.constant(1))
    inner = g.op("And", g.op("Greater", slot, g.constant(0)), g.op("Less", slot, last))  # [B, L]
    is_last = g.op("Equal", slot, last)
    real_slot = g.op("LessOrEqual", slot, last)
    after_first = g.cast(g.op("Greater", slot, g.constant(0)), TensorProto.INT64)
    kind = g.op("Add", after_first, g.cast(is_last, TensorProto.INT64))
    x = g.op("Gather", g.weight(model.slot_embedding.weight), kind)
    if model.soft_copy:
        if model.from_states is None:
            copied = g.soft_copy(source, model.slots, g.range(g.op("Mul", g.size(read, 1), slots)))
        else:
            x = g.scaled(x, model.width)
            copied = g.state_start(model.from_states, states[-1])
        copied = g.op("Pad", copied, g.constant([0, 1, 0, 0, 1, 0]))
        x = g.op("Add", x, g.op("Where", g.unsqueeze(inner, 2), copied, g.number(0)))
    x = g.start(x, model.width, source.positions, embedded=model.from_states is None)
    x = g.decode(model, x, g.cast(real_slot, TensorProto.INT32), memory, source.mask)
    attended = g.attended(source)
    labels, words = g.best_words(x, source)
    labels = g.op("Mul", labels, g.cast(inner, TensorProto.INT64))
    word_probs = g.op("Where", inner, g.op("Exp", words), g.cast(is_last, TensorProto.FLOAT))
    positions = g.rows(source.positions, g.constant([0]), length)
    edges = _edges(g, model, x, positions, slot, real_slot)
    edges = _discount_repeats(g, edges, labels, source.ids if model.joint else None)
    return _most_probable_words(g, edges, word_probs, labels, attended)


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
    """As `decoding.dag.discount_repeats`, of probabilities."""
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


def _most_probable_words(
    g: TransformerGraph, edges: str, word_probs: str, labels: str, attended: str
) -> Outputs:
    """As `decoding.dag.most_probable_words`, of probabilities; `attended`: the source token of each slot."""
    same = g.op("Equal", g.unsqueeze(labels, 2), g.unsqueeze(labels, 1))
    same = g.cast(same, TensorProto.FLOAT)  # [B, L, L]
    word_probs = g.unsqueeze(word_probs, 1)  # [B, 1, L]

    def step(before: Outputs) -> Step:
        reached = g.op("Mul", g.op("MatMul", before["at"], edges), word_probs)  # [B, 1, L]
        of_words = g.op("MatMul", reached, same)
        best = g.op("ReduceMax", of_words, g.constant([2]))  # [B, 1, 1]
        place = g.op("ArgMax", of_words, axis=2, keepdims=0)  # [B, 1]
        written = g.op("GatherElements", labels, place, axis=1)
        best = g.op("Where", g.op("Greater", best, g.number(0)), best, g.number(1))  # 0 after the end
        here = g.unsqueeze(g.op("Equal", labels, written), 1)
        at = g.op("Where", here, g.op("Div", reached, best), g.number(0))
        score = g.op("Add", before["score"], g.op("Log", best))
        going = g.op("Greater", g.op("ReduceMax", written, keepdims=0), g.constant(PAD))
        source = g.op("GatherElements", attended, g.op("ArgMax", at, axis=2, keepdims=0), axis=1)
        row = g.op("Concat", g.unsqueeze(written, 0), g.unsqueeze(source, 0), axis=0)
        return Step(going, {"at": at, "score": score}, row)

    length = g.size(labels, 1)
    first = g.cast(g.op("Equal", g.range(length), g.constant(0)), TensorProto.FLOAT)
    state = {
        "at": g.op("Expand", first, g.op("Shape", word_probs)),
        "score": g.op("Expand", g.number(0), g.op("Concat", g.size(labels, 0), g.constant([1, 1]), axis=0)),
    }
    described = {
        "at": Value(TensorProto.FLOAT, ["B", 1, "L"]),
        "score": Value(TensorProto.FLOAT, ["B", 1, 1]),
        "row": Value(TensorProto.INT64, [2, "B", 1]),
    }
    ended, rows = g.loop(length, state, described, step)  # rows [T + 1, 2, B, 1]
    rows = g.op("Transpose", g.op("Squeeze", rows, g.constant([3])), perm=[1, 2, 0])
    rows = g.rows(rows, g.constant([0]), g.constant([-1]), dim=2)  # the last step writes ends alone
    ids, sources = (g.op("Gather", rows, g.constant(i), axis=0) for i in (0, 1))
    count = g.sum(g.cast(g.op("Greater", ids, g.constant(PAD)), TensorProto.FLOAT), 1)
    score = g.op("Squeeze", ended["score"], g.constant([1, 2]))
    scores = g.op("Div", score, g.op("Max", count, g.number(1)))
    return {"ids": ids, "scores": scores, "sources": sources}


GRAPH = StudentGraph(_write, candidates=None, is_sure=True)
