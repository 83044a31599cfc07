"""The systems that are compared: how each is built, in this process or in one of its own.

An engine has a builder (`in_torch`, `in_ctranslate2`, `in_onnx_runtime`), which makes a row of a trained
model and a way to decode it, and a factory (`torch_system` ...), which the row names and its process calls.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from onepass.evaluation.results import Engine, Role, Traits
from onepass.evaluation.timed_process import SystemSpec
from onepass.families import Family
from onepass.runtime.cores import available_cores
from onepass.runtime.text_translator import TextTranslator
from onepass.runtime.translator import Precision

SIDE_BY_SIDE = 512
"""Source tokens in a batch of CTranslate2 where several are decoded at once: the fastest of 128 to 1,024."""


class TextSystem:
    """A callable from lines to translations, with a description for the tables."""

    def __init__(self, translate: Callable[[Sequence[str]], list[str]], description: str) -> None:
        self._translate, self.description = translate, description

    def __call__(self, lines: Sequence[str]) -> list[str]:
        return self._translate(lines)


def _text_system(translator: TextTranslator, description: str) -> TextSystem:
    return TextSystem(lambda lines: [found.text for found in translator.translate(lines)], description)


@dataclass(frozen=True)
class TrainedModel:
    """Weights that rows are made of.

    Attributes:
        name: the stage that trained them, or a bundle's name.
        bundle: for training, or exported; its tokenizer is needed in any case.
        exported: where they are in the form of CTranslate2 or of the runtime.
        role, family, distilled, finetuned, variant: see Traits.
    """

    name: str
    bundle: Path
    exported: Path
    role: Role
    family: Family
    distilled: bool
    finetuned: bool
    variant: str = ""

    def traits(
        self,
        engine: Engine,
        precision: Precision | None,
        *,
        search: str = "",
        beam_size: int | None = None,
        candidates: int = 1,
        corrections: int = 0,
    ) -> Traits:
        """What a row of these weights is; without a search or a beam it is the family's usual search."""
        return Traits(
            role=self.role,
            family=self.family.name,
            variant=self.variant,
            distilled=self.distilled,
            finetuned=self.finetuned,
            engine=engine,
            precision=precision,
            search=search or (self.family.usual_search if beam_size is None else "beam"),
            beam_size=beam_size or 1,
            candidates=candidates,
            corrections=corrections,
        )


@dataclass(frozen=True)
class Competitor:
    """One row of the league table.

    Attributes:
        name: of the row.
        model: the name of its weights.
        traits: what the system is.
        factory: see SystemSpec.
        arguments: of the factory but `threads`.
        variants: further arguments to choose the fastest of, such as compute types.
        single: whether one thread is worth trying beside all cores.
    """

    name: str
    model: str
    traits: Traits
    factory: str
    arguments: dict[str, Any]
    variants: tuple[dict[str, Any], ...] = ({},)
    single: bool = True

    def settings(self) -> list[SystemSpec]:
        """Every variant with one thread, where that is worth trying, and with all cores."""
        threads = sorted({1, available_cores()} if self.single else {available_cores()})
        return [
            SystemSpec(
                f"{self.name} / {variant} / {n}",
                self.factory,
                {**self.arguments, **variant, "threads": n},
                threads=n,
            )
            for variant in self.variants
            for n in threads
        ]

    def named(self, spec: SystemSpec) -> SystemSpec:
        """A chosen setting under the row's own name.

        A shortlist holds the words that any sentence of a batch needs, so each is translated alone, as it
        is timed. In torch there is none, and a batch changes nothing.
        """
        return replace(spec, name=self.name, one_by_one=self.traits.engine != "torch")


# --- torch -------------------------------------------------------------------


def in_torch(
    name: str,
    model: TrainedModel,
    *,
    search: str = "",
    beam_size: int | None = None,
    teacher: Path | None = None,
    candidates: int = 1,
) -> Competitor:
    """A bundle for training in torch, float32.

    Args:
        name: of the row.
        model: its bundle is decoded.
        search: one of its family's, or average (fertilities) [the usual one].
        beam_size: of a model that writes word by word [greedy].
        teacher: the bundle of the teacher that chooses among candidates.
        candidates: how many of them.
    """
    arguments: dict[str, Any] = {"bundle": str(model.bundle)}
    if search == "average":
        arguments["average"] = True
    elif search:
        arguments["search"] = search
    if beam_size is not None:
        arguments["beam_size"] = beam_size
    if teacher is not None:
        arguments |= {"teacher": str(teacher), "num_candidates": candidates}
    traits = model.traits("torch", "float32", search=search, beam_size=beam_size, candidates=candidates)
    return Competitor(name, model.name, traits, f"{__name__}:{torch_system.__name__}", arguments)


