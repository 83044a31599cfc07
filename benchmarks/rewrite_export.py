"""Makes of an older export what `onepass export` writes today, with the same weights, scales and ranges.

    python benchmarks/rewrite_export.py BUNDLE RUN

BUNDLE is a student's, whose int8 graph is rewritten, or one for CTranslate2. RUN is a run of the model's
recipe, as `onepass run RECIPE --to RUN --until prepare` makes it.

- A student's attention to itself and its projection become one operator, and so do those of its teacher.
- The words that a source token may yield become fewer: the model translates all sources of its training
  corpus, and what explains no word of its translations goes.
- A student's quality and times are measured anew on the run's test set, for its card.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from onepass.alignment.lexicon import Lexicon, needed_words
from onepass.bundle import Bundle
from onepass.errors import ModelError
from onepass.evaluation.table import machine_kind, versions
from onepass.export.ctranslate2 import VOCABULARY_MAP, CTranslate2Translator, vocabulary_map
from onepass.export.graph import MICROSOFT
from onepass.export.model_card import render_card
from onepass.export.runtime_bundle import write_export_manifest
from onepass.files import write_text
from onepass.pipeline.export import measure_export
from onepass.runtime.cores import available_cores
from onepass.runtime.text_translator import MAX_SRC_TOKENS, TextTranslator
from onepass.runtime.translator import GRAPH, Translator
from onepass.text.batches import IdPairs, Ragged
from onepass.text.lines import read_lines
from onepass.text.tokenizer import Tokenizer

Rows = list[list[int]]
TOGETHER = 1 << 14
"""Sources translated together."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bundle", type=Path)
    parser.add_argument("run", type=Path)
    arguments = parser.parse_args()
    rewrite_export(arguments.bundle, arguments.run)


def rewrite_export(directory: Path, run: Path) -> None:
    """Rewrites a bundle in place.

    Raises:
        ModelError: the run has another tokenizer.
    """
    bundle, prepared = Bundle.open(directory), run / "prepare"
    if Tokenizer.load(prepared).fingerprint != bundle.tokenizer().fingerprint:
        raise ModelError("The run has another tokenizer than the bundle", where=prepared)
    sources = IdPairs.open(prepared, "train").src
    if VOCABULARY_MAP in bundle.files:
        _prune_vocabulary_map(bundle, sources)
        write_export_manifest(directory, bundle, bundle.provenance)
        return
    path = directory / GRAPH.format(precision="int8")
    model = onnx.load(path)
    # The parts of a graph first: what only they have needed goes, too.
    graphs = list(graphs_of(model.graph))[::-1]
    fused = sum(_fuse(graph, causal=bundle.kind == "ctc") for graph in graphs)
    student = Translator.load(directory, precision="int8", num_candidates=1)
    _prune(model, bundle.tokenizer(), partial(_ids, student), sources)
    onnx.save(model, path)
    print(f"{directory}: {fused} operators for attention")

    def describe(**renewed: Any) -> None:
        command = f"python benchmarks/rewrite_export.py {directory.as_posix()} {run.as_posix()}"
        export = {**bundle.provenance["export"], "rewritten": command, **renewed}
        provenance = {**bundle.provenance, "export": export}
        write_text(directory / "README.md", render_card(bundle, provenance, directory))
        write_export_manifest(directory, bundle, provenance)

    describe()  # the new checksum, without which nothing loads the graph
    test = [list(read_lines(prepared / name)) for name in ("test.src", "test.tgt")]
    rows = bundle.provenance["export"]["measured"]
    measured = [measure_export(directory, row["precision"], *test, row["candidates"]) for row in rows]
    describe(measured=measured, machine=machine_kind(), versions=versions())


def _ids(translator: TextTranslator, rows: Rows) -> Rows:
    return [part.ids for part in translator.decode_chunks(rows)]


def graphs_of(graph: Any) -> Iterator[Any]:
    """A graph and those in it."""
    yield graph
    for node in graph.node:
        yield from _graphs_in(node)


def _graphs_in(node: Any) -> Iterator[Any]:
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield from graphs_of(attribute.g)


