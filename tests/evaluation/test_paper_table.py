"""The paper's main table: its rows, its numbers beside ours where the data set is one of its five."""

import json
from typing import Any

import pytest

from onepass.errors import DataError
from onepass.evaluation.paper_table import render_main_table
from onepass.evaluation.results import Results, parse_results
from tiny_run import assert_clear_error, call, finished_run

TRAITS = {
    "NAT argmax": {"family": "fertility", "search": "argmax"},
    "NAT argmax, raw": {"family": "fertility", "search": "argmax", "variant": "raw", "distilled": False},
    "NAT argmax, ONNX int8": {"family": "fertility", "search": "argmax", "engine": "ONNX Runtime"},
    "NAT average": {"family": "fertility", "search": "average"},
    "NAT + FT argmax": {"family": "fertility", "search": "argmax", "finetuned": True},
    "NAT + FT NPD 10": {"family": "fertility", "search": "argmax", "finetuned": True, "candidates": 10},
    "CTC + GLAT": {"family": "ctc", "search": "argmax"},
    "AR student greedy": {"family": "autoregressive", "search": "greedy"},
    "teacher greedy": {"role": "teacher", "family": "autoregressive", "search": "greedy"},
    "teacher greedy, CTranslate2": {
        "role": "teacher",
        "family": "autoregressive",
        "search": "greedy",
        "engine": "CTranslate2",
    },
    "teacher beam 5": {"role": "teacher", "family": "autoregressive", "search": "beam", "beam_size": 5},
}
"""What each title stands for, beside a distilled student in torch."""


def row(title: str, bleu: float, ms: float | None) -> dict[str, Any]:
    usual = {"role": "student", "distilled": True, "finetuned": False, "engine": "torch"}
    timed = {"p50_ms": ms} if ms else {}
    return {"name": title, "model": "any", "traits": usual | TRAITS[title], "bleu": bleu, **timed}


def results(name: str, *systems: tuple[str, float, float | None]) -> Results:
    return from_rows(name, [row(*system) for system in systems])


def from_rows(name: str, rows: list[dict[str, Any]]) -> Results:
    return parse_results(
        {
            "name": name,
            "command": f"onepass run {name}.toml",
            "seed": 1,
            "machine": "any",
            "versions": {},
            "src": "en",
            "tgt": "de",
            "test_sentences": 10,
            "bleu_signature": "tok:13a",
            "chrf_signature": "nc:6",
            "rivals": [r["name"] for r in rows if "p50_ms" in r and r["traits"]["search"] == "beam"],
            "systems": rows,
        }
    )


def cells(table: str) -> dict[str, list[str]]:
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in table.splitlines()
        if line.startswith("|")
    ]
    return {row[0]: row[1:] for row in rows}


def test_the_papers_numbers_stand_beside_a_data_set_of_its_own() -> None:
    table = cells(
        render_main_table(
            [results("iwslt16-en-de", ("NAT argmax", 20.0, None), ("NAT + FT NPD 10", 24.0, None))]
        )
    )
    assert table["system"] == ["iwslt16-en-de BLEU", "paper"]
    assert list(table)[2:] == [
        "NAT",
        "NAT + FT",
        "NAT + FT + NPD 10",
        "NAT + FT + NPD 100",
        "AR greedy",
        "AR beam",
    ]
    assert table["NAT"] == ["20.00", "25.20"]
    assert table["NAT + FT"] == ["–", "26.52"]
    assert table["NAT + FT + NPD 10"] == ["24.00", "27.44"]
    assert table["AR beam"] == ["–", "29.70"]


def test_later_students_stand_below_the_papers_rows() -> None:
    table = cells(
        render_main_table(
            [
                results("iwslt16-en-de", ("CTC + GLAT", 26.0, None), ("NAT argmax", 20.0, None)),
                results("toy", ("AR student greedy", 27.0, None), ("NAT average", 21.0, None)),
            ]
        )
    )
    assert list(table)[-3:] == ["AR beam", "CTC + GLAT", "AR student greedy"]
    assert table["CTC + GLAT"] == ["26.00", "–", "–"]
    assert table["AR student greedy"] == ["–", "–", "27.00"]


def test_a_row_is_found_by_what_its_system_is() -> None:
    """Whatever it is called, and whichever others are like it but for one thing."""
    rows = [
        row(name, bleu, None)
        for bleu, name in enumerate(
            [
                "NAT argmax, raw",
                "NAT argmax, ONNX int8",
                "NAT average",
                "NAT argmax",
                "NAT + FT NPD 10",
                "NAT + FT argmax",
                "teacher greedy, CTranslate2",
                "teacher beam 5",
                "teacher greedy",
            ]
        )
    ]
    named = [system | {"name": f"system {number}"} for number, system in enumerate(rows)]
    table = cells(render_main_table([from_rows("toy", named)]))
    found = {title: table[title] for title in table if title not in ("system", "---")}
    assert found == {
        "NAT": ["3.00"],
        "NAT + FT": ["5.00"],
        "NAT + FT + NPD 10": ["4.00"],
        "NAT + FT + NPD 100": ["–"],
        "AR greedy": ["8.00"],
        "AR beam": ["7.00"],
    }


def test_every_speed_names_its_rival() -> None:
    ours = results(
        "toy", ("teacher beam 5", 30.0, 80.0), ("teacher greedy", 29.0, 40.0), ("NAT argmax", 25.0, 8.0)
    )
    table = cells(render_main_table([ours]))
    assert table["system"] == ["toy BLEU", "toy ms p50", "toy speed vs teacher beam 5"]
    assert table["NAT"] == ["25.00", "8.0", "10.0x"]
    assert table["AR beam"] == ["30.00", "80.0", "1.0x"]


def test_runs_of_one_name_are_an_error() -> None:
    one = results("toy", ("NAT argmax", 25.0, None))
    with pytest.raises(DataError, match="different names"):
        render_main_table([one, one])


def test_the_command_reads_finished_runs(tmp_path) -> None:
    done = call("table", finished_run())
    assert done.code == 0, done.err
    bleu = {
        s["name"]: s["bleu"]
        for s in json.loads((finished_run() / "evaluate/results.json").read_text())["systems"]
    }
    assert f"| NAT + FT | {bleu['NAT + FT argmax']:.2f}" in done.out
    assert_clear_error(call("table", tmp_path), 3, "results.json", "onepass run")
