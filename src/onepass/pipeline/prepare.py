"""Preparing: corpora become filtered and augmented text, a tokenizer, and ids."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, islice, starmap
from pathlib import Path

from onepass.corpora.augment import AugmentCounts, augment_pairs
from onepass.corpora.filters import FilterCounts, filter_pairs
from onepass.corpora.sources import read_pairs
from onepass.errors import DataError
from onepass.files import write_json
from onepass.pipeline.stage import Context
from onepass.settings import AugmentSettings
from onepass.text.batches import RaggedWriter
from onepass.text.lines import chunks, stream_lines, write_lines
from onepass.text.pair import Pair
from onepass.text.tokenizer import Tokenizer
from onepass.text.tokenizers import AnyTokenizer, load_tokenizer

SPLITS = ("train", "dev", "test")
PHRASES = "phrases"
"""A part of the training set that is in files of its own, too: `data.phrases`, repeated."""


def prepare(context: Context) -> None:
    """Reads, filters and augments the corpora, makes the tokenizer, writes text and ids."""
    data, directory = context.recipe.data, context.directory
    counts = FilterCounts()
    for split in SPLITS:
        pairs = read_pairs(getattr(data, split), split=split, src=data.src, tgt=data.tgt)
        if split == "train":
            pairs = filter_pairs(pairs, data.filters, counts)
        _write_text(directory, split, pairs, context)
    _check_kept(counts)
    context.say(counts.summary())
    tokenizer = _tokenizer(context)
    tokenizer.save(directory)
    if data.phrases or data.augment != AugmentSettings():  # after the subwords: those of the corpus as it is
        _augment(context, counts.kept)
    too_long = _write_ids(directory, "train", tokenizer, data.filters.max_tokens)
    if too_long:
        counts.dropped["too many tokens"] = too_long
        _check_kept(counts)
        context.say(f"{too_long:,} pairs have more than {data.filters.max_tokens} subwords and are left out")
    _write_ids(directory, "dev", tokenizer, data.filters.max_tokens)
    write_json(directory / "filters.json", counts.to_dict())


def _tokenizer(context: Context) -> AnyTokenizer:
    """That of a teacher which was read, or one that learns its subwords from the training texts."""
    if context.recipe.teacher.is_read:
        return load_tokenizer(context.inputs["teacher"])
    context.progress(0, 1, "learning subwords")
    src, tgt = (stream_lines(context.directory / f"train.{side}") for side in ("src", "tgt"))
    return Tokenizer.train(src, tgt, context.recipe.tokenizer, seed=context.recipe.seed)


def _check_kept(counts: FilterCounts) -> None:
    if not counts.kept:
        raise DataError(
            "No training pair is left after filtering",
            where="data.train",
            value=counts.summary(),
            fix="check the languages and the limits in data.filters",
        )


def _write_text(directory: Path, split: str, pairs: Iterable[Pair], context: Context) -> None:
    written = 0
    with (
        open(directory / f"{split}.src", "w", encoding="utf-8", newline="\n") as src,
        open(directory / f"{split}.tgt", "w", encoding="utf-8", newline="\n") as tgt,
    ):
        for chunk in chunks(pairs):
            src.writelines(f"{pair.src}\n" for pair in chunk)
            tgt.writelines(f"{pair.tgt}\n" for pair in chunk)
            written += len(chunk)
            context.progress(0, 0, f"{split}: {written:,} pairs")
    if not written and split != "train":
        raise DataError(f"The {split} set is empty", where=f"data.{split}")


def _augment(context: Context, kept: int) -> None:
    """Replaces the `kept` training pairs by what `data.augment` makes of them and of `data.phrases`."""
    directory, data, counts = context.directory, context.recipe.data, AugmentCounts()
    corpus = text_pairs(directory, "train")
    phrases = (
        pair
        for _ in range(data.phrase_repeats if data.phrases else 0)
        for pair in filter_pairs(
            read_pairs(data.phrases, split="train", src=data.src, tgt=data.tgt), data.filters, FilterCounts()
        )
    )
    augmented = augment_pairs(chain(corpus, phrases), data.augment, counts, seed=context.recipe.seed)
    parts = {"augmented": islice(augmented, kept)} | ({PHRASES: augmented} if data.phrases else {})
    for part, pairs in parts.items():
        _write_text(directory, part, pairs, context)
    for side in ("src", "tgt"):
        lines = (stream_lines(directory / f"{part}.{side}") for part in parts)
        write_lines(directory / f"train.{side}", chain.from_iterable(lines))
        (directory / f"augmented.{side}").unlink()
    context.say(counts.summary())


def text_pairs(directory: Path, split: str) -> Iterator[Pair]:
    """The texts of a split: the files `SPLIT.src` and `SPLIT.tgt` of a stage, pair for pair."""
    paths = (directory / f"{split}.{side}" for side in ("src", "tgt"))
    return starmap(Pair, zip(*map(stream_lines, paths), strict=True))


def _write_ids(directory: Path, split: str, tokenizer: AnyTokenizer, max_tokens: int) -> int:
    """Encodes the texts of a split; returns how many pairs have a side of more than `max_tokens`.

    Those become empty, so that they are in no batch.
    """
    too_long = 0
    with RaggedWriter(directory / f"{split}.src") as src, RaggedWriter(directory / f"{split}.tgt") as tgt:
        for chunk in chunks(text_pairs(directory, split)):
            src_ids = tokenizer.encode_src_batch(pair.src for pair in chunk)
            tgt_ids = tokenizer.encode_tgt_batch(pair.tgt for pair in chunk)
            for i, (s, t) in enumerate(zip(src_ids, tgt_ids, strict=True)):
                if max(len(s), len(t)) > max_tokens:
                    src_ids[i], tgt_ids[i] = [], []
                    too_long += 1
            src.write(src_ids)
            tgt.write(tgt_ids)
    return too_long
