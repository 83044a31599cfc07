"""A run of many students does not grow by each of them."""

import subprocess
import sys
from pathlib import Path

import pytest

from onepass.display import Display
from onepass.pipeline import run as module
from onepass.pipeline.run import run_recipe
from tiny_run import tiny_recipe

PROGRAM = """
import psutil, torch
from onepass.pipeline.freed_memory import return_freed_memory
from onepass.training.loop import keep_freed_memory
keep_freed_memory()
tensors = [torch.ones(size) for size in torch.randint(10_000, 200_000, (1000,)).tolist()]
kept = tensors[::50]
held = psutil.Process().memory_info().rss
del tensors
before = psutil.Process().memory_info().rss
return_freed_memory()
print(held - before, before - psutil.Process().memory_info().rss)
"""


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="other systems' allocators do so by themselves"
)
def test_what_a_training_keeps_goes_back_to_the_system() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    at_once, at_last = map(int, done.stdout.split())
    assert at_once < 5e7
    assert at_last > 2e8


def test_memory_goes_back_behind_each_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    returned: list[bool] = []
    monkeypatch.setattr(module, "return_freed_memory", lambda: returned.append(True))
    recipe = tiny_recipe(tmp_path)
    run_recipe(recipe, tmp_path / "run", until="prepare", display=Display(quiet=True), command="")
    assert len(returned) == 1
