"""Preparing: corpora become filtered and augmented text, a tokenizer, and ids.

Source text alone is `mono.src`, and `mono.tgt` has the translations that are there already. Where dev or
test pairs are not given, some of its lines are held out, with the teacher's translations.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import chain, islice, starmap
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load, save

from onepass.corpora.augment import AugmentCounts, augment_pairs
from onepass.corpora.filters import FilterCounts, Judge, filter_pairs
from onepass.corpora.mono import read_mono
from onepass.corpora.plain_files import copy_lines
from onepass.corpora.sources import plain_pair, read_pairs
from onepass.errors import DataError
from onepass.files import replacing, write_json
from onepass.pipeline.cleaning import Cleaning
from onepass.pipeline.shards import Shards, digest
from onepass.pipeline.stage import Context
from onepass.settings import AugmentSettings
from onepass.text.batches import RaggedWriter, ragged
from onepass.text.lines import CutLines, chunks, stream_lines, write_lines
from onepass.text.pair import Pair
from onepass.text.tokenizer import Tokenizer
from onepass.text.tokenizers import AnyTokenizer, load_tokenizer

SPLITS = ("train", "dev", "test")
MONO = "mono"
"""Source text alone; with translations only where `data.distilled` names them."""
PHRASES = "phrases"
"""A part of the training set that is in files of its own, too: `data.phrases`, repeated."""


READY = "ready.json"
"""Beside the shards, when all texts are written: what the filters have counted."""
PART = 20_000
"""Pairs whose ids are a shard."""


def prepare(context: Context) -> None:
    """Reads, filters and augments the corpora, makes the tokenizer, writes text and ids."""
    crew, scratch = context.crew, context.directory / "shards"
    cleaned = {
        name: _cleaning(context, name) for name in ("train", *([MONO] if context.recipe.data.mono else []))
    }
    for cleaning in cleaned.values():
        cleaning.work(crew, context.progress)
    crew.once(scratch / READY, lambda: _write_texts(context, cleaned))
    ids = _ids(context)
    ids.work(crew, context.progress, "ids")
    if crew.leads:
        _write_ids(context, ids)


def _cleaning(context: Context, name: str) -> Cleaning:
    """The filters on the training pairs or on source text alone, which the lead reads one after the other."""
    data, scratch = context.recipe.data, context.directory / "shards"

    def read() -> None:
        if name == "train":
            for split in ("dev", "test"):
                held = read_pairs(getattr(data, split), split=split, src=data.src, tgt=data.tgt)
                _write_text(context.directory, split, held, context)
        pairs = (
            read_mono(data)
            if name == MONO
            else read_pairs(data.train, split="train", src=data.src, tgt=data.tgt)
        )
        plain = plain_pair(data.train, src=data.src, tgt=data.tgt) if name == "train" else None
        to = scratch / f"{name}.src", scratch / f"{name}.tgt"
        if plain is None or not copy_lines(*plain, *to):
            _write_text(scratch, name, pairs, context)

    context.crew.once(scratch / f"{name}.src", read)
    return Cleaning(scratch, name, Judge(data.filters, of_sources=name == MONO))


def _write_texts(context: Context, cleaned: Mapping[str, Cleaning]) -> None:
    """All texts as students will have them, and the tokenizer."""
    data, directory = context.recipe.data, context.directory
    counts = FilterCounts()
    cleaned["train"].write(directory, counts)
    kept = counts.kept
    if data.train:
        _check_kept(counts, "data.train")
        context.say(counts.summary())
        if not data.mono:
            kept = _hold_out(context, "train", kept)
    record = {"train": counts.to_dict()}
    if data.mono:
        record[MONO] = _prepare_mono(context, cleaned[MONO]).to_dict()
    for split in ("dev", "test"):
        if not (directory / f"{split}.src").stat().st_size:
            raise DataError(f"The {split} set is empty", where=f"data.{split}")
    _tokenizer(context).save(directory)
    if data.phrases or data.augment != AugmentSettings():  # after the subwords: those of the corpus as it is
        _augment(context, kept)
    write_json(directory / "shards" / READY, record)


def _prepare_mono(context: Context, cleaning: Cleaning) -> FilterCounts:
    """Writes the source text alone; holds out what is to be dev or test."""
    data, directory, counts = context.recipe.data, context.directory, FilterCounts()
    cleaning.write(directory, counts)
    _check_kept(counts, "data.mono")
    context.say(f"source text alone: {counts.summary()}")
    _hold_out(context, MONO, counts.kept)
    if not data.distilled:
        (directory / f"{MONO}.tgt").unlink()
    return counts


def _hold_out(context: Context, part: str, kept: int) -> int:
    """Moves pairs, or source text that the teacher translates where nobody has, to the dev and test left out.

    Args:
        part: where they come from, `train` or MONO.
        kept: how many there are.

    Returns:
        How many are left.
    """
    data, directory = context.recipe.data, context.directory
    wanted = [split for split in ("dev", "test") if not getattr(data, split)]
    if not wanted:
        return kept
    count = data.held_out * len(wanted)
    if kept <= count:
        raise DataError(
            "There are too few lines to hold some out",
            where=f"data.{part}",
            value=f"{kept:,} lines, {count:,} to hold out",
            fix="lower data.held_out, or give data.dev and data.test",
        )
    chance = np.random.default_rng(context.recipe.seed)
    chosen = chance.choice(kept, count, replace=False).reshape(len(wanted), -1)
    split_of = {int(row): split for split, rows in zip(wanted, chosen, strict=True) for row in rows}
    held: dict[str, list[Pair]] = {split: [] for split in wanted}

    for row, pair in enumerate(text_pairs(directory, part)):
        if row in split_of:
            held[split_of[row]].append(pair)
    sources, left = {pair.src for pairs in held.values() for pair in pairs}, 0

    def rest() -> Iterator[Pair]:
        nonlocal left
        for pair in text_pairs(directory, part):
            if pair.src not in sources:
                left += 1
                yield pair

    _write_text(directory, "rest", rest(), context)
    for side in ("src", "tgt"):
        os.replace(directory / f"rest.{side}", directory / f"{part}.{side}")
    if part == MONO and not data.distilled:
        held = _translated(context, held)
    for split, pairs in held.items():
        _write_text(directory, split, pairs, context)
    return left


def _translated(context: Context, held: Mapping[str, Sequence[Pair]]) -> dict[str, list[Pair]]:
    """The pairs with the teacher's translations."""
    from onepass.pipeline.teacher_engines import make_engine, run_teacher  # has torch with it

    engine = make_engine(run_teacher(context), context.recipe.distill, context.directory / "ctranslate2")
    translated = {}
    for split, pairs in held.items():
        context.say(f"  the teacher translates {len(pairs)} lines for {split}")
        sources = [pair.src for pair in pairs]
        translated[split] = list(map(Pair, sources, engine(sources)))
    return translated


