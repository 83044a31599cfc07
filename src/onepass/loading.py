"""One door to every translator: exported bundles in ONNX Runtime, bundles for training in torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from onepass.bundle import WEIGHTS
from onepass.errors import ModelError, UsageError
from onepass.runtime.shipped import find_model
from onepass.runtime.text_translator import TextTranslator
from onepass.runtime.translator import Translator, as_precision


def load_translator(
    model: str | Path,
    *,
    candidates: int | None = None,
    precision: str | None = None,
    threads: int | None = None,
    batch_size: int = 1024,
    teacher: Path | None = None,
    beam: int = 1,
    search: str | None = None,
) -> TextTranslator:
    """The translator of a shipped model's name or of any bundle.

    Args:
        model: name or directory.
        candidates, threads, batch_size: see `onepass.runtime.translator.Translator.load`.
        precision: of an exported bundle.
        teacher, beam, search: of a bundle for training, see `onepass.decoding.translator.Translator.load`.

    Raises:
        ModelError: there is no such model, it is damaged, or torch is missing for it.
        UsageError: an option belongs to another kind of model or is out of range.
    """
    directory = find_model(model)
    chosen = None if precision is None else as_precision(precision)
    if (directory / WEIGHTS).exists():
        if precision is not None:
            raise UsageError(
                "This bundle is for training, in float32; only an exported one has precisions",
                where="--precision",
                fix="onepass export RUN --to DIR",
            )
        return _torch_translator(directory, candidates or 1, threads, batch_size, teacher, beam, search)
    for option, given in (("--teacher", teacher is not None), ("--beam", beam > 1), ("--search", search)):
        if given:
            raise UsageError(
                "This belongs to a bundle for training; the model is an exported one", where=option
            )
    return Translator.load(
        directory,
        precision=chosen,
        num_candidates=candidates,
        num_threads=threads,
        batch_size=batch_size,
    )


def _torch_translator(
    directory: Path,
    candidates: int,
    threads: int | None,
    batch_size: int,
    teacher: Path | None,
    beam: int,
    search: str | None,
) -> TextTranslator:
    try:
        import torch
    except ImportError:
        raise ModelError(
            "This bundle is for training, and torch is not installed",
            where=directory,
            fix="pip install 'onepass[train]', or export it with `onepass export RUN --to DIR`",
        ) from None
    from onepass.decoding.translator import Translator as TorchTranslator

    if teacher is not None and candidates == 1:
        raise UsageError(
            "A teacher has nothing to choose from", where="--teacher", fix="add --candidates, such as 10"
        )
    if threads is not None:
        torch.set_num_threads(threads)
    settings: Any = {"num_candidates": candidates, "beam_size": beam, "search": search}
    translator = TorchTranslator.load(directory, teacher=teacher, **settings)
    translator.batch_size = batch_size
    return translator
