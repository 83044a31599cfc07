"""One-pass students as ONNX graphs for ONNX Runtime: ids in, ids out.

A graph is written operator by operator, so that it holds no more of them than it needs. It computes what the
family's decoder does in torch, in float32. In int8 it is written twice: once to measure the range of every
factor over some examples.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from onnx import TensorProto

from onepass.alignment.lexicon import Lexicon
from onepass.export import ctc, dag, fertility
from onepass.export.graph import Outputs, Range, Value
from onepass.export.parameters import Parameters
from onepass.export.transformer_graph import (
    OUTPUTS,
    SPAN_INPUTS,
    CandidateInput,
    Placeholders,
    Source,
    StudentGraph,
    TransformerGraph,
)
from onepass.models.autoregressive import PAD
from onepass.models.from_teacher import reads_as
from onepass.models.one_pass import NEVER, OnePassTransformer
from onepass.models.stepwise import WordByWord
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
    candidates = None if teacher is None else GRAPHS[model.family.name].candidates

    def write(to: Path, ranges: Sequence[Range] | None, *, limits: bool = False) -> None:
        parameters = None
        if weights is not None and ranges is not None:
            parameters = Parameters(model, teacher)
        g = TransformerGraph(ranges, parameters, all_parts=limits)
        outputs = _outputs(g, model, teacher, vocabulary, lexicon, placeholders)
        if limits:
            outputs = g.limits()
        for name, value in outputs.items():
            g.name(value, name)
        inputs = {"src_ids": Value(TensorProto.INT64, ["B", "S"])}
        if candidates is not None:
            inputs[candidates.name] = candidates.value
        if placeholders is not None and GRAPHS[model.family.name].carries_placeholders:
            inputs |= SPAN_INPUTS
        kinds = OUTPUTS | LIMITS
        g.save(to, inputs, {name: kinds[name] for name in outputs}, weights)

    ranges = None
    if examples is not None:
        with tempfile.TemporaryDirectory() as scratch:
            measuring = Path(scratch) / "limits.onnx"
            write(measuring, None, limits=True)
            ranges = _measured(measuring, examples, candidates, placeholders)
    write(path, ranges)


def _measured(
    path: Path,
    examples: Sequence[Sequence[int]],
    candidates: CandidateInput | None,
    placeholders: PlaceholderIds | None,
) -> list[Range]:
    """The ranges of all factors over the examples, from a graph whose outputs are their limits."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    found, names = [], {value.name for value in session.get_inputs()}
    for row in examples:
        feeds: dict[str, NDArray[Any]] = {"src_ids": np.array([row], dtype=np.int64)}
        if candidates is not None:
            feeds[candidates.name] = candidates.example(len(row))
        if "spans" in names:
            spans = [] if placeholders is None else placeholders.within(row)
            feeds |= {"spans": np.array([spans], dtype=np.int64), "forced": np.zeros((1, 1), dtype=np.int64)}
        found.append(session.run(["lows", "highs"], feeds))
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
    tgt_size = model.tgt_embedding.num_embeddings  # what labels there are beyond are the family's own
    if vocabulary is None:
        vocabulary = np.arange(tgt_size)
    slots = [] if placeholders is None else list(placeholders.ids)
    vocabulary = np.setdiff1d(vocabulary, [*NEVER, *slots])
    if len(vocabulary) < 2:  # of a student that was taught a single word
        vocabulary = np.arange(max(NEVER) + 1, tgt_size)
    table = words if model.joint else g.table([model.src_embedding.weight])
    real = g.op("Not", g.op("Equal", "src_ids", g.constant(PAD)))
    own = np.arange(tgt_size, sum(map(len, parts)))
    labels = np.concatenate([vocabulary, own])
    shortlist = None
    if lexicon is not None:
        always = np.concatenate([np.intersect1d(lexicon.always, vocabulary), own])
        yields = lexicon.yields.copy()
        yields[PAD] = PAD  # which is never written: so padding adds nothing
        yields[slots] = np.array(slots, dtype=yields.dtype)[:, None]  # a placeholder yields itself
        allowed = np.concatenate([vocabulary, slots, own]).astype(np.int64)
        shortlist = g.shortlist("src_ids", yields, always, allowed)
    read_ids, read = "src_ids", real
    if model.ends:
        read_ids = g.with_end("src_ids", real)
        read = g.op("Not", g.op("Equal", read_ids, g.constant(PAD)))
    source = Source(
        ids="src_ids",
        real=real,
        read_ids=read_ids,
        read=read,
        mask=g.cast(read, TensorProto.INT32),
        embedded=g.look_up(table, read_ids),
        table=table,
        words=words,
        labels=labels,
        shortlist=shortlist,
        # What a teacher scores has its </s>.
        positions=g.positions(model.positions(most + 1, torch.device("cpu"))),
        shared_encoder=teacher is not None and reads_as(model, teacher),
        placeholders=None
        if placeholders is None or not graph.carries_placeholders
        else Placeholders(placeholders.first, np.array(placeholders.aliases), np.array(placeholders.twins)),
    )
    return graph.write(g, model, source, teacher)
