"""CTC students as graphs: what `decoding/ctc.py` does, operator by operator."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from onnx import TensorProto

from onepass.decoding.ctc import CHOICES
from onepass.export.graph import Outputs, Value
from onepass.export.teacher import Judge
from onepass.export.transformer_graph import OUTPUTS, CandidateInput, Source, StudentGraph, TransformerGraph
from onepass.models.autoregressive import PAD
from onepass.models.ctc import CTCTransformer
from onepass.models.one_pass import OnePassTransformer
from onepass.models.slots import IMPOSSIBLE
from onepass.models.stepwise import WordByWord
from onepass.runtime.candidates import CHANGES, MOST_LABELLINGS, combinations


def _write(
    g: TransformerGraph,
    model: OnePassTransformer,
    source: Source,
    teacher: WordByWord | None,
) -> Outputs:
    """The most probable labels; with a teacher and a window, the labelling that it likes best."""
    assert isinstance(model, CTCTransformer)
    states = g.encode(model, source, keep=model.keep)
    source = source._replace(states=states[-1])
    memory = g.project_memory(model.decoder, states)
    slot = g.range(g.op("Mul", g.size(source.read, 1), g.constant([model.slots])))
    if model.from_states is None:
        x = g.start(g.soft_copy(source, model.slots, slot), model.width, source.positions)
    else:
        x = g.state_start(model.from_states, states[-1])
        x = g.start(x, model.width, source.positions, embedded=False)
    lengths = g.op(
        "Mul", g.sum(g.cast(source.read, TensorProto.INT64), 1, keep=True), g.constant(model.slots)
    )
    real_slot = g.op("Less", slot, lengths)  # [B, L]
    slot_mask = g.cast(real_slot, TensorProto.INT32)
    x = g.decode(model, x, slot_mask, memory, source.mask)
    attended = g.attended(source)

    def most_probable() -> Outputs:
        found = _slot_words(g, x, source, real_slot)
        labels, scores = found["labels"], found["log_probs"]
        keep = _word_slots(g, labels, g.constant([0, 1, 0, -1]), real_slot, model.blank)
        ids, sources = g.compacted([labels, attended], keep)
        written = {"ids": ids, "scores": g.mean(scores, real_slot, keep), "sources": sources}
        return written if source.placeholders is None else {**written, **found}

    # What places are forced to write has its sources looked up by the runtime.
    of_places = {} if source.placeholders is None else {"attended": attended}
    if teacher is None:
        return most_probable() | of_places
    end = g.rows("window", g.constant([1]), g.constant([2]))
    chosen = g.choose(
        g.op("Greater", end, g.constant([0])),
        lambda: _with_no_slots(
            g,
            source,
            _best_labelling(g, teacher, source, attended, _labellings(g, model.blank, source, x, real_slot)),
        ),
        most_probable,
        OUTPUTS,
    )
    return chosen | of_places


def _slot_words(g: TransformerGraph, states: str, source: Source, real_slot: str) -> Outputs:
    """The `labels` of all slots and their `log_probs`; with placeholders, `span_log_probs`, too.

    Batches without placeholders do not pay for those with them, whose padding has the label 0.
    """
    # Outside the choice: in a part of a graph the same operators take longer.
    labels, log_probs = g.best_words(states, source)
    if source.placeholders is None:
        return {"labels": labels, "log_probs": log_probs}

    def without() -> Outputs:
        none = g.op("Expand", g.number(0), g.op("Concat", g.op("Shape", labels), g.constant([0]), axis=0))
        return {"labels": labels, "log_probs": log_probs, "span_log_probs": none}

    def beside() -> Outputs:
        found = g.words_beside(states, source)
        return {**found, "labels": g.op("Where", real_slot, found["labels"], g.constant(PAD))}

    return g.choose(g.op("Greater", g.size("spans", 1), g.constant([0])), beside, without, OUTPUTS)


def _with_no_slots(g: TransformerGraph, source: Source, written: Outputs) -> Outputs:
    """What else a graph with placeholders gives, empty."""
    if source.placeholders is None:
        return written
    none = g.op("Expand", g.number(0), g.constant([0, 0]))
    labels = g.cast(none, TensorProto.INT64)
    return {**written, "labels": labels, "log_probs": none, "span_log_probs": g.unsqueeze(none, 2)}


def _word_slots(g: TransformerGraph, labels: str, shift: str, real_slot: str, blank: int) -> str:
    """The slots whose label is a token and not that of the slot before; `shift` pads one slot in front."""
    before = g.op("Pad", labels, shift, g.constant(blank))
    differs = g.op("Not", g.op("Equal", labels, before))
    word = g.op("Not", g.op("Equal", labels, g.constant(blank)))
    return g.op("And", g.op("And", real_slot, differs), word)


class Labellings(NamedTuple):
    """Translations of all combinations of changes; those of a sentence are together, the likeliest first.

    Attributes:
        ids: [B·M, T]; not all differ.
        words: the slots that write them, bool [B·M, L].
        lost: what each loses, [B, M].
    """

    ids: str
    words: str
    lost: str


def _labellings(g: TransformerGraph, blank: int, source: Source, states: str, real_slot: str) -> Labellings:
    """As in `decoding.ctc`."""
    count = min(CHOICES, len(source.labels))
    choices, every = g.top_words(states, source, count), g.constant([0, -1])
    behind = g.constant([0, 0, 0, CHANGES])
    first = g.rows(choices.log_probs, g.constant([0]), g.constant([1]), dim=2)
    lost = g.op("Sub", first, g.rows(choices.log_probs, g.constant([1]), g.constant([count]), dim=2))
    free = real_slot
    if source.placeholders is not None:
        free = g.op("And", free, g.op("Equal", "forced", g.constant(0)))
    lost = g.op("Where", g.unsqueeze(free, 2), lost, g.number(np.inf))
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
    if source.placeholders is not None:
        held = g.unsqueeze("forced", 1)
        labels = g.op("Where", g.op("Greater", held, g.constant(0)), held, labels)
    slot = g.range(g.size(real_slot, 1))
    for part, place, label in zip(g.split(made, CHANGES), slots, to, strict=True):
        here = g.op("Equal", slot, g.unsqueeze(place, 2))
        here = g.op("And", g.cast(part, TensorProto.BOOL), here)
        labels = g.op("Where", here, g.unsqueeze(label, 2), labels)
    keep = _word_slots(g, labels, g.constant([0, 0, 1, 0, 0, -1]), g.unsqueeze(real_slot, 1), blank)
    shape = g.op("Concat", g.constant([-1]), g.size(labels, 2), axis=0)
    words = g.op("Reshape", keep, shape)
    return Labellings(g.compact(g.op("Reshape", labels, shape), words), words, total)


def _best_labelling(
    g: TransformerGraph, teacher: WordByWord, source: Source, attended: str, labellings: Labellings
) -> Outputs:
    """The teacher's favourite of the different labellings from the first number of `window` up to the second.

    `attended`: the source token of each slot, [B, L].
    """
    ids, words, lost = labellings
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
    scores = Judge(g, teacher, source).scores(g.op("Gather", ids, rows), g.op("Gather", sentence, rows))
    none = g.op("Expand", g.number(-np.inf), g.op("Shape", number))
    scores = g.op("Reshape", g.op("ScatterElements", none, rows, scores), by_sentence)
    winner = g.op("ArgMax", scores, axis=1, keepdims=0)
    offset = g.op("Mul", g.range(g.size(scores, 0)), g.constant(MOST_LABELLINGS))
    row = g.op("Add", offset, winner)
    ids = g.op("Gather", ids, row)
    sources = g.compact(attended, g.op("Gather", words, row))
    return {"ids": ids, "scores": g.maximum(scores, 1), "sources": sources}


GRAPH = StudentGraph(
    _write,
    CandidateInput("window", Value(TensorProto.INT64, [2]), lambda _: np.array([0, 10])),
    carries_placeholders=True,
)
"""`window`: the first candidate, and the one after the last (`decoding.ctc`); of zeros where there is none.

A sentence that has no candidate in there scores -inf.
"""
