"""How near `onepass run --plan` comes to what a run then takes, stage by stage.

    python benchmarks/plan_accuracy.py RECIPE [--set KEY=VALUE ...] [--json PATH]

The recipe is forecast first. Then each stage is done by `onepass run --until STAGE`, a process of its own
with one thread. Its memory is the most that the process and all that it starts hold together; pages that
they share count once. Seconds are CPU seconds, which do not depend on what else the machine does: what the
stage took by the clock, times the share of the processor that its process had.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measurement import write_result
from onepass.pipeline.forecast import plan_run, render_plan
from onepass.pipeline.rehearsal import watching
from onepass.recipe import load_recipe


def run_until(recipe: Path, to: Path, stage: str, settings: list[str]) -> dict[str, float]:
    """Seconds and MiB of a stage."""
    words = ["run", recipe, "--to", to, "--until", stage, *(w for s in settings for w in ("--set", s))]
    began = time.monotonic()
    process = subprocess.Popen([sys.executable, "-m", "onepass", *map(str, words)], stderr=subprocess.DEVNULL)
    with watching(process.pid) as most:
        _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{stage} ended with status {process.returncode}")
    share = (used.ru_utime + used.ru_stime) / (time.monotonic() - began)
    seconds = json.loads((to / stage / "stage.json").read_text(encoding="utf-8"))["seconds"]
    return {
        "cpu_seconds": seconds * share,
        "wall_seconds": seconds,
        "mib": max(most() / 2**20, used.ru_maxrss / 1024),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the result here, too")
    arguments = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    began, cpu = time.monotonic(), sum(os.times()[:4])
    forecast = plan_run(load_recipe(arguments.recipe, arguments.set), clock="cpu")
    plan_seconds = {"cpu_seconds": sum(os.times()[:4]) - cpu, "wall_seconds": time.monotonic() - began}
    print("\n".join(render_plan(forecast)), plan_seconds, file=sys.stderr, flush=True)
    stages = []
    with tempfile.TemporaryDirectory() as name:
        for estimate in forecast.estimates:
            took = run_until(arguments.recipe, Path(name) / "run", estimate.stage, arguments.set)
            memory = (estimate.memory_bytes or 0) / 2**20
            stages.append(
                {
                    "stage": estimate.stage,
                    "forecast": {"seconds": round(estimate.hours * 3600, 1), "mib": round(memory)},
                    "took": {key: round(value, 1) for key, value in took.items()},
                    "times": round(estimate.hours * 3600 / took["cpu_seconds"], 2),
                    "times_memory": round(memory / took["mib"], 2),
                }
            )
            print(stages[-1], file=sys.stderr, flush=True)
    rounded = {key: round(value, 1) for key, value in plan_seconds.items()}
    result = {"load_average": [round(load, 1) for load in os.getloadavg()], "plan": rounded, "rows": stages}
    write_result(result, arguments.json)


if __name__ == "__main__":
    main()
