"""How many lines CTranslate2 and torch translate alike with one teacher, greedy and by beam search.

    python benchmarks/engine_agreement.py [--run RUN] [--lines N] [--json PATH]

Both translate the test sources of a finished run in float32. Where a line differs, its mean log
probability by the torch engine is compared: `largest_score_gap` is the most that one engine's
translation is ahead of the other's, nats a token; a tie is a gap near 0.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import torch

from measurement import ROOT, is_missing, write_result
from onepass.bundle import Bundle
from onepass.decoding.autoregressive import score
from onepass.decoding.translator import Translator
from onepass.decoding.weights import load_model
from onepass.export.ctranslate2 import CTranslate2Translator, export_ctranslate2
from onepass.models.autoregressive import AutoregressiveTransformer
from onepass.objectives.objective import pad_ids
from onepass.text.lines import read_lines


def agreement(teacher: Path, lines: list[str], beam_size: int) -> dict[str, Any]:
    """Identical lines of both engines, and by how much the scores of the others differ."""
    bundle = Bundle.open(teacher)
    model, tokenizer = load_model(bundle), bundle.tokenizer()
    assert isinstance(model, AutoregressiveTransformer)
    with tempfile.TemporaryDirectory() as folder:
        export_ctranslate2(bundle, Path(folder))
        engine = CTranslate2Translator(Path(folder), tokenizer, beam_size=beam_size)
        theirs = [t.text for t in engine.translate_as_written(lines)]
    ours = [t.text for t in Translator.load(teacher, beam_size=beam_size).translate_as_written(lines)]
    different = [i for i in range(len(lines)) if ours[i] != theirs[i]]
    gaps = []
    for i in different:
        with torch.no_grad():
            memory = model.encode(pad_ids([tokenizer.encode_src(lines[i])]))
            scores = [
                float(score(model, pad_ids([tokenizer.encode_tgt(text)]), memory))
                for text in (ours[i], theirs[i])
            ]
        gaps.append(abs(scores[0] - scores[1]))
    return {
        "identical": len(lines) - len(different),
        "percent": round(100 * (1 - len(different) / len(lines)), 2),
        "largest_score_gap": round(max(gaps, default=0.0), 5),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", type=Path, default=ROOT / "runs" / "multi30k-en-de")
    parser.add_argument("--lines", type=int, default=1000)
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the result here, too")
    arguments = parser.parse_args()
    teacher = arguments.run / "teacher"
    if is_missing(teacher):
        return
    lines = read_lines(arguments.run / "prepare" / "test.src")[: arguments.lines]
    result: dict[str, Any] = {"lines": len(lines)}
    for name, beam_size in (("greedy", 1), ("beam 4", 4)):
        result[name] = agreement(teacher, lines, beam_size)
    write_result(result, arguments.json)


if __name__ == "__main__":
    main()
