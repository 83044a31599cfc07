"""BLEU of the shipped English-German model by sentences a line, split and not.

Lines of the Tatoeba test set are joined by spaces, 1, 2, 3, 5 and 10 at a time, and so are their references.
Usage: python benchmarks/sentences_a_line.py TEST.en TEST.de RESULT.json
"""

import argparse
from itertools import islice
from pathlib import Path

from sacrebleu.metrics.bleu import BLEU

from onepass import Translator
from onepass.evaluation.machine import machine_kind
from onepass.files import write_json
from onepass.text.lines import read_lines

COUNTS = (1, 2, 3, 5, 10)
LINES = 500
"""Of each number of sentences, so each measures other sentences but the first ones."""


def joined(texts: list[str], count: int) -> list[str]:
    starts = range(0, len(texts) - count + 1, count)
    return [" ".join(texts[start : start + count]) for start in islice(starts, LINES)]


def main() -> None:
    """Measures and writes the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("src", type=Path)
    parser.add_argument("ref", type=Path)
    parser.add_argument("to", type=Path)
    arguments = parser.parse_args()
    src, ref = read_lines(arguments.src), read_lines(arguments.ref)
    whole, split = (Translator.load("en-de", num_threads=1, split=split) for split in (False, True))
    rows = []
    for count in COUNTS:
        texts, references = joined(src, count), joined(ref, count)

        # What the same sentences score when each is a line of its own, joined afterwards.
        alone = [found.text for found in split.translate(src[: count * len(texts)])]

        def bleu(hyp: list[str], references: list[str] = references) -> float:
            return round(BLEU().corpus_score(hyp, [references]).score, 2)

        rows.append(
            {
                "sentences a line": count,
                "lines": len(texts),
                "not split": bleu([found.text for found in whole.translate(texts)]),
                "split": bleu([found.text for found in split.translate(texts)]),
                "each a line of its own": bleu(joined(alone, count)),
            }
        )
    write_json(arguments.to, {"model": "en-de, int8", "machine": machine_kind(), "bleu": rows})


if __name__ == "__main__":
    main()
