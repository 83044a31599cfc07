"""How long aligning the Tatoeba training pairs takes on one core: seconds and pairs a second.

    python benchmarks/align_speed.py [--pairs N] [--iterations N] [--json PATH]

Reads `../shared/data/tatoeba.en-de`, seen from the project's root, as subword pieces. The clock starts
when the pieces are in memory and stops when every pair has its fertilities.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import sys
import time
from importlib.metadata import version
from pathlib import Path

from rich.progress import Progress

from onepass.alignment.aligner import align
from onepass.alignment.fertilities import fertilities
from onepass.recipe import TokenizerSettings
from onepass.text.tokenizer import Tokenizer

ROOT = Path(__file__).resolve().parents[1]
CORPUS = ROOT.parent / "shared" / "data" / "tatoeba.en-de"
SEED = 1


def read_pieces(pairs: int | None) -> tuple[list[list[str]], list[list[str]]]:
    """The source and the target sentences as pieces of a joint vocabulary of 8,000."""
    src, tgt = (
        (CORPUS / f"train.{language}").read_text(encoding="utf-8").splitlines()[:pairs]
        for language in ("en", "de")
    )
    tokenizer = Tokenizer.train(src, tgt, TokenizerSettings(), seed=SEED)
    return (
        [tokenizer.src_pieces(ids) for ids in tokenizer.encode_src_batch(src)],
        [tokenizer.tgt_pieces(ids) for ids in tokenizer.encode_tgt_batch(tgt)],
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, help="align only the first so many")
    parser.add_argument("--iterations", type=int, default=5)
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the result here, too")
    arguments = parser.parse_args()
    if not CORPUS.is_dir():
        print(f"skipped: there is no {os.path.relpath(CORPUS, ROOT)}")
        return

    src, tgt = read_pieces(arguments.pairs)
    with Progress() as bar:
        task = bar.add_task("align")
        start = time.perf_counter()
        alignments = align(
            src,
            tgt,
            iterations=arguments.iterations,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
        aligned = time.perf_counter()
        counts = [fertilities(p, len(s)) for p, s in zip(alignments.src_positions, src, strict=True)]
        end = time.perf_counter()
    assert [int(f.sum()) for f in counts] == [len(t) for t in tgt]

    result = {
        "command": " ".join(["python", "benchmarks/align_speed.py", *sys.argv[1:]]),
        "seed": SEED,
        "machine": f"{os.cpu_count()}-core {platform.machine()}, one core used",
        "versions": {name: version(name) for name in ("sil-thot", "sentencepiece", "numpy")}
        | {"python": platform.python_version()},
        "pairs": len(src),
        "src_tokens": sum(map(len, src)),
        "tgt_tokens": sum(map(len, tgt)),
        "iterations": arguments.iterations,
        "seconds": round(end - start, 1),
        "fertility_seconds": round(end - aligned, 2),
        "pairs_per_second": round(len(src) / (end - start)),
        "peak_mib_of_the_aligner": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024,
    }
    print(f"{result['pairs']} pairs in {result['seconds']} s: {result['pairs_per_second']} pairs a second")
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
