"""What adapting the shipped en-pt to a user's pairs brings, and what other text loses (docs/guides/adapt.md).

The user's pairs are the first lines of tico19-dev, texts on COVID-19; its last 500 measure. The recipe is
run and exported as the guide says, in int8.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measurement import CORPORA, is_missing, write_result
from onepass import Translator
from onepass.evaluation.quality import measure
from onepass.text.lines import read_lines, write_lines

RECIPE = Path(__file__).parents[1] / "recipes" / "adapt-en-pt.toml"
HELD_OUT = 500
TIMED = 200
"""Lines of the other text, one at a time."""


def main() -> None:
    """Runs, exports and measures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    corpus = CORPORA / "testsets.en-pt"
    if is_missing(corpus):
        return
    texts = {
        name: [read_lines(corpus / f"{name}.{language}") for language in ("en", "pt")]
        for name in ("tico19-dev", "flores-dev")
    }
    learnt = len(texts["tico19-dev"][0]) - HELD_OUT
    tests = {**texts, "tico19-dev": [lines[learnt:] for lines in texts["tico19-dev"]]}
    with tempfile.TemporaryDirectory() as folder:
        for language, lines in zip(("en", "pt"), texts["tico19-dev"], strict=True):
            write_lines(Path(folder) / f"mine.{language}", lines[:learnt])
        own = f"data.train={folder}/mine.{{lang}}"
        start = time.monotonic()
        _onepass("run", RECIPE, "--to", f"{folder}/run", "--set", own)
        seconds = time.monotonic() - start
        updates = json.loads(Path(folder, "run", "finetune", "training.json").read_text())
        _onepass("export", f"{folder}/run", "--to", f"{folder}/adapted")
        models = {"before": Translator.load("en-pt"), "after": Translator.load(f"{folder}/adapted")}
        cpu_ms = {when: _cpu_ms(model, tests["flores-dev"][0][:TIMED]) for when, model in models.items()}
        rows = {
            f"{name}, {len(src)} lines": {
                when: _scores([found.text for found in model.translate(src)], ref)
                for when, model in models.items()
            }
            for name, (src, ref) in tests.items()
        }
    found = {
        "pairs": learnt,
        "seconds of the run": round(seconds, 1),
        "seconds of the fine-tuning": updates["seconds"],
        "CPU ms a sentence": cpu_ms,
        "rows": rows,
    }
    write_result(found, arguments.json)


def _onepass(*arguments: object) -> None:
    subprocess.run([sys.executable, "-m", "onepass", *map(str, arguments)], check=True)


def _cpu_ms(model: Translator, lines: list[str]) -> float:
    model.translate(lines[:10])
    start = time.process_time()
    for line in lines:
        model.translate([line])
    return round((time.process_time() - start) / len(lines) * 1000, 2)


def _scores(hyp: list[str], ref: list[str]) -> dict[str, float]:
    quality = measure(hyp, ref, language="pt", bootstrap_samples=0)
    return {"bleu": round(quality.bleu, 2), "chrf": round(quality.chrf, 2)}


if __name__ == "__main__":
    main()
