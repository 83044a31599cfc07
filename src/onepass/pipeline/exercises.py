"""Exercises: what a corpus has too rarely, made of its sentences, translated by the teacher and checked.

The teacher knows no placeholders, so each is shown to it as its alias (`text.placeholder_ids`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import islice
from pathlib import Path

from onepass.corpora.exercises import (
    has_same_repeats,
    is_carried,
    make_sources,
    with_placeholders,
    with_repeats,
)
from onepass.files import write_json
from onepass.pipeline.prepare import MONO, write_pairs
from onepass.pipeline.stage import Context
from onepass.pipeline.teacher_engines import make_engine, run_teacher
from onepass.text.lines import stream_lines
from onepass.text.pair import Pair
from onepass.text.placeholder_ids import PlaceholderIds
from onepass.text.tokenizers import AnyTokenizer, load_tokenizer

SENTENCES = 200_000
"""The most that exercises are made of, from everywhere in the corpus."""


def exercise(context: Context) -> None:
    """Writes the pairs that passed as `train.src` and `train.tgt`, and how many there were."""
    recipe, prepared = context.recipe, context.inputs["prepare"]
    settings = recipe.distill
    tokenizer = load_tokenizer(prepared)
    sentences = _sentences(prepared)
    engine = cache(lambda: make_engine(run_teacher(context), settings, context.directory / "ctranslate2"))
    made: dict[str, int] = {}
    pairs: list[Pair] = []
    for number, (name, maker) in enumerate(
        {"placeholders": with_placeholders, "repeats": with_repeats(recipe.data.src)}.items()
    ):
        if name == "placeholders" and not settings.placeholders:
            continue
        context.progress(number, 2, f"exercises with {name}")
        sources = make_sources(sentences, maker, settings.exercises, seed=[recipe.seed, number])
        if name == "placeholders":
            aliased = Aliased(tokenizer)
            shown = {source: text for source in sources if (text := aliased.shown(source)) is not None}
            written = map(aliased.hidden, shown, engine()(list(shown.values())))
            found = [Pair(src, tgt) for src, tgt in zip(shown, written, strict=True) if tgt is not None]
            passed = [pair for pair in found if is_carried(pair)]
        else:
            passed = [pair for pair in map(Pair, sources, engine()(sources)) if has_same_repeats(pair)]
        made |= {name: len(sources), f"{name} kept": len(passed)}
        pairs += passed
    write_pairs(context.directory, "train", pairs)
    write_json(context.directory / "exercises.json", made)
    context.say("  exercises: " + ", ".join(f"{count:,} {name}" for name, count in made.items()))


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
