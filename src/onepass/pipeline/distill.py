"""Distillation: the teacher's translations of source texts."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import chain, islice
from pathlib import Path

from pydantic import ValidationError

from onepass.corpora.filters import FilterCounts
from onepass.corpora.translations import filter_translations
from onepass.display import Report
from onepass.errors import DataError, UsageError
from onepass.files import file_sha256, replacing, write_json
from onepass.pipeline.crew import Crew, ReleasedError
from onepass.pipeline.inventory import Distillation
from onepass.pipeline.prepare import MONO, PHRASES, text_pairs, write_pairs
from onepass.pipeline.shards import Shards, texts, translated
from onepass.pipeline.stage import Context
from onepass.pipeline.teacher_engines import Teacher, check_engine, find, make_engine, run_teacher
from onepass.settings import DistillSettings, TranslationFilterSettings
from onepass.text.duplicates import distinct
from onepass.text.lines import CutLines, numbered_lines, stream_lines, write_lines
from onepass.text.pair import Pair

SOURCES = "sources.src"
"""Beside the shards: what is translated, of train and then of dev."""
OF_TRAIN = "train.json"
"""How many of the sources are of train."""


def distill(context: Context, distillation: Distillation, settings: DistillSettings) -> None:
    """Translates each distinct source of train and dev, source text alone, and what was back-translated.

    But for phrases: they keep the translations they came with, which the teacher may not have learnt. What
    has been translated already is taken as it is.
    """
    prepared, directory, crew = context.inputs["prepare"], context.directory, context.crew
    scratch = directory / "shards"
    crew.once(scratch / OF_TRAIN, lambda: _write_sources(context, distillation, scratch))
    shards = _shards(scratch, run_teacher(context), settings, crew)
    shards.work(crew, context.progress, "sentences")
    if not crew.leads:
        return
    pairs = map(Pair, stream_lines(scratch / SOURCES), texts(shards))
    of_train = json.loads((scratch / OF_TRAIN).read_text(encoding="utf-8"))
    ready = text_pairs(prepared, MONO) if _ready(prepared) else ()
    of_teacher: Iterator[Pair] = chain(islice(pairs, of_train), ready)
    if settings.filters is not None:
        of_teacher = _filtered(context, of_teacher, settings.filters)
    phrases = text_pairs(prepared, PHRASES) if context.recipe.data.phrases else ()
    write_pairs(directory, "train", chain(of_teacher, phrases))
    write_pairs(directory, "dev", pairs)


def _write_sources(context: Context, distillation: Distillation, scratch: Path) -> None:
    prepared, data = context.inputs["prepare"], context.recipe.data
    of_train = [prepared / "train.src"]
    if data.mono and not _ready(prepared):
        of_train.append(prepared / f"{MONO}.src")
    if distillation.back_translation is not None:
        of_train.append(context.inputs[distillation.back_translation.stage] / "train.src")
    count = 0

    def sources() -> Iterator[str]:
        nonlocal count
        train = distinct(
            lambda: chain.from_iterable(map(stream_lines, of_train)),
            scratch,
            known=lambda: stream_lines(prepared / f"{PHRASES}.src") if data.phrases else (),
        )
        for count, line in enumerate(train, 1):  # noqa: B007 - the last one is the count
            yield line
        yield from distinct(lambda: stream_lines(prepared / "dev.src"), scratch)

    write_lines(scratch / SOURCES, sources())
    write_json(scratch / OF_TRAIN, count)


def _shards(scratch: Path, teacher: Teacher, settings: DistillSettings, crew: Crew) -> Shards:
    """Of the translations of `SOURCES`; the engine is made with the first of them."""
    engine = cache(lambda: make_engine(teacher, settings, scratch / f"ctranslate2-{crew.name}", crew.cores))
    sources = CutLines(scratch / SOURCES, settings.shard_lines)
    return translated(sources, scratch, lambda part, _: engine()(part))


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


def distill_file(
    src: Path, teacher: Teacher, to: Path, settings: DistillSettings, *, progress: Report
) -> None:
    """Translates a file line by line into another, which appears when it is whole; gzipped if it ends in .gz.

    The shards wait in `TO.shards`, in a folder whose name changes with the source, the teacher and the
    settings: of two that differ in these, the second is refused. Processes that are started alike share them.

    Raises:
        DataError: the source cannot be read.
        ModelError: the teacher is unusable, or a student.
        UsageError: the engine cannot have it, or another distillation was begun for this output.
    """
    for _ in numbered_lines(src):  # says what is wrong before anything is written
        pass
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
    try:
        crew = Crew()
        crew.once(
            shards / SOURCES,
            lambda: write_lines(shards / SOURCES, (line.text for line in numbered_lines(src))),
        )
        made = _shards(shards, teacher, settings, crew)
        made.work(crew, progress, "sentences")
        _write(to, texts(made))
    except (ReleasedError, OSError):
        if shards.exists() or not to.exists():
            raise
        return  # another process has written the output, and cleared up
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


def _write(to: Path, lines: Iterable[str]) -> None:
    with replacing(to) as partial, open(partial, "wb") as plain:
        zipped = gzip.GzipFile("", "wb", fileobj=plain, mtime=0) if to.suffix == ".gz" else None
        file = io.BufferedWriter(zipped) if zipped else plain
        file.writelines(f"{line}\n".encode() for line in lines)
        if zipped:
            file.close()


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
