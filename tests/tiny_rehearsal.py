"""Rehearsals in the process of the test: starting others would take longer than all else."""

from pathlib import Path

import pytest

from onepass.pipeline import rehearsal
from onepass.pipeline.rehearse import CLOCKS, rehearse


def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets every rehearsal be done here; memory is then what this process holds."""

    def apart(folder: Path, stage: str, seconds: float, clock: str) -> int:
        rehearse(folder, stage, seconds, CLOCKS[clock])
        return 0

    monkeypatch.setattr(rehearsal, "_apart", apart)
