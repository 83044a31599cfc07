"""The experiment on the terms of the fine-tuning: three fine-tunings of one student, compared."""

import json
import sys
from pathlib import Path

import pytest

from finetuning import main
from tiny_run import copy_of_run


def test_each_row_is_compared_with_the_student_and_the_row_above(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, to = copy_of_run(tmp_path, until="student"), tmp_path / "result.json"
    words = [str(tmp_path / "tiny.toml"), "--to", str(run), "--json", str(to)]
    monkeypatch.setattr(sys, "argv", ["benchmarks/finetuning.py", *words])
    main()
    of_stages = {path.parent.name for path in run.glob("*/stage.json")}
    assert {"finetune-kd", "finetune-kd-bp", "finetune-kd-bp-rl"} <= of_stages
    rows = json.loads(to.read_text())["rows"]
    assert set(rows) == {"dev", "test", "both"}
    for of_split in rows.values():
        compared = {row["name"]: list(row["p_values"]) for row in of_split}
        assert compared == {
            "student": [],
            "kd": ["student"],
            "kd-bp": ["student", "kd"],
            "kd-bp-rl": ["student", "kd-bp"],
        }
