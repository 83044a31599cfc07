"""The engine that Firefox ships, on the files of a teacher: the package `fxtranslate`."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

from onepass.errors import ModelError, UsageError
from onepass.teachers.find import TeacherFiles


def has_firefox() -> bool:
    """Whether the engine is installed."""
    return find_spec("fxtranslate") is not None


def check_firefox() -> None:
    """Raises UsageError where the engine is not installed."""
    if not has_firefox():
        raise UsageError(
            "The engine of Firefox is not installed",
            where="fxtranslate",
            fix="pip install 'onepass[firefox]'",
        )


def firefox_engine(files: TeacherFiles) -> Callable[[str], str]:
    """Translates one sentence at a time, on one thread, the one that made it.

    Raises:
        ModelError: the engine does not take these files.
        UsageError: it is not installed.
    """
    check_firefox()
    from fxtranslate import Translator

    if not files.of_firefox:
        raise ModelError(
            "The engine of Firefox reads its own models alone",
            where=files.model,
            allowed="model*.bin with vocab*.spm",
        )
    vocabularies = [path.read_bytes() for path in files.vocabularies]
    shortlist = None if files.shortlist is None else files.shortlist.read_bytes()
    try:
        engine = Translator(files.model.read_bytes(), vocabularies[0], vocabularies[-1], shortlist)
    except (ValueError, RuntimeError) as error:
        raise ModelError(f"The engine of Firefox refuses the model: {error}", where=files.model) from None
    return engine.translate
