"""How long aligning takes on one core: learning from pairs of Tatoeba, then aligning them.

    python benchmarks/align_speed.py [--pairs N] [--joined N] [--iterations N] [--json PATH]

Reads `../shared/data/tatoeba.en-de`, seen from the project's root, as subwords; `--joined` puts so many lines
into each pair. A run learns from at most `align.sample_pairs` and aligns all.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from array import array
from importlib.metadata import version
from pathlib import Path

from rich.progress import Progress

from measurement import CORPORA, is_missing, write_result
from onepass.alignment.aligner import Aligner, train_aligner
from onepass.alignment.fast_align import Rows
from onepass.alignment.fertilities import fertilities
from onepass.settings import TokenizerSettings
from onepass.text.tokenizer import Tokenizer

CORPUS = CORPORA / "tatoeba.en-de"
SEED = 1


def read_ids(pairs: int | None, joined: int) -> tuple[Rows, Rows]:
    """The source and the target sentences as ids of a joint vocabulary of 8,000."""
    wanted = None if pairs is None else pairs * joined
    src, tgt = (
        (CORPUS / f"train.{language}").read_text(encoding="utf-8").splitlines()[:wanted]
        for language in ("en", "de")
    )
    tokenizer = Tokenizer.train(src, tgt, TokenizerSettings(), seed=SEED)
    src, tgt = (
        [" ".join(side[first : first + joined]) for first in range(0, len(side), joined)]
        for side in (src, tgt)
    )
    return _rows(tokenizer.encode_src_batch(src)), _rows(tokenizer.encode_tgt_batch(tgt))


def _rows(sentences: list[list[int]]) -> Rows:
    return Rows.pack(array("i", (i for row in sentences for i in row)), [len(row) for row in sentences])


def peak_mib(who: int) -> int:
    return resource.getrusage(who).ru_maxrss // 1024


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, help="align only the first so many")
    parser.add_argument("--joined", type=int, default=1, help="lines of a pair")
    parser.add_argument("--iterations", type=int, default=5)
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the result here, too")
    arguments = parser.parse_args()
    if is_missing(CORPUS):
        return

    src, tgt = read_ids(arguments.pairs, arguments.joined)
    with tempfile.TemporaryDirectory() as name, Progress() as bar:
        task = bar.add_task("align")
        train_aligner(
            src,
            tgt,
            Path(name) / "model",
            iterations=arguments.iterations,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        start = time.process_time()
        found = Aligner(Path(name) / "model").align(src, tgt)
        aligned = time.process_time()
    lengths = zip(found.src_positions, src.lengths.tolist(), strict=True)
    counts = [fertilities(positions, length) for positions, length in lengths]
    assert [int(f.sum()) for f in counts] == tgt.lengths.tolist()

    learning = used.ru_utime + used.ru_stime
    result = {
        "seed": SEED,
        "sil_thot": version("sil-thot"),
        "pairs": len(src),
        "src_tokens": len(src.values),
        "tgt_tokens": len(tgt.values),
        "iterations": arguments.iterations,
        "cpu_seconds_learning": round(learning, 1),
        "cpu_seconds_aligning": round(aligned - start, 1),
        "pairs_learnt_per_second": round(len(src) / learning),
        "pairs_aligned_per_second": round(len(src) / (aligned - start)),
        "peak_mib_learning": peak_mib(resource.RUSAGE_CHILDREN),
        "peak_mib_aligning": peak_mib(resource.RUSAGE_SELF),
    }
    write_result(result, arguments.json)


if __name__ == "__main__":
    main()
