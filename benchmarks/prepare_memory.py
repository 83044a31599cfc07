"""Memory and time of `onepass run --until prepare` on corpora of growing size.

    python benchmarks/prepare_memory.py [--lines N ...] [--json PATH]

The corpus is made of phrasebook sentences, two to a line, numbered so that no pair is a duplicate.
Each size is prepared by a process of its own, whose peak resident memory is what counts.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from itertools import count, islice, pairwise
from pathlib import Path

from measurement import write_result
from onepass.phrasebook import phrasebook

RECIPE = """
[data]
src = "en"
tgt = "de"
train = "train.{lang}"
dev = "dev.{lang}"
test = "dev.{lang}"
"""


def write_corpus(folder: Path, lines: int) -> None:
    """`lines` distinct pairs of about 18 words a side, and a small dev set."""
    pairs = list(phrasebook("train"))
    numbered = (
        (f"{a.src} {b.src} {number}", f"{a.tgt} {b.tgt} {number}")
        for number in count()
        for a, b in pairwise(pairs)
    )
    for name, size in (("train", lines), ("dev", 100)):
        with (
            open(folder / f"{name}.en", "w", encoding="utf-8") as src,
            open(folder / f"{name}.de", "w", encoding="utf-8") as tgt,
        ):
            for en, de in islice(numbered, size):
                src.write(f"{en}\n")
                tgt.write(f"{de}\n")
    (folder / "memory.toml").write_text(RECIPE, encoding="utf-8")


def prepare(folder: str) -> None:
    """Runs the stage and prints its peak memory; the child's work."""
    from onepass.display import Display
    from onepass.pipeline.run import run_recipe
    from onepass.recipe import load_recipe

    start = time.perf_counter()
    run_recipe(
        load_recipe(Path(folder, "memory.toml")),
        Path(folder, "run"),
        until="prepare",
        display=Display(quiet=True),
        command="",
    )
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lines", type=int, nargs="+", default=[250_000, 1_000_000])
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the result here, too")
    parser.add_argument("--folder", help=argparse.SUPPRESS)  # prepare this one, in a child
    arguments = parser.parse_args()
    if arguments.folder:
        prepare(arguments.folder)
        return
    sizes = []
    for lines in arguments.lines:
        with tempfile.TemporaryDirectory() as name:
            write_corpus(Path(name), lines)
            command = [sys.executable, __file__, "--folder", name]
            child = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        peak, seconds = child.stdout.split()
        sizes.append({"lines": lines, "peak_mib": int(peak), "seconds": round(float(seconds), 1)})
    write_result({"sizes": sizes}, arguments.json)


if __name__ == "__main__":
    main()
