"""Fills a run with trained models that are kept in 8 bits, to go on from them.

    python tools/restore_run.py RECIPE RUN [--teacher BUNDLE] [--train-on] [--set KEY=VALUE ...] [STAGE ...]

The run needs its stage `prepare`, with the tokenizer of the shipped English-German models. Written are the
stages `student-shipped` and `finetune-shipped`, both from the student in the shipped graph, and
`student-fast` and `finetune-fast` from the fast one. With --teacher there is `teacher`, too, from a bundle
that `onepass export --ctranslate2 --quantization int8` wrote. Where stages are named, it is those alone; what
the recipe does not have is left out. Of their training nothing is known. With --train-on they are where
`onepass run` begins to train.
"""

from __future__ import annotations

import argparse
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import nn

from onepass.bundle import Bundle
from onepass.decoding.weights import build_model, save_bundle
from onepass.errors import UsageError
from onepass.files import write_json
from onepass.pipeline.inventory import one_pass_models
from onepass.pipeline.plan import SCRATCH, plan
from onepass.pipeline.stage import Stage, begin, finish
from onepass.recipe import Recipe, load_recipe
from onepass.runtime.shipped import find_model
from onepass.text.tokenizer import Tokenizer
from onepass.training.checkpoint import Progress, save_checkpoint
from onepass.training.loop import make_optimizer

SOURCES = {
    **dict.fromkeys(("student-shipped", "finetune-shipped"), find_model("en-de")),
    **dict.fromkeys(("student-fast", "finetune-fast"), find_model("en-de-fast")),
}
Weights = dict[str, NDArray[Any]]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recipe", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("stages", nargs="*", metavar="STAGE")
    parser.add_argument("--teacher", type=Path, metavar="BUNDLE")
    parser.add_argument("--train-on", action="store_true")
    parser.add_argument("--set", action="append", default=[], dest="settings", metavar="KEY=VALUE")
    arguments = parser.parse_intermixed_args()
    recipe = load_recipe(arguments.recipe, arguments.settings)
    sources = {**SOURCES, **({"teacher": arguments.teacher} if arguments.teacher else {})}
    unknown = set(arguments.stages) - set(sources)
    if unknown:
        parser.error(f"nothing to restore {', '.join(sorted(unknown))} from; there is {', '.join(sources)}")
    for stage in plan(recipe):
        if stage.name in set(sources) & set(arguments.stages or sources):
            source = Bundle.open(sources[stage.name])
            restore(stage, recipe, arguments.run, source, train_on=arguments.train_on)
            print(f"{arguments.run / stage.name}: restored")


def restore(stage: Stage, recipe: Recipe, run: Path, source: Bundle, *, train_on: bool = False) -> None:
    """Writes one stage, or what it trains on from. Raises UsageError where the run has another tokenizer."""
    tokenizer = Tokenizer.load(run / "prepare")
    if tokenizer.fingerprint != source.tokenizer().fingerprint:
        raise UsageError("The run has another tokenizer", where=run / "prepare", allowed=source.directory)
    if stage.name == "teacher":
        model = build_model(source.kind, recipe.teacher.model, None, tokenizer)
        restore_teacher(model, source.directory / "model.bin")
        settings: dict[str, Any] = {"sizes": recipe.teacher.model.model_dump(mode="json")}
    else:
        student = one_pass_models(recipe)[stage.name].settings
        model = build_model(source.kind, student.sizes(recipe.teacher.model), student, tokenizer)
        restore_ctc(model, source.directory / "student.int8.onnx")
        settings = {name: source.settings[name] for name in ("sizes", "student")}
    partial = begin(stage, run)
    if train_on:
        save_checkpoint(partial / "checkpoint.pt", model, make_optimizer(model), Progress())
        return
    save_bundle(
        partial,
        model,
        tokenizer,
        kind=source.kind,
        src=source.src,
        tgt=source.tgt,
        settings=settings,
        provenance={name: source.provenance[name] for name in ("recipe", "seed")},
    )
    write_json(partial / "training.json", {})
    finish(stage, run, seconds=0.0, scratch=SCRATCH)


def _put(part: Any, weight: NDArray[Any], bias: NDArray[Any] | None = None) -> None:
    for name, value in (("weight", weight), ("bias", bias)):
        if value is not None:
            parameter = getattr(part, name)
            assert parameter.shape == value.shape, (part, value.shape)
            parameter.data = torch.from_numpy(np.array(value, dtype=np.float32))


