"""Distillation: the teacher's translations of source texts."""

from __future__ import annotations

import gzip
import hashlib
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import chain, starmap
from pathlib import Path

from pydantic import ValidationError

from onepass.corpora.filters import FilterCounts
from onepass.corpora.translations import filter_translations
from onepass.display import Report
from onepass.errors import DataError, UsageError
from onepass.files import file_sha256, replacing, write_json
from onepass.pipeline.inventory import Distillation
from onepass.pipeline.prepare import MONO, PHRASES, text_pairs, write_pairs
from onepass.pipeline.shards import in_shards
from onepass.pipeline.stage import Context
from onepass.pipeline.teacher_engines import Teacher, check_engine, find, make_engine, run_teacher
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
        run_teacher(context),
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
    lines: Sequence[str], teacher: Teacher, settings: DistillSettings, scratch: Path, *, progress: Report
) -> list[str]:
    """The teacher's translation of each line, in order.

    Args:
        lines: source texts.
        teacher: who translates.
        settings: engine, beam size, shard size.
        scratch: a directory for finished shards; those already there are kept. Processes share it.
        progress: lines done, lines in all, a text.

    Raises:
        ModelError: the teacher is unusable, or a student.
        UsageError: the engine cannot have it.
    """
    engine = cache(lambda: make_engine(teacher, settings, scratch / "ctranslate2"))
    return in_shards(lines, settings.shard_lines, scratch, lambda part, _: engine()(part), progress)


def distill_file(
    src: Path, teacher: Teacher, to: Path, settings: DistillSettings, *, progress: Report
) -> None:
    """`distill_lines` from a file to a file, which appears when it is whole; gzipped where its name says so.

    The shards wait in `TO.shards`, in a folder whose name changes with the source, the teacher and the
    settings: of two that differ in these, the second is refused. Processes that are started alike share them.

    Raises:
        DataError: the source cannot be read.
        ModelError: the teacher is unusable, or a student.
        UsageError: the engine cannot have it, or another distillation was begun for this output.
    """
    lines = [line.text for line in numbered_lines(src)]
    check_engine(teacher, settings)
    many = [] if teacher.many is None else [teacher.many.src, teacher.many.tgt]
    content = [file_sha256(src), *map(file_sha256, teacher.identity), settings.model_dump_json(), *many]
    folder = to.with_name(f"{to.name}.shards")
    shards = folder / hashlib.sha256(" ".join(content).encode()).hexdigest()[:16]
    if folder.exists() and any(path != shards for path in folder.iterdir()):
        raise UsageError(
            "Shards of another distillation wait for this output",
            where=folder,
            allowed="the source, the teacher and the settings that it was begun with",
            fix="start that one again, choose another --to, or delete the folder",
        )
    hyp = distill_lines(lines, teacher, settings, shards, progress=progress)
    _write(to, hyp)
    shutil.rmtree(folder, ignore_errors=True)  # another process may be doing so


def distill_files(
    sources: Sequence[Path],
    teacher: Teacher,
    to: Path,
    settings: DistillSettings,
    *,
    progress: Report,
) -> None:
    """`distill_file` from each source to a file of a directory; those that are there are not made again.

    `texts.en.gz` becomes `texts.pt.gz` from en to pt; a name without its language gets one.

    Args:
        sources: files, each with a name of its own.
        teacher: who translates.
        to: the directory.
        settings: engine, beam size, shard size.
        progress: lines done, lines in all, a text.

    Raises:
        UsageError: two would have one name.
    """
    languages = teacher.languages
    names = [_translated_name(path.name, languages) for path in sources]
    if len(set(names)) < len(names):
        raise UsageError("Two sources have the same name", where="--src", value=names)
    to.mkdir(parents=True, exist_ok=True)
    for src, name in zip(sources, names, strict=True):
        if not (to / name).exists():
            distill_file(src, teacher, to / name, settings, progress=progress)


def _translated_name(name: str, languages: tuple[str, str] | None) -> str:
    src, tgt = languages or ("", "translated")
    parts = name.split(".")
    if src in parts[1:]:
        place = len(parts) - 1 - parts[::-1].index(src)
        return ".".join([*parts[:place], tgt, *parts[place + 1 :]])
    zipped = [parts.pop()] if parts[-1] == "gz" and len(parts) > 1 else []
    return ".".join([*parts, tgt, *zipped])


def _write(to: Path, lines: Sequence[str]) -> None:
    text = "".join(f"{line}\n" for line in lines).encode()
    with replacing(to) as partial:
        partial.write_bytes(gzip.compress(text, mtime=0) if to.suffix == ".gz" else text)


def distill_command(
    sources: Sequence[Path],
    name: str,
    to: Path,
    options: Mapping[str, object],
    *,
    languages: str | None,
    in_directory: bool,
    progress: Report,
) -> None:
    """What `onepass distill` does: into a file, or into a directory where several are translated.

    Args:
        sources: files of source texts.
        name: of the teacher, as `teacher_engines.find` has it.
        to: a file, or the directory for them.
        options: of DistillSettings; None stands for what is usual for the teacher.
        languages: codes of source and target, for a teacher of many languages.
        in_directory: which of both.
        progress: lines done, lines in all, a text.

    Raises:
        UsageError: an option is out of range; names it.
    """
    teacher = find(name, languages)
    usual = {"engine": teacher.usual_engine, "compute_type": "auto" if teacher.of_marian else "float32"}
    given = {key: usual.get(key) if value is None else value for key, value in options.items()}
    try:
        settings = DistillSettings.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        option = str(first["loc"][0]).removesuffix("_size").replace("_", "-")
        raise UsageError(first["msg"], where=f"--{option}", value=first["input"]) from None
    if in_directory:
        distill_files(sources, teacher, to, settings, progress=progress)
    else:
        [src] = sources
        distill_file(src, teacher, to, settings, progress=progress)
