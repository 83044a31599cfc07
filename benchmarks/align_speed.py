"""How long aligning the Tatoeba training pairs takes on one core: seconds and pairs a second.

    python benchmarks/align_speed.py [--pairs N] [--iterations N] [--json PATH]

Reads `../shared/data/tatoeba.en-de`, seen from the project's root, as subword pieces. The clock starts
when the pieces are in memory and stops when every pair has its fertilities.
"""

from __future__ import annotations

import argparse
import resource
import time
from importlib.metadata import version
from pathlib import Path

from rich.progress import Progress

from measurement import CORPORA, is_missing, write_result
from onepass.alignment.aligner import align
from onepass.alignment.fertilities import fertilities
from onepass.settings import TokenizerSettings
from onepass.text.tokenizer import Tokenizer

CORPUS = CORPORA / "tatoeba.en-de"
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


def cpu_seconds() -> float:
    """What this process and its ended children have used: on a busy machine the time that counts."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, help="align only the first so many")
    parser.add_argument("--iterations", type=int, default=5)
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the result here, too")
    arguments = parser.parse_args()
    if is_missing(CORPUS):
        return

    src, tgt = read_pieces(arguments.pairs)
    with Progress() as bar:
        task = bar.add_task("align")
        start, cpu_start = time.perf_counter(), cpu_seconds()
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

    seconds = end - start
    result = {
        "seed": SEED,
        "sil_thot": version("sil-thot"),
        "cores_used": 1,
        "pairs": len(src),
        "src_tokens": sum(map(len, src)),
        "tgt_tokens": sum(map(len, tgt)),
        "iterations": arguments.iterations,
        "seconds": round(seconds, 1),
        "cpu_seconds": round(cpu_seconds() - cpu_start, 1),
        "fertility_seconds": round(end - aligned, 2),
        "pairs_per_second": round(len(src) / seconds),
        "peak_mib_of_the_aligner": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024,
    }
    write_result(result, arguments.json)


if __name__ == "__main__":
    main()
