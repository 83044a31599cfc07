"""Rewrites an int8 graph of an older export: attention to itself and its projection become one operator.

    python benchmarks/fuse_attention.py BUNDLE...

The result is what `onepass export` writes since then, with the same weights, scales and ranges; no corpus is
needed. The manifest and the card say that it was done. A graph that has it already stays as it is.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnx
from onnx import helper

from onepass.bundle import Bundle, write_text
from onepass.export.graph import MICROSOFT
from onepass.export.model_card import render_card
from onepass.export.runtime_bundle import write_export_manifest
from onepass.runtime.translator import CANDIDATES, GRAPH


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bundles", nargs="+", type=Path)
    for directory in parser.parse_args().bundles:
        print(f"{directory}: {fuse_bundle(directory)} operators")


def fuse_bundle(directory: Path) -> int:
    """Rewrites a bundle's int8 graph in place; returns how many operators are new."""
    bundle = Bundle.open(directory)
    path = directory / GRAPH.format(precision="int8")
    model = onnx.load(path)
    count = sum(_fuse(graph) for graph in _graphs(model.graph))
    if count:
        onnx.save(model, path)
        command = f"python benchmarks/fuse_attention.py {directory.as_posix()}"
        export = {**bundle.provenance["export"], "rewritten": command}
        provenance = {**bundle.provenance, "export": export}
        write_text(directory / "README.md", render_card(bundle, provenance, directory))
        candidates = bool(bundle.settings.get(CANDIDATES))
        write_export_manifest(directory, bundle, provenance, candidates=candidates)
    return count


def _graphs(graph: Any) -> Iterator[Any]:
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _graphs(attribute.g)


def _fuse(graph: Any) -> int:
    """Of one graph without those in it."""
    made = {output: node for node in graph.node for output in node.output}
    nodes: list[Any] = []
    count = 0
    for node in graph.node:
        split = made.get(node.input[0]) if node.op_type == "MultiHeadAttention" else None
        biased = len(node.input) > 5 and node.input[5]
        if split is None or biased or list(split.output) != list(node.input[:3]):
            nodes.append(node)
            continue
        product = made[split.input[0]]
        nodes.remove(split)
        nodes.remove(product)
        values, columns, scale, scales, zero, _, bias = product.input
        heads = helper.get_node_attr_value(node, "num_heads")
        inputs = [values, columns, bias, scale, scales, node.input[4], zero]
        nodes.append(helper.make_node("QAttention", inputs, node.output, domain=MICROSOFT, num_heads=heads))
        count += 1
    kept = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:]
    graph.node.extend(kept)
    return count


if __name__ == "__main__":
    main()
