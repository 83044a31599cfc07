"""The paper's main table (Gu et al. 2018, table 1) for any set of finished runs.

A row a system, later students below the paper's, and for every run its BLEU, the paper's where the data
set is one of its five, the latency, and the speed against the teacher's beam search and against the fastest
rival, both named.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from onepass.errors import DataError
from onepass.evaluation.table import Results, System, markdown_table, number, speed_ratio


class Row(NamedTuple):
    """A row: its title, which system of a run it is, and the paper's BLEU, if any, for each of DATA_SETS."""

    title: str
    is_it: Callable[[str], bool]
    paper: tuple[float, ...] | None = None


DATA_SETS = ("wmt14-en-de", "wmt14-de-en", "wmt16-en-ro", "wmt16-ro-en", "iwslt16-en-de")
"""In the order of the paper's columns; the last is its dev set, the others are test sets."""


def _named(*names: str) -> Callable[[str], bool]:
    return lambda name: name in names


ROWS = (
    Row("NAT", _named("NAT argmax"), (17.35, 20.62, 26.22, 27.83, 25.20)),
    Row("NAT + FT", _named("NAT + FT argmax"), (17.69, 21.47, 27.29, 29.06, 26.52)),
    Row("NAT + FT + NPD 10", _named("NAT + FT NPD 10"), (18.66, 22.41, 29.02, 30.76, 27.44)),
    Row("NAT + FT + NPD 100", _named("NAT + FT NPD 100"), (19.17, 23.20, 29.79, 31.44, 28.16)),
    Row("AR greedy", _named("teacher greedy"), (22.71, 26.39, 31.35, 31.03, 28.89)),
    Row(
        "AR beam",
        lambda name: re.fullmatch(r"teacher beam \d+", name) is not None,
        (23.45, 27.02, 31.91, 31.76, 29.70),
    ),
)


LATER = ("CTC", "DAG", "AR student")
"""How the names of the systems begin that the paper did not know."""


def render_main_table(runs: Sequence[Results]) -> str:
    """The paper's six rows in Markdown, and the later students of these runs.

    Raises:
        DataError: no run, or two of one name.
    """
    names = [results.name for results in runs]
    if not runs or len(set(names)) < len(names):
        raise DataError("A table needs runs with different names", where="onepass table", value=names)
    later = dict.fromkeys(s.name for run in runs for s in run.systems if s.name.startswith(LATER))
    rows = [*ROWS, *(Row(name, _named(name)) for name in later)]
    columns = {"system": [row.title for row in rows]}
    notes = []
    for results in runs:
        systems = [_system(results, row) for row in rows]
        columns[f"{results.name} BLEU"] = [_bleu(system) for system in systems]
        if results.name in DATA_SETS:
            column = DATA_SETS.index(results.name)
            columns["paper"] = [f"{row.paper[column]:.2f}" if row.paper else "–" for row in rows]
        if any(system is not None and system.p50_ms is not None for system in systems):
            columns[f"{results.name} ms p50"] = [number(s.p50_ms if s else None) for s in systems]
            for rival in map(results.system, results.rivals):
                title = f"{results.name} speed vs {rival.full_name}"
                columns[title] = [speed_ratio(s, rival) if s else "–" for s in systems]
        notes.append(
            f"- {results.name}: {results.test_sentences:,} test sentences, BLEU `{results.bleu_signature}` "
            f"with its 95% bootstrap interval; {results.machine}; seed {results.seed}; `{results.command}`."
        )
    return markdown_table(columns) + "\n\n" + "\n".join(notes) + "\n"


def _system(results: Results, row: Row) -> System | None:
    return next((system for system in results.systems if row.is_it(system.name)), None)


def _bleu(system: System | None) -> str:
    if system is None or system.bleu is None:
        return "–"
    interval = system.bleu_interval
    return f"{system.bleu:.2f}" + (f" [{interval[0]:.1f}, {interval[1]:.1f}]" if interval else "")
