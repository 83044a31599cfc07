"""What a user waits for and pays: import, first translation, installed size, peak memory.

    python benchmarks/startup.py [--model NAME] [--runs N] [--json PATH]

Every run is a fresh process. The import is timed inside it (`import onepass`, and `from onepass import
Translator` with all that it needs), the first translation from the start of the command to its end. The
installed size is that of the package itself, models included. The memory is the peak of a process that
translates the given number of lines of 20 words. What is above its bar is named.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import onepass
from measurement import write_result

BARS = {"import onepass": 150, "first_translation_ms": 1000, "installed_mb": 60, "peak_mib": 286}
"""The most that is allowed; 286 MiB are 300 MB."""
IMPORT = "import time; a = time.perf_counter(); {}; print(time.perf_counter() - a)"
MEMORY = """
import resource, sys
from onepass import Translator
lines = ["The old man who lives near the station bought a red car because his own was not running any more."]
translator = Translator.load(sys.argv[1])
for _ in translator.translate_stream(lines * int(sys.argv[2])):
    pass
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def output(*command: str) -> str:
    """What a command prints."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="en-pt")
    parser.add_argument("--runs", type=int, default=11)
    parser.add_argument("--lines", type=int, default=5000, help="of the memory's measurement")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the result here, too")
    arguments = parser.parse_args()

    statements = {"import onepass": "import onepass", "with Translator": "from onepass import Translator"}
    imports = {
        name: statistics.median(
            float(output(sys.executable, "-c", IMPORT.format(statement))) for _ in range(arguments.runs)
        )
        for name, statement in statements.items()
    }
    command = Path(sys.executable).with_name("onepass")
    seconds = []
    for _ in range(arguments.runs):
        begin = time.perf_counter()
        output(str(command), "translate", "--model", arguments.model, "Where is the station?")
        seconds.append(time.perf_counter() - begin)
    package = Path(onepass.__file__).parent
    files = [path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    kib = int(output(sys.executable, "-c", MEMORY, arguments.model, str(arguments.lines)))
    result: dict[str, Any] = {
        "runs": arguments.runs,
        "import_ms": {name: round(value * 1000, 1) for name, value in imports.items()},
        "first_translation_ms": round(statistics.median(seconds) * 1000),
        "installed_mb": round(sum(path.stat().st_size for path in files) / 1e6, 1),
        "lines_translated": arguments.lines,
        "peak_mib": round(kib / 1024),
    }
    figures = {**result["import_ms"], **result}
    result["above_bar"] = [name for name, most in BARS.items() if figures[name] > most] or "none"
    write_result(result, arguments.json)


if __name__ == "__main__":
    main()
