"""What normalising Romanian's letters is worth in BLEU, with the students of two finished runs.

    python benchmarks/romanian_letters.py [--runs DIR] [--json PATH]

The texts of `../shared/data/openmix.en-ro` have ș and ț throughout, so the other half is made here: ş and ţ
put in their places, as much Romanian text has them. Into Romanian, a system that writes ș and ț is scored
against references with either letter. Out of Romanian, sources with ş and ţ are translated as they are and
as `onepass` reads them. DIR is where `benchmarks/stand_ins.py` left its runs.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from unittest.mock import patch

from measurement import ROOT, is_missing, write_result
from onepass.decoding.translator import Translator
from onepass.evaluation.quality import measure
from onepass.text.lines import read_lines

CEDILLA = str.maketrans("ȘșȚț", "ŞşŢţ")


def bleu(hyp: list[str], ref: list[str]) -> float:
    return round(measure(hyp, ref, bootstrap_samples=0).bleu, 2)


def translate(translator: Translator, lines: list[str]) -> list[str]:
    return [translation.text for translation in translator.translate(lines)]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "stand-ins")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    into, out_of = arguments.runs / "wmt16-en-ro", arguments.runs / "wmt16-ro-en"
    if is_missing(into / "evaluate") or is_missing(out_of / "evaluate"):
        return
    src, ref = (read_lines(into / "prepare" / f"test.{side}") for side in ("src", "tgt"))
    hyp = translate(Translator.load(into / "finetune"), src)
    romanian, english = (read_lines(out_of / "prepare" / f"test.{side}") for side in ("src", "tgt"))
    with_cedilla = [line.translate(CEDILLA) for line in romanian]
    translator = Translator.load(out_of / "finetune")
    normalised = translate(translator, with_cedilla)
    with patch("onepass.text.tokenizer.with_comma_below", lambda text: text):
        as_it_is = translate(translator, with_cedilla)
    write_result(
        {
            "into Romanian": {
                "references normalised": bleu(hyp, ref),
                "references with a cedilla": bleu(hyp, [line.translate(CEDILLA) for line in ref]),
            },
            "out of Romanian": {
                "sources with a comma": bleu(translate(translator, romanian), english),
                "sources with a cedilla, normalised": bleu(normalised, english),
                "sources with a cedilla, as they are": bleu(as_it_is, english),
            },
        },
        arguments.json,
    )


if __name__ == "__main__":
    main()
