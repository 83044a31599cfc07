"""Who may ask: keys that a file has as SHA-256, so that who reads the file has no key.

A line is `NAME SHA256`, or `NAME SHA256 CHARACTERS`, the last being the characters a minute of that key. Keys
are random and long, so one round of SHA-256 is enough; for passwords it would not be.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from pathlib import Path
from typing import NamedTuple

from onepass.errors import DataError

_LINE = re.compile(r"(\S+)\s+([0-9a-f]{64})(?:\s+(\d{1,12}))?")


class Key(NamedTuple):
    """One who may ask.

    Attributes:
        name: for the log.
        digest: SHA-256 of the key.
        characters_per_minute: None is what the service gives to everybody.
    """

    name: str
    digest: bytes
    characters_per_minute: int | None


def read_keys(path: Path) -> tuple[Key, ...]:
    """The keys of a file; empty lines and those that begin with # are left out.

    Raises:
        DataError: the file cannot be read, has no keys, or a line or a name is wrong.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise DataError(f"Cannot read the keys: {error}", where=path) from None
    keys: list[Key] = []
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = _LINE.fullmatch(line.strip())
        where = f"{path}, line {number}"
        if found is None:  # without the line: it may be a key that somebody forgot to hash
            raise DataError(
                "This is no key",
                where=where,
                allowed="NAME SHA256 [CHARACTERS A MINUTE]",
                fix="printf %s KEY | sha256sum",
            )
        name, digest, characters = found.groups()
        if any(key.name == name for key in keys):
            raise DataError("Two keys have one name", where=where, value=name)
        keys.append(Key(name, bytes.fromhex(digest), None if characters is None else int(characters)))
    if not keys:
        raise DataError("The file has no keys, so nobody could ask", where=path)
    return tuple(keys)


def find_key(keys: tuple[Key, ...], given: str) -> Key | None:
    """The key that was given, in a time that does not depend on which it is or how much of it is right."""
    digest = hashlib.sha256(given.encode("utf-8", "replace")).digest()
    found = None
    for key in keys:
        if hmac.compare_digest(key.digest, digest):
            found = key
    return found