def restore_teacher(model: Any, path: Path) -> None:
    """From a `model.bin` of CTranslate2 with int8 weights, as `export.ctranslate2` writes it."""
    found = _ctranslate2_weights(path)

    def weight(name: str) -> NDArray[np.float32]:
        rows: NDArray[np.float32] = found[f"{name}/weight"] / found[f"{name}/weight_scale"][:, None]
        return rows

    def norm(part: nn.LayerNorm, name: str) -> None:
        _put(part, found[f"{name}/gamma"], found[f"{name}/beta"])

    def attention(part: Any, name: str, projections: int) -> None:
        linear = [f"{name}/linear_{i}" for i in range(projections + 1)]
        biases = [found[f"{one}/bias"] for one in linear]
        _put(
            part.projection, np.concatenate([weight(one) for one in linear[:-1]]), np.concatenate(biases[:-1])
        )
        _put(part.output, weight(linear[-1]), biases[-1])

    def layer(part: Any, name: str) -> None:
        norm(part.self_norm, f"{name}/self_attention/layer_norm")
        attention(part.self_attention, f"{name}/self_attention", 1)
        norm(part.ffn_norm, f"{name}/ffn/layer_norm")
        for linear, number in ((part.ffn.inner, 0), (part.ffn.outer, 1)):
            _put(linear, weight(f"{name}/ffn/linear_{number}"), found[f"{name}/ffn/linear_{number}/bias"])

    _put(model.tgt_embedding, weight("decoder/embeddings"))
    norm(model.encoder.norm, "encoder/layer_norm")
    norm(model.decoder_norm, "decoder/layer_norm")
    for i, part in enumerate(model.encoder.layers):
        layer(part, f"encoder/layer_{i}")
    for i, part in enumerate(model.decoder):
        layer(part, f"decoder/layer_{i}")
        norm(part.source_norm, f"decoder/layer_{i}/attention/layer_norm")
        attention(part.source_attention, f"decoder/layer_{i}/attention", 2)


def _ctranslate2_weights(path: Path) -> Weights:
    """The variables of a CTranslate2 model (binary version 6)."""
    content, at = path.read_bytes(), 0

    def number(kind: str) -> int:
        nonlocal at
        (value,) = struct.unpack_from("<" + kind, content, at)
        at += struct.calcsize("<" + kind)
        return int(value)

    def text() -> str:
        nonlocal at
        length = number("H")
        at += length
        return content[at - length : at - 1].decode()

    types = (np.float32, np.int8, np.int16, np.int32, np.float16)
    found = {}
    number("I"), text(), number("I")  # version, kind of model, its revision
    for _ in range(number("I")):
        name = text()
        shape = [number("I") for _ in range(number("B"))]
        dtype, size = np.dtype(types[number("B")]), number("I")
        found[name] = np.frombuffer(content, dtype, size // dtype.itemsize, at).reshape(shape)
        at += size
    for _ in range(number("I")):  # equal ones are there once
        alias, name = text(), text()
        found[alias] = found[name]
    return found


def restore_ctc(model: Any, path: Path) -> None:
    """From an int8 graph as `export.onnx` writes it: its layers stand in it in the order of the model."""
    graph = onnx.load(path).graph
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    found = _layers(graph.node, constants)

    def put(*parts: Any) -> None:
        for part in parts:
            _put(part, *next(found))

    for layer in model.encoder.layers:
        put(layer.self_norm, layer.self_attention.projection, layer.self_attention.output)
        put(layer.ffn_norm, layer.ffn.inner, layer.ffn.outer)
    put(model.encoder.norm)
    # Keys and values of all decoder layers are one product.
    weights, biases = (np.split(part, len(model.decoder)) for part in next(found))
    for layer, weight, bias in zip(model.decoder, weights, biases, strict=True):
        put(layer.self_norm, layer.self_attention.projection, layer.self_attention.output, layer.source_norm)
        query, query_bias = next(found)
        projection = layer.source_attention.projection
        _put(projection, np.concatenate([query, weight]), np.concatenate([query_bias, bias]))
        put(layer.source_attention.output, layer.ffn_norm, layer.ffn.inner, layer.ffn.outer)
    put(model.decoder_norm)
    rows = next(value for value in constants.values() if value.dtype == np.int8 and len(value) > model.blank)
    scales = next(value for value in constants.values() if value.shape == rows.shape[:1])
    words = rows * scales.astype(np.float32)[:, None]
    _put(model.tgt_embedding, words[: model.blank])
    _put(model.blank_embedding, words[model.blank :])


def _layers(nodes: Any, constants: Weights) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """Weight and bias of every normalisation and every product with a constant, in order."""
    for node in nodes:
        values = [constants.get(name) for name in node.input]
        if node.op_type == "LayerNormalization":
            yield values[1], values[2]
        elif node.op_type == "QGemm":
            columns, scales = values[3], values[4]
            yield (columns * scales).T, values[6] * (values[1] * scales)
        elif node.op_type == "MatMulIntegerToFloat" and values[1] is not None:
            yield (values[1] * values[3]).T, values[6]
        elif node.op_type == "QAttention":
            yield (values[1] * values[4]).T, values[2]


if __name__ == "__main__":
    main()
