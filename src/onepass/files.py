"""Files and directories that appear whole or not at all, and digests of files."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from onepass.errors import DataError


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_json(path: Path, data: Any) -> None:
    """Writes indented JSON; the file appears whole or not at all."""
    write_text(path, json.dumps(data, indent=1, ensure_ascii=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Writes a text file in UTF-8; it appears whole or not at all."""
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8", newline="\n")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A new file to fill, which takes the name of `path` when all is well and vanishes when it is not.

    It lies beside `path` under a name that no other writer has: of two at once, the last to end wins. A
    file that is replaced leaves its mode to the new one. A link stays a link, and what it points to is
    replaced. A pipe or a device is written to as it is.

    Args:
        path: of the file, which may exist.

    Raises:
        DataError: nothing can be written there. Errors of whoever fills the file pass through.
    """
    with _clear_errors(path):
        # Asked of the path itself: /dev/stdout points to no name.
        in_place = path.exists() and not path.is_file()
        if path.is_dir():
            raise DataError("Cannot write the file: this is a directory", where=path)
    if in_place:
        yield path
        return
    target = Path(os.path.realpath(path))
    # Only the beginning of a name that may be as long as names can be.
    partial = target.with_name(f".{target.name[:40]}.{os.urandom(4).hex()}.partial")
    try:
        with _clear_errors(path):
            older = target.stat().st_mode if target.exists() else None
            # What will replace a secret is none of the others' either; else the umask decides.
            partial.touch(mode=0o666 if older is None else 0o600, exist_ok=False)
            mode = stat.S_IMODE(partial.stat().st_mode if older is None else older)
        yield partial
        with _clear_errors(path):
            partial.chmod(mode)  # also where a library has put a file of its own in its place
            os.replace(partial, target)
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


@contextmanager
def _clear_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DataError(
            f"Cannot write the file: {error.strerror}",
            where=path,
            fix="name a file in a directory that exists and may be written to",
        ) from None


@contextmanager
def replacing_directory(path: Path) -> Iterator[Path]:
    """A new directory to fill, which takes the name of `path` when all is well; an older one makes way.

    Both lie beside `path` under hidden names of their own (`my-model.old` may be a backup of the user's),
    always the same, so that what a killed process has left is seen: the older directory gets its name back.
    """
    path = path.absolute()
    partial, old = (path.with_name(f".{path.name}.onepass-{ending}") for ending in ("partial", "old"))
    if old.exists() and not path.exists():  # killed between the two renames
        old.rename(path)
    for left in (partial, old):
        shutil.rmtree(left, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
        if path.exists():
            path.rename(old)
        partial.rename(path)
    finally:
        if old.exists() and not path.exists():
            old.rename(path)
        for left in (partial, old):
            shutil.rmtree(left, ignore_errors=True)
