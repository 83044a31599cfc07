"""BLEU of the shipped English-Portuguese model by sentences a line, split into sentences and not.

Lines of the Tatoeba test set are joined by spaces, 1, 2, 3, 5 and 10 at a time, and so are their references.
`each a line of its own` is what the same sentences score when they are translated as lines.
"""

from __future__ import annotations

import argparse
from itertools import islice
from pathlib import Path

from sacrebleu.metrics.bleu import BLEU

from measurement import CORPORA, is_missing, write_result
from onepass import Translator
from onepass.text.lines import read_lines

COUNTS = (1, 2, 3, 5, 10)
LINES = 500
"""Of each number of sentences at most."""


def joined(texts: list[str], count: int) -> list[str]:
    """The first texts, so many a line."""
    starts = range(0, len(texts) - count + 1, count)
    return [" ".join(texts[start : start + count]) for start in islice(starts, LINES)]


def main() -> None:
    """Translates the lines with the model in int8, in one thread."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    corpus = CORPORA / "testsets.en-pt"
    if is_missing(corpus):
        return
    src, ref = (read_lines(corpus / f"tatoeba-test.{language}") for language in ("en", "pt"))
    whole, split = (Translator.load("en-pt", num_threads=1, split=split) for split in (False, True))
    rows = {}
    for count in COUNTS:
        texts, references = joined(src, count), [joined(ref, count)]
        alone = [found.text for found in split.translate(src[: count * len(texts)])]
        hyps = {
            "not split": [found.text for found in whole.translate(texts)],
            "split": [found.text for found in split.translate(texts)],
            "each a line of its own": joined(alone, count),
        }
        rows[str(count)] = {
            name: round(BLEU().corpus_score(hyp, references).score, 2) for name, hyp in hyps.items()
        }
    write_result({"model": "en-pt, int8", "BLEU by sentences a line": rows}, arguments.json)


if __name__ == "__main__":
    main()
