"""Aligning: fertilities and links of a run's corpus, and of two text files from the command line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load, save

from onepass.alignment import aligner
from onepass.alignment.aligner import Aligner, train_aligner
from onepass.alignment.attention import AttentionAligner, Head, choose_head
from onepass.alignment.fast_align import Rows
from onepass.alignment.fertilities import MAX_FERTILITY, fertilities, write_pharaoh
from onepass.bundle import Bundle
from onepass.corpora.masking import MaskingCounts, mask_pairs
from onepass.decoding.weights import load_teacher
from onepass.display import Report
from onepass.errors import DataError
from onepass.files import file_sha256, replacing, write_json, write_text
from onepass.models.marian import MarianTransformer
from onepass.nn.device import own_device
from onepass.pipeline.inventory import Corpus
from onepass.pipeline.prepare import text_pairs, write_pairs
from onepass.pipeline.shards import Shards, digest
from onepass.pipeline.stage import Context
from onepass.text.batches import RaggedWriter, ragged
from onepass.text.lines import CutLines, chunks, read_parallel, text_of
from onepass.text.pair import Pair
from onepass.text.placeholder_ids import PlaceholderIds
from onepass.text.tokenizers import AnyTokenizer, load_tokenizer

PART = 20_000
"""Pairs of a shard."""
SPLITS = ("train", "dev")
SAMPLE_SEED = 1
HEAD_PAIRS, COMPARED_PAIRS = 15_000, 1_000
"""Where the teacher aligns: that the aligner learns from, and that heads are compared with it on."""
MODEL, SAMPLED = "aligner", "aligner.json"
ARRAYS = ".safetensors"


def align(context: Context, corpus: Corpus) -> None:
    """Aligns the training and dev pairs of a corpus and writes ids with fertilities.

    The aligner learns from a sample of `align.sample_pairs`. Where `align.max_pairs` are fewer than there
    are, there are no fertilities, and the other pairs have no links. Of the teacher's translations a share
    may have placeholders, as `distill.placeholders` says.
    """
    crew, scratch = context.crew, context.directory / "shards"
    splits = [_Split(context, corpus, split) for split in SPLITS]
    for split in splits:
        split.ids.work(crew, context.progress, f"ids of {split.name}")
    crew.once(scratch / SAMPLED, lambda: _train(context, splits, scratch))
    facts = json.loads((scratch / SAMPLED).read_text(encoding="utf-8"))
    aligner = cache(lambda: _aligner(context, scratch, facts))
    for split in splits:
        links = split.links(aligner, facts)
        links.work(crew, context.progress, f"aligning {split.name}")
        if crew.leads:
            split.write(links, context.directory, with_fertilities=facts["linked"] == facts["pairs"])
    if crew.leads and facts["sampled"] < facts["linked"]:
        del facts["firsts"]
        write_json(context.directory / SAMPLED, facts)


def _aligner(context: Context, scratch: Path, facts: Mapping[str, Any]) -> Aligner | AttentionAligner:
    if "head" not in facts:
        return Aligner(scratch / MODEL)
    return AttentionAligner(_teacher(context), Head(**facts["head"]))


def _teacher(context: Context) -> MarianTransformer:
    """That of the run; it sees placeholders as it translates them."""
    bundle = Bundle.open(context.inputs["teacher"])
    placeholders = (
        PlaceholderIds.of_tokenizer(bundle.tokenizer()) if context.recipe.distill.placeholders else None
    )
    model = load_teacher(bundle, purpose="align", device=own_device(), placeholders=placeholders)
    assert isinstance(model, MarianTransformer)  # or the recipe would have been refused
    return model


class _Split:
    """A split on its way from texts to links, in two rounds of shards."""

    def __init__(self, context: Context, corpus: Corpus, name: str) -> None:
        self.name, self._scratch = name, context.directory / "shards"
        texts = context.inputs[corpus.texts]
        if name == "train" and corpus.distillation is not None and _changes_texts(context):
            # One after the other: which pairs get placeholders depends on those before.
            masked = chain(_masked(context, text_pairs(texts, name)), *_exercises(context))
            context.crew.once(self._scratch / f"{name}.src", lambda: write_pairs(self._scratch, name, masked))
            texts = self._scratch
        src, tgt = (CutLines(texts / f"{name}.{side}", PART) for side in ("src", "tgt"))
        tokenizer = cache(lambda: load_tokenizer(context.inputs["prepare"]))
        most = context.recipe.data.filters.max_tokens
        self.ids = Shards(
            self._scratch / f"{name}-ids",
            len(src),
            lambda n: _ids_of(map(Pair, src.lines(n), tgt.lines(n)), tokenizer(), most),
            lambda n: digest(src.content(n) + tgt.content(n)),
            ending=ARRAYS,
        )

    def sizes(self) -> list[int]:
        """Pairs of each shard of ids."""
        return [len(load(content)["src_lengths"]) for content in self.ids]

    def links(self, aligner: Callable[[], Aligner | AttentionAligner], facts: Mapping[str, Any]) -> Shards:
        """Shards of links; some are left out where not all pairs shall be aligned."""
        firsts, linked = facts["firsts"][self.name], facts["linked"]

        def make(number: int) -> bytes:
            pairs = load(self.ids.read(number))
            first, total = firsts[number], facts["pairs"]
            chosen = np.arange(first, first + len(pairs["src_lengths"]))
            chosen = chosen[(chosen * linked + total - 1) // total * total // linked == chosen] - first
            return _aligned(aligner(), pairs, chosen)

        return Shards(
            self._scratch / f"{self.name}-links",
            self.ids.count,
            make,
            lambda n: file_sha256(self.ids.path(n)),
            ending=ARRAYS,
        )

    def write(self, links: Shards, to: Path, *, with_fertilities: bool) -> None:
        """Joins all shards."""
        names = ("src", "tgt", *(["fertilities"] if with_fertilities else []))
        with ExitStack() as opened:
            files = {name: opened.enter_context(RaggedWriter(to / f"{self.name}.{name}")) for name in names}
            pharaoh = opened.enter_context(replacing(to / f"{self.name}.pharaoh"))
            text = opened.enter_context(open(pharaoh, "wb"))
            for ids, aligned in zip(self.ids, links, strict=True):
                arrays = {**load(ids), **load(aligned)}
                for name, file in files.items():
                    file.append(arrays[name], arrays[f"{name}_lengths"])
                text.write(arrays["pharaoh"].tobytes())


def _changes_texts(context: Context) -> bool:
    return context.recipe.distill.placeholders > 0 or "exercises" in context.inputs


def _ids_of(pairs: Iterable[Pair], tokenizer: AnyTokenizer, max_tokens: int) -> bytes:
    """The pairs with two sides of at most `max_tokens`, and room for the target's fertilities."""
    src: list[list[int]] = []
    tgt: list[list[int]] = []
    for src_ids, tgt_ids in _alignable(pairs, tokenizer, max_tokens):
        src.append(src_ids)
        tgt.append(tgt_ids)
    return save({**ragged("src", src), **ragged("tgt", tgt)})


