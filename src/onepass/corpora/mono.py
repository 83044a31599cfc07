"""Source text alone, streamed, and translations of it that are there already.

Lines are made one line each, as texts of pairs are; a file of translations has a line for each.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from glob import glob
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple

from onepass.corpora import huggingface
from onepass.corpora.sources import read_line_files, read_pairs
from onepass.errors import DataError, UsageError
from onepass.settings import CorpusSource, DataSettings, TextSource
from onepass.text.lines import numbered_lines, one_line
from onepass.text.pair import Pair
from onepass.text.romanian import is_romanian, with_comma_below


class _Files(NamedTuple):
    """Line files of texts, and those of their translations, if there are any."""

    texts: Sequence[Path]
    translations: Sequence[Path]


def mono_files(data: DataSettings) -> list[Path]:
    """The files that `data.mono` and `data.distilled` name, in order; none for datasets on the hub.

    Raises:
        DataError: one is missing, or those of texts and translations do not belong together.
        UsageError: a source has settings that its form ignores.
    """
    found = [_files(data, number) for number in range(len(data.mono))]
    return [path for files in found for path in (*files.texts, *files.translations)]


def read_mono(data: DataSettings) -> Iterator[Pair]:
    """Streams the texts of `data.mono` with their translations, which are empty where there are none.

    Raises:
        DataError: a file, split or column is missing or damaged, or a file of translations has another
            number of lines than that of its texts; names file and line.
        UsageError: a source has settings that its form ignores.
    """
    mono_files(data)
    pairs: Iterator[Pair] = chain.from_iterable(_read(data, n) for n in range(len(data.mono)))
    if is_romanian(data.src):
        pairs = (Pair(with_comma_below(pair.src), pair.tgt) for pair in pairs)
    return pairs


def _read(data: DataSettings, number: int) -> Iterator[Pair]:
    source, most = data.mono[number], data.mono_lines
    if _is_phrasebook(source) or huggingface.is_dataset(source):
        rows = (
            _phrasebook(data.src) if _is_phrasebook(source) else huggingface.read_texts(source, lang=data.src)
        )
        yield from (Pair(text, "") for text in islice(rows, most))
        return
    files = _files(data, number)
    for place, path in enumerate(files.texts):
        if files.translations:
            yield from islice(read_line_files(path, files.translations[place]), most)
        else:
            yield from (Pair(one_line(line.text), "") for line in islice(numbered_lines(path), most))


def _is_phrasebook(source: TextSource) -> bool:
    return source.path == "phrasebook"


def _phrasebook(lang: str) -> Iterator[str]:
    """The distinct sentences of one side of the embedded corpus."""
    other = {"en": "de", "de": "en"}.get(lang)
    if other is None:
        raise UsageError("The phrasebook is English and German", value=lang, allowed="en, de")
    pairs = read_pairs([CorpusSource(path="phrasebook")], split="train", src=lang, tgt=other)
    yield from dict.fromkeys(pair.src for pair in pairs)


def _files(data: DataSettings, number: int) -> _Files:
    source = data.mono[number]
    translated = data.distilled[number] if data.distilled else None
    if (huggingface.is_dataset(source) or _is_phrasebook(source)) and translated is not None:
        raise UsageError(
            "Only line files have files of translations",
            where="data.distilled",
            value=translated,
            fix="give pairs as data.train",
        )
    if huggingface.is_dataset(source):
        return _Files(huggingface.dataset_files(source), ())
    for name in ("split", "config", "column"):
        if getattr(source, name) is not None:
            raise UsageError(f"`{name}` means nothing for line files", where=source.path)
    if _is_phrasebook(source):
        return _Files((), ())
    texts = _named(source.path)
    if translated is None:
        return _Files(list(texts.values()), ())
    translations = _named(translated)
    if len(texts) == len(translations) == 1:
        return _Files(list(texts.values()), list(translations.values()))
    if lonely := sorted(texts.keys() ^ translations.keys()):
        raise DataError(
            "Texts and translations do not belong together: on one side alone there is what `*` stands for",
            where=f"{source.path}, {translated}",
            value=", ".join(lonely[:5]),
            allowed="the same names on both sides",
        )
    return _Files(list(texts.values()), [translations[name] for name in texts])


def _named(path: str) -> dict[str, Path]:
    """The files of a path or pattern, in order, by what the pattern's `*` stand for."""
    if "*" not in path:
        if not Path(path).is_file():
            raise DataError("There is no such file", where=path, fix="correct the path in the recipe")
        return {Path(path).name: Path(path)}
    pattern = re.compile("([^/]*)".join(map(re.escape, path.split("*"))))
    found = sorted(name for name in glob(path) if Path(name).is_file())
    if not found:
        raise DataError("No file has such a name", where=path, fix="correct the pattern in the recipe")
    named = {}
    for name in found:
        match = pattern.fullmatch(name)
        named["/".join(match.groups()) if match else name] = Path(name)
    return named