def _tokenizer(context: Context) -> AnyTokenizer:
    """That of a teacher which was read, or one that learns its subwords from the training texts."""
    if context.recipe.teacher.is_read:
        return load_tokenizer(context.inputs["teacher"])
    context.progress(0, 1, "learning subwords")
    src, tgt = (stream_lines(context.directory / f"train.{side}") for side in ("src", "tgt"))
    return Tokenizer.train(src, tgt, context.recipe.tokenizer, seed=context.recipe.seed)


def _check_kept(counts: FilterCounts, where: str) -> None:
    if not counts.kept:
        raise DataError(
            f"No {'source text' if where == 'data.mono' else 'training pair'} is left after filtering",
            where=where,
            value=counts.summary(),
            fix="check the languages and the limits in data.filters",
        )


def _write_text(directory: Path, split: str, pairs: Iterable[Pair], context: Context) -> None:
    write_pairs(directory, split, pairs, lambda n: context.progress(0, 0, f"{split}: {n:,} pairs"))


def write_pairs(
    directory: Path, split: str, pairs: Iterable[Pair], report: Callable[[int], None] = lambda written: None
) -> None:
    """Writes the texts of a split, which `text_pairs` reads; tells `report` how many there are so far.

    The source appears last.
    """
    written = 0
    with (
        replacing(directory / f"{split}.src") as src_path,
        replacing(directory / f"{split}.tgt") as tgt_path,
        open(src_path, "w", encoding="utf-8", newline="\n") as src,
        open(tgt_path, "w", encoding="utf-8", newline="\n") as tgt,
    ):
        for chunk in chunks(pairs):
            src.writelines(f"{pair.src}\n" for pair in chunk)
            tgt.writelines(f"{pair.tgt}\n" for pair in chunk)
            written += len(chunk)
            report(written)


