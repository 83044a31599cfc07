"""The page of `onepass web` in Chromium against Python: the same text, the same spans, milliseconds, sizes.

    python benchmarks/browser.py --json docs/results/benchmarks/browser.json

Chromium is Debian's, or the one that the variable CHROMIUM names. Each line is translated alone, here and
there, since Python's batches round differently, too. Processor time is that of all processes of the browser.
"""

from __future__ import annotations

import argparse
import functools
import http.server
import os
import shutil
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from playwright.sync_api import Page, sync_playwright

from measurement import CORPORA, is_missing, write_result
from onepass.runtime.translator import Translator
from onepass.text.spans import find_spans
from onepass.web.build import write_page

MODEL, SETS = "en-pt", {"tatoeba-test": 1000, "ntrex-pt-dev": 200}
AT_ONCE = 50
TRANSLATE = """async (lines) => {
  const found = [];
  for (const line of lines) {
    const begin = performance.now();
    found.push([await translator.translate(line), performance.now() - begin]);
  }
  return found;
}"""


class _Files(http.server.SimpleHTTPRequestHandler):
    extensions_map = {  # noqa: RUF012
        **http.server.SimpleHTTPRequestHandler.extensions_map,
        ".mjs": "text/javascript",
        ".wasm": "application/wasm",
    }

    def log_message(self, *arguments: Any) -> None:
        pass


@contextmanager
def served(directory: Path) -> Iterator[str]:
    """A directory over HTTP at the loopback; the address."""
    handler = functools.partial(_Files, directory=str(directory))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@contextmanager
def opened(url: str) -> Iterator[Page]:
    """The page of a model in Chromium, ready to translate."""
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--no-zygote", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=chromium, args=options)
        page = browser.new_page()
        page.goto(url)
        page.wait_for_function("() => globalThis.translator", timeout=60_000)
        yield page
        browser.close()


def cpu_seconds() -> float:
    """Of the processes that this one has started, so far."""
    times = [one.cpu_times() for one in psutil.Process().children(recursive=True)]
    return float(sum(one.user + one.system for one in times))


def spans_of(text: str) -> Counter[str]:
    return Counter(span.text for span in find_spans(text))


def compared(page: Page, translator: Translator, lines: Sequence[str]) -> dict[str, Any]:
    """What the browser and Python make of the same lines; which lines differ, counted from 1."""
    rows: list[Any] = []
    begun = cpu_seconds()
    for first in range(0, len(lines), AT_ONCE):
        rows += page.evaluate(TRANSLATE, list(lines[first : first + AT_ONCE]))
    cpu = cpu_seconds() - begun
    texts, times = [row[0] for row in rows], sorted(row[1] for row in rows)
    expected = [translator.translate([line])[0].text for line in lines]
    batches = [found.text for found in translator.translate(lines)]
    differ = [i for i, (one, other) in enumerate(zip(texts, expected, strict=True), 1) if one != other]
    spans = [i for i in differ if spans_of(texts[i - 1]) != spans_of(expected[i - 1])]
    return {
        "lines": len(lines),
        "same": round(1 - len(differ) / len(lines), 4),
        "same_in_pythons_batches": sum(map(str.__eq__, expected, batches)) / len(lines),
        "differ": differ,
        "spans_differ": spans,
        "cpu_ms_mean": round(1_000 * cpu / len(lines), 1),
        "ms_p50": round(times[len(times) // 2], 1),
        "ms_p99": round(times[len(times) * 99 // 100], 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the result here, too")
    parser.add_argument("--cache", type=Path, help="directory of the runtime for browsers")
    parser.add_argument("--lines", type=int, default=1000, help="most lines of a set")
    arguments = parser.parse_args()
    if is_missing(CORPORA / "testsets.en-pt"):
        return
    translator = Translator.load(MODEL, num_threads=1, split=True)
    with tempfile.TemporaryDirectory() as folder:
        written = write_page(MODEL, Path(folder), cache=arguments.cache)
        with served(Path(folder)) as url:
            begun = time.perf_counter()
            with opened(url) as page:
                seconds = time.perf_counter() - begun
                found = {}
                for name, count in SETS.items():
                    text = (CORPORA / "testsets.en-pt" / f"{name}.en").read_text(encoding="utf-8")
                    found[name] = compared(page, translator, text.split("\n")[: min(count, arguments.lines)])
                version = page.context.browser.version if page.context.browser else ""
    result = {
        "model": MODEL,
        "browser": f"Chromium {version}, headless, one thread",
        "bytes": written._asdict(),
        "seconds_to_start": round(seconds, 1),
        "sets": found,
    }
    write_result(result, arguments.json)


if __name__ == "__main__":
    main()
