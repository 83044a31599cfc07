"""`onepass serve` as an operator runs it: processes, signals, a worker that is killed."""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlencode

import pytest
from typer.testing import CliRunner

from onepass.cli import app
from onepass.errors import ModelError, UsageError
from onepass.runtime.shipped import shipped_models, usual_models
from onepass.service.directions import check_directions
from onepass.service.settings import ServiceSettings
from tiny_run import finished_run

ASKED = {"q": "Where is the station?", "source": "en", "target": "pt"}
FIXTURES = Path(__file__).parents[1] / "fixtures"


class Running:
    """A service in processes of its own."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        assert process.stderr is not None
        self.process = process
        line = process.stderr.readline()
        found = re.search(r"at http://127\.0\.0\.1:(\d+)", line)
        assert found, line + process.stderr.read()
        self.port = int(found[1])

    def ask(
        self, method: str, path: str, fields: dict[str, str] | None = None, *, timeout: float = 30.0
    ) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            kind = {"content-type": "application/x-www-form-urlencoded"}
            connection.request(method, path, urlencode(fields or {}), kind)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def until(self, condition: Callable[[], bool]) -> None:
        latest = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < latest
            assert self.process.poll() is None
            time.sleep(0.05)

    def is_healthy(self) -> bool:
        return self.health() == 200

    def health(self) -> int | None:
        """The status; none of a worker that is not there: its socket waits for the next."""
        try:
            return self.ask("GET", "/health", timeout=1.0)[0]
        except OSError:
            return None


@contextmanager
def serving(*options: str, log: Path) -> Iterator[Running]:
    command = [sys.executable, "-m", "onepass", "serve", "en-pt", "--port", "0", *options]
    with (
        log.open("w") as out,
        subprocess.Popen(command, stdout=out, stderr=subprocess.PIPE, text=True) as process,
    ):
        try:
            yield Running(process)
        finally:
            if process.poll() is None:
                process.kill()


def workers_of(pid: int) -> list[int]:
    """The processes of a supervisor that serve; another child tracks what they share."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    found = []
    for child in children:
        with suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
            if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                found.append(int(child))
    return found


def is_running(pid: int) -> bool:
    """Whether a process is there and not only remembered."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="reads /proc")
def test_workers_share_a_port_and_one_that_is_killed_is_replaced(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with serving("--workers", "2", "--grace", "5", log=log) as service:
        service.until(service.is_healthy)
        for _ in range(8):
            status, body = service.ask("POST", "/translate", ASKED)
            assert (status, json.loads(body)) == (200, {"translatedText": "Onde está a estação?"})
        counted = service.ask("GET", "/metrics")[1].decode()
        assert 'onepass_requests_total{route="/translate",status="200"} 8.0' in counted
        first, second = workers_of(service.process.pid)
        service.process.send_signal(signal.SIGSTOP)  # nobody replaces it before its absence is seen
        os.kill(first, signal.SIGKILL)
        service.until(lambda: service.health() == 503)
        service.process.send_signal(signal.SIGCONT)
        service.until(lambda: first not in workers_of(service.process.pid) and service.is_healthy())
        now = workers_of(service.process.pid)
        assert second in now
        assert len(now) == 2
        assert service.ask("POST", "/translate", ASKED)[0] == 200
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(20) == 0
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert sum(line["route"] == "/translate" for line in lines) == 9


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="reads /proc")
def test_workers_end_with_the_process_that_watches_them(tmp_path: Path) -> None:
    with serving("--workers", "2", "--no-log", log=tmp_path / "log") as service:
        service.until(service.is_healthy)
        workers = workers_of(service.process.pid)
        assert len(workers) == 2
        service.process.kill()
        latest = time.monotonic() + 30
        while any(is_running(worker) for worker in workers):
            assert time.monotonic() < latest
            time.sleep(0.05)


def test_one_worker_stops_with_ctrl_c(tmp_path: Path) -> None:
    with serving("--no-log", log=tmp_path / "log") as service:
        service.until(service.is_healthy)
        assert service.ask("POST", "/translate", ASKED)[0] == 200
        service.process.send_signal(signal.SIGINT)
        assert service.process.wait(20) == 0
        assert service.process.stderr is not None
        assert service.process.stderr.read() == ""
    assert (tmp_path / "log").read_text() == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["no-such-model"], "There is no such model"),
        (["en-pt", str(shipped_models()["en-pt"])], "Two models are of one direction"),
        (["--keys", "no-such-file"], "Cannot read the keys"),
        (["--log-text", "--no-log"], "Texts are logged with requests"),
        (["--precision", "int4"], "There is no such precision"),
        ([str(FIXTURES / "format-1"), "--corrections", "3"], "no teacher that corrects"),
    ],
)
def test_what_cannot_be_served_is_one_clear_error(arguments: list[str], said: str) -> None:
    done = CliRunner().invoke(app, ["serve", "--port", "0", *arguments])
    assert done.exit_code != 0
    assert said in str(done.exception)


def test_a_bundle_for_training_corrects_nothing() -> None:
    with pytest.raises(ModelError, match="for training"):
        check_directions([str(finished_run() / "student")], corrections=3)


def test_models_of_several_directions_may_be_served() -> None:
    check_directions(["en-pt", str(FIXTURES / "format-1")])  # this one is en to de
    with pytest.raises(UsageError, match="no model"):
        ServiceSettings(())


@pytest.mark.parametrize(("given", "served"), [([], usual_models()), (["my-model"], ["my-model"])])
def test_without_names_a_model_per_shipped_direction_is_served(
    given: list[str], served: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[ServiceSettings] = []
    monkeypatch.setattr("onepass.service.serve.serve", asked.append)
    assert CliRunner().invoke(app, ["serve", *given]).exit_code == 0
    assert [settings.models for settings in asked] == [tuple(served)]
