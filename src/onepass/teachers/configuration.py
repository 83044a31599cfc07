"""A Marian model's settings, as `special:model.yml` has them, and the arrays that belong to them.

Settings that are not there have Marian's defaults. What this reader has no arithmetic for is refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from onepass.errors import ModelError
from onepass.models.marian import MarianSizes
from onepass.nn.post_norm import Activation, LayerSizes
from onepass.teachers.flat_yaml import Value, read_flat_yaml
from onepass.teachers.items import CONFIGURATION, Item

ADDED_IDS = 2
"""Padding and <s>, which a Marian vocabulary does not have."""
MOST_LAYERS = 1000

_FIXED: dict[str, tuple[str, str]] = {
    # setting: Marian's default, and the only value that is read
    "type": ("amun", "transformer"),
    "transformer-preprocess": ("", ""),
    "transformer-postprocess": ("dan", "dan"),
    "transformer-postprocess-top": ("", ""),
    "transformer-train-position-embeddings": ("false", "false"),
    "transformer-no-projection": ("false", "false"),
    "transformer-no-bias": ("false", "false"),
    "transformer-no-affine": ("false", "false"),
    "transformer-rnn-projection": ("false", "false"),
    "transformer-pool": ("false", "false"),
    "transformer-ffn-depth": ("2", "2"),
    "transformer-decoder-ffn-depth": ("0", "0"),
    "transformer-decoder-dim-ffn": ("0", "0"),
    "transformer-dim-qk": ("0", "0"),
    "lemma-dim-emb": ("0", "0"),
    "right-left": ("false", "false"),
    "ulr": ("false", "false"),
}
_FIXED_OF_SSRU: dict[str, tuple[str, str]] = {
    "dec-cell": ("gru", "ssru"),
    "dec-cell-base-depth": ("2", "2"),
    "dec-cell-high-depth": ("1", "1"),
    "layer-normalization": ("false", "false"),
}
_POSTPROCESS_EMB = ("", "d")
_SAME = {"False": "false", "True": "true", "~": "", "null": ""}


@dataclass(frozen=True)
class _Settings:
    """The settings of one model; every question has an answer or is an error."""

    values: Mapping[str, Value]
    where: object

    def text(self, name: str, default: str) -> str:
        value = self.values.get(name, default)
        if isinstance(value, list):
            value = " ".join(value)
        return _SAME.get(value, value)

    def error(self, name: str, allowed: object) -> ModelError:
        return ModelError(
            "The teacher has a setting that is not read",
            where=f"{self.where}, {name}",
            value=self.values.get(name),
            allowed=allowed,
            fix="use another model, or convert it with Marian",
        )

    def one_of(self, name: str, default: str, allowed: tuple[str, ...]) -> str:
        value = self.text(name, default)
        if value not in allowed:
            raise self.error(name, " or ".join(map(repr, allowed)))
        return value

    def number(self, name: str, default: int, most: int = 2**31) -> int:
        value = self.text(name, str(default))
        if not (value.isascii() and value.isdigit() and len(value) < 11 and 1 <= int(value) <= most):
            raise self.error(name, f"a whole number from 1 to {most}")
        return int(value)

    def flag(self, name: str) -> bool:
        return self.one_of(name, "false", ("false", "true")) == "true"


def read_sizes(items: Mapping[str, Item], where: object) -> MarianSizes:
    """The record of a model's settings, checked against the shape of its embeddings.

    Raises:
        ModelError: there are none, they cannot be read, are not supported or contradict the file.
    """
    if CONFIGURATION not in items:
        raise ModelError(f"The teacher has no {CONFIGURATION}", where=where, fix="save the model with Marian")
    text = items[CONFIGURATION].values.tobytes()
    if text.find(0) != len(text) - 1:
        raise ModelError(
            f"{CONFIGURATION} is not text with a zero at its end", where=where, fix="get the file again"
        )
    settings = _Settings(read_flat_yaml(text[:-1], f"{where}, {CONFIGURATION}"), where)
    autoregression = settings.one_of(
        "transformer-decoder-autoreg", "self-attention", ("self-attention", "rnn")
    )
    fixed = _FIXED | _FIXED_OF_SSRU if autoregression == "rnn" else _FIXED
    for name, (default, only) in fixed.items():
        settings.one_of(name, default, (only,))
    settings.one_of("transformer-postprocess-emb", "d", _POSTPROCESS_EMB)
    settings.one_of("transformer-tied-layers", "", ("",))
    settings.one_of("input-types", "", ("", "sequence", "sequence sequence"))
    layers = _layer_sizes(settings)
    joint = settings.flag("tied-embeddings-all") or settings.flag("tied-embeddings-src")
    tied = settings.flag("tied-embeddings-all") or settings.flag("tied-embeddings")
    src_words, tgt_words = (_words(items, name, where) for name in embedding_names(joint=joint))
    _check_vocabularies(settings, src_words, tgt_words)
    return MarianSizes(
        layers=layers,
        encoder_layers=settings.number("enc-depth", 1, MOST_LAYERS),
        decoder_layers=settings.number("dec-depth", 1, MOST_LAYERS),
        recurrent=autoregression == "rnn",
        joint=joint,
        tied=tied,
        src_size=src_words + ADDED_IDS,
        tgt_size=tgt_words + ADDED_IDS,
    )


def embedding_names(*, joint: bool) -> tuple[str, str]:
    """The items of source and target embedding."""
    return ("Wemb", "Wemb") if joint else ("encoder_Wemb", "decoder_Wemb")


def _layer_sizes(settings: _Settings) -> LayerSizes:
    width, heads = settings.number("dim-emb", 512), settings.number("transformer-heads", 8)
    if width % 2 or width % heads:
        raise settings.error("dim-emb", f"an even multiple of the {heads} heads")
    activation: Any = settings.one_of("transformer-ffn-activation", "swish", ("relu", "swish"))
    chosen: Activation = activation
    return LayerSizes(width, settings.number("transformer-dim-ffn", 2048), heads, chosen)


def _words(items: Mapping[str, Item], name: str, where: object) -> int:
    if name not in items:
        raise ModelError(f"The teacher has no {name}", where=where, fix="get the file again")
    return items[name].shape[0]


def _check_vocabularies(settings: _Settings, src_words: int, tgt_words: int) -> None:
    said = settings.values.get("dim-vocabs")
    if said is not None and said not in ([str(src_words), str(tgt_words)], ["0", "0"]):
        raise ModelError(
            "The teacher's embeddings are not those of its vocabularies",
            where=f"{settings.where}, dim-vocabs",
            value=said,
            allowed=f"[{src_words}, {tgt_words}], as the embeddings have",
            fix="get the file again",
        )
