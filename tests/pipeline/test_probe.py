"""`onepass probe`: a table and a report, and what it refuses."""

import json
from pathlib import Path

from tiny_run import assert_clear_error, call, finished_run


def test_a_shipped_model_is_probed(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    done = call("probe", "en-de", "--cases", 2, "--json", report)
    assert done.code == 0, done.err
    found = json.loads(report.read_text(encoding="utf-8"))
    assert found["languages"] == {"src": "en", "tgt": "de"}
    of_model = found["models"]["en-de"]
    for kind, result in of_model.items():
        assert f"| {kind} | {result['right']} of {result['of']} |" in done.out
    assert of_model["negation"]["right"] >= 8
    assert of_model["sentences a line"]["right"] == 2
    wrong = of_model["address"]["wrong"]
    assert wrong
    assert {"src", "tgt"} == set(wrong[0])


def test_a_trained_student_is_probed_and_models_of_two_directions_are_refused() -> None:
    done = call("probe", finished_run() / "student", "--cases", 1)
    assert done.code == 0, done.err
    assert "| student |" in done.out
    assert_clear_error(call("probe", "en-de", "de-en"), 2, "different languages", "de to en")
    assert_clear_error(call("probe", "no-such-model"), 4, "no such model")
