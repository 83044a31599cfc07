"""A change of structure leaves the losses as they were: `golden_loss.json` is the committed trace.

After a change that is meant to alter them, `python tests/training/test_golden_loss.py` writes it anew.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import KINDS, records

GOLDEN = Path(__file__).with_name("golden_loss.json")


def machine() -> dict[str, str]:
    """What the last bits of a loss depend on."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    facts = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return {
        "torch": torch.__version__,
        "capability": torch.backends.cpu.get_cpu_capability(),
        **{name: facts.get(name, "") for name in ("vendor_id", "cpu family", "model")},
    }


def traces(directory: Path) -> dict[str, list[float]]:
    """The losses of the first ten updates, each a batch of its own."""
    found: dict[str, list[float]] = {}
    for kind in KINDS:
        own = directory / kind
        own.mkdir()
        log: list[dict[str, Any]] = list(records(own, kind, max_updates=10, validate_every=10))
        found[kind] = [record["loss"] for record in log if "loss" in record]
    return found


@pytest.fixture(scope="module")
def losses() -> dict[str, list[float]]:
    """The traces from a process of their own: earlier tests change how matrix products are split."""
    traced = subprocess.run([sys.executable, __file__, "--print"], stdout=subprocess.PIPE, check=True)
    return dict(json.loads(traced.stdout))


@pytest.mark.parametrize("kind", KINDS)
def test_the_first_losses_are_the_committed_ones(losses: dict[str, list[float]], kind: str) -> None:
    golden = json.loads(GOLDEN.read_text())
    assert losses[kind] == pytest.approx(golden["losses"][kind], rel=1e-4)
    if golden["machine"] == machine():
        assert losses[kind] == golden["losses"][kind]


if __name__ == "__main__":
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        losses_now = traces(Path(scratch))
    if "--print" in sys.argv:
        print(json.dumps(losses_now))
    else:
        GOLDEN.write_text(json.dumps({"machine": machine(), "losses": losses_now}, indent=1) + "\n")
