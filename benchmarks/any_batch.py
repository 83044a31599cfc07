"""Whether a text has the same translation in any batch: alone, in 64s, shuffled, from four threads.

The lines are the first ones of every file of `mono.en` or `mono.pt`, so of many kinds.
"""

from __future__ import annotations

import argparse
import random
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

from measurement import CORPORA, is_missing, write_result
from onepass import Translator
from onepass.text.lines import numbered_lines

BATCH, THREADS = 64, 4


def main() -> None:
    """Translates the lines in every way, and counts those that differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="?", default="en-pt")
    parser.add_argument("--lines", type=int, default=10_000)
    parser.add_argument("--candidates", type=int)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    translator = Translator.load(arguments.model, num_candidates=arguments.candidates)
    corpus = CORPORA / f"mono.{translator.bundle.src}"
    if is_missing(corpus):
        return
    files = sorted(corpus.glob("*.gz"))
    lines = [
        line.text
        for file in files
        for line in islice(numbered_lines(file), -(-arguments.lines // len(files)))
    ]
    lines = lines[: arguments.lines]

    def translated(some: list[str]) -> list[str]:
        return [found.text for found in translator.translate(some)]

    alone = [translated([line])[0] for line in lines]
    order = random.Random(1).sample(range(len(lines)), len(lines))
    shuffled = dict(zip(order, translated([lines[i] for i in order]), strict=True))
    with ThreadPoolExecutor(THREADS) as threads:
        several = threads.map(translated, [lines[i::THREADS] for i in range(THREADS)])
        from_threads = dict(
            pair
            for i, some in enumerate(several)
            for pair in zip(range(i, len(lines), THREADS), some, strict=True)
        )
    ways = {
        f"in batches of {BATCH}": [text for some in _batches(lines) for text in translated(some)],
        "shuffled": [shuffled[i] for i in range(len(lines))],
        f"from {THREADS} threads": [from_threads[i] for i in range(len(lines))],
    }
    different = {way: sum(a != b for a, b in zip(alone, texts, strict=True)) for way, texts in ways.items()}
    found = {
        "model": arguments.model,
        "candidates": arguments.candidates,
        "lines": len(lines),
        "otherwise than alone": different,
    }
    write_result(found, arguments.json)


def _batches(lines: list[str]) -> list[list[str]]:
    return [lines[i : i + BATCH] for i in range(0, len(lines), BATCH)]


if __name__ == "__main__":
    main()