def torch_system(
    bundle: str,
    *,
    threads: int,
    beam_size: int = 1,
    search: str | None = None,
    average: bool = False,
    teacher: str | None = None,
    num_candidates: int = 1,
) -> TextSystem:
    """A bundle for training in torch; the settings are those of `Translator.load`."""
    import torch

    from onepass.decoding.translator import Translator
    from onepass.nn.device import own_device

    torch.set_num_threads(threads)
    device = own_device()
    translator = Translator.load(
        Path(bundle),
        teacher=None if teacher is None else Path(teacher),
        beam_size=beam_size,
        average=average,
        num_candidates=num_candidates,
        search=search,
        device=device,
    )
    return _text_system(translator, f"torch float32 {device.type}")


# --- CTranslate2 -------------------------------------------------------------


def in_ctranslate2(name: str, model: TrainedModel, *, beam_size: int | None = None) -> Competitor:
    """A model that writes word by word in CTranslate2, at the fastest of its compute types.

    Args:
        name: of the row.
        model: exported for CTranslate2.
        beam_size: of its search [greedy].
    """
    directory, beam = str(model.exported), beam_size or 1
    return Competitor(
        name,
        model.name,
        model.traits("CTranslate2", None, beam_size=beam_size),
        f"{__name__}:{ctranslate2_system.__name__}",
        {"bundle": str(model.bundle), "directory": directory, "beam_size": beam},
        ctranslate2_variants(model.exported),
    )


def ctranslate2_system(
    bundle: str, directory: str, *, threads: int, beam_size: int, compute_type: str, use_vmap: bool = False
) -> TextSystem:
    """A model exported to CTranslate2: batches side by side on the cores that one batch leaves idle."""
    from onepass.bundle import Bundle
    from onepass.export.ctranslate2 import CTranslate2Translator

    workers = max(1, available_cores() // threads)
    translator = CTranslate2Translator(
        Path(directory),
        Bundle.open(Path(bundle)).tokenizer(),
        beam_size=beam_size,
        compute_type=compute_type,
        use_vmap=use_vmap,
        threads=threads,
        workers=workers,
        batch_tokens=SIDE_BY_SIDE if workers > 1 else 2048,
    )
    description = translator.description + (f", {workers} batches side by side" if workers > 1 else "")
    return _text_system(translator, description)


def ctranslate2_variants(directory: Path) -> tuple[dict[str, Any], ...]:
    """Arguments of `ctranslate2_system` to choose the fastest of: every compute type, with the exported
    model's vocabulary map, where it has one, and without."""
    import ctranslate2

    from onepass.export.ctranslate2 import VOCABULARY_MAP

    types = sorted(ctranslate2.get_supported_compute_types("cpu"))
    maps = (False, True) if (directory / VOCABULARY_MAP).exists() else (False,)
    return tuple({"compute_type": name, "use_vmap": use} for name in types for use in maps)


# --- ONNX Runtime ------------------------------------------------------------


def in_onnx_runtime(
    name: str, model: TrainedModel, precision: Precision, *, candidates: int = 1, corrections: int = 0
) -> Competitor:
    """An exported student with all cores, as users have it.

    Args:
        name: of the row.
        model: exported for the runtime.
        precision: of the weights.
        candidates: that its teacher chooses among.
        corrections: that its teacher may make in each sentence.
    """
    return Competitor(
        name,
        model.name,
        model.traits("ONNX Runtime", precision, candidates=candidates, corrections=corrections),
        f"{__name__}:{onnx_system.__name__}",
        {
            "bundle": str(model.exported),
            "precision": precision,
            "num_candidates": candidates,
            "num_corrections": corrections,
        },
        single=False,
    )


def onnx_system(
    bundle: str, *, threads: int, precision: Precision, num_candidates: int, num_corrections: int
) -> TextSystem:
    """A student exported for the runtime; `threads` are its batches side by side."""
    from onepass.runtime.translator import Translator

    translator = Translator.load(
        bundle,
        precision=precision,
        num_threads=threads,
        num_candidates=num_candidates,
        num_corrections=num_corrections,
    )
    return _text_system(translator, f"ONNX Runtime {precision}")
