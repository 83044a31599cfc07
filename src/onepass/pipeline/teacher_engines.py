"""Engines that translate with a teacher at volume: torch, CTranslate2, or the engine of Firefox.

torch is for every teacher; one that was read writes among the words of its shortlist. CTranslate2 is for
those that were trained here and those of many languages, `fxtranslate` for those of Firefox and Bergamot.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from onepass.bundle import MANIFEST, Bundle
from onepass.decoding.autoregressive import beam_search, greedy
from onepass.decoding.shortlist import SHORTLIST, Shortlist, search_shortlist
from onepass.decoding.translator import Translator
from onepass.decoding.weights import load_teacher
from onepass.errors import ModelError, UsageError
from onepass.export.ctranslate2 import CTranslate2Translator, engine_device, export_ctranslate2
from onepass.export.many_languages import (
    ManyLanguages,
    is_of_many_languages,
    many_languages,
    many_languages_engine,
)
from onepass.families import family_named
from onepass.models.marian import MarianTransformer
from onepass.models.stepwise import Stepwise
from onepass.nn.device import own_device
from onepass.pipeline.stage import Context
from onepass.runtime.cores import available_cores
from onepass.runtime.text_translator import Hypotheses
from onepass.settings import DistillSettings
from onepass.teachers.find import TeacherFiles, find_teacher
from onepass.teachers.firefox import firefox_engine
from onepass.teachers.read import read_teacher_files
from onepass.text.tokenizers import AnyTokenizer
from onepass.text.validity import valid_output
from onepass.training.loop import has_bf16

Translate = Callable[[Sequence[str]], list[str]]


@dataclass(frozen=True)
class Teacher:
    """A teacher that translates at volume: a bundle, the files of one that somebody else trained, or both.

    Attributes:
        bundle: its directory.
        files: of Marian.
        many: of many languages, which has neither.
    """

    bundle: Path | None = None
    files: TeacherFiles | None = None
    many: ManyLanguages | None = None

    @property
    def of_marian(self) -> bool:
        """It is arranged as Marian's are."""
        if self.bundle is None:
            return self.many is None
        return bool(Bundle.open(self.bundle).settings.get("sizes", {}).get("norm") == "post")

    @property
    def usual_engine(self) -> Literal["torch", "ctranslate2"]:
        """The fastest one for it, as benchmarks/read_teacher.py and benchmarks/distill_speed.py measure."""
        return "torch" if self.of_marian else "ctranslate2"

    @property
    def languages(self) -> tuple[str, str] | None:
        """Source and target, where they are known."""
        if self.bundle is not None:
            bundle = Bundle.open(self.bundle)
            return bundle.src, bundle.tgt
        return None if self.files is None else self.files.languages

    @property
    def identity(self) -> list[Path]:
        """Files whose digests tell it from any other."""
        if self.many is not None:
            return self.many.files
        if self.bundle is not None:
            return [self.bundle / MANIFEST]
        assert self.files is not None
        return self.files.all


def find(name: str, languages: str | None = None) -> Teacher:
    """The bundle of that directory, or the teacher that `find_teacher` finds by that name.

    Args:
        name: as above.
        languages: codes of source and target, for one of many languages.

    Raises:
        ModelError: there is none, or a file of it is missing.
        UsageError: the name cannot be one, or languages are missing, or mean nothing.
    """
    if is_of_many_languages(Path(name)):
        return Teacher(many=many_languages(Path(name), languages))
    if languages is not None:
        raise UsageError(
            "This teacher has but one pair of languages",
            where="--languages",
            value=languages,
            fix="leave it out",
        )
    if (Path(name) / MANIFEST).exists():
        return Teacher(bundle=Path(name))
    return Teacher(files=find_teacher(name))


def run_teacher(context: Context) -> Teacher:
    """That of a run; with its own files where its own engine is to have it."""
    recipe, bundle = context.recipe, context.inputs["teacher"]
    if recipe.teacher.from_ is None or recipe.distill.engine != "fxtranslate":
        return Teacher(bundle)
    return Teacher(bundle, find_teacher(recipe.teacher.from_))


