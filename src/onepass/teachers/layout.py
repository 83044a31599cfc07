"""Where each array of a Marian model belongs in ours, and which shape it must have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from onepass.errors import ModelError
from onepass.models.marian import NEVER, MarianSizes
from onepass.teachers.configuration import ADDED_IDS, embedding_names
from onepass.teachers.items import CONFIGURATION, Item

_ALPHA = "_QuantMultA"
"""What an engine in 8 bits multiplies the inputs of a matrix with; nothing here needs it."""
_OUTPUT_ALPHAS = ("none_QuantMultA", "Wemb_QuantMultA", "encoder_Wemb_QuantMultA", "decoder_Wemb_QuantMultA")
_OUTPUT_BIAS = "decoder_ff_logit_out_b"


class Part(NamedTuple):
    """A parameter of ours, made of one array or of several of the same shape, one below the other."""

    parameter: str
    arrays: tuple[str, ...]
    shape: tuple[int, int]
    transposed: bool


def _linear(ours: str, theirs: str, names: str, inputs: int, outputs: int) -> Iterator[Part]:
    weights, biases = (tuple(f"{theirs}_{kind}{name}" for name in names) for kind in "Wb")
    yield Part(f"{ours}.weight", weights, (inputs, outputs), True)
    yield Part(f"{ours}.bias", biases, (1, outputs), False)


def _attention(ours: str, theirs: str, width: int) -> Iterator[Part]:
    yield from _linear(f"{ours}.projection", theirs, "qkv", width, width)
    yield from _linear(f"{ours}.output", theirs, "o", width, width)


def _norm(ours: str, theirs: str, width: int) -> Iterator[Part]:
    yield Part(f"{ours}.weight", (f"{theirs}_ln_scale",), (1, width), False)
    yield Part(f"{ours}.bias", (f"{theirs}_ln_bias",), (1, width), False)


def _feed_forward(ours: str, theirs: str, width: int, inner: int) -> Iterator[Part]:
    yield from _linear(f"{ours}.ffn.inner", f"{theirs}_ffn", "1", width, inner)
    yield from _linear(f"{ours}.ffn.outer", f"{theirs}_ffn", "2", inner, width)
    yield from _norm(f"{ours}.ffn_norm", f"{theirs}_ffn_ffn", width)


def _ssru(ours: str, theirs: str, width: int) -> Iterator[Part]:
    yield Part(f"{ours}.candidate.weight", (f"{theirs}_W",), (width, width), True)
    yield from _linear(f"{ours}.forget", theirs, "f", width, width)


def stack_parts(sizes: MarianSizes) -> Iterator[Part]:
    """What encoder and decoder are made of."""
    width, inner = sizes.layers.width, sizes.layers.ffn_width
    for i in range(sizes.encoder_layers):
        ours, theirs = f"encoder.layers.{i}", f"encoder_l{i + 1}"
        yield from _attention(f"{ours}.self_attention", f"{theirs}_self", width)
        yield from _norm(f"{ours}.self_norm", f"{theirs}_self_Wo", width)
        yield from _feed_forward(ours, theirs, width, inner)
    for i in range(sizes.decoder_layers):
        ours, theirs = f"decoder.{i}", f"decoder_l{i + 1}"
        if sizes.recurrent:
            yield from _ssru(f"{ours}.past", f"{theirs}_rnn", width)
            yield from _norm(f"{ours}.past_norm", f"{theirs}_rnn_ffn", width)
        else:
            yield from _attention(f"{ours}.past.attention", f"{theirs}_self", width)
            yield from _norm(f"{ours}.past_norm", f"{theirs}_self_Wo", width)
        yield from _attention(f"{ours}.source_attention", f"{theirs}_context", width)
        yield from _norm(f"{ours}.source_norm", f"{theirs}_context_Wo", width)
        yield from _feed_forward(ours, theirs, width, inner)


def word_parts(sizes: MarianSizes, items: Mapping[str, Item]) -> list[Part]:
    """Embeddings and output layer, whose rows are words."""
    width, tgt_words = sizes.layers.width, sizes.tgt_size - ADDED_IDS
    src, tgt = embedding_names(joint=sizes.joint)
    parts = [Part("src_embedding.weight", (src,), (sizes.src_size - ADDED_IDS, width), False)]
    if not sizes.joint:
        parts.append(Part("tgt_embedding.weight", (tgt,), (tgt_words, width), False))
    if not sizes.tied:
        if "decoder_ff_logit_out_W" in items:
            parts.append(Part("output.weight", ("decoder_ff_logit_out_W",), (width, tgt_words), True))
        else:
            parts.append(Part("output.weight", ("decoder_ff_logit_out_Wt",), (tgt_words, width), False))
    if _OUTPUT_BIAS in items:  # output-omit-bias leaves it out
        parts.append(Part("output.bias", (_OUTPUT_BIAS,), (1, tgt_words), True))
    return parts


def check_items(items: Mapping[str, Item], sizes: MarianSizes, where: object) -> None:
    """Every array of the record is there in its shape, and no other.

    Raises:
        ModelError: one is missing, unknown or of another shape.
    """
    parts = [*word_parts(sizes, items), *stack_parts(sizes)]
    shapes = {name: part.shape for part in parts for name in part.arrays}
    optional = {CONFIGURATION, *_OUTPUT_ALPHAS, *(name + _ALPHA for name in shapes)}
    missing = [name for name in shapes if name not in items]
    unknown = [name for name in items if name not in shapes and name not in optional]
    if missing or unknown:
        raise ModelError(
            "The teacher's arrays are not those of its settings",
            where=where,
            value={"missing": missing[:5], "unknown": unknown[:5]},
            allowed="a Transformer of Marian with the depths and the decoder that the settings name",
            fix="get the file again",
        )
    if "decoder_ff_logit_out_Wt" in shapes and items["decoder_ff_logit_out_Wt"].multiplier is not None:
        raise ModelError(
            "An output layer of its own in 8 bits is not read",
            where=f"{where}, decoder_ff_logit_out_Wt",
            fix="convert the model with `marian-conv --gemm-type float32`",
        )
    alphas = {
        name: (1, 1) for name in optional & set(items) if name != CONFIGURATION and items[name].shape != (1,)
    }
    for name, shape in (shapes | alphas).items():
        if items[name].shape != shape:
            raise ModelError(
                "An array of the teacher has a shape that its settings do not have",
                where=f"{where}, {name}",
                value=items[name].shape,
                allowed=shape,
                fix="get the file again",
            )


def read_state(
    items: Mapping[str, Item], sizes: MarianSizes, src_order: NDArray[np.int64], tgt_order: NDArray[np.int64]
) -> dict[str, Tensor]:
    """The parameters of `MarianTransformer`.

    Args:
        items: checked.
        src_order, tgt_order: the teacher's id of each of our ids, -1 for those it does not have.
    """
    state: dict[str, Tensor] = {}
    for part in stack_parts(sizes):
        arrays = [items[name].floats() for name in part.arrays]
        stacked = np.concatenate([array.T if part.transposed else array[0] for array in arrays])
        state[part.parameter] = torch.from_numpy(np.ascontiguousarray(stacked))
    state["output.bias"] = _rows(np.zeros((len(tgt_order) - ADDED_IDS, 1), np.float32), tgt_order, NEVER)[
        :, 0
    ]
    for part in word_parts(sizes, items):
        array = items[part.arrays[0]].floats()
        order = src_order if part.parameter.startswith("src") else tgt_order
        if part.parameter == "output.bias":
            state[part.parameter] = _rows(array.T, order, NEVER)[:, 0]
        else:
            state[part.parameter] = _rows(array.T if part.transposed else array, order, 0.0)
    state.setdefault("tgt_embedding.weight", state["src_embedding.weight"])
    state.setdefault("output.weight", state["tgt_embedding.weight"])
    return state


def _rows(words: NDArray[np.float32], order: NDArray[np.int64], otherwise: float) -> Tensor:
    rows = words[order]  # those of -1 are replaced
    rows[order < 0] = otherwise
    return torch.from_numpy(rows)
