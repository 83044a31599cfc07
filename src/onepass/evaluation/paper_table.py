"""The paper's main table (Gu et al. 2018, table 1) for any set of finished runs.

A row a system, later students below the paper's, and for every run its BLEU, the paper's where the data
set is one of its five, the latency, and the speed against the teacher's beam search and against the fastest
rival, both named.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from onepass.errors import DataError
from onepass.evaluation.results import Results, System, Traits
from onepass.evaluation.table import markdown_table, number, speed_ratio


class Row(NamedTuple):
    """A row of the paper: its title, which system of a run it is, and its BLEU for each of DATA_SETS."""

    title: str
    is_it: Callable[[Traits], bool]
    paper: tuple[float, ...]


DATA_SETS = ("wmt14-en-de", "wmt14-de-en", "wmt16-en-ro", "wmt16-ro-en", "iwslt16-en-de")
"""In the order of the paper's columns; the last is its dev set, the others are test sets."""


def _student(*, finetuned: bool, candidates: int = 1) -> Callable[[Traits], bool]:
    def is_it(traits: Traits) -> bool:
        return (
            traits.about_family.in_paper
            and not traits.variant
            and traits.finetuned == finetuned
            and traits.search == traits.about_family.usual_search
            and traits.candidates == candidates
        )

    return is_it


def _teacher(search: str) -> Callable[[Traits], bool]:
    return lambda traits: traits.role == "teacher" and traits.search == search


ROWS = (
    Row("NAT", _student(finetuned=False), (17.35, 20.62, 26.22, 27.83, 25.20)),
    Row("NAT + FT", _student(finetuned=True), (17.69, 21.47, 27.29, 29.06, 26.52)),
    Row("NAT + FT + NPD 10", _student(finetuned=True, candidates=10), (18.66, 22.41, 29.02, 30.76, 27.44)),
    Row("NAT + FT + NPD 100", _student(finetuned=True, candidates=100), (19.17, 23.20, 29.79, 31.44, 28.16)),
    Row("AR greedy", _teacher("greedy"), (22.71, 26.39, 31.35, 31.03, 28.89)),
    Row("AR beam", _teacher("beam"), (23.45, 27.02, 31.91, 31.76, 29.70)),
)
"""All in torch."""


def render_main_table(runs: Sequence[Results]) -> str:
    """The paper's six rows in Markdown, and the later students of these runs.

    Raises:
        DataError: no run, or two of one name.
    """
    names = [results.name for results in runs]
    if not runs or len(set(names)) < len(names):
        raise DataError("A table needs runs with different names", where="onepass table", value=names)
    later = dict.fromkeys(name for results in runs for name in _later_students(results))
    columns = {"system": [*(row.title for row in ROWS), *later]}
    notes = []
    for results in runs:
        students = _later_students(results)
        systems = [*(_system(results, row) for row in ROWS), *map(students.get, later)]
        columns[f"{results.name} BLEU"] = [_bleu(system) for system in systems]
        if results.name in DATA_SETS:
            column = DATA_SETS.index(results.name)
            columns["paper"] = [*(f"{row.paper[column]:.2f}" for row in ROWS), *("–" for _ in later)]
        if any(system is not None and system.p50_ms is not None for system in systems):
            columns[f"{results.name} ms p50"] = [number(s.p50_ms if s else None) for s in systems]
            for rival in results.rival_systems:
                title = f"{results.name} speed vs {rival.full_name}"
                columns[title] = [speed_ratio(s, rival) if s else "–" for s in systems]
        notes.append(
            f"- {results.name}: {results.test_sentences:,} test sentences, BLEU `{results.bleu_signature}` "
            f"with its 95% bootstrap interval; {results.machine}; seed {results.seed}; `{results.command}`."
        )
    return markdown_table(columns) + "\n\n" + "\n".join(notes) + "\n"


def _later_students(results: Results) -> dict[str, System]:
    """Those that the paper did not know, by name: what has one name in several runs shares a row."""
    return {
        system.name: system
        for system in results.systems
        if system.traits.role == "student" and not system.traits.about_family.in_paper
    }


def _system(results: Results, row: Row) -> System | None:
    in_torch = (system for system in results.systems if system.traits.engine == "torch")
    return next((system for system in in_torch if row.is_it(system.traits)), None)


def _bleu(system: System | None) -> str:
    if system is None or system.bleu is None:
        return "–"
    interval = system.bleu_interval
    return f"{system.bleu:.2f}" + (f" [{interval[0]:.1f}, {interval[1]:.1f}]" if interval else "")
