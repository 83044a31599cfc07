"""Corpora: every place that sentence pairs are read from, each streamed in bounded memory.

A text read from anywhere has no space around it and no line break inside it; Romanian has ș and ț with a
comma below.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

from onepass.corpora import huggingface, segments, tmx
from onepass.errors import DataError, UsageError
from onepass.settings import CorpusSource
from onepass.text.lines import Line, numbered_lines, one_line
from onepass.text.pair import Pair
from onepass.text.romanian import is_romanian, with_comma_below

__all__ = ["Pair", "corpus_files", "read_line_files", "read_pairs"]

TALKS = "train.tags."
_TALK_TAG = re.compile(
    r"\s*</?(?:doc|url|keywords|speaker|talkid|title|description|reviewer|translator)\b", re.IGNORECASE
)


def read_pairs(corpus: Sequence[CorpusSource], *, split: str, src: str, tgt: str) -> Iterator[Pair]:
    """Streams the pairs of every source of a corpus, one source after the other.

    Unusable settings and missing files are noticed by the call itself, everything else when it is reached.

    Args:
        corpus: the sources; `CorpusSource` lists the forms of a path.
        split: "train", "dev" or "test". The phrasebook and Hugging Face datasets use it (dev is their
            "validation") unless a source names its own split.
        src: source language code.
        tgt: target language code.

    Raises:
        DataError: a file, split or column is missing or damaged; names file and line.
        UsageError: a source's path has no known form, or it has settings that its form ignores.
    """
    for source in corpus:
        _reject_ignored_settings(source)
    corpus_files(corpus, src=src, tgt=tgt)
    pairs: Iterator[Pair] = chain.from_iterable(_read_source(source, split, src, tgt) for source in corpus)
    if is_romanian(src):
        pairs = (Pair(with_comma_below(pair.src), pair.tgt) for pair in pairs)
    if is_romanian(tgt):
        pairs = (Pair(pair.src, with_comma_below(pair.tgt)) for pair in pairs)
    return pairs


def plain_pair(corpus: Sequence[CorpusSource], *, src: str, tgt: str) -> tuple[Path, Path] | None:
    """The two files of lines that are all of a corpus, if `copy_lines` can have them as they are."""
    if len(corpus) != 1 or not _is_two_files(corpus[0]) or _has_suffix(corpus[0], ".sgm", ".xml"):
        return None
    paths = _two_paths(corpus[0], src, tgt)
    of_talks = any(path.name.startswith(TALKS) for path in paths)
    return None if of_talks or is_romanian(src) or is_romanian(tgt) else paths


def corpus_files(corpus: Sequence[CorpusSource], *, src: str, tgt: str) -> list[Path]:
    """The files a corpus is read from, in order; none for the phrasebook and for datasets on the hub.

    Raises:
        DataError: one is missing.
        UsageError: a source's path has no known form.
    """
    return [path for source in corpus for path in _source_files(source, src, tgt)]


def _is_phrasebook(source: CorpusSource) -> bool:
    return source.path == "phrasebook"


def _has_suffix(source: CorpusSource, *suffixes: str) -> bool:
    name = source.path
    for compression in (".gz", ".xz", ".bz2"):
        name = name.removesuffix(compression)
    return name.endswith(suffixes)


def _is_two_files(source: CorpusSource) -> bool:
    return "{lang}" in source.path or "{side}" in source.path


def _two_paths(source: CorpusSource, src: str, tgt: str) -> tuple[Path, Path]:
    def fill(side: str, lang: str) -> Path:
        return Path(source.path.replace("{side}", side).replace("{lang}", lang))

    return fill("src", src), fill("ref", tgt)


def _source_files(source: CorpusSource, src: str, tgt: str) -> Sequence[Path]:
    if _is_phrasebook(source):
        return []
    if huggingface.is_dataset(source):
        return huggingface.dataset_files(source)
    if _is_two_files(source):
        paths: Sequence[Path] = _two_paths(source, src, tgt)
    elif _has_suffix(source, ".tsv", ".xml", ".tmx"):
        paths = [Path(source.path)]
    else:
        raise UsageError(
            "The path of a corpus has no known form",
            value=source.path,
            allowed="DIR/train.{lang}, FILE.tsv, FILE.tmx, any of them with .gz, .xz or .bz2, "
            "FILE-{side}.{lang}.sgm, FILE.xml, hf:NAME, hf:./DIR, phrasebook",
            fix="write {lang} where the file names have the language code",
        )
    for path in paths:
        if not path.is_file():
            raise DataError(
                "There is no such file",
                where=path,
                fix="correct the path in the recipe, or put the file there",
            )
    return paths


def _reject_ignored_settings(source: CorpusSource) -> None:
    is_used = {
        "split": huggingface.is_dataset(source) or _is_phrasebook(source),
        "config": huggingface.is_dataset(source),
        "columns": huggingface.is_dataset(source) or _has_suffix(source, ".tsv"),
    }
    for name, used in is_used.items():
        value = getattr(source, name)
        if value is not None and not used:
            raise UsageError(
                f"`{name}` means nothing for this corpus",
                where=source.path,
                value=value,
                fix=f"remove `{name}`",
            )


def _read_source(source: CorpusSource, split: str, src: str, tgt: str) -> Iterator[Pair]:
    if _is_phrasebook(source):
        return _read_phrasebook(source.split or split, src, tgt)
    if huggingface.is_dataset(source):
        return huggingface.read_dataset(source, split=split, src=src, tgt=tgt)
    if not _is_two_files(source):
        path = Path(source.path)
        if _has_suffix(source, ".tsv"):
            return _read_table(path, source.columns or ("0", "1"))
        if _has_suffix(source, ".tmx"):
            return tmx.read_tmx(path, src=src, tgt=tgt)
        return segments.read_one_file(path, src=src, tgt=tgt)
    paths = _two_paths(source, src, tgt)
    if _has_suffix(source, ".sgm", ".xml"):
        return segments.read_two_files(*paths)
    return read_line_files(*paths)


def _read_phrasebook(split: str, src: str, tgt: str) -> Iterator[Pair]:
    from onepass.phrasebook import phrasebook

    if {src, tgt} != {"en", "de"}:
        raise UsageError("The phrasebook is English and German", value=f"{src}-{tgt}", allowed="en-de, de-en")
    pairs = phrasebook(split)
    return pairs if src == "en" else (Pair(pair.tgt, pair.src) for pair in pairs)


def read_line_files(src_path: Path, tgt_path: Path) -> Iterator[Pair]:
    """The pairs of two files, line by line. Raises DataError where one has more lines than the other."""
    src_lines, tgt_lines = _spoken_lines(src_path), _spoken_lines(tgt_path)
    count = 0
    for src_line in src_lines:
        tgt_line = next(tgt_lines, None)
        if tgt_line is None:
            raise _unequal((src_path, count + 1 + sum(1 for _ in src_lines)), (tgt_path, count))
        count += 1
        yield Pair(one_line(src_line.text), one_line(tgt_line.text))
    if more := sum(1 for _ in tgt_lines):
        raise _unequal((src_path, count), (tgt_path, count + more))


def _spoken_lines(path: Path) -> Iterator[Line]:
    """The lines of a file; in IWSLT's training files, without those that only describe a talk."""
    lines = numbered_lines(path)
    if not path.name.startswith(TALKS):
        return lines
    return (line for line in lines if not _TALK_TAG.match(line.text))


