"""Translating a corpus with a teacher, shard by shard, so that an interrupted job goes on."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from onepass.bundle import MANIFEST, Bundle
from onepass.errors import ModelError
from onepass.families import family_named
from onepass.files import file_sha256, write_text
from onepass.runtime.cores import available_cores
from onepass.settings import DistillSettings
from onepass.text.lines import numbered_lines, read_lines

Report = Callable[[int, int, str], None]


def distill_lines(
    lines: Sequence[str], teacher: Path, settings: DistillSettings, scratch: Path, *, progress: Report
) -> list[str]:
    """The teacher's translation of each line, in order.

    Args:
        lines: source texts.
        teacher: a teacher's bundle.
        settings: engine, beam size, shard size.
        scratch: a directory for finished shards; those already there are kept.
        progress: lines done, lines in all, a text.

    Raises:
        ModelError: the bundle is unusable or not a teacher's.
    """
    engine = cache(lambda: make_engine(teacher, settings, scratch / "ctranslate2"))
    return _in_shards(lines, settings.shard_lines, scratch, lambda part, _: engine()(part), progress)


def sample_lines(
    lines: Sequence[str],
    teacher: Path,
    scratch: Path,
    *,
    shard_lines: int,
    among: int,
    seed: int,
    progress: Report,
) -> list[str]:
    """A sampled translation of each line, in order; each shard has random numbers of its own.

    Args:
        lines: source texts.
        teacher: a teacher's bundle.
        scratch: a directory for finished shards of `shard_lines`; those already there are kept.
        among: most probable tokens that each token is drawn from.
        seed: of the draws.
        progress: lines done, lines in all, a text.

    Raises:
        ModelError: the bundle is unusable.
    """
    import torch

    from onepass.decoding.autoregressive import sample
    from onepass.decoding.translator import Translator
    from onepass.decoding.weights import load_teacher

    bundle = Bundle.open(teacher)
    model = load_teacher(bundle, purpose="sample sources")
    generator = torch.Generator()
    translator = Translator(
        bundle.tokenizer(),
        lambda src_ids: sample(model, src_ids, generator, among=among),
    )

    def translate(part: Sequence[str], number: int) -> list[str]:
        generator.manual_seed(int(np.random.SeedSequence((seed, number)).generate_state(1)[0]))
        return [t.text for t in translator.translate(part)]

    return _in_shards(lines, shard_lines, scratch, translate, progress)


def _in_shards(
    lines: Sequence[str],
    shard_lines: int,
    scratch: Path,
    translate: Callable[[Sequence[str], int], list[str]],
    progress: Report,
) -> list[str]:
    """What `translate` makes of each shard and its number; a shard is a file in `scratch`, or becomes one."""
    scratch.mkdir(parents=True, exist_ok=True)
    hyp: list[str] = []
    for number, first in enumerate(range(0, len(lines), shard_lines)):
        shard = scratch / f"{number:06d}.txt"
        if not shard.exists():
            texts = translate(lines[first : first + shard_lines], number)
            write_text(shard, "".join(f"{text}\n" for text in texts))
        hyp += read_lines(shard)
        progress(len(hyp), len(lines), "sentences")
    return hyp


def distill_file(src: Path, teacher: Path, to: Path, settings: DistillSettings, *, progress: Report) -> None:
    """`distill_lines` from a file to a file, which appears when it is whole.

    The shards wait in `TO.shards`, under a name that changes with the source, the teacher and the
    settings, so that only what still holds is gone on with.

    Raises:
        DataError: the source cannot be read.
        ModelError: the bundle is unusable or not a teacher's.
    """
    lines = [line.text for line in numbered_lines(src)]
    bundle = Bundle.open(teacher)
    if family_named(bundle.kind, where=teacher).one_pass:
        raise ModelError("Only a teacher can distill; this is a student", where=teacher)
    folder = to.with_name(f"{to.name}.shards")
    content = f"{file_sha256(src)} {file_sha256(bundle.directory / MANIFEST)} {settings.model_dump_json()}"
    record = folder / "made-from.txt"
    if not record.exists() or record.read_text(encoding="utf-8") != content:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        write_text(record, content)
    hyp = distill_lines(lines, teacher, settings, folder / "shards", progress=progress)
    write_text(to, "".join(f"{line}\n" for line in hyp))
    shutil.rmtree(folder)


def make_engine(
    teacher: Path, settings: DistillSettings, exported: Path
) -> Callable[[Sequence[str]], list[str]]:
    """The chosen engine with a teacher, text to text; CTranslate2's model is written to `exported`."""
    if settings.engine == "torch":
        from onepass.decoding.translator import Translator

        reference = Translator.load(teacher, beam_size=settings.beam_size)
        return lambda lines: [t.text for t in reference.translate(lines)]
    from onepass.export.ctranslate2 import CTranslate2Translator, export_ctranslate2

    bundle = Bundle.open(teacher)
    export_ctranslate2(bundle, exported)
    engine = CTranslate2Translator(
        exported,
        bundle.tokenizer(),
        beam_size=settings.beam_size,
        compute_type=settings.compute_type,
        workers=available_cores(),
        batch_tokens=settings.batch_tokens,
    )
    return lambda lines: [t.text for t in engine.translate_as_written(lines)]
