"""Reads the translators of Marian in Hugging Face's format: OPUS-MT, and what was tuned from it.

They are Marian's Transformer with names of their own. Positions and norms differ a little from Marian's
(`LayerSizes.arithmetic`): they are those of the library transformers, in which such a model is used. Its
decoder starts from a word, mostly padding, whose embedding becomes that of <s>. Padding itself is never
written, as transformers forbids it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from onepass.errors import ModelError
from onepass.models.autoregressive import BOS
from onepass.models.marian import NEVER, MarianSizes, MarianTransformer
from onepass.nn.positions import sines_then_cosines
from onepass.nn.post_norm import Activation, LayerSizes
from onepass.teachers.configuration import MOST_LAYERS
from onepass.teachers.find import TeacherFiles
from onepass.teachers.hub import PICKLE, read_json
from onepass.teachers.marian import MarianTeacher
from onepass.teachers.vocabulary import Words, read_tokenizer

ADDED_IDS = 1
"""<s>, which such a vocabulary does not have; it has padding."""

_ACTIVATIONS: dict[str, Activation] = {"relu": "relu", "swish": "swish", "silu": "swish"}
_FIXED: dict[str, bool] = {
    # The only value that is read; `scale_embedding` is false unless it is said.
    "scale_embedding": True,
    "normalize_before": False,
    "normalize_embedding": False,
    "add_final_layer_norm": False,
    "static_position_embeddings": True,
    "add_bias_logits": True,
    "is_encoder_decoder": True,
}
_SHARED = "model.shared.weight"
_SIDES = ("model.encoder.embed_tokens.weight", "model.decoder.embed_tokens.weight")
_OUTPUT, _BIAS = "lm_head.weight", "final_logits_bias"
_POSITIONS = ("model.encoder.embed_positions.weight", "model.decoder.embed_positions.weight")
_ROUNDING = 2e-3
"""Of positions that a file holds in 16 bits."""


class _Part(NamedTuple):
    """A parameter of ours, made of one tensor or of several of the same shape, one below the other."""

    parameter: str
    tensors: tuple[str, ...]
    shape: tuple[int, ...]


@dataclass(frozen=True)
class _Config:
    """`config.json`; every question has an answer or is an error."""

    values: Mapping[str, Any]
    where: Path

    def error(self, name: str, allowed: object) -> ModelError:
        return ModelError(
            "The teacher has a setting that is not read",
            where=f"{self.where}, {name}",
            value=self.values.get(name),
            allowed=allowed,
            fix="use another model",
        )

    def number(self, name: str, most: int, least: int = 1) -> int:
        value = self.values.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise self.error(name, f"a whole number from {least} to {most}")
        return value

    def flag(self, name: str, default: bool) -> bool:
        value = self.values.get(name, default)
        if not isinstance(value, bool):
            raise self.error(name, "true or false")
        return value


def read_huggingface(files: TeacherFiles) -> MarianTeacher:
    """Reads a model and its vocabulary.

    Raises:
        ModelError: a file cannot be read, is damaged or not supported, or does not belong to the others.
    """
    assert files.config is not None
    config = _Config(read_json(files.config), files.config)
    sizes = _read_sizes(config)
    tensors = _read_tensors(files.model)
    _check_tensors(tensors, sizes, files.model)
    tokenizer, src, tgt = read_tokenizer(files.vocabularies, files.ids)
    _check_vocabularies(files, sizes, src, tgt, joint=tokenizer.joint)
    model = MarianTransformer(sizes)
    model.load_state_dict(_read_state(tensors, sizes, src, tgt, start=_start(config, tgt)))
    return MarianTeacher.of(files, model, tokenizer)


# --- the settings -------------------------------------------------------------


def _read_sizes(config: _Config) -> MarianSizes:
    for name, only in _FIXED.items():
        if config.flag(name, False if name == "scale_embedding" else only) != only:
            raise config.error(name, only)
    activation = config.values.get("activation_function")
    if not isinstance(activation, str) or activation not in _ACTIVATIONS:
        raise config.error("activation_function", ", ".join(_ACTIVATIONS))
    width = config.number("d_model", 2**16)
    heads, inner = _same_in_both(config, "attention_heads"), _same_in_both(config, "ffn_dim")
    if width % 2 or width % heads:
        raise config.error("d_model", f"an even multiple of the {heads} heads")
    joint = config.flag("share_encoder_decoder_embeddings", True)
    words = config.number("vocab_size", 2**31)
    own = not joint and config.values.get("decoder_vocab_size") is not None
    return MarianSizes(
        LayerSizes(width, inner, heads, _ACTIVATIONS[activation], arithmetic="transformers"),
        encoder_layers=config.number("encoder_layers", MOST_LAYERS),
        decoder_layers=config.number("decoder_layers", MOST_LAYERS),
        recurrent=False,
        joint=joint,
        tied=config.flag("tie_word_embeddings", True),
        src_size=words + ADDED_IDS,
        tgt_size=(config.number("decoder_vocab_size", 2**31) if own else words) + ADDED_IDS,
    )


def _same_in_both(config: _Config, name: str) -> int:
    """What encoder and decoder have alike in all models of Marian."""
    number = config.number(f"encoder_{name}", 2**16)
    if config.number(f"decoder_{name}", 2**16) != number:
        raise config.error(f"decoder_{name}", f"{number}, as in the encoder")
    return number


def _start(config: _Config, tgt: Words) -> int:
    """The word that the decoder starts from, after a look at the other special ones."""
    for name, piece in (("eos_token_id", "</s>"), ("pad_token_id", "<pad>")):
        if config.number(name, 2**31, least=0) != tgt.special[piece]:
            raise config.error(name, f"{tgt.special[piece]}, as {piece} has in the vocabulary")
    name = "decoder_start_token_id" if "decoder_start_token_id" in config.values else "pad_token_id"
    return config.number(name, len(tgt.order) - ADDED_IDS - 1, least=0)


# --- the weights --------------------------------------------------------------


def _read_tensors(path: Path) -> dict[str, Tensor]:
    tensors: Any
    try:
        if path.name == PICKLE:
            tensors = torch.load(path, map_location="cpu", weights_only=True)
        else:
            tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        raise _damaged(path, str(error)) from None
    except Exception as error:  # a damaged pickle fails in many ways
        raise _damaged(path, f"{type(error).__name__}: {error}".partition("\n")[0]) from None
    if not isinstance(tensors, dict) or not all(
        isinstance(name, str) and isinstance(tensor, Tensor) for name, tensor in tensors.items()
    ):
        raise _damaged(path, "it holds what is no tensor")
    for name, tensor in tensors.items():
        if not tensor.is_floating_point() or not tensor.isfinite().all():
            raise _damaged(path, f"{name} has values that are no numbers")
    return tensors


def _damaged(path: Path, why: str) -> ModelError:
    return ModelError(f"The teacher's weights cannot be read: {why}", where=path, fix="get the file again")


def _linear(ours: str, theirs: str, names: tuple[str, ...], inputs: int, outputs: int) -> Iterator[_Part]:
    for kind, shape in (("weight", (outputs, inputs)), ("bias", (outputs,))):
        yield _Part(f"{ours}.{kind}", tuple(f"{theirs}{name}.{kind}" for name in names), shape)


def _attention(ours: str, theirs: str, width: int) -> Iterator[_Part]:
    yield from _linear(f"{ours}.projection", f"{theirs}.", ("q_proj", "k_proj", "v_proj"), width, width)
    yield from _linear(f"{ours}.output", f"{theirs}.", ("out_proj",), width, width)


def _norm(ours: str, theirs: str, width: int) -> Iterator[_Part]:
    for kind in ("weight", "bias"):
        yield _Part(f"{ours}.{kind}", (f"{theirs}.{kind}",), (width,))


def _stack_parts(sizes: MarianSizes) -> Iterator[_Part]:
    """What encoder and decoder are made of."""
    width, inner = sizes.layers.width, sizes.layers.ffn_width
    for side, count in (("encoder", sizes.encoder_layers), ("decoder", sizes.decoder_layers)):
        for i in range(count):
            theirs = f"model.{side}.layers.{i}"
            if side == "encoder":
                ours = f"encoder.layers.{i}"
                yield from _attention(f"{ours}.self_attention", f"{theirs}.self_attn", width)
                yield from _norm(f"{ours}.self_norm", f"{theirs}.self_attn_layer_norm", width)
            else:
                ours = f"decoder.{i}"
                yield from _attention(f"{ours}.past.attention", f"{theirs}.self_attn", width)
                yield from _norm(f"{ours}.past_norm", f"{theirs}.self_attn_layer_norm", width)
                yield from _attention(f"{ours}.source_attention", f"{theirs}.encoder_attn", width)
                yield from _norm(f"{ours}.source_norm", f"{theirs}.encoder_attn_layer_norm", width)
            yield from _linear(f"{ours}.ffn.inner", f"{theirs}.fc1", ("",), width, inner)
            yield from _linear(f"{ours}.ffn.outer", f"{theirs}.fc2", ("",), inner, width)
            yield from _norm(f"{ours}.ffn_norm", f"{theirs}.final_layer_norm", width)


def _word_tensors(sizes: MarianSizes) -> dict[str, tuple[str, ...]]:
    """Names under which a file may have each matrix of words; a tied one often has several."""
    output = () if not sizes.tied else (_OUTPUT,)
    words = (
        {"src_embedding": (_SHARED, *_SIDES, *output)}
        if sizes.joint
        else {"src_embedding": (_SIDES[0],), "tgt_embedding": (_SIDES[1], *output)}
    )
    return words if sizes.tied else words | {"output": (_OUTPUT,)}


def _check_tensors(tensors: Mapping[str, Tensor], sizes: MarianSizes, where: Path) -> None:
    """Every tensor of the settings is there in its shape, and no other.

    Raises:
        ModelError: one is missing, unknown, of another shape, or two differ that are one.
    """
    width = sizes.layers.width
    shapes = {name: part.shape for part in _stack_parts(sizes) for name in part.tensors}
    missing = [name for name in shapes if name not in tensors]
    for parameter, names in _word_tensors(sizes).items():
        count = (sizes.src_size if parameter == "src_embedding" else sizes.tgt_size) - ADDED_IDS
        shapes |= {name: (count, width) for name in names if name in tensors}
        missing += [] if any(name in tensors for name in names) else [names[0]]
    shapes |= {_BIAS: (1, sizes.tgt_size - ADDED_IDS)} if _BIAS in tensors else {}
    unknown = [name for name in tensors if name not in shapes and name not in _POSITIONS]
    if missing or unknown:
        raise ModelError(
            "The teacher's tensors are not those of its settings",
            where=where,
            value={"missing": missing[:5], "unknown": unknown[:5]},
            allowed="a MarianMTModel with the depths that config.json names",
            fix="get the files again",
        )
    for name, shape in shapes.items():
        if tuple(tensors[name].shape) != shape:
            raise ModelError(
                "A tensor of the teacher has a shape that its settings do not have",
                where=f"{where}, {name}",
                value=tuple(tensors[name].shape),
                allowed=shape,
                fix="get the files again",
            )
    _check_copies(tensors, sizes, where)


def _check_copies(tensors: Mapping[str, Tensor], sizes: MarianSizes, where: Path) -> None:
    """What is one by the settings is one in the file, and positions are the usual ones."""
    for names in _word_tensors(sizes).values():
        present = [name for name in names if name in tensors]
        for name in present[1:]:
            if not torch.equal(tensors[name], tensors[present[0]]):
                raise ModelError(
                    "Two embeddings of the teacher differ that are one by its settings",
                    where=f"{where}, {present[0]} and {name}",
                    fix="get the files again",
                )
    for name in _POSITIONS:
        if name not in tensors:
            continue
        found, width = tensors[name].float(), sizes.layers.width
        if (
            found.dim() != 2
            or found.size(1) != width
            or not torch.allclose(
                found,
                sines_then_cosines(len(found), width, arithmetic="transformers"),
                atol=_ROUNDING,
                rtol=0,
            )
        ):
            raise ModelError(
                "The teacher has positions of its own, which are not read",
                where=f"{where}, {name}",
                allowed="sines, then cosines",
                fix="use another model",
            )


def _read_state(
    tensors: Mapping[str, Tensor], sizes: MarianSizes, src: Words, tgt: Words, *, start: int
) -> dict[str, Tensor]:
    """The parameters of `MarianTransformer`; the tensors are checked."""
    state = {
        part.parameter: torch.cat([tensors[name].float() for name in part.tensors])
        for part in _stack_parts(sizes)
    }
    for parameter, names in _word_tensors(sizes).items():
        theirs = next(tensors[name] for name in names if name in tensors).float()
        words = src if parameter == "src_embedding" else tgt
        state[f"{parameter}.weight"] = _rows(theirs, words, 0.0)
        if parameter == ("src_embedding" if sizes.joint else "tgt_embedding"):
            state[f"{parameter}.weight"][BOS] = theirs[start]
    bias = tensors.get(_BIAS, torch.zeros(1, sizes.tgt_size - ADDED_IDS)).float()
    state["output.bias"] = _rows(bias.T, tgt, NEVER)[:, 0].contiguous()
    state.setdefault("tgt_embedding.weight", state["src_embedding.weight"])
    state.setdefault("output.weight", state["tgt_embedding.weight"])
    return state


def _rows(theirs: Tensor, words: Words, otherwise: float) -> Tensor:
    order = torch.from_numpy(words.order)
    rows = theirs[order.clamp(min=0)]
    rows[order < 0] = otherwise
    return rows


# --- the vocabulary -----------------------------------------------------------


def _check_vocabularies(
    files: TeacherFiles, sizes: MarianSizes, src: Words, tgt: Words, *, joint: bool
) -> None:
    for path, words, size in ((files.ids[0], src, sizes.src_size), (files.ids[-1], tgt, sizes.tgt_size)):
        if len(words.order) != size:
            raise ModelError(
                "The teacher's vocabulary is not that of its model",
                where=path,
                value=f"{len(words.order) - ADDED_IDS} words",
                allowed=f"{size - ADDED_IDS}, as the embeddings of {files.model.name} have",
                fix="use the vocabulary that came with the model",
            )
    if joint != sizes.joint:
        raise ModelError(
            "The teacher's sides share a vocabulary, or an embedding, but not both",
            where=f"{files.config}, share_encoder_decoder_embeddings",
            value=sizes.joint,
            allowed=joint,
            fix="use another model",
        )
