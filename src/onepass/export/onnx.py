"""One-pass students as ONNX graphs for ONNX Runtime: ids in, ids out.

A graph is written operator by operator, so that it holds no more of them than it needs. It computes what the
family's decoder does in torch, in float32. In int8 it is written twice: once to measure the range of every
factor over some examples.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from onnx import TensorProto

from onepass.alignment.lexicon import Lexicon
from onepass.export import corrections, ctc, dag, fertility
from onepass.export.graph import Outputs, Range, Table, Value, Values
from onepass.export.parameters import Parameters
from onepass.export.transformer_graph import (
    OUTPUTS,
    SPAN_INPUTS,
    Placeholders,
    Shortlist,
    Source,
    StudentGraph,
    TransformerGraph,
)
from onepass.models.autoregressive import PAD
from onepass.models.from_teacher import reads_as
from onepass.models.one_pass import NEVER, OnePassTransformer
from onepass.models.stepwise import WordByWord
from onepass.runtime.corrections import MOST_TOKENS
from onepass.runtime.text_translator import MAX_SRC_TOKENS
from onepass.text.placeholder_ids import PlaceholderIds

GRAPHS: Mapping[str, StudentGraph] = {
    "fertility": fertility.GRAPH,
    "ctc": ctc.GRAPH,
    "dag": dag.GRAPH,
}
"""By family."""
LIMITS = {
    "lows": Value(TensorProto.FLOAT, ["factors"]),
    "highs": Value(TensorProto.FLOAT, ["factors"]),
}
"""What a graph gives that measures."""


def export_onnx(
    model: OnePassTransformer,
    path: Path,
    *,
    examples: Sequence[Sequence[int]] | None = None,
    teacher: WordByWord | None = None,
    vocabulary: NDArray[np.int64] | None = None,
    lexicon: Lexicon | None = None,
    weights: Path | None = None,
    placeholders: PlaceholderIds | None = None,
) -> None:
    """Writes a student as an ONNX graph.

    Its input is `src_ids`, int64 [B, S] padded with 0, of 1 to 256 tokens. Its outputs are `ids`, int64
    [B, T] padded with 0, `scores`, float32 [B], the mean log probability a token, `sources`, int64 [B, T],
    which source token each comes from, and of a student with fertilities `fertilities`, int64 [B, S].

    Args:
        model: in eval mode.
        path: the file to write.
        examples: source ids of some sentences, 1 to 256 each: round the weights to int8, a quarter of the
            size, and what is multiplied with them to the range that it has in these.
        teacher: may choose among candidates; `scores` are then its own. The graph has a second input, which
            says how many there are and which the family's `GRAPH` describes. Where it names none, the graph
            does what it does without a teacher.
        vocabulary: the target tokens that may be written [all but padding, <unk>, <s> and </s>]. Those that
            a student never saw in training it does not write; without them the output layer is faster.
        lexicon: write only what it allows for the source tokens of a sentence, which is faster still. Scores
            are shares of these words; a teacher's, too.
        weights: a file beside the graph for what is rounded to int8, and all other weights; a second one
            gets large tables. See `onepass.export.parameters`. None: the graph holds all it needs.
        placeholders: that a CTC student has learnt. Then the graph has the inputs `SPAN_INPUTS`, and tells of
            every slot its best label that is no placeholder, and how likely each placeholder is.
    """
    family = GRAPHS[model.family.name]
    candidates = None if teacher is None else family.candidates

    def feeds(row: Sequence[int]) -> Feeds:
        given: Feeds = {"src_ids": np.array([row], dtype=np.int64)}
        if candidates is not None:
            given[candidates.name] = candidates.example(len(row))
        if placeholders is not None:
            given |= {"spans": _spans(placeholders, row), "forced": np.zeros((1, 1), dtype=np.int64)}
        return given

    inputs = {"src_ids": Value(TensorProto.INT64, ["B", "S"])}
    if candidates is not None:
        inputs[candidates.name] = candidates.value
    if placeholders is not None and family.carries_placeholders:
        inputs |= SPAN_INPUTS
    _Writer(
        lambda g: _outputs(g, model, teacher, vocabulary, lexicon, placeholders),
        inputs,
        OUTPUTS,
        lambda: Parameters(model, teacher),
        weights,
    ).write(path, None if examples is None else map(feeds, examples))


def export_corrections(
    model: OnePassTransformer,
    teacher: WordByWord,
    path: Path,
    *,
    examples: Sequence[tuple[Sequence[int], Sequence[int]]] | None = None,
    vocabulary: NDArray[np.int64] | None = None,
    lexicon: Lexicon | None = None,
    weights: Path | None = None,
    placeholders: PlaceholderIds | None = None,
) -> None:
    """Writes the graph in which a teacher corrects a student's drafts, see `onepass.export.corrections`.

    Args:
        model: the student, in eval mode.
        teacher: of the same arrangement.
        path: the file to write.
        examples: sources and their drafts, for int8.
        vocabulary, lexicon, placeholders: as of `export_onnx`.
        weights: what `export_onnx` wrote with this teacher; it stays as it is.
    """

    def feeds(example: tuple[Sequence[int], Sequence[int]]) -> Feeds:
        row, draft = example
        given: Feeds = {
            "src_ids": np.array([row], dtype=np.int64),
            "drafts": np.array([draft], dtype=np.int64),
            "draft_sources": np.zeros((1, len(draft)), dtype=np.int64),
            "corrections": np.array([1]),
        }
        return given if placeholders is None else {**given, "spans": _spans(placeholders, row)}

    def outputs(g: TransformerGraph) -> Outputs:
        source = _source_of_teacher(g, model, vocabulary, lexicon, placeholders)
        return corrections.write_corrections(g, teacher, source)

    _Writer(
        outputs,
        corrections.INPUTS | ({} if placeholders is None else corrections.SPANS),
        corrections.OUTPUTS,
        lambda: Parameters(model, teacher),
        weights,
        rewrite=False,
    ).write(path, None if examples is None else map(feeds, examples))


Feeds = dict[str, NDArray[Any]]
"""What a graph is given."""


def _spans(placeholders: PlaceholderIds, row: Sequence[int]) -> NDArray[np.int64]:
    return np.array([placeholders.within(row)], dtype=np.int64)


@dataclass(frozen=True)
class _Writer:
    """How a graph is written, with the ranges of some examples or in float32.

    Attributes:
        outputs: makes the graph; names of its outputs by what they are.
        inputs, kinds: described; there may be more kinds than outputs.
        parameters: those that an int8 graph refers to in `weights`, if there is such a file.
        rewrite: as of `Graph.save`.
    """

    outputs: Callable[[TransformerGraph], Outputs]
    inputs: Values
    kinds: Values
    parameters: Callable[[], Parameters]
    weights: Path | None
    rewrite: bool = True

    def write(self, path: Path, examples: Iterable[Feeds] | None) -> None:
        """Writes it; for int8 twice: once to measure the range of every factor over the examples."""
        self._write(path, None if examples is None else self._ranges(examples))

    def _write(self, path: Path, ranges: Sequence[Range] | None, *, limits: bool = False) -> None:
        referring = self.weights is not None and ranges is not None
        g = TransformerGraph(ranges, self.parameters() if referring else None, all_parts=limits)
        outputs = self.outputs(g)
        if limits:
            outputs = g.limits()
        for name, value in outputs.items():
            g.name(value, name)
        kinds = {**self.kinds, **LIMITS}
        described = {name: kinds[name] for name in outputs}
        g.save(path, self.inputs, described, self.weights, rewrite=self.rewrite)

    def _ranges(self, examples: Iterable[Feeds]) -> list[Range]:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch) / "limits.onnx"
            self._write(path, None, limits=True)
            session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        names = {value.name for value in session.get_inputs()}
        found = [
            session.run(["lows", "highs"], {name: value for name, value in feeds.items() if name in names})
            for feeds in examples
        ]
        lows, highs = zip(*found, strict=True)
        return list(map(Range, np.min(lows, axis=0).tolist(), np.max(highs, axis=0).tolist()))


def _outputs(
    g: TransformerGraph,
    model: OnePassTransformer,
    teacher: WordByWord | None,
    vocabulary: NDArray[np.int64] | None,
    lexicon: Lexicon | None,
    placeholders: PlaceholderIds | None,
) -> Outputs:
    """The outputs of a student; the arguments are those of `export_onnx`."""
    graph = GRAPHS[model.family.name]
    parts, most = model.output_parts(), model.most_places(MAX_SRC_TOKENS)
    words = g.table(parts, model.output_bias())
    writable = _writable(model, vocabulary, placeholders)
    table = words if model.joint else g.table([model.src_embedding.weight])
    real, read_ids, read = _what_is_read(g, model)
    source = Source(
        ids="src_ids",
        real=real,
        read_ids=read_ids,
        read=read,
        mask=g.cast(read, TensorProto.INT32),
        embedded=g.look_up(table, read_ids),
        table=table,
        words=words,
        labels=np.concatenate([writable.words, writable.own]),
        shortlist=None if lexicon is None else _shortlist(g, lexicon, writable),
        # What a teacher scores has its </s>.
        positions=g.positions(model.positions(most + 1, torch.device("cpu"))),
        shared_encoder=teacher is not None and reads_as(model, teacher),
        placeholders=None if not graph.carries_placeholders else _placeholders(placeholders),
    )
    return graph.write(g, model, source, teacher)


def _source_of_teacher(
    g: TransformerGraph,
    model: OnePassTransformer,
    vocabulary: NDArray[np.int64] | None,
    lexicon: Lexicon | None,
    placeholders: PlaceholderIds | None,
) -> Source:
    """The sources as a teacher reads them that corrects."""
    writable = _writable(model, vocabulary, placeholders)
    real, read_ids, read = _what_is_read(g, model)
    most = max(model.most_places(MAX_SRC_TOKENS), MOST_TOKENS)
    nothing = Table("", "")
    return Source(
        ids="src_ids",
        real=real,
        read_ids=read_ids,
        read=read,
        mask=g.cast(read, TensorProto.INT32),
        embedded="",
        table=nothing,
        words=nothing,
        labels=writable.words,
        shortlist=None if lexicon is None else _shortlist(g, lexicon, writable),
        # Of as many places as the student's, so that both graphs have them in one table.
        positions=g.positions(model.positions(most + 1, torch.device("cpu"))),
        placeholders=_placeholders(placeholders),
    )


class _Writable(NamedTuple):
    """The words that a student may write, the labels of its family's own, and its placeholders: int64 [n]."""

    words: NDArray[np.int64]
    own: NDArray[np.int64]
    slots: list[int]


