"""The model directory: `bundle.json`, the tokenizer, the weights.

`bundle.json` carries a format number, what the model is, where it came from and the SHA-256 of every
file and of all this itself. Nothing in a bundle is executed or unpickled.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onepass.errors import ModelError
from onepass.files import file_sha256, write_json
from onepass.text.tokenizer import Tokenizer

FORMAT = 1
MANIFEST = "bundle.json"
WEIGHTS = "weights.safetensors"
CHECKSUM = "checksum"
"""Of the manifest, in the manifest."""

_COPY_AGAIN = "copy the whole bundle again, or make it again with `onepass run`"


def manifest_sha256(data: Mapping[str, Any]) -> str:
    """SHA-256 of what a manifest says, its own checksum left out, however it is indented."""
    said = {key: value for key, value in data.items() if key != CHECKSUM}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Bundle:
    """A verified bundle.

    Attributes:
        directory: where it is.
        kind: "autoregressive" or a student's family.
        src, tgt: language codes.
        settings: of the model.
        provenance: recipe, seed, versions, training.
        fingerprint: of the files, 16 hexadecimal digits.
        files: their names.
    """

    directory: Path
    kind: str
    src: str
    tgt: str
    settings: Mapping[str, Any]
    provenance: Mapping[str, Any]
    fingerprint: str
    files: tuple[str, ...]

    @classmethod
    def open(cls, directory: Path) -> Bundle:
        """Reads and verifies a bundle.

        Raises:
            ModelError: it is missing, damaged, incomplete or of a newer format.
        """
        manifest = directory / MANIFEST
        try:
            data = json.loads(manifest.read_text(encoding="utf-8"))
            number, files = data["format"], dict(data["files"])
        except OSError as error:
            raise ModelError(
                f"There is no model here: {error.strerror}",
                where=manifest,
                allowed="a bundle directory, such as runs/NAME/student",
            ) from None
        except (ValueError, KeyError, TypeError) as error:
            raise ModelError(f"The bundle is damaged: {error!r}", where=manifest, fix=_COPY_AGAIN) from None
        if not isinstance(number, int) or number > FORMAT:
            raise ModelError(
                "The bundle is of a newer format than this version reads",
                where=manifest,
                value=number,
                allowed=f"up to {FORMAT}",
                fix="upgrade onepass",
            )
        if data.get(CHECKSUM) != manifest_sha256(data):
            raise ModelError("The bundle is damaged: its checksum differs", where=manifest, fix=_COPY_AGAIN)
        for name, digest in files.items():
            path = directory / name
            if not path.is_file():
                raise ModelError("A file of the bundle is missing", where=path, fix=_COPY_AGAIN)
            if file_sha256(path) != digest:
                raise ModelError(
                    "A file of the bundle is damaged: its checksum differs", where=path, fix=_COPY_AGAIN
                )
        try:
            languages = data["languages"]
            if not isinstance(data["settings"], dict) or not isinstance(data["provenance"], dict):
                raise TypeError("settings or provenance")
            return cls(
                directory,
                data["kind"],
                languages["src"],
                languages["tgt"],
                data["settings"],
                data["provenance"],
                hashlib.sha256(json.dumps(sorted(files.items())).encode()).hexdigest()[:16],
                tuple(sorted(files)),
            )
        except (KeyError, TypeError) as error:
            raise ModelError(f"The bundle is damaged: no {error}", where=manifest, fix=_COPY_AGAIN) from None

    @property
    def weights(self) -> Path:
        """The safetensors file."""
        return self.directory / WEIGHTS

    def tokenizer(self) -> Tokenizer:
        """The tokenizer of the bundle."""
        return Tokenizer.load(self.directory)


def write_manifest(
    directory: Path,
    *,
    kind: str,
    src: str,
    tgt: str,
    settings: Mapping[str, Any],
    provenance: Mapping[str, Any],
    files: list[str],
) -> None:
    """Completes a bundle whose files are in place; without its manifest it is none."""
    data = {
        "format": FORMAT,
        "kind": kind,
        "languages": {"src": src, "tgt": tgt},
        "settings": settings,
        "files": {name: file_sha256(directory / name) for name in sorted(files)},
        "provenance": provenance,
    }
    data = json.loads(json.dumps(data))  # keys are text, as they are read again
    write_json(directory / MANIFEST, data | {CHECKSUM: manifest_sha256(data)})
