"""The language of a text, if `py3langid` is installed (the extra `detect`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from onepass.service.refusal import RequestError

CHARACTERS = 2_000
"""Read of a text: more change nothing and take time."""
SURE = 90.0
"""Percent; a text of a list of whose language that is not so sure is judged with its neighbours."""


class Detected(NamedTuple):
    """A language, and how sure that is, in percent."""

    language: str
    confidence: float


class Detector(Protocol):
    """Whatever knows languages."""

    def rank(self, text: str) -> list[Detected]:
        """All that are served, the likeliest first."""
        ...


class LangidDetector:
    """`py3langid` with the served languages alone.

    Args:
        identifier: of `py3langid`, with probabilities.
    """

    def __init__(self, identifier: Any) -> None:
        self._identifier = identifier

    def rank(self, text: str) -> list[Detected]:
        """All that are served, the likeliest first."""
        ranked = self._identifier.rank(text[:CHARACTERS])
        return [Detected(code, round(100 * float(share), 1)) for code, share in ranked]


class OnlyLanguage:
    """Where one source is served, and nothing could tell others: that one."""

    def __init__(self, language: str) -> None:
        self._language = language

    def rank(self, text: str) -> list[Detected]:
        """The only language, for certain."""
        return [Detected(self._language, 100.0)]


class NoDetector:
    """Several languages are served, and nothing can tell them."""

    def rank(self, text: str) -> list[Detected]:
        """Refuses."""
        raise RequestError(400, "Language detection is not installed: source must be a language code")


def load_detector(codes: Sequence[str], sources: Sequence[str]) -> Detector:
    """The best detector there is for the served languages; those of `sources` can be translated."""
    try:
        from py3langid.langid import MODEL_FILE, LanguageIdentifier
    except ImportError:
        return OnlyLanguage(sources[0]) if len(sources) == 1 else NoDetector()
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    known = [code for code in codes if code in identifier.nb_classes]
    if len(known) < 2:
        return OnlyLanguage(sources[0]) if len(sources) == 1 else NoDetector()
    identifier.set_languages(known)
    return LangidDetector(identifier)


def detect_each(detector: Detector, texts: Sequence[str]) -> list[Detected]:
    """The language of each text; where one says little, that of all texts together."""
    alone = [detector.rank(text)[0] for text in texts]
    if len(texts) == 1 or all(found.confidence >= SURE for found in alone):
        return alone
    together = detector.rank("\n".join(texts)[:CHARACTERS])[0]
    return [found if found.confidence >= SURE else together for found in alone]
