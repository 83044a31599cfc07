"""Distillation: the teacher's translations of source texts."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from itertools import chain, starmap
from pathlib import Path

from onepass.bundle import MANIFEST, Bundle
from onepass.corpora.filters import FilterCounts
from onepass.corpora.translations import filter_translations
from onepass.decoding.translator import Translator
from onepass.display import Report
from onepass.errors import DataError, ModelError
from onepass.export.ctranslate2 import CTranslate2Translator, export_ctranslate2
from onepass.families import family_named
from onepass.files import file_sha256, write_json, write_text
from onepass.pipeline.inventory import Distillation
from onepass.pipeline.prepare import MONO, PHRASES, text_pairs, write_pairs
from onepass.pipeline.shards import in_shards
from onepass.pipeline.stage import Context
from onepass.runtime.cores import available_cores
from onepass.settings import DistillSettings, TranslationFilterSettings
from onepass.text.lines import numbered_lines, stream_lines
from onepass.text.pair import Pair


def distill(context: Context, distillation: Distillation, settings: DistillSettings) -> None:
    """Translates each distinct source of train and dev, source text alone, and what was back-translated.

    But for phrases: they keep the translations they came with, which the teacher may not have learnt. What
    has been translated already is taken as it is.
    """
    prepared, directory = context.inputs["prepare"], context.directory
    ready = _ready(prepared)
    texts = {split: [prepared / f"{split}.src"] for split in ("train", "dev")}
    if context.recipe.data.mono and not ready:
        texts["train"].append(prepared / f"{MONO}.src")
    if distillation.back_translation is not None:
        texts["train"].append(context.inputs[distillation.back_translation.stage] / "train.src")
    sources = {
        split: list(dict.fromkeys(line for path in paths for line in stream_lines(path)))
        for split, paths in texts.items()
    }
    phrases = list(text_pairs(prepared, PHRASES)) if context.recipe.data.phrases else []
    known = {pair.src for pair in phrases}
    sources["train"] = [line for line in sources["train"] if line not in known]
    hyp = distill_lines(
        [line for lines in sources.values() for line in lines],
        context.inputs["teacher"],
        settings,
        directory / "shards",
        progress=context.progress,
    )
    of_train = zip(sources["train"], hyp, strict=False)
    translated: Iterator[Pair] = chain(starmap(Pair, of_train), text_pairs(prepared, MONO) if ready else ())
    if settings.filters is not None:
        translated = _filtered(context, translated, settings.filters)
    write_pairs(directory, "train", chain(translated, phrases))
    write_pairs(directory, "dev", map(Pair, sources["dev"], hyp[len(sources["train"]) :]))


def _ready(prepared: Path) -> bool:
    """Whether source text came with its translations."""
    return (prepared / f"{MONO}.tgt").exists()


def _filtered(context: Context, pairs: Iterable[Pair], settings: TranslationFilterSettings) -> Iterator[Pair]:
    """The pairs that pass; when they are through, the counts are in `filters.json`."""
    data, counts = context.recipe.data, FilterCounts(dropped={})
    yield from filter_translations(pairs, settings, counts, src=data.src, tgt=data.tgt)
    if not counts.kept:
        raise DataError(
            "None of the teacher's translations is left after filtering",
            where="distill.filters",
            value=counts.summary(),
        )
    context.say(f"  translations: {counts.summary()}")
    write_json(context.directory / "filters.json", counts.to_dict())


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
    return in_shards(lines, settings.shard_lines, scratch, lambda part, _: engine()(part), progress)


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
        reference = Translator.load(teacher, beam_size=settings.beam_size)
        return lambda lines: [t.text for t in reference.translate(lines)]
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