def check_engine(teacher: Teacher, settings: DistillSettings) -> None:
    """Whether the engine of the settings can have the teacher.

    Raises:
        ModelError: the bundle is unusable, or a student's.
        UsageError: it cannot.
    """
    if teacher.bundle is not None:
        bundle = Bundle.open(teacher.bundle)
        if family_named(bundle.kind, where=teacher.bundle).one_pass:
            raise ModelError("Only a teacher can distill; this is a student", where=teacher.bundle)
    firefox = teacher.files is not None and settings.beam_size == 1
    if (
        (settings.engine == "fxtranslate" and not firefox)
        or (settings.engine == "ctranslate2" and teacher.of_marian)
        or (settings.engine == "torch" and teacher.many is not None)
    ):
        raise UsageError(
            "This engine cannot have the teacher",
            where="engine",
            value=f"{settings.engine}, beam size {settings.beam_size}",
            allowed="torch for all but those of many languages; ctranslate2 for these and those that were "
            "trained here; fxtranslate, greedy, for those of Firefox and Bergamot",
        )


def make_engine(
    teacher: Teacher, settings: DistillSettings, scratch: Path, cores: int | None = None
) -> Translate:
    """The chosen engine with a teacher, text to valid text.

    Args:
        teacher: who translates.
        settings: how.
        scratch: CTranslate2's model is written there.
        cores: that it may use [all of this machine].

    Raises:
        ModelError: the teacher is unusable, or a student.
        UsageError: the engine cannot have this teacher, or is not installed.
    """
    check_engine(teacher, settings)
    engine = _engine(teacher, settings, scratch, available_cores() if cores is None else cores)
    return lambda lines: list(map(valid_output, lines, engine(lines)))


def _engine(teacher: Teacher, settings: DistillSettings, scratch: Path, cores: int) -> Translate:
    if settings.engine == "torch":
        return _torch_engine(teacher, settings)
    if settings.engine == "fxtranslate":
        assert teacher.files is not None
        translate = firefox_engine(teacher.files)
        return lambda lines: [translate(line) if line.strip() else "" for line in lines]
    device = engine_device()
    workers = cores if device.type == "cpu" else 1
    if teacher.many is not None:
        return many_languages_engine(
            teacher.many,
            scratch,
            beam_size=settings.beam_size,
            compute_type=settings.compute_type,
            batch_tokens=settings.batch_tokens,
            workers=workers,
            device=device,
        )
    assert teacher.bundle is not None
    bundle = Bundle.open(teacher.bundle)
    export_ctranslate2(bundle, scratch)
    engine = CTranslate2Translator(
        scratch,
        bundle.tokenizer(),
        beam_size=settings.beam_size,
        compute_type=settings.compute_type,
        workers=workers,
        batch_tokens=settings.batch_tokens,
        device=device,
    )
    return lambda lines: [t.text for t in engine.translate_as_written(lines)]


def _torch_engine(teacher: Teacher, settings: DistillSettings) -> Translate:
    device = own_device()
    if not teacher.of_marian:
        assert teacher.bundle is not None
        reference = Translator.load(teacher.bundle, beam_size=settings.beam_size, device=device)
        return lambda lines: [t.text for t in reference.translate_as_written(lines)]
    read = _read(teacher)
    bf16 = settings.compute_type == "bfloat16" or (settings.compute_type == "auto" and has_bf16(device))

    def search(model: Stepwise[Any], src_ids: Tensor) -> Hypotheses:
        if settings.beam_size == 1:
            return greedy(model, src_ids)
        return beam_search(model, src_ids, beam_size=settings.beam_size)

    def decode(src_ids: Tensor) -> Hypotheses:
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            if read.shortlist is None:
                return search(read.model, src_ids)
            return search_shortlist(read.model, src_ids, read.shortlist, search)

    read.model.to(device)
    translator = Translator(read.tokenizer, decode, device=device, batch_tokens=settings.batch_tokens)
    return lambda lines: [t.text for t in translator.translate_as_written(lines)]


class _Read(NamedTuple):
    model: MarianTransformer
    tokenizer: AnyTokenizer
    shortlist: Shortlist | None


def _read(teacher: Teacher) -> _Read:
    if teacher.bundle is None:
        assert teacher.files is not None
        found = read_teacher_files(teacher.files)
        return _Read(found.model, found.tokenizer, found.shortlist)
    bundle = Bundle.open(teacher.bundle)
    model, path = load_teacher(bundle, purpose="distill"), teacher.bundle / SHORTLIST
    assert isinstance(model, MarianTransformer)
    return _Read(model, bundle.tokenizer(), Shortlist.load(path) if path.exists() else None)
