"""Two processes on the CPU follow the trace of one."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from accelerate import Accelerator
from tiny import KINDS, records, tiny_training, write_pairs

from onepass.errors import UsageError
from tiny_launch import free_port
from tiny_run import start


def without_times(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: v for k, v in row.items() if k not in ("seconds", "tokens_per_second")} for row in rows]


def test_two_processes_give_the_losses_of_one(tmp_path: Path) -> None:
    for kind in KINDS:
        for directory in (tmp_path / "one" / kind, tmp_path / "two" / kind):
            directory.mkdir(parents=True)
            for split, count in (("train", 60), ("dev", 20)):
                write_pairs(directory, split, count)
    # Launchers themselves are in cli/test_launching.
    said = {"WORLD_SIZE": 2, "LOCAL_WORLD_SIZE": 2, "MASTER_ADDR": "localhost", "MASTER_PORT": free_port()}
    started = []
    for rank in range(2):
        own = said | {"RANK": rank, "LOCAL_RANK": rank}
        environment = {name: str(value) for name, value in own.items()}
        started.append(start(tmp_path / "two", module="tiny", environment=environment))
    try:
        done = [process.wait(120) for process in started]
    finally:
        for process in started:
            process.process.kill()
    assert [each.code for each in done] == [0, 0], done
    two = without_times(
        json.loads(line) for each in done for line in each.out.splitlines() if line.startswith("{")
    )
    one = without_times(
        record
        for kind in KINDS
        for record in records(tmp_path / "one" / kind, kind, accumulate=2, max_updates=8)
    )
    assert len(two) == len(one) == 2 * (8 + 2)  # updates and validations; only the main process speaks
    for found, expected in zip(two, one, strict=True):
        assert found == pytest.approx(expected, rel=1e-5, abs=1e-5)


def test_processes_that_cannot_share_the_batches_equally_are_an_error(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(Accelerator, "num_processes", 3)
    with pytest.raises(UsageError, match="a multiple of 3"):
        tiny_training(tmp_path, "teacher", accumulate=2)


def test_of_several_processes_one_makes_the_batches_and_all_map_them(tmp_path: Path, monkeypatch) -> None:
    write_pairs(tmp_path, "train", 60)
    write_pairs(tmp_path, "dev", 20)
    training = tiny_training(tmp_path, "teacher", accumulate=2)
    alone = [rows.tolist() for rows in training._plan(3)]
    monkeypatch.setattr(Accelerator, "num_processes", 2)
    shared = training._plan(3)
    assert [rows.tolist() for rows in shared] == alone
    assert isinstance(shared._rows, np.memmap)
    assert not list(tmp_path.glob("*.plan"))
