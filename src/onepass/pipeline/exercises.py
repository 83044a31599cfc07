"""Exercises: what a corpus has too rarely, made of its sentences, translated by the teacher and checked.

The teacher knows no placeholders, so each is shown to it as its alias (`text.placeholder_ids`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import islice
from pathlib import Path

from onepass.corpora.capitals import in_capitals, in_title_case, with_capital_words
from onepass.corpora.clock_times import clock_times
from onepass.corpora.exercises import (
    KINDS,
    Exercise,
    Kind,
    has_same_repeats,
    is_carried,
    make_sources,
    with_placeholders,
    with_repeats,
)
from onepass.corpora.short_inputs import short_inputs
from onepass.files import write_json
from onepass.pipeline.prepare import MONO, write_pairs
from onepass.pipeline.stage import Context
from onepass.pipeline.teacher_engines import make_engine, run_teacher
from onepass.recipe import Recipe
from onepass.text.lines import stream_lines
from onepass.text.pair import Pair
from onepass.text.placeholder_ids import PlaceholderIds
from onepass.text.tokenizers import AnyTokenizer, load_tokenizer

SENTENCES = 200_000
"""The most that exercises are made of, from everywhere in the corpus."""
_IN_CAPITALS = {
    "capitals": in_capitals,
    "Title Case": in_title_case,
    "words in capitals": with_capital_words,
}


def exercise(context: Context) -> None:
    """Writes the pairs that passed as `train.src` and `train.tgt`, and how many there were of each kind."""
    recipe, prepared = context.recipe, context.inputs["prepare"]
    sentences = _sentences(prepared)
    engine = cache(
        lambda: make_engine(run_teacher(context), recipe.distill, context.directory / "ctranslate2")
    )
    made: dict[str, int] = {}
    pairs: list[Pair] = []
    kinds = exercise_kinds(recipe)
    for number, kind in enumerate(kinds):
        context.progress(number, len(kinds), f"exercises: {kind}")
        exercises = _exercises(kind, sentences, recipe, prepared)
        written = iter(engine()([text for each in exercises for text in each.shown]) if exercises else ())
        found = [each.learnt(list(islice(written, len(each.shown)))) for each in exercises]
        passed = [pair for pair in found if pair is not None]
        made |= {kind: len(exercises), f"{kind} kept": len(passed)}
        pairs += passed
    write_pairs(context.directory, "train", pairs)
    write_json(context.directory / "exercises.json", made)
    context.say("  exercises: " + ", ".join(f"{count:,} {name}" for name, count in made.items()))


def exercise_kinds(recipe: Recipe) -> tuple[Kind, ...]:
    """The kinds of a run; those with placeholders only where its students learn such."""
    return KINDS if recipe.distill.placeholders else KINDS[1:]


def _exercises(kind: Kind, sentences: Sequence[str], recipe: Recipe, prepared: Path) -> list[Exercise]:
    src, tgt, count = recipe.data.src, recipe.data.tgt, recipe.distill.exercises
    seed = [recipe.seed, KINDS.index(kind)]
    if kind == "short inputs":
        return short_inputs(sentences, count, src=src, tgt=tgt, seed=seed)
    if kind == "clock times":
        return clock_times(sentences, count, src=src, tgt=tgt, seed=seed)
    if kind == "placeholders":
        aliased = Aliased(load_tokenizer(prepared))
        sources = make_sources(sentences, with_placeholders, count, seed=seed)
        return [found for source in sources if (found := aliased.exercise(source)) is not None]
    if kind == "repeats":
        return list(map(_repeating, make_sources(sentences, with_repeats(src), count, seed=seed)))
    make = _IN_CAPITALS[kind](src, tgt)
    return make_sources(sentences, make, count, seed=seed)


def _repeating(source: str) -> Exercise:
    def learnt(written: Sequence[str]) -> Pair | None:
        pair = Pair(source, written[0])
        return pair if has_same_repeats(pair) else None

    return Exercise((source,), learnt)


def _sentences(prepared: Path) -> Sequence[str]:
    paths = [path for split in ("train", MONO) if (path := prepared / f"{split}.src").exists()]

    def lines() -> Iterator[str]:
        for path in paths:
            yield from stream_lines(path)

    count = sum(1 for _ in lines())
    return list(islice(lines(), 0, None, max(1, count // SENTENCES)))


class Aliased:
    """Masked texts as a teacher sees them."""

    def __init__(self, tokenizer: AnyTokenizer) -> None:
        self._tokenizer, self._ids = tokenizer, PlaceholderIds.of_tokenizer(tokenizer)

    def exercise(self, source: str) -> Exercise | None:
        """What the teacher is asked for a source with placeholders; None where it cannot be shown to it."""
        shown = self.shown(source)

        def learnt(written: Sequence[str]) -> Pair | None:
            translation = self.hidden(source, written[0])
            pair = None if translation is None else Pair(source, translation)
            return pair if pair is not None and is_carried(pair) else None

        return None if shown is None else Exercise((shown,), learnt)

    def shown(self, source: str) -> str | None:
        """The source with an alias for each placeholder; None where that is not read as such."""
        ids = self._tokenizer.encode_src(source)
        as_shown = [self._ids.alias(number) for number in ids]
        aliases = [self._ids.alias(number) for number in self._ids.within(ids)]
        text = self._tokenizer.decode_src(as_shown)
        is_clear = all(as_shown.count(alias) == 1 for alias in aliases)
        return text if is_clear and self._tokenizer.encode_src(text) == as_shown else None

    def hidden(self, source: str, translation: str) -> str | None:
        """A translation with placeholders for their aliases; None where one is not there once."""
        placeholders = self._ids.within(self._tokenizer.encode_src(source))
        of_alias = {self._ids.alias(number): number for number in placeholders}
        ids = self._tokenizer.encode_tgt(translation)
        if any(ids.count(alias) != 1 for alias in of_alias):
            return None
        return self._tokenizer.decode_tgt(of_alias.get(number, number) for number in ids)
