"""A student's ONNX graph in ONNX Runtime: ids in, ids out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from onepass.runtime.alternatives import Scored
from onepass.runtime.candidates import MOST_LABELLINGS, candidate_numbers
from onepass.runtime.placing import placed
from onepass.runtime.sessions import Sessions
from onepass.runtime.text_translator import Hypotheses
from onepass.text.batches import padded
from onepass.text.placeholder_ids import PlaceholderIds
from onepass.text.tokenizer import PAD

CANDIDATE_TOKENS = 2048
"""Source tokens times candidates that are drawn, in one run: bounds its memory."""
SOURCES, ATTENDED = "sources", "attended"
"""Outputs of a graph that only alignments need: of tokens, and of places."""
LIKELIEST = 9
"""Candidates that are looked at one by one, where several translations are wanted."""
FEW_CANDIDATES = 10
"""Among which the teacher chooses for one or two words."""
GUARDS, GUARD_TOKENS = 16, 12
"""Rows that are tried, and their length, see `OnnxEngine._guards_of`."""
_FREE = np.zeros((1, 1), dtype=np.int64)
"""Of slots that are not forced to write anything."""


class SlotLabels(NamedTuple):
    """The slots of one source, L of them.

    Attributes:
        labels: ids, among them the blank, which is behind all others.
        sources: the place of the source that each reads most.
        written: whether the label is part of the translation: no blank, and not that of the slot before.
    """

    labels: list[int]
    sources: list[int]
    written: list[bool]


class Range(NamedTuple):
    """Candidates from a number up to another one."""

    first: int
    end: int


class OnnxEngine:
    """Decodes batches with one graph; may be called by several threads at once.

    Args:
        path: the graph, see `onepass.export.onnx`.
        beside: the files beside it that it refers to.
        sessions: calls that run side by side, each in a session of its own, since two runs of one session
            wait for each other's memory (docs/results/LOG.md); further calls wait.
        num_candidates: that the teacher in the graph chooses among; above 1 for a graph that has candidates.
        seed: of noisy parallel decoding.
        placeholders: that the model has learnt, where its graph asks for those of a batch.

    Attributes:
        copies: the student copies its source, so that there are fertilities.
        aligns: the graph says where the source has each token; those of older exports do not.
        has_several: the graph has candidates and a teacher that scores them.

    Raises:
        ModelError: the file is no graph that this ONNX Runtime can run.
    """

    def __init__(
        self,
        path: Path,
        *beside: Path,
        sessions: int = 1,
        num_candidates: int = 1,
        seed: int = 1,
        placeholders: PlaceholderIds | None = None,
    ) -> None:
        self._sessions = Sessions(path, *beside, most=sessions)
        self._outputs, self._inputs = self._sessions.outputs, self._sessions.inputs
        self.copies = "fertilities" in self._outputs
        self.aligns = SOURCES in self._outputs
        self.has_several = bool({"window", "uniform"} & self._inputs)
        self._placeholders = placeholders if "spans" in self._inputs else None
        self._sparing = onnxruntime.RunOptions()
        self._sparing.only_execute_path_to_fetches = True  # nothing for outputs that nobody wants
        self._num_candidates = num_candidates
        drawn = "uniform" in self._inputs
        self._uniform = candidate_numbers(num_candidates, seed=seed) if drawn else None
        self._seed, self._guards = seed, dict[bool, list[int]]()

    def __call__(self, rows: Sequence[Sequence[int]]) -> Hypotheses:
        """Translates source ids, 1 to MAX_SRC_TOKENS a row."""
        return self._decoded(rows, aligned=False)

    def aligned(self, rows: Sequence[Sequence[int]]) -> Hypotheses:
        """The same, which also says where the source has each token, if the graph does."""
        return self._decoded(rows, aligned=True)

    def few(self, rows: Sequence[Sequence[int]]) -> Hypotheses:
        """The same for one or two words: what the teacher chooses among FEW_CANDIDATES."""
        return self._decoded(rows, aligned=True, windows=[Range(0, FEW_CANDIDATES)])._replace(others=None)

    def several(self, rows: Sequence[Sequence[int]], count: int) -> Hypotheses:
        """The same with up to `count` translations of each, all with the teacher's scores.

        They are the teacher's favourite of all candidates, and the best of the likeliest ones.
        """
        windows = [Range(0, MOST_LABELLINGS)]
        guards = self._guards_of(rows)
        if guards is not None:
            windows += [Range(i, i + 1) for i in range(LIKELIEST)]
        found = self._decoded([*rows, *(guards or ())], aligned=True, windows=windows)
        many = len(rows)
        some = [of_row[: count - 1] for of_row in found.others or ()]
        return found._replace(
            ids=found.ids[:many],
            scores=found.scores[:many],
            fertilities=found.fertilities and found.fertilities[:many],
            sources=found.sources and found.sources[:many],
            others=some[:many],
        )

    def _guards_of(self, rows: Sequence[Sequence[int]]) -> list[list[int]] | None:
        """Rows with many candidates, to be with those that have placeholders and with those that have none.

        A graph must not run where no row has a candidate in its window, and does not tell how many there are.
        But where all candidates have another winner than the LIKELIEST but one, there are as many as those.
        None: no such rows were found.
        """
        if self._uniform is not None:
            return []
        marks = [[] if self._placeholders is None else self._placeholders.within(row) for row in rows]
        for masked in {bool(own) for own in marks} - self._guards.keys():
            words = sorted({token for row in rows for token in row}.difference(*marks))
            mark = next(own[:1] for own in marks if bool(own) == masked)
            random = np.random.default_rng(1)
            for row in random.choice(words, (GUARDS, GUARD_TOKENS)).tolist() if words else []:
                sizes = (LIKELIEST - 1, MOST_LABELLINGS)
                won = [
                    self._decoded([row + mark], aligned=False, windows=[Range(0, size)]).ids for size in sizes
                ]
                if won[0] != won[1]:
                    self._guards[masked] = row + mark
                    break
        needed = {bool(own) for own in marks}
        return [self._guards[masked] for masked in needed] if needed <= self._guards.keys() else None

    def _decoded(
        self, rows: Sequence[Sequence[int]], *, aligned: bool, windows: Sequence[Range] = ()
    ) -> Hypotheses:
        if self._placeholders is None:
            return self._translated(rows, {}, aligned=aligned, windows=windows)
        spans = [self._placeholders.within(row) for row in rows]
        if not any(spans):
            none = np.zeros((len(rows), 0), dtype=np.int64)
            free = {"forced": _FREE, "spans": none}
            return self._translated(rows, free, aligned=aligned, windows=windows)
        # Apart from the others, which so are the same in any batch.
        masked, plain = (
            [number for number, own in enumerate(spans) if bool(own) == some] for some in (True, False)
        )
        of_masked = [spans[i] for i in masked]
        found = self._carried([rows[i] for i in masked], of_masked, aligned=aligned, windows=windows)
        if not plain:
            return found
        rest = self._decoded([rows[i] for i in plain], aligned=aligned, windows=windows)
        order = np.argsort(masked + plain).tolist()

        def in_order(some: list[Any] | None, more: list[Any] | None) -> list[Any] | None:
            return None if some is None or more is None else [(some + more)[i] for i in order]

        return Hypotheses(
            [(found.ids + rest.ids)[i] for i in order],
            [(found.scores + rest.scores)[i] for i in order],
            with_end=found.with_end,
            sources=in_order(found.sources, rest.sources),
            others=in_order(found.others, rest.others),
        )

    def _carried(
        self,
        rows: Sequence[Sequence[int]],
        spans: Sequence[Sequence[int]],
        *,
        aligned: bool,
        windows: Sequence[Range],
    ) -> Hypotheses:
        """Translates rows that have placeholders, so that each of them is written once."""
        feeds = {"src_ids": padded(rows), "spans": padded(spans), "forced": _FREE}
        found = self._fetched({**feeds, **self._no_window()}, aligned=aligned)
        forced = np.zeros_like(found["labels"])
        sums = []
        for number, own in enumerate(spans):
            real = np.count_nonzero(found["labels"][number])
            words, of_spans = found["log_probs"][number, :real], found["span_log_probs"][number, :real]
            held = placed(words, of_spans[:, : len(own)].T)
            forced[number, :real] = np.where(held >= 0, np.array(own)[held], 0)
            chosen = np.take_along_axis(of_spans, np.maximum(held, 0)[:, None], 1)[:, 0]
            sums.append(float(np.where(held >= 0, chosen, words).sum()))
        feeds["forced"] = forced
        if self._num_candidates > 1 or windows:
            return self._translated(rows, feeds, aligned=aligned, windows=windows)
        labels = np.where(forced > 0, forced, found["labels"])
        kept = self._word_slots(labels)
        ids = [row[keep].tolist() for row, keep in zip(labels, kept, strict=True)]
        scores = [total / max(len(row), 1) for total, row in zip(sums, ids, strict=True)]
        sources = None
        if ATTENDED in found and aligned:
            sources = [row[keep].tolist() for row, keep in zip(found[ATTENDED], kept, strict=True)]
        return Hypotheses(ids, scores, with_end=False, sources=sources)

    def slots(self, row: Sequence[int]) -> SlotLabels | None:
        """What the slots of one source write; None where the graph does not say."""
        if self._placeholders is None or ATTENDED not in self._outputs:
            return None
        spans = np.array([self._placeholders.within(row)], dtype=np.int64)
        feeds = {"src_ids": padded([row]), "spans": spans, "forced": _FREE}
        found = self._fetched({**feeds, **self._no_window()}, aligned=True)
        labels = found["labels"]
        if spans.size:
            held = placed(found["log_probs"][0], found["span_log_probs"][0].T)
            labels = np.where(held >= 0, spans[0][held], labels)
        return SlotLabels(
            labels[0].tolist(), found[ATTENDED][0].tolist(), self._word_slots(labels)[0].tolist()
        )

    def _no_window(self) -> dict[str, NDArray[np.int64]]:
        """What a graph with a teacher is given for its most probable words."""
        return {"window": np.zeros(2, dtype=np.int64)} if "window" in self._inputs else {}

    def _word_slots(self, labels: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Slots that write: of equal neighbours the first; neither the blank, the last label, nor padding."""
        assert self._placeholders is not None
        blank = self._placeholders.ids.stop
        before = np.pad(labels, ((0, 0), (1, 0)))[:, :-1]
        kept: NDArray[np.bool_] = (labels != before) & (labels != blank) & (labels != PAD)
        return kept

    def _fetched(self, feeds: dict[str, NDArray[Any]], *, aligned: bool) -> dict[str, NDArray[Any]]:
        """The outputs of the graph, those of alignments only if they are asked for."""
        names = [name for name in self._outputs if aligned or name not in (SOURCES, ATTENDED)]
        with self._sessions.one() as session:
            values = session.run(names, feeds, None if aligned else self._sparing)
        return dict(zip(names, values, strict=True))

    def _translated(
        self,
        rows: Sequence[Sequence[int]],
        more: dict[str, NDArray[Any]],
        *,
        aligned: bool,
        windows: Sequence[Range],
    ) -> Hypotheses:
        """Translates source ids as the graph does.

        Args:
            rows: of them.
            more: what the graph is given beside them.
            aligned: also say where the source has each token.
            windows: of candidates; the favourite of each is given, the best of them first. none: as usual.
        """
        src_ids = padded(rows)
        given = {"src_ids": src_ids, **more}
        if windows:
            named = [self._window(window, src_ids.shape[1]) for window in windows]
            return _ranked([self._run({**given, **w}, rows, aligned=aligned) for w in named], len(rows))
        runs = [self._run({**given, **some}, rows, aligned=aligned) for some in self._candidates(src_ids)]
        if len(runs) == 1:
            return runs[0]
        best = np.argmax([run.scores for run in runs], axis=0).tolist()

        def winners(values: Iterable[Sequence[Any]]) -> list[Any]:
            return [of_row[run] for run, of_row in zip(best, zip(*values, strict=True), strict=True)]

        return Hypotheses(
            winners(run.ids for run in runs),
            winners(run.scores for run in runs),
            with_end=True,
            fertilities=winners(run.fertilities or [] for run in runs) if self.copies else None,
            sources=winners(run.sources or [] for run in runs) if runs[0].sources is not None else None,
        )

    def _window(self, window: Range, width: int) -> dict[str, NDArray[Any]]:
        """What a graph is given for some candidates of rows of so many tokens."""
        if self._uniform is None:
            return {"window": np.array(window)}
        return {"uniform": candidate_numbers(MOST_LABELLINGS + 1, seed=self._seed)[slice(*window), :width]}

    def _candidates(self, src_ids: NDArray[np.int64]) -> Iterator[dict[str, NDArray[Any]]]:
        """What else each run is given: of long rows each has a few candidates, and the best of all wins."""
        some = max(1, CANDIDATE_TOKENS // src_ids.size)
        if self._uniform is not None:  # beside the argmax, which every run has
            for first in range(0, max(1, len(self._uniform)), some):
                yield {"uniform": self._uniform[first : first + some, : src_ids.shape[1]]}
        elif "window" in self._inputs:
            # All at once: many labellings are the same, and a graph does not run where none is left.
            yield {"window": np.array([0, self._num_candidates if self._num_candidates > 1 else 0])}
        else:
            yield {}

    def _run(
        self, feeds: dict[str, NDArray[Any]], rows: Sequence[Sequence[int]], *, aligned: bool
    ) -> Hypotheses:
        found = self._fetched(feeds, aligned=aligned)
        fertilities = None
        if self.copies:
            rows_of = zip(found["fertilities"].tolist(), rows, strict=True)
            fertilities = [counts[: len(row)] for counts, row in rows_of]
        lengths = np.count_nonzero(found["ids"] != PAD, axis=1).tolist()
        return Hypotheses(
            _cut(found["ids"], lengths),
            found["scores"].tolist(),
            with_end=self._num_candidates > 1,
            fertilities=fertilities,
            sources=_cut(found[SOURCES], lengths) if SOURCES in found else None,
        )


def _ranked(runs: Sequence[Hypotheses], count: int) -> Hypotheses:
    """Of each of `count` rows the different translations of all runs, the best score first."""
    chosen: list[list[int]] = []
    for row in range(count):
        different: dict[tuple[int, ...], int] = {}
        for number in sorted(range(len(runs)), key=lambda number: -runs[number].scores[row]):
            if np.isfinite(runs[number].scores[row]):
                different.setdefault(tuple(runs[number].ids[row]), number)
        chosen.append(list(different.values()))
    best = [numbers[0] for numbers in chosen]

    def of_best(lists: Sequence[list[Any] | None]) -> list[Any] | None:
        return [(lists[number] or [])[row] for row, number in enumerate(best)] if lists[0] else None

    return Hypotheses(
        of_best([run.ids for run in runs]) or [],
        of_best([run.scores for run in runs]) or [],
        with_end=True,
        fertilities=of_best([run.fertilities for run in runs]),
        sources=of_best([run.sources for run in runs]),
        others=[
            [Scored(runs[number].ids[row], runs[number].scores[row]) for number in numbers[1:]]
            for row, numbers in enumerate(chosen)
        ],
    )


def _cut(rows: NDArray[np.int64], lengths: Sequence[int]) -> list[list[int]]:
    return [row[:length] for row, length in zip(rows.tolist(), lengths, strict=True)]
