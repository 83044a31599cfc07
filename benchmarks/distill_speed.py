"""Distillation: sentences a second of the CTranslate2 engine over the torch engine, greedy.

    python benchmarks/distill_speed.py [--teacher BUNDLE] [--lines N] [--rounds N] [--json PATH]

Both translate the same training sources of `../shared/data/tatoeba.en-de` with the same teacher and all
cores, as `onepass distill` sets them up (float32), each in a process of its own, taking turns (A B A B).
The clock starts when the engine has translated 64 sentences to warm up.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measurement import CORPORA, ROOT, is_missing, write_result
from onepass.pipeline.teacher_engines import Teacher, make_engine
from onepass.settings import DistillSettings

CORPUS = CORPORA / "tatoeba.en-de" / "train.en"
ENGINES = ("ctranslate2", "torch")


def seconds(engine: str, teacher: Path, count: int) -> float:
    """How long one engine takes for the first `count` sources."""
    with open(CORPUS, encoding="utf-8", newline="\n") as file:
        lines = [next(file).rstrip("\n") for _ in range(count)]
    with tempfile.TemporaryDirectory() as scratch:
        translate = make_engine(
            Teacher(teacher), DistillSettings.model_validate({"engine": engine}), Path(scratch)
        )
        translate(lines[:64])
        start = time.perf_counter()
        translate(lines)
        return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--teacher", type=Path, default=ROOT / "runs" / "multi30k-en-de" / "teacher")
    parser.add_argument("--lines", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the result here, too")
    parser.add_argument("--engine", choices=ENGINES, help=argparse.SUPPRESS)  # one turn, in a child
    arguments = parser.parse_args()
    if is_missing(CORPUS) or is_missing(arguments.teacher):
        return
    if arguments.engine:
        print(seconds(arguments.engine, arguments.teacher, arguments.lines))
        return
    turns: dict[str, list[float]] = {engine: [] for engine in ENGINES}
    for _ in range(arguments.rounds):
        for engine in ENGINES:
            command = [sys.executable, __file__, "--engine", engine, "--teacher", str(arguments.teacher)]
            command += ["--lines", str(arguments.lines)]
            turn = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            turns[engine].append(float(turn.stdout))
    rates = {engine: arguments.lines / statistics.median(times) for engine, times in turns.items()}
    write_result(
        {
            "sentences": arguments.lines,
            "seconds": {engine: [round(t, 2) for t in times] for engine, times in turns.items()},
            "sentences_per_second": {engine: round(rate, 1) for engine, rate in rates.items()},
            "ctranslate2_over_torch": round(rates["ctranslate2"] / rates["torch"], 2),
        },
        arguments.json,
    )


if __name__ == "__main__":
    main()