def _unequal(src: tuple[Path, int], tgt: tuple[Path, int]) -> DataError:
    path, count = min(src, tgt, key=lambda side: side[1])
    return DataError(
        f"The two sides do not have the same number of lines: {src[1]:,} in {src[0]}, {tgt[1]:,} in {tgt[0]}",
        where=f"{path}, which ends after line {count}",
        fix="check that both files are complete and belong together",
    )


def _read_table(path: Path, columns: tuple[str, str]) -> Iterator[Pair]:
    """Tab-separated rows without quoting.

    `columns` are two names of the header, or two numbers from 0 where there is no header.
    """
    lines = numbered_lines(path)
    if all(column.isdecimal() for column in columns):
        places = [int(column) for column in columns]
    else:
        header = next(([name.strip() for name in line.text.split("\t")] for line in lines), [])
        for column in columns:
            if column not in header:
                raise DataError(
                    f"The table has no column {column!r}",
                    where=f"{path}, line 1",
                    allowed=", ".join(header),
                    fix='set `columns` to two of these, or to numbers like "0" if there is no header',
                )
        places = [header.index(column) for column in columns]
    for line in lines:
        cells = line.text.split("\t")
        if len(cells) <= max(places):
            raise DataError(
                f"The row has {len(cells)} column(s), but column {max(places) + 1} is to be read",
                where=f"{path}, line {line.number}",
                value=line.text[:80],
                fix="separate the columns with tabs, and remove empty lines",
            )
        yield Pair(one_line(cells[places[0]]), one_line(cells[places[1]]))
