"""Files and directories that appear whole or not at all, also after a power cut, and digests of files.

What is written gets its name when it is on the disk, and the folder is on the disk when the writer returns.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from onepass.errors import DataError, OnepassError


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


def write_bytes(path: Path, content: bytes) -> None:
    """Writes a file, which appears whole or not at all."""
    with replacing(path) as partial:
        partial.write_bytes(content)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A new file to fill, which takes the name of `path` when all is well and vanishes when it is not.

    It lies beside `path` under a name that no other writer has: of two at once, the last to end wins. A
    file that is replaced leaves its mode to the new one. A link stays a link, and what it points to is
    replaced. A pipe or a device is written to as it is. After a power cut, too, there is the older file
    or the new one.

    Args:
        path: of the file, which may exist.

    Raises:
        DataError: nothing can be written there, or the disk is full. Other errors of whoever fills the file
            pass through.
    """
    with _clear_errors(path):
        # Asked of the path itself: /dev/stdout points to no name.
        in_place = path.exists() and not path.is_file()
        if path.is_dir():
            raise DataError("Cannot write the file: this is a directory", where=path)
    if in_place:
        with naming_full_disk(path):
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
        with naming_full_disk(path):
            yield partial
        with _clear_errors(path):
            partial.chmod(mode)  # also where a library has put a file of its own in its place
            sync(partial)
            os.replace(partial, target)
            sync(target.parent)
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Waits until a file's content, or the names in a folder, are on the disk.

    Raises:
        OSError: they cannot be brought there.
    """
    try:
        opened = os.open(path, os.O_RDONLY)
    except PermissionError:  # of a folder that may be written to and not read, or on Windows
        return
    try:
        os.fsync(opened)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EBADF, errno.ENOTSUP):  # what has nothing to wait for
            raise
    finally:
        os.close(opened)


def sync_tree(directory: Path) -> None:
    """`sync` of everything in a directory, and of itself last."""
    for folder, _, names in os.walk(directory, topdown=False):
        for name in names:
            path = Path(folder, name)
            if path.is_file() and not path.is_symlink():
                sync(path)
        sync(Path(folder))


def move(source: Path, to: Path) -> None:
    """Renames a file or directory; on return both folders are on the disk."""
    os.replace(source, to)
    sync(to.parent)
    if source.parent != to.parent:
        sync(source.parent)


@contextmanager
def naming_full_disk(path: Path) -> Iterator[None]:
    """Makes one clear error, which names what was being written, of a disk that is full.

    Args:
        path: the file, or the directory where the system may know which file of it.

    Raises:
        DataError: the disk is full, whoever has noticed it. Other errors pass through.
    """
    try:
        yield
    except OnepassError:  # it names its file already
        raise
    except Exception as error:
        if not _is_of_full_disk(error):
            raise
        named = getattr(error, "filename", None) if path.is_dir() else None
        raise DataError(
            "The disk is full",
            where=named or path,
            fix="make room and start again: what was finished is kept",
        ) from None


def _is_of_full_disk(error: BaseException | None) -> bool:
    """Also where a library says it in words of its own, or stumbles over it."""
    if error is None:
        return False
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    words = ("No space left on device", "Disk quota exceeded", "os error 112")
    return any(said in str(error) for said in words) or _is_of_full_disk(error.__context__)


@contextmanager
def _clear_errors(path: Path) -> Iterator[None]:
    try:
        with naming_full_disk(path):
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
        with naming_full_disk(path):
            yield partial
            sync_tree(partial)
        if path.exists():
            path.rename(old)
        move(partial, path)
    finally:
        if old.exists() and not path.exists():
            old.rename(path)
        for left in (partial, old):
            shutil.rmtree(left, ignore_errors=True)