def _writable(
    model: OnePassTransformer, vocabulary: NDArray[np.int64] | None, placeholders: PlaceholderIds | None
) -> _Writable:
    tgt_size = model.tgt_embedding.num_embeddings  # what labels there are beyond are the family's own
    if vocabulary is None:
        vocabulary = np.arange(tgt_size)
    slots = [] if placeholders is None else list(placeholders.ids)
    vocabulary = np.setdiff1d(vocabulary, [*NEVER, *slots])
    if len(vocabulary) < 2:  # of a student that was taught a single word
        vocabulary = np.arange(max(NEVER) + 1, tgt_size)
    return _Writable(vocabulary, np.arange(tgt_size, sum(map(len, model.output_parts()))), slots)


def _shortlist(g: TransformerGraph, lexicon: Lexicon, writable: _Writable) -> Shortlist:
    words, own, slots = writable
    always = np.concatenate([np.intersect1d(lexicon.always, words), own])
    yields = lexicon.yields.copy()
    yields[PAD] = PAD  # which is never written: so padding adds nothing
    yields[slots] = np.array(slots, dtype=yields.dtype)[:, None]  # a placeholder yields itself
    return g.shortlist("src_ids", yields, always, np.concatenate([words, slots, own]).astype(np.int64))


def _what_is_read(g: TransformerGraph, model: OnePassTransformer) -> tuple[str, str, str]:
    """Which ids are tokens, what encoders read, and which of that are tokens."""
    real = g.op("Not", g.op("Equal", "src_ids", g.constant(PAD)))
    if not model.ends:
        return real, "src_ids", real
    read_ids = g.with_end("src_ids", real)
    return real, read_ids, g.op("Not", g.op("Equal", read_ids, g.constant(PAD)))


def _placeholders(ids: PlaceholderIds | None) -> Placeholders | None:
    if ids is None:
        return None
    return Placeholders(ids.first, np.array(ids.aliases), np.array(ids.twins))
