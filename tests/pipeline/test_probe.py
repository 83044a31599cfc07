"""`onepass probe`: a table and a report, and what it refuses."""

import json
from pathlib import Path

from tiny_run import assert_clear_error, call, finished_run


def test_a_shipped_model_is_probed(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    done = call("probe", "en-pt", "--cases", 2, "--json", report)
    assert done.code == 0, done.err
    found = json.loads(report.read_text(encoding="utf-8"))
    assert found["languages"] == {"src": "en", "tgt": "pt"}
    of_model = found["models"]["en-pt"]
    for kind, result in of_model.items():
        assert f"| {kind} | {result['right']} of {result['of']} |" in done.out
    assert of_model["negation"]["right"] >= 8
    assert of_model["sentences a line"]["right"] == 2
    assert of_model["address"]["right"] == 2


def test_of_a_trained_student_the_report_has_what_is_wrong(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    done = call("probe", finished_run() / "student", "--cases", 1, "--json", report)
    assert done.code == 0, done.err
    assert "| student |" in done.out
    [of_model] = json.loads(report.read_text(encoding="utf-8"))["models"].values()
    assert [set(pair) for pair in of_model["address"]["wrong"]] == [{"src", "tgt"}]


def test_models_of_two_directions_are_not_probed_together() -> None:
    done = call("probe", "en-pt", finished_run() / "student")
    assert_clear_error(done, 2, "different languages", "en to de")
    assert_clear_error(call("probe", "no-such-model"), 4, "no such model")
