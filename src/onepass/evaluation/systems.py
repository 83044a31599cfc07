"""The systems that are compared: how each is built, in this process or in one of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, get_args

from onepass.evaluation.latency import SystemSpec
from onepass.families import FAMILIES
from onepass.runtime.candidates import MOST_LABELLINGS
from onepass.runtime.cores import available_cores
from onepass.runtime.text_translator import TextTranslator
from onepass.runtime.translator import Precision
from onepass.settings import StudentSettings

TORCH = "onepass.evaluation.systems:torch_system"
TEACHER = "teacher"
CTRANSLATE2 = "onepass.evaluation.systems:ctranslate2_system"
ONNX = "onepass.evaluation.systems:onnx_system"
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


def torch_system(bundle: str, *, threads: int, **settings: Any) -> TextSystem:
    """A bundle in torch, float32; `settings` are those of `Translator.load`."""
    import torch

    from onepass.decoding.translator import Translator

    torch.set_num_threads(threads)
    if settings.get("teacher") is not None:
        settings["teacher"] = Path(settings["teacher"])
    device = "cuda" if torch.cuda.is_available() else "cpu"
    translator = Translator.load(Path(bundle), device=device, **settings)
    return _text_system(translator, f"torch float32 {device}")


def ctranslate2_system(
    bundle: str, directory: str, *, threads: int, beam_size: int, compute_type: str, use_vmap: bool = False
) -> TextSystem:
    """A teacher exported to CTranslate2: batches side by side on the cores that one batch leaves idle."""
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


def onnx_system(bundle: str, *, threads: int, precision: Precision, num_candidates: int = 1) -> TextSystem:
    """A student exported for the runtime; `threads` are its batches side by side."""
    from onepass.runtime.translator import Translator

    translator = Translator.load(
        bundle, precision=precision, num_threads=threads, num_candidates=num_candidates
    )
    return _text_system(translator, f"ONNX Runtime {precision}")


@dataclass(frozen=True)
class Competitor:
    """One row of the league table.

    Attributes:
        name: of the row.
        model: which training it comes from: `teacher`, `student`, `student-NAME`.
        factory: see SystemSpec.
        arguments: of the factory but `threads`.
        variants: further arguments to choose the fastest of, such as compute types.
        single: whether one thread is worth trying beside all cores.
    """

    name: str
    model: str
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
                label=self.name,
            )
            for variant in self.variants
            for n in threads
        ]

    def named(self, spec: SystemSpec) -> SystemSpec:
        """A chosen setting under the row's own name."""
        return replace(spec, name=self.name)


class Student(NamedTuple):
    """A trained one-pass model: its bundle, and what it is."""

    bundle: Path
    settings: StudentSettings


def title(settings: StudentSettings, *, finetuned: bool) -> str:
    """What a kind of student is called in the tables."""
    if settings.family == "fertility":
        return "NAT + FT argmax" if finetuned else "NAT argmax"
    if settings.family == "autoregressive":
        return "AR student"
    name = settings.family.upper() + (" + GLAT" if settings.glancing else "")
    if settings.compresses is not None:
        name += " compressed"
    return name + (" + FT" if finetuned else "")


def competitors(
    teacher: Path | None,
    students: Mapping[str, Student],
    exported: Path,
    *,
    beam_size: int,
    num_candidates: Sequence[int],
) -> list[Competitor]:
    """The rows of a run: the teacher three ways, the students in torch, some in ONNX.

    The main student is the one after its fine-tuning, where there is one: if it has fertilities, their
    average and noisy parallel decoding are its rows too. It and those of later families are in ONNX as well.
    Beside those of later families there is the teacher's choice among their candidates.

    Args:
        teacher: its bundle, if there is one.
        students: by stage name: `student`, `finetune`, `student-NAME`, `finetune-NAME`.
        exported: where every model is in its engine's form, by stage: those that write word by word in
            CTranslate2's, already, the others in the runtime's.
        beam_size: of the teacher's beam search.
        num_candidates: that the teacher chooses among, a row each of the main student with fertilities and of
            every student of a later family.
    """
    rows = []
    if teacher is not None:
        greedy, in_ctranslate2 = _autoregressive_rows(TEACHER, TEACHER, teacher, exported / TEACHER)
        beam = {"bundle": str(teacher), "beam_size": beam_size}
        rows = [greedy, Competitor(f"teacher beam {beam_size}", TEACHER, TORCH, beam), in_ctranslate2]
    main = "finetune" if "finetune" in students else "student"
    first: dict[str, str] = {}  # the first variant of a kind goes without its name, fine-tuned or not
    for stage, (path, settings) in students.items():
        kind, _, variant = stage.partition("-")
        name = title(settings, finetuned=kind == "finetune")
        unnamed = first.setdefault(title(settings, finetuned=False), variant)
        if variant and (variant != unnamed or settings.family == "fertility"):
            name = f"{name}, {variant}"
        bundle = {"bundle": str(path)}
        if settings.family == "autoregressive":
            rows += _autoregressive_rows(name, stage, path, exported / stage)
            continue
        if settings.family == "dag":
            rows += [
                Competitor(f"{name} {search}", stage, TORCH, {**bundle, "search": search})
                for search in FAMILIES[settings.family].searches
            ]
        else:
            rows.append(Competitor(name, stage, TORCH, bundle))
        if settings.family != "fertility" or stage == main:
            place = {"bundle": str(exported / stage)}
            rows += [
                Competitor(
                    f"{name}, ONNX {precision}", stage, ONNX, {**place, "precision": precision}, single=False
                )
                for precision in get_args(Precision)
            ]
        if stage == main and settings.family == "fertility":
            name = name.removesuffix(" argmax")
            rows.append(Competitor(f"{name} average", stage, TORCH, {**bundle, "average": True}))
            candidates = {n: f"{name} NPD {n}" for n in num_candidates}
        else:
            most = 0 if settings.family == "fertility" else MOST_LABELLINGS  # all that CTC has
            candidates = {n: f"{name}, {n} candidates" for n in num_candidates if n <= most}
        if teacher is not None:
            rows += [
                Competitor(full, stage, TORCH, {**bundle, "teacher": str(teacher), "num_candidates": n})
                for n, full in candidates.items()
            ]
    return rows


def _autoregressive_rows(name: str, model: str, path: Path, exported: Path) -> list[Competitor]:
    """Greedy search in torch and in CTranslate2."""
    bundle = {"bundle": str(path)}
    return [
        Competitor(f"{name} greedy", model, TORCH, bundle),
        Competitor(
            f"{name} greedy, CTranslate2",
            model,
            CTRANSLATE2,
            {**bundle, "directory": str(exported), "beam_size": 1},
            ctranslate2_variants(exported),
        ),
    ]
