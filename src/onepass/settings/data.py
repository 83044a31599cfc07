"""Settings of corpora: where texts come from and which of them are kept."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, model_validator

from onepass.settings.base import PositiveInt, Settings, Share


class CorpusSource(Settings):
    """Where pairs come from; in a recipe either this table or just its `path` as a string.

    `path` is one of: `dir/train.{lang}` (two line files, `{lang}` replaced by the language codes),
    `pairs.tsv`, `memory.tmx` (a translation memory), each plain, `.gz`, `.xz` or `.bz2`; `hf:NAME` (a
    Hugging Face dataset by hub name, or by `NAME@REVISION`, or a local directory),
    `dir/newstest-{side}.{lang}.sgm` (or `.xml`; `{side}` is `src`, then `ref`), or `phrasebook` (the embedded
    corpus). `~` is the home directory.
    """

    path: str = Field(min_length=1)
    split: str | None = None
    config: str | None = None
    columns: Annotated[tuple[str, str] | None, Field(strict=False)] = None


def _as_table(value: Any) -> Any:
    return {"path": value} if isinstance(value, str) else value


def _as_list_of_tables(value: Any) -> Any:
    return [_as_table(v) for v in value] if isinstance(value, list) else [_as_table(value)]


Corpora = Annotated[tuple[CorpusSource, ...], BeforeValidator(_as_list_of_tables), Field(strict=False)]


class TextSource(Settings):
    """Where source text alone comes from; in a recipe either this table or just its `path` as a string.

    `path` is a line file, plain or compressed, the files that a pattern such as `texts/*.en.gz` names,
    `hf:NAME` (a Hugging Face dataset by hub name, or by `NAME@REVISION`, or a local directory), or
    `phrasebook` (the embedded corpus).
    """

    path: str = Field(min_length=1)
    split: str | None = None
    config: str | None = None
    column: str | None = None
    """With the texts [the one named as the source language, else `text`]."""


Texts = Annotated[tuple[TextSource, ...], BeforeValidator(_as_list_of_tables), Field(strict=False)]


def _as_list(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else [value]


Paths = Annotated[
    tuple[Annotated[str, Field(min_length=1)], ...], BeforeValidator(_as_list), Field(strict=False)
]


Origin = Annotated[str, Field(pattern=r"^(hf:[\w.-]+(/[\w.-]+)?|mtdata:[\w.-]+|made:.+|own:.+|https://\S+)$")]
Origins = Annotated[tuple[Origin, ...], BeforeValidator(_as_list), Field(strict=False)]


class FilterSettings(Settings):
    """Which training pairs are dropped. dev and test are never filtered."""

    max_words: PositiveInt = 100
    """Longest side, in words that spaces separate."""
    max_tokens: PositiveInt = 120
    """Longest side, in subwords."""
    max_length_ratio: Annotated[float, Field(ge=1)] = 4.0
    """Longer side to shorter side, in words; not applied to sides of at most 5 words."""
    drop_identical: bool = True
    """Drop pairs whose sides are the same."""
    drop_duplicates: bool = True
    """Drop pairs seen before."""
    drop_near_duplicates: bool = False
    """Drop pairs whose source is one before but for case, marks, spaces and numbers."""

    LATER = frozenset({"drop_near_duplicates"})


class AugmentSettings(Settings):
    """Training pairs made as people type; dev and test stay as they are."""

    unpunctuated: Share = 0.0
    """This share without the marks (`.`, `!`, `?`) that both sides end with."""
    uncapitalised: Share = 0.0
    """This share with a small letter at the beginning of the source; the target keeps its capital."""
    lowercased: Share = 0.0
    """This share, of other pairs, with the source wholly in small letters; the target stays as it is."""
    renamed: Share = 0.0
    """This share with other names of people and places, where both sides have the same ones."""

    LATER = frozenset({"lowercased", "renamed"})

    @model_validator(mode="after")
    def _shares_of_one_whole(self) -> AugmentSettings:
        if self.uncapitalised + self.lowercased > 1:
            raise ValueError("uncapitalised and lowercased are shares of one whole: together at most 1")
        return self


class DataSettings(Settings):
    """Languages, corpora and filters."""

    src: str = Field(min_length=1)
    tgt: str = Field(min_length=1)
    train: Corpora = ()
    """Pairs to learn from; not needed where there is `mono` and a teacher to read."""
    mono: Texts = ()
    """Source text alone, which the teacher translates."""
    mono_lines: PositiveInt | None = None
    """Lines of each file of `mono` at most, the first ones [all]."""
    distilled: Paths = ()
    """Translations of `mono` that are there already: as many paths in the same order, line by line. Where
    both sides are patterns, files belong together by what `*` stands for."""
    dev: Corpora = ()
    """Pairs to validate on [lines of `mono` with the teacher's translations, or pairs of `train`, from which
    nothing learns]."""
    test: Corpora = ()
    """Pairs to measure on [as for `dev`]."""
    held_out: PositiveInt = 500
    """Lines of `mono`, or pairs of `train`, for `dev` and for `test`, where those are left out."""
    phrases: Corpora = ()
    """What the corpus has too rarely: pairs that join it after the subwords; students learn them as given."""
    phrase_repeats: PositiveInt = 20
    """How often each of them."""
    origin: Origins = ()
    """Where the corpora come from, for those who do not have the files: `hf:NAME` on the Hugging Face hub,
    `mtdata:ID` of the program mtdata, `https://...`, `made:` and how, or `own:` and what the user has."""
    filters: FilterSettings = FilterSettings()
    augment: AugmentSettings = AugmentSettings()

    LATER = frozenset(
        {"augment", "phrases", "phrase_repeats", "origin", "mono", "mono_lines", "distilled", "held_out"}
    )

    CORPORA: ClassVar[tuple[str, ...]] = ("train", "dev", "test", "phrases")
    """Settings that are corpora of pairs."""

    @model_validator(mode="after")
    def _something_to_learn_and_to_measure(self) -> DataSettings:
        if not self.train and not self.mono:
            raise ValueError("there is neither data.train nor data.mono, so nothing to learn from")
        if self.dev and self.test and self.held_out != type(self).model_fields["held_out"].default:
            raise ValueError("held_out means nothing beside dev and test")
        for name in ("mono_lines", "distilled"):
            if not self.mono and getattr(self, name) != type(self).model_fields[name].default:
                raise ValueError(f"{name} means nothing without mono")
        if self.distilled and len(self.distilled) != len(self.mono):
            raise ValueError(f"distilled has {len(self.distilled)} paths, mono {len(self.mono)}")
        return self


class TokenizerSettings(Settings):
    """Sentencepiece BPE. `joint`: one model for both sides, so embeddings can be shared."""

    vocab_size: Annotated[int, Field(ge=300, le=64_000)] = 8000
    """Of each model; a small corpus may yield fewer."""
    joint: bool = True
    """One model for both sides, so that embeddings are shared."""
    max_training_lines: PositiveInt = 1_000_000
    """Lines of a side that subwords are learnt from."""


class TranslationFilterSettings(Settings):
    """Which of the teacher's translations no student learns from."""

    copied: bool = True
    """Drop translations that are their source, of more than 2 words."""
    max_length_ratio: Annotated[float, Field(ge=1)] = 2.5
    """Longer side to shorter side, in words, or characters where a language has no spaces; not applied to
    sides of at most 5 words or 10 such characters."""
    max_repeats: PositiveInt = 2
    """Times that a word, or up to 4 words, may stand in succession, unless they do so in the source."""
    numbers: bool = True
    """Drop translations whose numbers differ from those of their source, by value: 1,234.5 is 1.234,5."""
    addresses: bool = True
    """Drop translations whose URLs and e-mail addresses differ from those of their source."""
    unpaired: bool = True
    """Drop translations with an open bracket or quotation mark where their source has none."""
