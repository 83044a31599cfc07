"""Corrections of drafts by the teacher as a graph: what `decoding/corrections.py` does, operator by operator.

The graph is beside the student's, whose weights it shares. Its inputs are `src_ids` [B, S], `drafts` [B, T]
and `draft_sources` [B, T], the source token of each, padded with 0. `corrections` [1] is the most of each.
With placeholders `spans` [B, K] are those of each source. It gives `ids`, `sources` and the teacher's scores.
"""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from onepass.export.graph import Outputs, Step, Value
from onepass.export.teacher import Judge, written_scores
from onepass.export.transformer_graph import Source, TransformerGraph
from onepass.models.autoregressive import EOS, PAD
from onepass.models.one_pass import NEVER
from onepass.models.slots import IMPOSSIBLE
from onepass.models.stepwise import WordByWord
from onepass.runtime.corrections import AHEAD, MOST_TOKENS, SHARES

INPUTS = {
    "src_ids": Value(TensorProto.INT64, ["B", "S"]),
    "drafts": Value(TensorProto.INT64, ["B", "T"]),
    "draft_sources": Value(TensorProto.INT64, ["B", "T"]),
    "corrections": Value(TensorProto.INT64, [1]),
}
SPANS = {"spans": Value(TensorProto.INT64, ["B", "K"])}
OUTPUTS = {
    "ids": Value(TensorProto.INT64, ["B", "U"]),
    "sources": Value(TensorProto.INT64, ["B", "U"]),
    "scores": Value(TensorProto.FLOAT, ["B"]),
}
_SHIFTS = [0, -1, 1]
"""Of the tokens behind a corrected one, beside that to where the wanted one stands already."""
_STATE = {
    "variants": Value(TensorProto.INT64, [None, None, None]),
    "sources_of": Value(TensorProto.INT64, [None, None, None]),
    "place": Value(TensorProto.INT64, [None]),
    "active": Value(TensorProto.INT64, [None]),
    "cells": Value(TensorProto.FLOAT, [None, None, None]),
    "ids": Value(TensorProto.INT64, [None, None]),
    "sources": Value(TensorProto.INT64, [None, None]),
    "row": Value(TensorProto.INT64, [1]),
}
"""Of the loop: variants of the sentences that go on [A, V, T], and the source of each token; from which place
on the teacher may disagree [A]; the numbers of these sentences [A]; its cells before that place; what all
sentences have so far [B, T]. Each pass may have other sizes."""


def write_corrections(g: TransformerGraph, teacher: WordByWord, source: Source) -> Outputs:
    """The graph's outputs.

    Args:
        g: where `all_parts` are wanted, the teacher reads the drafts as they are.
        teacher: of the student's arrangement.
        source: what the teacher reads; `words` and `embedded` are not used.
    """
    judge = Judge(g, teacher, source)
    ids, sources = "drafts", "draft_sources"
    if not g.all_parts:
        with g.same_factors():
            ids, sources = _Corrections(g, judge, source).loop()
    return {"ids": ids, "sources": sources, "scores": judge.scores(ids, g.range(g.size(ids, 0)))}


