"""Translated files that wait to be fetched, under names that nobody can guess.

A name of a request is never a path: the file's own name is a hash of it.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from pathlib import Path

from onepass.service.refusal import RequestError

SECONDS = 1_200.0
MOST = 200
_NAME = re.compile(r"([0-9a-f]{32})\.[a-z-]{2,16}\.[a-z0-9]{1,8}")


class Downloads:
    """A directory of translated files; may be shared by workers.

    Args:
        directory: that is there, and holds nothing else.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def put(self, data: bytes, target: str, suffix: str) -> str:
        """Keeps a file for a while, and says the name under which it can be fetched.

        Raises:
            RequestError: too many wait.
        """
        if self._without_old() >= MOST:
            raise RequestError(
                503, "Too many translated files wait to be fetched", reason="busy", retry_after=60
            )
        token = secrets.token_hex(16)
        self._path(token).write_bytes(data)
        return f"{token}.{target}{suffix}"

    def get(self, name: str) -> bytes:
        """A file that waits.

        Raises:
            RequestError: there is none, or no longer.
        """
        found = _NAME.fullmatch(name)
        try:
            if found is None:
                raise FileNotFoundError
            return self._path(found[1]).read_bytes()
        except FileNotFoundError:
            raise RequestError(404, "There is no such file") from None

    def _path(self, token: str) -> Path:
        return self._directory / hashlib.sha256(token.encode("ascii")).hexdigest()

    def _without_old(self) -> int:
        """Removes what nobody has fetched in time; how many are left."""
        latest = time.time() - SECONDS
        left = 0
        for path in self._directory.iterdir():
            try:
                if path.stat().st_mtime < latest:
                    path.unlink()
                else:
                    left += 1
            except FileNotFoundError:  # another worker was faster
                continue
        return left
