"""What is served: one model for each direction, and the languages that follow from them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from onepass.bundle import Bundle
from onepass.errors import UsageError
from onepass.runtime.doubts import Doubt
from onepass.runtime.inside import Inside
from onepass.runtime.readings import Reading
from onepass.runtime.sentences import Passage
from onepass.runtime.shipped import find_model
from onepass.runtime.text_translator import Translation
from onepass.runtime.translator import Precision, Translator, as_precision, check_corrections
from onepass.service.languages import language_name
from onepass.service.refusal import RequestError
from onepass.service.word_by_word import WordByWord, find_teacher


class TranslatesBySentence(Protocol):
    """What a service needs of a translator; see `TextTranslator`."""

    has_alternatives: bool

    def passages(self, line: str) -> list[Passage]: ...

    def read(
        self, passages: Sequence[Passage], *, alignment: bool = False, n_best: int = 1
    ) -> list[Reading]: ...

    def joined(
        self, passages: Sequence[Passage], readings: Sequence[Reading], *, n_best: int = 1
    ) -> Translation: ...

    def doubts(self, line: str, translation: str) -> list[Doubt]: ...

    def aligned(
        self,
        line: str,
        translation: Translation,
        passages: Sequence[Passage],
        readings: Sequence[Reading],
    ) -> Translation: ...

    def inside(self, passage: Passage) -> Inside: ...


@dataclass(frozen=True)
class Direction:
    """A model that is served.

    Attributes:
        name: as the operator gave it.
        source, target: codes of its languages.
        translator: that is loaded.
        about: what `/v1/models` says beside that.
        teacher: that it learnt from, where it is installed.
    """

    name: str
    source: str
    target: str
    translator: TranslatesBySentence
    about: Mapping[str, Any] = field(default_factory=dict)
    teacher: WordByWord | None = None

    @property
    def label(self) -> str:
        """The two codes, for metrics."""
        return f"{self.source}-{self.target}"


class Directions:
    """The models of a service.

    Raises:
        UsageError: two are of one direction.
    """

    def __init__(self, directions: Iterable[Direction]) -> None:
        self._found: dict[tuple[str, str], Direction] = {}
        for direction in directions:
            pair = direction.source, direction.target
            if pair in self._found:
                _refuse_second(self._found[pair].name, direction.name)
            self._found[pair] = direction
        self.codes = tuple(sorted({code for pair in self._found for code in pair}))
        self.sources = tuple(sorted({source for source, _ in self._found}))

    def __iter__(self) -> Iterator[Direction]:
        return iter(self._found.values())

    def language(self, code: str) -> str:
        """The served language that a code means: itself, or it without its region, as in pt-BR.

        Raises:
            RequestError: there is none.
        """
        wanted = code.strip().lower().replace("_", "-")
        for known in (wanted, wanted.partition("-")[0]):
            if known in self.codes:
                return known
        raise RequestError(400, f"{code[:40]} is not supported")

    def find(self, source: str, target: str) -> Direction | None:
        """The model of a direction; None where both are one language.

        Raises:
            RequestError: there is none.
        """
        if source == target:
            return None
        if (source, target) not in self._found:
            raise RequestError(
                400,
                f"{language_name(target)} ({target}) is not available as a target language "
                f"from {language_name(source)} ({source})",
            )
        return self._found[source, target]

    def languages(self) -> list[dict[str, Any]]:
        """What `/languages` says: a language is its own target, too."""
        return [
            {
                "code": source,
                "name": language_name(source),
                "targets": sorted({source, *(target for known, target in self._found if known == source)}),
            }
            for source in self.codes
        ]


def load_directions(
    models: Iterable[str], *, precision: str | None, threads: int, corrections: int = 0
) -> Directions:
    """Loads the models of a service.

    Raises:
        ModelError: there is no such model, it is damaged, or not one that `onepass export` made.
        UsageError: two models are of one direction, or one has no such precision or no corrections.
    """
    check_directions(models, precision=precision, corrections=corrections)
    chosen = None if precision is None else as_precision(precision)
    return Directions(_load(name, chosen, threads, corrections) for name in models)


def check_directions(models: Iterable[str], *, precision: str | None = None, corrections: int = 0) -> None:
    """Opens the bundles of a service without loading their graphs; raises as `load_directions`."""
    chosen = None if precision is None else as_precision(precision)
    seen: dict[tuple[str, str], str] = {}
    for name in models:
        bundle = Bundle.open(find_model(name))
        if corrections:
            check_corrections(bundle, chosen)
        if (first := seen.setdefault((bundle.src, bundle.tgt), name)) is not name:
            _refuse_second(first, name)


def _refuse_second(first: str, second: str) -> None:
    raise UsageError(
        "Two models are of one direction",
        where="MODELS",
        value=f"{first}, {second}",
        fix="serve one of them",
    )


def _load(name: str, precision: Precision | None, threads: int, corrections: int) -> Direction:
    translator = Translator.load(
        name, precision=precision, num_corrections=corrections, num_threads=threads, split=True
    )
    translator.translate_as_written(["a"])  # the first run takes longer than any other
    bundle = translator.bundle
    export = bundle.export
    about = {
        "family": bundle.kind,
        "precision": translator.precision,
        "fingerprint": bundle.fingerprint,
        "licence": export.card.licence if export is not None else None,
        "attribution": export.card.attribution if export is not None else None,
        "bleu": export.measured[0].bleu if export is not None else None,
    }
    read_teacher = bundle.read_teacher
    teacher = None if read_teacher is None else find_teacher(read_teacher)
    return Direction(name, bundle.src, bundle.tgt, translator, about, teacher)
