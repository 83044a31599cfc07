"""The model directory: `bundle.json`, the tokenizer, the weights.

`bundle.json` carries a format number, what the model is, where it came from and the SHA-256 of every
file and of all this itself. Nothing in a bundle is executed or unpickled.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from onepass.errors import ModelError
from onepass.files import file_sha256, write_json
from onepass.text.tokenizers import AnyTokenizer, load_tokenizer

FORMAT = 2
MANIFEST = "bundle.json"
CARD = "README.md"
"""The model card, which people and hubs may edit: a change of it is no damage."""
WEIGHTS = "weights.safetensors"
INT8_WEIGHTS = "weights.int8.safetensors"
"""Of an exported model: rows of 8 bits with their scales, which a training can start from, too."""
INT8_TABLES = "tables.int8.safetensors"
"""Of an exported model: what its graph looks up beside weights, such as the words of a shortlist."""
SCALE, OF_TEACHER = ".scale", "teacher."
"""In that file: the end of the names of scales, and the beginning of the names of a teacher's weights."""
CHECKSUM = "checksum"
"""Of the manifest, in the manifest."""

_COPY_AGAIN = "copy the whole bundle again, or make it again with `onepass run`"


def manifest_sha256(data: Mapping[str, Any]) -> str:
    """SHA-256 of what a manifest says, its own checksum left out, however it is indented."""
    said = {key: value for key, value in data.items() if key != CHECKSUM}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Card:
    """What a model card says of the data, as the recipe has it; `datasets` are names on the hub."""

    data: str
    licence: str
    attribution: str
    limits: str
    test_set: str = ""
    datasets: tuple[str, ...] = ()


@dataclass(frozen=True)
class Measurement:
    """Quality of a graph on the test set, and the time of single sentences, text to text.

    Attributes:
        precision: of its weights.
        num_candidates: that the teacher chose among.
        num_corrections: of a sentence, that the teacher could make.
        bleu, chrf: with their signatures; the interval is the 95% bootstrap.
        test_sentences: number of them.
        ms_p50, ms_p99: milliseconds per sentence, median and 99th percentile.
        megabytes: of the graph.
    """

    precision: str
    num_candidates: int
    bleu: float
    bleu_interval: tuple[float, float]
    bleu_signature: str
    chrf: float
    chrf_signature: str
    test_sentences: int
    ms_p50: float
    ms_p99: float
    megabytes: float
    num_corrections: int = 0


@dataclass(frozen=True)
class TeacherQuality:
    """Quality of the teacher in the run's evaluation; `name` says how it decoded."""

    name: str
    bleu: float
    chrf: float


@dataclass(frozen=True)
class Export:
    """How a bundle for the runtime was made, and what was measured of it.

    Attributes:
        command: what the user typed.
        recipe: its name.
        stage: of the run.
        card: what its model card says of the data.
        machine: where it was measured.
        versions: of Python and packages, by name.
        measured: a record for each precision and number of candidates and of corrections, never none.
        teacher: a record for each way to decode; none where the run has no evaluation.
        rewritten: the command that wrote the graphs anew with the same weights, if there was one.
    """

    command: str
    recipe: str
    stage: str
    card: Card
    machine: str
    versions: Mapping[str, str]
    measured: tuple[Measurement, ...]
    teacher: tuple[TeacherQuality, ...]
    rewritten: str | None = None

    def __post_init__(self) -> None:
        if not self.measured:
            raise ValueError("`export.measured` is empty")


@dataclass(frozen=True)
class ReadTeacher:
    """A teacher that somebody else trained; its licence holds for what it taught.

    Attributes:
        name: where it was found.
        licence: as those who published it say, such as "cc-by-4.0".
        sha256: of its files, by name.
    """

    name: str
    licence: str
    sha256: Mapping[str, str]

    @property
    def is_non_commercial(self) -> bool:
        """Whether its licence forbids commercial use."""
        said = self.licence.lower()
        return re.search(r"\bnc\b|non-?commercial", said.replace("_", "-")) is not None


@dataclass(frozen=True)
class _Languages:
    src: str
    tgt: str


