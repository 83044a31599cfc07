"""Models into bundles and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from onepass.bundle import OF_TEACHER, SCALE, WEIGHTS, Bundle, write_manifest
from onepass.errors import ModelError
from onepass.families import family_named
from onepass.files import replacing
from onepass.models import MODELS, Model
from onepass.models.from_teacher import alias_rows
from onepass.models.stepwise import WordByWord
from onepass.settings import StudentSettings, TransformerSettings
from onepass.text.placeholder_ids import PlaceholderIds
from onepass.text.tokenizers import AnyTokenizer


def build_model(
    family: str, sizes: TransformerSettings, student: StudentSettings | None, tokenizer: AnyTokenizer
) -> Model:
    """A model of a family with fresh weights.

    Args:
        family: its name.
        sizes: of its layers.
        student: its settings as a student; None: those that a student has unless told.
        tokenizer: whose tokens it reads and writes.
    """
    vocabulary = (tokenizer.src_size, tokenizer.tgt_size)
    student = student or StudentSettings.model_validate({"family": family})
    return MODELS[family](sizes, student, *vocabulary, joint=tokenizer.joint)


def load_model(bundle: Bundle, *, device: torch.device | str = "cpu") -> Model:
    """The model of a bundle, in eval mode.

    Raises:
        ModelError: the kind is unknown, or the weights are damaged or do not fit the settings.
    """
    family = family_named(bundle.kind, where=bundle.directory)
    try:
        sizes = TransformerSettings.model_validate(bundle.settings["sizes"])
        student = None
        if family.one_pass:
            student = StudentSettings.model_validate({**family.before, **bundle.settings["student"]})
    except (KeyError, TypeError, ValidationError) as error:
        raise ModelError(f"The bundle's settings are not usable: {error}", where=bundle.directory) from None
    model = build_model(bundle.kind, sizes, student, bundle.tokenizer())
    load_weights(model, read_weights(bundle.weights), where=bundle.weights)
    return model.to(device).eval()


def load_teacher(
    bundle: Bundle,
    *,
    purpose: str,
    device: torch.device | str = "cpu",
    placeholders: PlaceholderIds | None = None,
) -> WordByWord:
    """The model of a bundle that writes word by word, in eval mode.

    Args:
        bundle: of a teacher.
        purpose: what only a teacher can do, for the error.
        device: to load it to.
        placeholders: of a student; the teacher sees each as its alias.

    Raises:
        ModelError: it is a student's, or as in `load_model`.
    """
    if family_named(bundle.kind, where=bundle.directory).one_pass:
        raise ModelError(f"Only a teacher can {purpose}; this is a student", where=bundle.directory)
    model = load_model(bundle, device=device)
    if placeholders is not None:
        alias_rows(model, placeholders.ids, placeholders.aliases)
    return cast(WordByWord, model)


def save_bundle(
    directory: Path,
    model: nn.Module,
    tokenizer: AnyTokenizer,
    *,
    kind: str,
    src: str,
    tgt: str,
    settings: Mapping[str, Any],
    provenance: Mapping[str, Any],
    more_files: Sequence[str] = (),
) -> None:
    """Writes weights, tokenizer and manifest into a directory; `more_files` are there already."""
    directory.mkdir(parents=True, exist_ok=True)
    save_weights(model, directory / WEIGHTS)
    tokenizer.save(directory)
    write_manifest(
        directory,
        kind=kind,
        src=src,
        tgt=tgt,
        settings=settings,
        provenance=provenance,
        files=[WEIGHTS, *tokenizer.file_names, *more_files],
    )


def save_weights(model: nn.Module, path: Path) -> None:
    """Writes the model's weights, tied ones once; the file appears whole or not at all."""
    names: dict[int, str] = {}
    for name, parameter in model.state_dict(keep_vars=True).items():
        names.setdefault(id(parameter), name)
    state = model.state_dict()
    with replacing(path) as partial:
        save_file({name: state[name].cpu().contiguous() for name in names.values()}, partial)


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file, those of an exported model in float32 and without its teacher's.

    Raises:
        ModelError: it cannot be read.
    """
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        raise ModelError(f"The weights cannot be read: {error}", where=path) from None
    scales = {name: tensors.pop(name) for name in list(tensors) if name.endswith(SCALE)}
    for name, scale in scales.items():
        matrix = name.removesuffix(SCALE)
        tensors[matrix] = tensors[matrix].float() * scale[:, None]
    return {name: tensor for name, tensor in tensors.items() if not name.startswith(OF_TEACHER)}


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
