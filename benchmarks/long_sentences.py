"""Writes the pairs of a corpus whose source has so many subwords, to time systems on them.

    python benchmarks/long_sentences.py SRC REF [SRC REF ...] --to NAME [--least N] [--most N] [--model en-pt]

Writes NAME.src and NAME.ref. The subwords are those of the model.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from onepass.bundle import Bundle
from onepass.runtime.shipped import find_model
from onepass.text.lines import read_parallel, write_lines


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="sources and references, in turns"
    )
    parser.add_argument("--to", required=True, type=Path, metavar="NAME")
    parser.add_argument("--least", type=int, default=20)
    parser.add_argument("--most", type=int, default=40)
    parser.add_argument("--model", default="en-pt")
    arguments = parser.parse_args()
    tokenizer = Bundle.open(find_model(arguments.model)).tokenizer()
    pairs = [
        pair
        for src, ref in zip(arguments.files[::2], arguments.files[1::2], strict=True)
        for pair in zip(*read_parallel(src, ref), strict=True)
        if arguments.least <= len(tokenizer.encode_src(pair[0])) <= arguments.most
    ]
    arguments.to.parent.mkdir(parents=True, exist_ok=True)
    for side, texts in zip(("src", "ref"), zip(*pairs, strict=True), strict=True):
        write_lines(arguments.to.with_suffix(f".{side}"), texts)
    print(f"{len(pairs)} pairs")


if __name__ == "__main__":
    main()
