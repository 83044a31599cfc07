"""Hugging Face datasets as corpora: by hub name, or from a local directory.

A directory written by `save_to_disk` is memory-mapped, one of parquet, JSON or CSV files is streamed,
and a name on the hub is downloaded once by `datasets` to its own cache. A process reads one commit of each
name, which it asks for once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from onepass.errors import DataError, UsageError
from onepass.hub_name import HF, is_directory_of_dataset
from onepass.settings import CorpusSource, TextSource
from onepass.text.lines import one_line
from onepass.text.pair import Pair

_COMMIT = re.compile("[0-9a-f]{40}")
_SPLITS = {"train": "train", "dev": "validation", "test": "test"}


def is_dataset(source: CorpusSource | TextSource) -> bool:
    """Whether it is a dataset, on the hub or in a directory."""
    return source.path.startswith(HF)


def is_on_hub(source: CorpusSource | TextSource) -> bool:
    """Whether the hub has it."""
    return is_dataset(source) and not is_directory_of_dataset(source.path.removeprefix(HF))


def without_revision(path: str) -> str:
    """`hf:NAME` of `hf:NAME@REVISION`."""
    return path.partition("@")[0]


def commits(sources: Iterable[CorpusSource | TextSource]) -> list[str]:
    """`hf:NAME@COMMIT` of each dataset on the hub, as it would be read now.

    Raises:
        DataError: the hub cannot be asked and the cache has none, or it has another one than is wanted.
        UsageError: the package `datasets` is not installed.
    """
    wanted = dict.fromkeys((source.path, source.config) for source in sources if is_on_hub(source))
    found = (f"{without_revision(path)}@{_commit(path, config)}" for path, config in wanted)
    return list(dict.fromkeys(found))


@lru_cache(maxsize=256)
def _commit(path: str, config: str | None) -> str:
    datasets = _package(path)
    name, _, revision = path.removeprefix(HF).partition("@")
    try:
        commit = str(datasets.load_dataset_builder(name, config, revision=revision or None).hash)
    except _errors(datasets) as error:
        raise _unreadable(path, error) from None
    # Without a network `datasets` takes whatever its cache has.
    if _COMMIT.fullmatch(revision) and commit != revision:
        raise DataError(
            "The cache has another revision of the dataset, and the hub cannot be reached",
            where=path,
            value=commit,
            fix="start where there is a network",
        )
    return commit


def dataset_files(source: CorpusSource | TextSource) -> list[Path]:
    """The files of a local dataset; none of one on the hub. Raises DataError where it is empty."""
    if is_on_hub(source):
        return []
    name = source.path.removeprefix(HF)
    files = sorted(path for path in Path(name).rglob("*") if path.is_file())
    if not files:
        raise DataError(
            "The dataset directory is missing or empty",
            where=name,
            fix="correct the path; a name on the hub is written without `./`",
        )
    return files


def read_dataset(source: CorpusSource, *, split: str, src: str, tgt: str) -> Iterator[Pair]:
    """Streams the pairs of a dataset.

    They are in its two `columns`, else in its `translation` feature, else in columns named like the
    languages. A missing value reads as an empty text.

    Args:
        source: `hf:NAME`, with its settings.
        split: "train", "dev" ("validation" in datasets) or "test", unless `source` names one.
        src: source language code.
        tgt: target language code.

    Raises:
        DataError: the dataset, split, configuration or column is missing or damaged.
        UsageError: the package `datasets` is not installed.
    """
    split = source.split or _SPLITS[split]
    where = f"{source.path}, split {split}"
    columns = source.columns
    for number, row in enumerate(_rows(source, split), 1):
        if columns is None and "translation" in row:
            row = row["translation"] or {src: None, tgt: None}
        src_text, tgt_text = (
            _text(row, column, f"{where}, row {number}") for column in columns or (src, tgt)
        )
        yield Pair(src_text, tgt_text)


def read_texts(source: TextSource, *, lang: str) -> Iterator[str]:
    """Streams the texts of one column: the source's own, else one named as the language, else `text`.

    Raises:
        DataError: the dataset, split, configuration or column is missing or damaged.
        UsageError: the package `datasets` is not installed.
    """
    split = source.split or "train"
    where = f"{source.path}, split {split}"
    for number, row in enumerate(_rows(source, split), 1):
        column = source.column or (lang if lang in row else "text")
        yield _text(row, column, f"{where}, row {number}")


def _text(row: dict[str, Any], column: str, where: str) -> str:
    if column not in row:
        raise DataError(
            f"The dataset has no column or language {column!r}",
            where=where,
            allowed=", ".join(row),
            fix="name the columns with the texts, or correct `src` and `tgt`",
        )
    text = "" if row[column] is None else row[column]
    if not isinstance(text, str):
        raise DataError(
            f"The column {column!r} does not hold text",
            where=where,
            value=text,
            fix="name the columns with the texts",
        )
    return one_line(text)


def _rows(source: CorpusSource | TextSource, split: str) -> Iterator[dict[str, Any]]:
    datasets, name = _package(source.path), source.path.removeprefix(HF)
    number = 0
    try:
        if is_on_hub(source):
            commit = _commit(source.path, source.config)
            rows = datasets.load_dataset(without_revision(name), source.config, split=split, revision=commit)
        elif _is_saved(Path(name)):
            rows = _saved_split(datasets.load_from_disk(name), source, split)
        else:
            rows = datasets.load_dataset(name, source.config, split=split, streaming=True)
        for row in rows:
            number += 1
            yield row
    except _errors(datasets) as error:
        after = f", after row {number}" if number else ""
        raise _unreadable(f"{source.path}, split {split}{after}", error) from None


def _package(path: str) -> Any:
    try:
        import datasets
    except ImportError:
        raise UsageError(
            "An `hf:` corpus needs Hugging Face datasets",
            where=path,
            fix='pip install "onepass[train]"',
        ) from None
    return datasets


def _errors(datasets: Any) -> tuple[type[Exception], ...]:
    return OSError, ValueError, RuntimeError, datasets.exceptions.DatasetsError


def _unreadable(where: str, error: Exception) -> DataError:
    return DataError(
        f"Cannot read the dataset: {str(error) or type(error).__name__}",
        where=where,
        fix="check its name, `split` and `config`, and for a name on the hub the network",
    )


def _is_saved(directory: Path) -> bool:
    return any((directory / file).is_file() for file in ("dataset_dict.json", "state.json"))


def _saved_split(saved: Any, source: CorpusSource | TextSource, split: str) -> Any:
    if source.config is not None:
        raise UsageError(
            "`config` means nothing for a dataset saved to disk",
            where=source.path,
            value=source.config,
            fix="remove `config`",
        )
    if isinstance(saved, dict):
        if split not in saved:
            raise DataError(
                f"The dataset has no split {split!r}",
                where=source.path,
                allowed=", ".join(saved),
                fix="set `split` of this corpus",
            )
        return saved[split]
    if source.split is not None and source.split != str(saved.split):
        raise DataError(
            f"The dataset has no split {source.split!r}: it was saved as a single one",
            where=source.path,
            fix="remove `split` of this corpus",
        )
    return saved