@dataclass(frozen=True)
class _Manifest:
    """`bundle.json`, key by key."""

    format: int
    kind: str
    languages: _Languages
    settings: Mapping[str, Any]
    files: Mapping[str, str]
    provenance: Mapping[str, Any]
    export: Export | None
    checksum: str


@dataclass(frozen=True)
class Bundle:
    """A verified bundle.

    Attributes:
        directory: where it is.
        kind: "autoregressive" or a student's family.
        src, tgt: language codes.
        settings: of the model.
        provenance: recipe and seed of the training.
        fingerprint: of the files, 16 hexadecimal digits.
        files: their names.
        export: of a bundle that `onepass export` has measured.
    """

    directory: Path
    kind: str
    src: str
    tgt: str
    settings: Mapping[str, Any]
    provenance: Mapping[str, Any]
    fingerprint: str
    files: tuple[str, ...]
    export: Export | None = None

    @classmethod
    def open(cls, directory: Path) -> Bundle:
        """Reads and verifies a bundle.

        Raises:
            ModelError: it is missing, damaged, incomplete, of a newer format, or too old to be verified.
        """
        manifest = _read_manifest(directory / MANIFEST)
        for name, digest in manifest.files.items():
            if name == CARD:
                continue
            path = directory / name
            if not path.is_file():
                raise ModelError("A file of the bundle is missing", where=path, fix=_COPY_AGAIN)
            if file_sha256(path) != digest:
                raise ModelError(
                    "A file of the bundle is damaged: its checksum differs", where=path, fix=_COPY_AGAIN
                )
        return cls(
            directory,
            manifest.kind,
            manifest.languages.src,
            manifest.languages.tgt,
            manifest.settings,
            manifest.provenance,
            hashlib.sha256(json.dumps(sorted(manifest.files.items())).encode()).hexdigest()[:16],
            tuple(sorted(manifest.files)),
            manifest.export,
        )

    @property
    def weights(self) -> Path:
        """The safetensors file."""
        return self.directory / WEIGHTS

    @property
    def read_teacher(self) -> ReadTeacher | None:
        """The teacher that somebody else trained, if it is one or learnt from one.

        Raises:
            ModelError: the provenance does not say what it says of every such teacher.
        """
        said = self.provenance.get("teacher")
        if said is None:
            return None
        try:
            found: ReadTeacher = _parsed(ReadTeacher, said, "provenance.teacher")
        except ValueError as error:
            raise ModelError(
                f"The bundle is damaged: {error}", where=self.directory / MANIFEST, fix=_COPY_AGAIN
            ) from None
        return found

    def tokenizer(self) -> AnyTokenizer:
        """The tokenizer of the bundle."""
        return load_tokenizer(self.directory)


def listed_files(directory: Path) -> tuple[str, ...]:
    """The files that a manifest lists, whether they are there or not. Raises ModelError as `Bundle.open`."""
    return tuple(sorted(_read_manifest(directory / MANIFEST).files))


def weights_file(path: Path) -> Path:
    """The weights that a path means: those of a bundle, exported or not, or a `.safetensors` file itself."""
    if not path.is_dir():
        return path
    exported = path / INT8_WEIGHTS
    return exported if exported.exists() and not (path / WEIGHTS).exists() else path / WEIGHTS


def write_manifest(
    directory: Path,
    *,
    kind: str,
    src: str,
    tgt: str,
    settings: Mapping[str, Any],
    provenance: Mapping[str, Any],
    files: list[str],
    export: Export | None = None,
) -> None:
    """Completes a bundle whose files are in place; without its manifest it is none."""
    data = {
        "format": FORMAT,
        "kind": kind,
        "languages": {"src": src, "tgt": tgt},
        "settings": settings,
        "files": {name: file_sha256(directory / name) for name in sorted(files)},
        "provenance": provenance,
        "export": None if export is None else asdict(export),
    }
    data = json.loads(json.dumps(data))  # keys are text, as they are read again
    write_json(directory / MANIFEST, data | {CHECKSUM: manifest_sha256(data)})