def _augment(context: Context, kept: int) -> None:
    """Replaces the `kept` training pairs by what `data.augment` makes of them and of `data.phrases`."""
    directory, data, counts = context.directory, context.recipe.data, AugmentCounts()
    corpus = text_pairs(directory, "train")
    phrases = (
        pair
        for _ in range(data.phrase_repeats if data.phrases else 0)
        for pair in filter_pairs(
            read_pairs(data.phrases, split="train", src=data.src, tgt=data.tgt),
            Judge(data.filters),
            FilterCounts(),
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


def _ids(context: Context) -> Shards:
    """Shards of the ids of the training texts."""
    directory, most = context.directory, context.recipe.data.filters.max_tokens
    src, tgt = (CutLines(directory / f"train.{side}", PART) for side in ("src", "tgt"))
    tokenizer = cache(lambda: load_tokenizer(directory))
    return Shards(
        directory / "shards" / "train-ids",
        len(src),
        lambda n: save(_encoded(map(Pair, src.lines(n), tgt.lines(n)), tokenizer(), most)),
        lambda n: digest(src.content(n) + tgt.content(n)),
        ending=".safetensors",
    )


def _encoded(
    pairs: Iterable[Pair], tokenizer: AnyTokenizer, max_tokens: int
) -> dict[str, NDArray[np.integer]]:
    """Ids of pairs. Those with a side of more than `max_tokens` become empty, so they are in no batch."""
    texts = list(pairs)
    src_ids = tokenizer.encode_src_batch(pair.src for pair in texts)
    tgt_ids = tokenizer.encode_tgt_batch(pair.tgt for pair in texts)
    for i, (s, t) in enumerate(zip(src_ids, tgt_ids, strict=True)):
        if max(len(s), len(t)) > max_tokens:
            src_ids[i], tgt_ids[i] = [], []
    return {**ragged("src", src_ids), **ragged("tgt", tgt_ids)}


def _write_ids(context: Context, shards: Shards) -> None:
    """Joins the ids of the training texts, makes those of dev, and writes what was counted."""
    directory, most = context.directory, context.recipe.data.filters.max_tokens
    tokenizer = load_tokenizer(directory)
    dev = (_encoded(chunk, tokenizer, most) for chunk in chunks(text_pairs(directory, "dev")))
    too_long = {}
    for split, parts in (("train", map(load, shards)), ("dev", dev)):
        too_long[split] = 0
        with (
            RaggedWriter(directory / f"{split}.src") as src,
            RaggedWriter(directory / f"{split}.tgt") as tgt,
        ):
            for part in parts:
                src.append(part["src"], part["src_lengths"])
                tgt.append(part["tgt"], part["tgt_lengths"])
                too_long[split] += int((part["src_lengths"] + part["tgt_lengths"] == 0).sum())
    record = json.loads((directory / "shards" / READY).read_text(encoding="utf-8"))
    counts = FilterCounts(record["train"]["read"], record["train"]["dropped"])
    if too_long["train"]:
        counts.dropped["too many tokens"] = too_long["train"]
        _check_kept(counts, "data.train")
        context.say(f"{too_long['train']:,} pairs have more than {most} subwords and are left out")
    mono = {MONO: record[MONO]} if MONO in record else {}
    write_json(directory / "filters.json", {**counts.to_dict(), **mono})
