"""The tables of `scale.md`: what was measured, and straight lines through it.

The rows are those of `benchmarks/scale.py`, of one or several runs of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from tables import RESULTS, load

from onepass.evaluation.table import markdown_table

FAR = (100_000_000, 1_000_000_000)
"""Pairs of the lines' ends."""
Row = Mapping[str, Any]


def results() -> list[Mapping[str, Any]]:
    """All that `benchmarks/scale.py` has written."""
    found = map(load, sorted((RESULTS / "scale").glob("*.json")))
    return [run for run in found if "benchmarks/scale.py" in run["command"]]


def rows() -> list[Row]:
    """Of all results."""
    return [row for run in results() for row in run["rows"]]


def plan() -> str:
    """What `--plan` forecast and what a run took, stage by stage: `benchmarks/plan_accuracy.py`."""
    found = load(RESULTS / "scale" / "plan.json")
    rows = found["rows"]
    table = markdown_table(
        {
            "stage": [row["stage"] for row in rows],
            "CPU seconds, forecast": [f"{row['forecast']['seconds']:,.1f}" for row in rows],
            "taken": [f"{row['took']['cpu_seconds']:,.1f}" for row in rows],
            "forecast / taken": [f"{row['times']:.2f}" for row in rows],
            "MiB, forecast": [f"{row['forecast']['mib']:,.0f}" for row in rows],
            "held": [f"{row['took']['mib']:,.0f}" for row in rows],
            "forecast / held": [f"{row['times_memory']:.2f}" for row in rows],
        }
    )
    took = f"The plan itself took {found['plan']['cpu_seconds']:,.0f} CPU seconds."
    return f"{table}\n\n{took}\n`{found['command']}`, {found['machine']}"


def commands() -> str:
    """What made the results, and where."""
    return "\n".join(f"- `{run['command']}`, {run['machine']}" for run in results())


def measured(rows: Sequence[Row]) -> str:
    """Each stage at each size, by the number of workers."""
    ordered = sorted(rows, key=lambda row: (row["stage"], row["pairs"], row["workers"]))
    return markdown_table(
        {
            "stage": [row["stage"] for row in ordered],
            "pairs": [f"{row['pairs']:,}" for row in ordered],
            "workers": [str(row["workers"]) for row in ordered],
            "CPU seconds of each": [_each(row, "cpu_seconds") for row in ordered],
            "MiB of each": [_each(row, "peak_mib") for row in ordered],
            "times as fast": [str(row.get("speed_up", "")) for row in ordered],
        }
    )


def extrapolated(rows: Sequence[Row]) -> str:
    """CPU hours of one worker, by the line through the two largest sizes of a stage."""
    alone = [row for row in rows if row["workers"] == 1]
    columns: dict[str, list[str]] = {"stage": []}
    for stage in sorted({row["stage"] for row in alone}):
        sizes = sorted((row for row in alone if row["stage"] == stage), key=lambda row: row["pairs"])[-2:]
        if len(sizes) < 2:
            continue
        columns["stage"].append(stage)
        points = [(row["pairs"], row["processes"][0]["cpu_seconds"]) for row in sizes]
        slope, start = np.polyfit(*zip(*points, strict=True), 1)
        for pairs in FAR:
            hours = (slope * pairs + start) / 3600
            columns.setdefault(f"CPU hours, {pairs:,} pairs", []).append(f"{hours:,.0f}")
    return markdown_table(columns)


def _each(row: Row, what: str) -> str:
    return ", ".join(f"{process[what]:,.0f}" for process in row["processes"])