def _read_manifest(path: Path) -> _Manifest:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(
            f"There is no model here: {error.strerror}",
            where=path,
            allowed="a bundle directory, such as runs/NAME/student",
        ) from None
    except ValueError as error:
        raise ModelError(f"The bundle is damaged: {error}", where=path, fix=_COPY_AGAIN) from None
    number = data.get("format") if isinstance(data, dict) else None
    if type(number) is not int or number < 1:
        raise ModelError("The bundle is damaged: it has no number of a format", where=path, fix=_COPY_AGAIN)
    if number > FORMAT:
        raise ModelError(
            "The bundle is of a newer format than this version reads",
            where=path,
            value=number,
            allowed=f"up to {FORMAT}",
            fix="upgrade onepass",
        )
    if number == 1 and CHECKSUM not in data:
        raise ModelError(
            "The bundle is too old: its manifest has no checksum, so damage to it could not be seen",
            where=path,
            fix="make it again, with `onepass export` from its run or with `onepass run` from its recipe",
        )
    if data.get(CHECKSUM) != manifest_sha256(data):
        raise ModelError("The bundle is damaged: its checksum differs", where=path, fix=_COPY_AGAIN)
    try:
        manifest: _Manifest = _parsed(_Manifest, _from_format_1(data) if number == 1 else data, "")
    except ValueError as error:
        raise ModelError(f"The bundle is damaged: {error}", where=path, fix=_COPY_AGAIN) from None
    return manifest


def _from_format_1(data: dict[str, Any]) -> dict[str, Any]:
    """Format 1 kept the record of the export in the provenance, and called one key otherwise."""
    provenance = dict(_parsed(dict, data.get("provenance"), "provenance"))
    export = provenance.pop("export", None)
    if export is not None:
        rows = _parsed(list, _parsed(dict, export, "export").get("measured"), "export.measured")
        renamed = {"candidates": "num_candidates"}
        measured = [
            {renamed.get(key, key): value for key, value in _parsed(dict, row, "export.measured").items()}
            for row in rows
        ]
        export = {"rewritten": None, **export, "measured": measured}
    return {**data, "provenance": provenance, "export": export}


_IN_WORDS = {str: "a text", int: "a whole number", float: "a number", list: "a list", dict: "an object"}


def _parsed(kind: Any, value: Any, key: str) -> Any:
    """A value of JSON as what an annotation says: a record, a mapping, a tuple, a plain type.

    Args:
        kind: the annotation.
        value: what JSON has there.
        key: where, for the error, such as `export.measured[0].bleu`; nothing for the whole.

    Raises:
        ValueError: it is something else, or a key is missing or unknown; the message names the key.
    """
    origin, inner = get_origin(kind), get_args(kind)
    if kind is Any:
        return value
    if is_dataclass(kind):
        return _parsed_record(kind, _parsed(dict, value, key), key)
    if origin is UnionType:  # of something and None
        return None if value is None else _parsed(inner[0], value, key)
    if origin is Mapping:
        table = _parsed(dict, value, key)
        return {name: _parsed(inner[1], part, _join(key, name)) for name, part in table.items()}
    if origin is tuple:
        parts = _parsed(list, value, key)
        kinds = inner[:1] * len(parts) if inner[-1] is ... else inner
        if len(parts) != len(kinds):
            raise ValueError(f"`{key}` has {len(parts)} parts and not {len(kinds)}")
        return tuple(_parsed(kinds[i], part, f"{key}[{i}]") for i, part in enumerate(parts))
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise ValueError(f"`{key}` is not {_IN_WORDS[kind]} but {json.dumps(value):.80}")
    return value


def _parsed_record(kind: Any, table: dict[str, Any], key: str) -> Any:
    kinds = get_type_hints(kind)
    later = {part.name for part in fields(kind) if part.default is not MISSING}
    for name in sorted(kinds.keys() - later - table.keys() | table.keys() - kinds.keys()):
        raise ValueError(f"`{_join(key, name)}` is {'missing' if name in kinds else 'unknown'}")
    return kind(**{name: _parsed(kinds[name], table[name], _join(key, name)) for name in table})


def _join(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name