def _rows(pairs: Mapping[str, NDArray[Any]], side: str, chosen: NDArray[np.int64]) -> Rows:
    """The chosen ones of the ids of a shard."""
    lengths = pairs[f"{side}_lengths"]
    everything = Rows.pack(pairs[side].astype(np.int32), lengths)
    return everything if len(chosen) == len(lengths) else everything.take(chosen)


def _aligned(
    aligner: Aligner | AttentionAligner, pairs: Mapping[str, NDArray[Any]], chosen: NDArray[np.int64]
) -> bytes:
    src, tgt = (_rows(pairs, side, chosen) for side in ("src", "tgt"))
    found = aligner.align(src, tgt)
    lines = [""] * len(pairs["src_lengths"])
    for row, links in zip(chosen.tolist(), found.pharaoh, strict=True):
        lines[row] = links
    counts = map(fertilities, found.src_positions, src.lengths.tolist())
    return save(
        {
            **ragged("fertilities", [row.tolist() for row in counts]),
            "pharaoh": np.frombuffer(text_of(lines), dtype=np.uint8),
        }
    )


def _train(context: Context, splits: Sequence[_Split], scratch: Path) -> None:
    """Trains the aligner on a sample, and notes what all shards need to know."""
    settings = context.recipe.align
    sizes = {split.name: split.sizes() for split in splits}
    for name, of_split in sizes.items():
        if not sum(of_split):
            raise DataError(f"No {name} pair is left to align", where=context.directory)
    total = sum(map(sum, sizes.values()))
    linked = min(settings.max_pairs or total, total)
    by_teacher = settings.by == "teacher"
    sampled = min(HEAD_PAIRS if by_teacher else settings.sample_pairs, linked)
    if sampled < linked:
        numbers = np.sort(np.random.default_rng(SAMPLE_SEED).choice(linked, sampled, replace=False))
    else:
        numbers = np.arange(linked)
    chosen = numbers * total // linked  # from everywhere
    first = 0
    firsts: dict[str, list[int]] = {}
    parts: dict[str, list[Rows]] = {"src": [], "tgt": []}
    words = {side: _Words() for side in parts}
    for split in splits:
        firsts[split.name] = []
        for content, size in zip(split.ids, sizes[split.name], strict=True):
            pairs, last = load(content), first + size
            own = chosen[np.searchsorted(chosen, first) : np.searchsorted(chosen, last)] - first
            for side, found in parts.items():
                found.append(_rows(pairs, side, own))
                words[side].add(pairs[side], found[-1].values)
            firsts[split.name].append(first)
            first = last
    src, tgt = (
        Rows.pack(
            np.concatenate([rows.values for rows in found]), np.concatenate([rows.lengths for rows in found])
        )
        for found in parts.values()
    )
    if not (scratch / MODEL).exists():  # of an attempt that was stopped just after it
        train_aligner(
            src,
            tgt,
            scratch / MODEL,
            iterations=settings.iterations,
            progress=lambda done, all_: context.progress(done, all_, "learning to align"),
        )
    chosen_head = {}
    if by_teacher:
        rows = np.linspace(0, sampled - 1, min(sampled, COMPARED_PAIRS)).astype(np.int64)
        some = src.take(rows), tgt.take(rows)
        positions = Aligner(scratch / MODEL).align(*some).src_positions
        chosen_head["head"] = choose_head(_teacher(context), *some, positions)._asdict()
    seen = {f"{side}_seen": round(counts.seen(), 6) for side, counts in words.items()}
    if sampled < linked:
        said = " and ".join(f"{100 * share:.2f}%" for share in seen.values())
        context.say(
            f"  the aligner learns from {sampled:,} of {linked:,} pairs, which have {said} of the words"
        )
    facts = {"pairs": total, "linked": linked, "sampled": sampled, **seen, **chosen_head, "firsts": firsts}
    write_json(scratch / SAMPLED, facts)


class _Words:
    """How many words of a corpus a sample of it has."""

    def __init__(self) -> None:
        self._all, self._sampled = (np.zeros(1 << 16, dtype=np.int64) for _ in range(2))

    def add(self, words: NDArray[np.integer], sampled: NDArray[np.integer]) -> None:
        """Counts those of a part."""
        self._all += np.bincount(words, minlength=1 << 16)
        self._sampled += np.bincount(sampled, minlength=1 << 16)

    def seen(self) -> float:
        """The share of the corpus's words, each as often as it is there, that the sample has, too."""
        return float(self._all[self._sampled > 0].sum() / max(self._all.sum(), 1))


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