def _fuse(graph: Any, *, causal: bool) -> int:
    """Projection, Split and attention of one graph without those in it to QAttention; how often.

    Args:
        graph: is changed.
        causal: a bias is a teacher's, whose places see what comes before, and not a mask of another kind.
    """
    made = {output: node for node in graph.node for output in node.output}
    nodes: list[Any] = []
    count = 0
    for node in graph.node:
        split = made.get(node.input[0]) if node.op_type == "MultiHeadAttention" else None
        biased = bool(node.input[5:] and node.input[5])
        if split is None or (biased and not causal) or list(split.output) != list(node.input[:3]):
            nodes.append(node)
            continue
        product = made[split.input[0]]
        nodes.remove(split)
        nodes.remove(product)
        values, columns, scale, scales, zero, _, bias = product.input
        heads = helper.get_node_attr_value(node, "num_heads")
        # What follows a target is padding: what is causal needs no other mask.
        inputs = [values, columns, bias, scale, scales, "" if biased else node.input[4], zero]
        nodes.append(
            helper.make_node(
                "QAttention",
                inputs,
                node.output,
                domain=MICROSOFT,
                num_heads=heads,
                unidirectional=int(biased),
            )
        )
        count += 1
    kept = _used(nodes, {value.name for value in graph.output})
    del graph.node[:]
    graph.node.extend(kept)
    return count


def _used(nodes: list[Any], wanted: set[str]) -> list[Any]:
    """Copies of the nodes, in their order, without those that no wanted value depends on."""
    kept: list[Any] = []
    for node in reversed(nodes):
        if wanted.isdisjoint(node.output):
            continue
        kept.append(onnx.NodeProto.FromString(node.SerializeToString()))
        for part in (node, *(part for graph in _graphs_in(node) for part in graph.node)):
            wanted.update(part.input)
    return kept[::-1]


def _prune(model: Any, tokenizer: Tokenizer, translate: Callable[[Rows], Rows], sources: Ragged) -> None:
    constants = {constant.name: constant for constant in model.graph.initializer}
    [yields] = (name for name, value in constants.items() if value.data_type == TensorProto.INT16)
    always = next(node.input[0] for node in model.graph.node if node.op_type == "ScatterElements")
    lists, marked = (numpy_helper.to_array(constants[name]) for name in (yields, always))
    lexicon = _needed(lists, translate, sources, joint=tokenizer.joint)
    marks = np.zeros_like(marked)
    marks[lexicon.always] = 1
    marks[tokenizer.tgt_size :] = marked[tokenizer.tgt_size :]  # the family's own, as CTC's blank
    for name, value in ((yields, lexicon.yields.astype(lists.dtype)), (always, marks)):
        constants[name].CopyFrom(numpy_helper.from_array(value, name))


def _prune_vocabulary_map(bundle: Bundle, sources: Ragged) -> None:
    path, tokenizer = bundle.directory / VOCABULARY_MAP, bundle.tokenizer()
    lines = (line.split("\t") for line in path.read_text(encoding="utf-8").split("\n") if line)
    rows = {piece: words.split(" ") for piece, words in lines}
    tgt = {piece: i for i, piece in enumerate(tokenizer.tgt_vocabulary())}
    lists = np.zeros((tokenizer.src_size, max(map(len, rows.values()))), dtype=np.int64)
    for i, piece in enumerate(tokenizer.src_vocabulary()):
        words = rows.get(piece, [])
        lists[i, : len(words)] = [tgt[word] for word in words]
    rival = CTranslate2Translator(
        bundle.directory, tokenizer, compute_type="int8", use_vmap=True, workers=available_cores()
    )
    lexicon = _needed(lists, partial(_ids, rival), sources, joint=tokenizer.joint)
    write_text(path, vocabulary_map(lexicon, tokenizer))


def _needed(
    lists: NDArray[Any], translate: Callable[[Rows], Rows], sources: Ragged, *, joint: bool
) -> Lexicon:
    rows = np.flatnonzero((sources.lengths > 0) & (sources.lengths <= MAX_SRC_TOKENS))

    def translated() -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        for first in range(0, len(rows), TOGETHER):
            some = [sources[int(row)] for row in rows[first : first + TOGETHER]]
            for row, ids in zip(some, translate([row.tolist() for row in some]), strict=True):
                yield row, np.array(ids, dtype=np.int64)

    lexicon = needed_words(lists.astype(np.int64), translated(), joint=joint)
    before, after = np.count_nonzero(lists), np.count_nonzero(lexicon.yields)
    print(f"{before:,} pairs of a source token and a word, now {after:,}")
    return lexicon


if __name__ == "__main__":
    main()