class _Corrections:
    def __init__(self, g: TransformerGraph, judge: Judge, source: Source) -> None:
        self.g, self.judge, self.source = g, judge, source
        never = np.zeros(1 if source.shortlist is not None else judge.size)
        if source.shortlist is None:
            never[[token for token in NEVER if token != EOS]] = IMPOSSIBLE
        hidden = g.constant(never[None, None], np.float32)
        if source.placeholders is not None:
            hidden = g.op("Add", hidden, g.not_hidden(source.placeholders, judge.labels))
        self.end = judge.end()
        batch = g.op("Concat", g.size("src_ids", 0), g.constant([1, 1]), axis=0)
        self.hidden = g.op("Expand", hidden, batch)  # [B, 1, 1 or n]

    def loop(self) -> tuple[str, str]:
        """The corrected ids and their sources, [B, U]."""
        g = self.g
        drafts, sources = (
            g.op("Pad", x, g.constant([0, 0, 0, 1]), g.constant(PAD)) for x in ("drafts", "draft_sources")
        )
        numbers = g.range(g.size(drafts, 0))
        shape = g.op("Concat", g.size(drafts, 0), g.constant([self.judge.cells, self.judge.width]), axis=0)
        state = {
            "variants": g.unsqueeze(drafts, 1),
            "sources_of": g.unsqueeze(sources, 1),
            "place": g.op("Mul", numbers, g.constant(0)),
            "active": numbers,
            "cells": g.op("Expand", g.number(0), shape),
            "ids": drafts,
            "sources": sources,
        }
        last, _ = g.loop(g.op("Add", "corrections", g.constant([1])), state, _STATE, self._step)
        width = self._longest(last["ids"], 1)
        return tuple(g.rows(last[name], g.constant([0]), width, dim=1) for name in ("ids", "sources"))  # type: ignore[return-value]

    def _step(self, state: Outputs) -> Step:
        """One pass of the teacher, the best variant of each sentence, and its variants for the next pass."""
        g = self.g
        sizes = [g.size(state["variants"], dim) for dim in range(3)]  # A, V, T
        by_row = g.op("Concat", g.constant([-1]), sizes[2], axis=0)
        rows, origins = (g.op("Reshape", state[name], by_row) for name in ("variants", "sources_of"))
        several = g.op("Concat", *sizes[:2], axis=0)
        sentence, place = (self._of_rows(state[name], several) for name in ("active", "place"))
        begin, cells = self._go_on_from(state, place, sentence, several)
        passed = len(g.cells)
        opinion = self.judge.opinion(rows, sentence, begin, cells)
        logits = g.op("Add", opinion.logits, g.op("Gather", self.hidden, sentence))
        agrees = self._agrees(logits, opinion.ids, opinion.columns)
        first, merit = self._merit(agrees, opinion.real, begin, place)
        merit = g.cast(g.op("Reshape", merit, several), TensorProto.DOUBLE)
        best = g.op("ArgMax", merit, axis=1, keepdims=0)  # [A]
        row = g.op("Add", g.op("Mul", g.range(sizes[0]), sizes[1]), best)
        ids, sources, at = (g.op("Gather", x, row) for x in (rows, origins, first))
        every_ids, every_sources = (
            self._put(state[name], state["active"], x) for name, x in (("ids", ids), ("sources", sources))
        )
        # Those that the teacher would change, and that have room for it.
        length = g.lengths(ids, 1)
        going = g.op("LessOrEqual", at, length)
        going = g.op("And", going, g.op("Less", length, g.constant(MOST_TOKENS)))
        kept = g.op("Squeeze", g.op("NonZero", going), g.constant([0]))
        ids, sources, at, row, length, active = (
            g.op("Gather", x, kept) for x in (ids, sources, at, row, length, state["active"])
        )
        flat = g.op("Reshape", logits, g.op("Concat", g.constant([-1]), g.size(logits, 2), axis=0))
        after = g.op("Sub", at, g.op("Gather", begin, row))
        there = g.op("Add", g.op("Mul", row, g.size(opinion.ids, 1)), after)
        wanted = g.op("ArgMax", g.op("Gather", flat, there), axis=1, keepdims=0)
        wanted = g.op("Gather", self.judge.labels, wanted)
        variants, sources_of = self._variants(ids, sources, length, at, wanted)
        going_on = g.op("Greater", g.size(kept, 0), g.constant([0]))
        return Step(
            g.op("Squeeze", going_on, g.constant([0])),
            {
                "variants": variants,
                "sources_of": sources_of,
                "place": g.op("Add", at, g.constant(1)),
                "active": active,
                "cells": self._cells_at(g.cells[passed:], after, row, state["cells"]),
                "ids": every_ids,
                "sources": every_sources,
            },
            sizes[0],
        )

    def _go_on_from(self, state: Outputs, place: str, sentence: str, several: str) -> tuple[str, list[str]]:
        """From which place on the teacher reads each variant, [R], and its cells there.

        Cells are all that it needs to know of what is before. A teacher that has none reads it again.
        """
        g = self.g
        if not self.judge.cells:
            return g.op("Mul", place, g.constant(0)), []
        number = self._of_rows(g.range(g.size(state["cells"], 0)), several)
        cells = g.op("Gather", state["cells"], number)  # [R, cells, D]
        return place, [g.op("Gather", cells, g.constant(layer), axis=1) for layer in range(self.judge.cells)]

    def _cells_at(self, cells: list[str], after: str, row: str, before: str) -> str:
        """The cells [T, R, D] of some rows [A], each after so many places: [A, cells, D]."""
        g = self.g
        if not cells:
            return g.op("Gather", before, g.op("Mul", row, g.constant(0)))
        found = []
        for every in cells:
            flat = g.op("Reshape", every, g.constant([-1, self.judge.width]))
            place = g.op("Add", g.op("Mul", after, g.size(every, 1)), row)
            found.append(g.unsqueeze(g.op("Gather", flat, place), 1))
        return g.op("Concat", *found, axis=1)

    def _of_rows(self, x: str, several: str) -> str:
        """Values of A sentences [A] for each of their variants, [A · V]."""
        g = self.g
        return g.op("Reshape", g.op("Expand", g.unsqueeze(x, 1), several), g.constant([-1]))

    def _agrees(self, logits: str, ids: str, columns: str) -> str:
        """Where the teacher would write what a variant has, [R, T + 1].

        Placeholders are right where they are, and no end comes before the last of them.
        """
        g = self.g
        best = g.maximum(logits, 2)
        agrees = g.op("GreaterOrEqual", written_scores(g, logits, columns), best)
        if self.source.placeholders is None:
            return agrees
        placeholder = self._is_placeholder(ids)
        ends = g.op("Expand", self.end, g.op("Shape", columns))
        ends = g.op("GreaterOrEqual", written_scores(g, logits, ends), best)
        counts = g.cast(placeholder, TensorProto.INT64)
        left = g.op("CumSum", counts, g.constant(1), reverse=1)
        kept = g.op("And", ends, g.op("Greater", left, g.constant(0)))
        return g.op("Or", agrees, g.op("Or", placeholder, kept))

    def _is_placeholder(self, ids: str) -> str:
        g, placeholders = self.g, self.source.placeholders
        assert placeholders is not None
        end = placeholders.first + len(placeholders.aliases)
        return g.op(
            "And",
            g.op("GreaterOrEqual", ids, g.constant(placeholders.first)),
            g.op("Less", ids, g.constant(end)),
        )

    def _merit(self, agrees: str, real: str, begin: str, place: str) -> tuple[str, str]:
        """Of variants [R]: where the teacher first disagrees, from `place` on, and how good they are.

        Up to `begin`, where it began to read, it agrees.
        """
        g = self.g
        steps = g.op("Add", g.unsqueeze(begin, 1), g.range(g.size(real, 1)))
        differs = g.op("And", real, g.op("Not", agrees))
        here = g.op("And", differs, g.op("GreaterOrEqual", steps, g.unsqueeze(place, 1)))
        at = g.op("Where", here, steps, g.constant(MOST_TOKENS + 1))
        first = g.op("ReduceMin", at, g.constant([1]), keepdims=0)
        counts = [
            g.op("Add", begin, g.sum(g.cast(x, TensorProto.INT64), 1))
            for x in (g.op("And", real, agrees), real)
        ]
        share = g.op("Div", g.op("Mul", counts[0], g.constant(SHARES)), counts[1])
        return first, g.op("Add", g.op("Mul", first, g.constant(2 * SHARES)), share)

    def _put(self, every: str, active: str, rows: str) -> str:
        """Values of all sentences [B, W], with those of some, [A, T], in their place."""
        g = self.g
        width = g.op("Max", g.size(every, 1), g.size(rows, 1))
        wide = []
        for x in (every, rows):
            missing = g.op("Sub", width, g.size(x, 1))
            pads = g.op("Concat", g.constant([0, 0, 0]), missing, axis=0)
            wide.append(g.op("Pad", x, pads, g.constant(PAD)))
        to = g.op("Expand", g.unsqueeze(active, 1), g.op("Shape", wide[1]))
        return g.op("ScatterElements", wide[0], to, wide[1], axis=0)

    def _longest(self, ids: str, dims: int) -> str:
        """The most tokens of a row, at least 1, int64 [1]."""
        g = self.g
        lengths = g.op("Reshape", g.lengths(ids, dims), g.constant([-1]))
        every = g.op("Concat", lengths, g.constant([1]), axis=0)
        return g.op("ReduceMax", every, g.constant([0]), keepdims=1)

    def _variants(self, ids: str, sources: str, length: str, at: str, wanted: str) -> tuple[str, str]:
        """Drafts [A, T] with the wanted token at a place [A] and what may follow, [A, V, U]; the sources."""
        g = self.g
        behind = g.constant([0, 0, 0, 1])
        ids, sources = (g.op("Pad", x, behind, g.constant(PAD)) for x in (ids, sources))
        steps = g.range(g.size(ids, 1))
        at_column, wanted_column = (g.unsqueeze(x, 1) for x in (at, wanted))
        near = g.op("Equal", ids, wanted_column)
        near = g.op("And", near, g.op("Greater", steps, at_column))
        near = g.op("And", near, g.op("LessOrEqual", steps, g.op("Add", at_column, g.constant(AHEAD))))
        away = g.op("Where", near, g.op("Sub", steps, at_column), g.constant(AHEAD + 1))
        away = g.op("ReduceMin", away, g.constant([1]), keepdims=1)  # [A, 1]
        away = g.op("Where", g.op("Greater", away, g.constant(AHEAD)), g.constant(0), away)
        count = g.size(at, 0)
        others = g.op("Expand", g.constant([_SHIFTS]), g.op("Concat", count, g.constant([3]), axis=0))
        shifts = g.op("Concat", away, others, axis=1)  # [A, V]
        last = g.op("Sub", g.size(ids, 1), g.constant([1]))
        index = g.op("Add", steps, g.unsqueeze(shifts, 2))
        index = g.op("Min", g.op("Max", index, g.constant(0)), last)  # [A, V, T + 1]
        start = g.op("Less", steps, g.op("Unsqueeze", at, g.constant([1, 2])))
        here = g.op("Equal", steps, g.op("Unsqueeze", at, g.constant([1, 2])))
        ends = g.op("Equal", wanted, g.constant(EOS))
        ends_cube = g.op("Unsqueeze", ends, g.constant([1, 2]))
        from_last = g.op("Max", g.op("Min", at, g.op("Sub", length, g.constant(1))), g.constant(0))
        source = g.op("GatherElements", sources, g.unsqueeze(from_last, 1), axis=1)  # [A, 1]
        made = []
        for every, own in ((ids, wanted_column), (sources, source)):
            wide = g.op("Expand", g.unsqueeze(every, 1), g.op("Shape", index))
            rest = g.op("GatherElements", wide, index, axis=2)
            rest = g.op("Where", here, g.unsqueeze(own, 2), rest)
            rest = g.op("Where", ends_cube, g.constant(PAD), rest)
            made.append(g.op("Where", start, wide, rest))
        if self.source.placeholders is not None:
            made = self._with_placeholders(ids, made)
        width = self._longest(made[0], 2)
        variants, sources_of = (g.rows(x, g.constant([0]), width, dim=2) for x in made)
        return variants, sources_of

    def _with_placeholders(self, ids: str, made: list[str]) -> list[str]:
        """The second variant, which keeps all placeholders, in the place of those that lost one."""
        g = self.g
        before = g.sum(g.cast(self._is_placeholder(ids), TensorProto.INT64), 1, keep=True)
        after = g.sum(g.cast(self._is_placeholder(made[0]), TensorProto.INT64), 2)  # [A, V]
        whole = g.unsqueeze(g.op("Equal", before, after), 2)
        return [g.op("Where", whole, x, g.rows(x, g.constant([1]), g.constant([2]), dim=1)) for x in made]
