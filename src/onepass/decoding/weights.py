"""Models into bundles and back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from onepass.bundle import WEIGHTS, Bundle, write_manifest
from onepass.errors import ModelError
from onepass.files import replacing
from onepass.models.autoregressive import AutoregressiveTransformer
from onepass.models.ctc import CTCTransformer
from onepass.models.dag import DAGTransformer
from onepass.models.fertility import FertilityTransformer
from onepass.models.one_pass import OnePassTransformer
from onepass.settings import StudentSettings, TransformerSettings
from onepass.text.tokenizer import Tokenizer

TEACHER = "autoregressive"
STUDENTS: dict[str, type[OnePassTransformer]] = {
    "fertility": FertilityTransformer,
    "ctc": CTCTransformer,
    "dag": DAGTransformer,
}
"""By family."""
KINDS = (TEACHER, *STUDENTS)


def build_model(
    kind: str, sizes: TransformerSettings, student: StudentSettings | None, tokenizer: Tokenizer
) -> nn.Module:
    """A model with fresh weights: the teacher, or the student of a family."""
    vocabulary = (tokenizer.src_size, tokenizer.tgt_size)
    if kind == TEACHER:
        return AutoregressiveTransformer(sizes, *vocabulary, joint=tokenizer.joint)
    assert student is not None
    return STUDENTS[kind](sizes, student, *vocabulary, joint=tokenizer.joint)


def load_model(bundle: Bundle, *, device: torch.device | str = "cpu") -> nn.Module:
    """The model of a bundle, in eval mode.

    Raises:
        ModelError: the kind is unknown, or the weights are damaged or do not fit the settings.
    """
    if bundle.kind not in KINDS:
        raise ModelError(
            "This version does not know this kind of model",
            where=bundle.directory,
            value=bundle.kind,
            allowed=", ".join(KINDS),
            fix="upgrade onepass",
        )
    try:
        sizes = TransformerSettings.model_validate(bundle.settings["sizes"])
        student = None
        if bundle.kind != TEACHER:
            own = bundle.settings["student"]
            if bundle.kind == "dag":
                own = {"soft_copy": False, **own}  # graphs from before the setting had none
            student = StudentSettings.model_validate(own)
    except (KeyError, TypeError, ValidationError) as error:
        raise ModelError(f"The bundle's settings are not usable: {error}", where=bundle.directory) from None
    model = build_model(bundle.kind, sizes, student, bundle.tokenizer())
    try:
        tensors = load_file(bundle.weights)
    except (SafetensorError, OSError) as error:
        raise ModelError(f"The weights cannot be read: {error}", where=bundle.weights) from None
    load_weights(model, tensors, where=bundle.weights)
    return model.to(device).eval()


def save_bundle(
    directory: Path,
    model: nn.Module,
    tokenizer: Tokenizer,
    *,
    kind: str,
    src: str,
    tgt: str,
    settings: Mapping[str, Any],
    provenance: Mapping[str, Any],
) -> None:
    """Writes weights, tokenizer and manifest into a directory."""
    directory.mkdir(parents=True, exist_ok=True)
    save_weights(model, directory / WEIGHTS)
    tokenizer.save(directory)
    names = ["joint.model"] if tokenizer.joint else ["src.model", "tgt.model"]
    write_manifest(
        directory,
        kind=kind,
        src=src,
        tgt=tgt,
        settings=settings,
        provenance=provenance,
        files=[WEIGHTS, *names],
    )


def save_weights(model: nn.Module, path: Path) -> None:
    """Writes the model's weights, tied ones once; the file appears whole or not at all."""
    names: dict[int, str] = {}
    for name, parameter in model.state_dict(keep_vars=True).items():
        names.setdefault(id(parameter), name)
    state = model.state_dict()
    with replacing(path) as partial:
        save_file({name: state[name].cpu().contiguous() for name in names.values()}, partial)


def load_weights(model: nn.Module, tensors: Mapping[str, Tensor], *, where: object) -> None:
    """Puts weights written by `save_weights` into a model.

    Raises:
        ModelError: they do not fit it.
    """
    try:
        missing, unexpected = model.load_state_dict(dict(tensors), strict=False)
    except RuntimeError as error:
        raise ModelError(f"The weights do not fit the model: {error}", where=where) from None
    state = model.state_dict(keep_vars=True)
    present = {id(state[name]) for name in tensors if name in state}
    lost = [name for name in missing if id(state[name]) not in present]
    if lost or unexpected:
        raise ModelError(
            "The weights do not fit the model",
            where=where,
            value={"missing": lost, "unexpected": list(unexpected)},
            fix="use the weights that belong to these settings",
        )
