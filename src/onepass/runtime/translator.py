"""The translator that users load: a bundle made by `onepass export`, run by ONNX Runtime."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal, cast, get_args

from onepass.bundle import INT8_TABLES, INT8_WEIGHTS, WEIGHTS, Bundle
from onepass.errors import ModelError, UsageError
from onepass.families import family_named
from onepass.runtime.candidates import check_candidates
from onepass.runtime.cores import available_cores
from onepass.runtime.corrections import VARIANTS, check_number_of_corrections
from onepass.runtime.corrector import Corrector
from onepass.runtime.engine import OnnxEngine
from onepass.runtime.inside import NOT_READ, Inside, inside
from onepass.runtime.sentences import Languages, Passage
from onepass.runtime.shipped import find_model
from onepass.runtime.text_translator import Decode, DecodeSeveral, TextTranslator
from onepass.text.glossary import Glossary
from onepass.text.placeholder_ids import PlaceholderIds

Precision = Literal["int8", "float32"]
"""Of the products: both factors in 8 bits, or float32."""
GRAPH, CORRECTIONS = "student.{precision}.onnx", "corrections.{precision}.onnx"
"""The student, with the teacher that chooses among candidates; and the teacher that corrects."""
CANDIDATES = "candidates"
"""The setting of a bundle whose graphs have candidates and the teacher that chooses among them."""
DECODING = "decoding"
"""The setting of a bundle that says how it decodes unless told: `num_candidates` [1]."""
SHORTLIST, OF_SENTENCE = "shortlist", "sentence"
"""The setting of a bundle whose int8 graph keeps each sentence to its own words. Older graphs have those of
the batch: there a batch is a sentence, since its translation must not depend on others."""
BATCH_TOKENS = 96
"""More are slower on a CPU, since the scores of every word for every position leave its cache."""


class Translator(TextTranslator):
    """Lines of text to translations, without torch; may be used by several threads at once.

    Attributes:
        bundle: what was loaded.
        precision: of the weights.
        engine: that runs its graph.
    """

    bundle: Bundle
    precision: Precision
    engine: OnnxEngine

    @classmethod
    def load(
        cls,
        model: str | Path | Bundle,
        *,
        precision: Precision | None = None,
        num_candidates: int | None = None,
        num_corrections: int = 0,
        seed: int = 1,
        num_threads: int | None = None,
        batch_size: int = 1024,
        split: bool = False,
        glossary: Glossary | None = None,
    ) -> Translator:
        """A translator of a shipped model or of a bundle.

        Args:
            model: the name of a shipped model, such as "en-pt", a bundle's directory, or one that is open.
            precision: of the weights [int8, where the bundle has it].
            num_candidates: more than 1, if the bundle has a teacher: it chooses among so many [what the
                bundle says, mostly 1; but 10 of one or two words]. Those of a student with fertilities are
                drawn (noisy parallel decoding), of CTC there are 64 at most.
            num_corrections: words that the teacher may correct in each sentence, one after the other, if the
                bundle has one; each costs one of its passes.
            seed: of what is drawn.
            num_threads: batches decoded side by side, those of all threads that call it together [the cores
                of this process, at most 4].
            batch_size: most sentences translated at once; 1 for int8 graphs without shortlists by sentence.
            split: cut lines into sentences; the lines of a test set are sentences.
            glossary: terms that must become what it says.

        Raises:
            ModelError: there is no such model, it is damaged, or not one that `onepass export` made.
            UsageError: the bundle has no such precision or not so many candidates; a number is below 1.
        """
        numbers = {"num_candidates": num_candidates, "num_threads": num_threads, "batch_size": batch_size}
        for name, value in numbers.items():
            if value is not None and value < 1:
                raise UsageError("There must be at least one", where=name, value=value)
        bundle = model if isinstance(model, Bundle) else Bundle.open(find_model(model))
        of_few = num_candidates is None and num_corrections == 0
        if num_candidates is None:
            num_candidates = usual_candidates(bundle)
        chosen = _precision(bundle, precision)
        check_candidates(family_named(bundle.kind, where=bundle.directory), num_candidates)
        if num_candidates > 1 and not bundle.settings.get(CANDIDATES):
            raise UsageError(
                "This model has no teacher that chooses among candidates",
                where=bundle.directory,
                fix="ask for 1 candidate, or export it with `--candidates`",
            )
        workers = num_threads or min(4, available_cores())
        placeholders = PlaceholderIds.of_settings(bundle.settings)
        correct = _corrector(bundle, chosen, num_corrections, workers, placeholders)
        engine = OnnxEngine(
            *(bundle.directory / name for name in graph_files(bundle, chosen)),
            sessions=workers,
            num_candidates=num_candidates,
            seed=seed,
            placeholders=placeholders,
        )
        translator = cls(
            bundle.tokenizer(),
            correct(engine),
            fingerprint=bundle.fingerprint,
            batch_tokens=max(1, BATCH_TOKENS // max(num_candidates, VARIANTS if num_corrections else 1)),
            batch_size=batch_size if bundle.settings.get(SHORTLIST) == OF_SENTENCE or chosen != "int8" else 1,
            workers=workers,
            copies=engine.copies,
            decode_aligned=correct(engine.aligned) if engine.aligns else None,
            decode_several=_several(engine, correct) if engine.has_several else None,
            decode_few=engine.few if engine.has_several and of_few and num_candidates == 1 else None,
            languages=Languages(bundle.src, bundle.tgt),
            split=split,
            placeholders=placeholders,
            glossary=glossary,
        )
        translator.bundle, translator.precision, translator.engine = bundle, chosen, engine
        return translator

    def inside(self, passage: Passage) -> Inside:
        """What the model reads of a passage, and what all its slots write at once."""
        if not passage.ids:
            return NOT_READ
        first = 0 if self._placeholders is None else self._placeholders.first
        src, tgt = (
            {first + slot: text for slot, text in spans.items()} for spans in self._reader.spans_of(passage)
        )
        return inside(self.engine, self.tokenizer, passage.ids, src, tgt)


def graph_files(bundle: Bundle, precision: Precision, graph: str = GRAPH) -> list[str]:
    """A graph of a bundle and, where it does not hold its weights and tables, the files with them."""
    apart = [name for name in (INT8_WEIGHTS, INT8_TABLES) if name in bundle.files]
    return [graph.format(precision=precision), *(apart if precision == "int8" else [])]


def has_corrections(bundle: Bundle, precision: Precision) -> bool:
    """Whether the teacher in a bundle can correct."""
    return CORRECTIONS.format(precision=precision) in bundle.files


def check_corrections(bundle: Bundle, precision: Precision | None) -> None:
    """Raises UsageError for a bundle without a teacher that corrects, and as `Translator.load`."""
    if not has_corrections(bundle, _precision(bundle, precision)):
        raise UsageError(
            "This model has no teacher that corrects",
            where=bundle.directory,
            fix="leave the corrections out, or export it with `--candidates`",
        )


def _corrector(
    bundle: Bundle,
    precision: Precision,
    most: int,
    sessions: int,
    placeholders: PlaceholderIds | None,
) -> Callable[[Decode], Decode]:
    """What makes of an engine one whose translations are corrected; or leaves it, where nothing is."""
    check_number_of_corrections(most)
    if most == 0:
        return lambda decode: decode
    check_corrections(bundle, precision)
    files = (bundle.directory / name for name in graph_files(bundle, precision, CORRECTIONS))
    corrector = Corrector(*files, most=most, sessions=sessions, placeholders=placeholders)
    return lambda decode: lambda rows: corrector(rows, decode(rows))


def _several(engine: OnnxEngine, correct: Callable[[Decode], Decode]) -> DecodeSeveral:
    return lambda rows, count: correct(lambda some: engine.several(some, count))(rows)


def usual_candidates(bundle: Bundle) -> int:
    """How many candidates the teacher in a bundle chooses among unless told."""
    return int(bundle.settings.get(DECODING, {}).get("num_candidates", 1))


def as_precision(value: str) -> Precision:
    """What a user gave as `precision` or typed after `--precision`.

    Raises:
        UsageError: there is no such precision.
    """
    allowed = get_args(Precision)
    if value not in allowed:
        raise UsageError(
            "There is no such precision",
            where="precision (--precision)",
            value=value,
            allowed=", ".join(allowed),
        )
    return cast(Precision, value)


def precisions(bundle: Bundle) -> list[Precision]:
    """Those a bundle has, the usual one first."""
    return [p for p in get_args(Precision) if GRAPH.format(precision=p) in bundle.files]


def _precision(bundle: Bundle, wanted: Precision | None) -> Precision:
    found = precisions(bundle)
    if not found:
        if WEIGHTS not in bundle.files:
            raise ModelError(
                "This bundle is for CTranslate2, as a rival of `onepass bench`",
                where=bundle.directory,
                fix="onepass export RUN --to DIR, without --ctranslate2",
            )
        raise ModelError(
            "This bundle is for training; the runtime needs an exported one",
            where=bundle.directory,
            fix="onepass export RUN --to DIR",
        )
    if wanted is not None and wanted not in found:
        raise UsageError(
            "The bundle has no weights of this precision",
            where=bundle.directory,
            value=wanted,
            allowed=", ".join(found),
        )
    return wanted or found[0]
