"""Aligning: fertilities and links of a run's corpus, and of two text files from the command line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from itertools import chain
from pathlib import Path

from onepass.alignment import aligner
from onepass.alignment.fertilities import MAX_FERTILITY, fertilities, write_pharaoh
from onepass.corpora.masking import MaskingCounts, mask_pairs
from onepass.display import Report
from onepass.errors import DataError
from onepass.files import write_json, write_text
from onepass.pipeline.inventory import Corpus
from onepass.pipeline.prepare import text_pairs
from onepass.pipeline.stage import Context
from onepass.text.batches import RaggedWriter
from onepass.text.lines import chunks, read_parallel
from onepass.text.pair import Pair
from onepass.text.tokenizers import AnyTokenizer, load_tokenizer


def align(context: Context, corpus: Corpus) -> None:
    """Aligns the training and dev pairs of a corpus and writes ids with fertilities.

    Where `align.max_pairs` are fewer, there are no fertilities, and the other pairs have no links. Of the
    teacher's translations a share may have placeholders, as `distill.placeholders` says.
    """
    texts = context.inputs[corpus.texts]
    tokenizer = load_tokenizer(context.inputs["prepare"])
    max_tokens = context.recipe.data.filters.max_tokens
    src: list[list[int]] = []
    tgt: list[list[int]] = []
    rows = {}
    for split in ("train", "dev"):
        first = len(src)
        pairs = text_pairs(texts, split)
        if split == "train" and corpus.distillation is not None:
            pairs = chain(_masked(context, pairs), *_exercises(context))
        for src_ids, tgt_ids in _alignable(pairs, tokenizer, max_tokens):
            src.append(src_ids)
            tgt.append(tgt_ids)
        rows[split] = range(first, len(src))
        if not rows[split]:
            raise DataError(f"No {split} pair is left to align", where=texts)
    settings = context.recipe.align
    linked: Sequence[int] = range(len(src))
    if settings.max_pairs is not None and settings.max_pairs < len(src):
        linked = [i * len(src) // settings.max_pairs for i in range(settings.max_pairs)]  # from everywhere
    aligned = aligner.align(
        [src[i] for i in linked],
        [tgt[i] for i in linked],
        iterations=settings.iterations,
        progress=lambda done, total: context.progress(done, total, "aligning"),
    )
    links = dict(zip(linked, aligned.pharaoh, strict=True))
    for split, part in rows.items():
        with (
            RaggedWriter(context.directory / f"{split}.src") as src_file,
            RaggedWriter(context.directory / f"{split}.tgt") as tgt_file,
        ):
            src_file.write(src[i] for i in part)
            tgt_file.write(tgt[i] for i in part)
        if len(linked) == len(src):
            with RaggedWriter(context.directory / f"{split}.fertilities") as file:
                file.write(fertilities(aligned.src_positions[i], len(src[i])).tolist() for i in part)
        write_pharaoh(context.directory / f"{split}.pharaoh", (links.get(i, "") for i in part))


def _masked(context: Context, pairs: Iterable[Pair]) -> Iterator[Pair]:
    """The pairs, a share with placeholders; when they are through, says how many."""
    recipe, counts = context.recipe, MaskingCounts()
    share = recipe.distill.placeholders
    if not share:
        yield from pairs
        return
    yield from mask_pairs(pairs, share, counts, src=recipe.data.src, tgt=recipe.data.tgt, seed=recipe.seed)
    context.say(f"  {counts.summary()}")
    write_json(context.directory / "placeholders.json", asdict(counts))


def _exercises(context: Context) -> list[Iterator[Pair]]:
    """The pairs of the stage of that name, where there is one."""
    directory = context.inputs.get("exercises")
    return [] if directory is None else [text_pairs(directory, "train")]


def _alignable(
    pairs: Iterable[Pair], tokenizer: AnyTokenizer, max_tokens: int
) -> Iterator[tuple[list[int], list[int]]]:
    """The ids of the pairs with two sides of at most `max_tokens`, and room for the target's fertilities."""
    for chunk in chunks(pairs):
        src = tokenizer.encode_src_batch(pair.src for pair in chunk)
        tgt = tokenizer.encode_tgt_batch(pair.tgt for pair in chunk)
        for s, t in zip(src, tgt, strict=True):
            if s and t and max(len(s), len(t)) <= max_tokens and len(t) <= MAX_FERTILITY * len(s):
                yield s, t


def align_files(
    src: Path,
    tgt: Path,
    to: Path,
    tokenizer: Path | None,
    *,
    progress: Report,
) -> None:
    """Writes `alignment.pharaoh` and `fertilities.txt` (a number a source token, a line a pair).

    Args:
        src, tgt: text files of the same number of lines.
        to: the directory to write into.
        tokenizer: a directory with a tokenizer whose subwords are aligned; None for the words that
            spaces separate.
        progress: done, total, a text.

    Raises:
        DataError: a file cannot be read, the line counts differ, or a target is too long for its source.
        ModelError: the tokenizer is unusable.
    """
    texts = read_parallel(src, tgt)
    if tokenizer is None:
        src_pieces, tgt_pieces = ([text.split() for text in side] for side in texts)
    else:
        subwords = load_tokenizer(tokenizer)
        src_pieces = [subwords.src_pieces(ids) for ids in subwords.encode_src_batch(texts[0])]
        tgt_pieces = [subwords.tgt_pieces(ids) for ids in subwords.encode_tgt_batch(texts[1])]
    for number, (src_row, tgt_row) in enumerate(zip(src_pieces, tgt_pieces, strict=True), start=1):
        if len(tgt_row) > MAX_FERTILITY * len(src_row):
            raise DataError(
                f"{len(tgt_row)} target tokens are too many for {len(src_row)} source tokens",
                where=f"{tgt}, line {number}",
                value=texts[1][number - 1][:80],
                allowed=f"at most {MAX_FERTILITY} target tokens a source token",
                fix="remove the pair",
            )
    aligned = aligner.align(
        src_pieces, tgt_pieces, progress=lambda done, total: progress(done, total, "aligning")
    )
    to.mkdir(parents=True, exist_ok=True)
    counts = (
        fertilities(positions, len(pieces)).tolist()
        for positions, pieces in zip(aligned.src_positions, src_pieces, strict=True)
    )
    write_text(to / "fertilities.txt", "".join(" ".join(map(str, row)) + "\n" for row in counts))
    write_pharaoh(to / "alignment.pharaoh", aligned.pharaoh)
