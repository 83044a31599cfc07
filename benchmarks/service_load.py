"""What `onepass serve` costs beside its model, and how it behaves under load.

    python benchmarks/service_load.py [--model NAME] [--workers N] [--seconds N] [--json PATH]

The server runs in processes of its own, the clients in this one; both are on the machine that is named.
First one connection asks sentence by sentence; the model's own time for the same sentences is taken in this
process. Then many connections ask, a sentence a request or a list of 20. The server's CPU seconds are read
from `/proc` and compared with those of `onepass translate` on the same lines, without the time that either
takes to start. Then requests come at 70% of the rate that was reached, and at twice that rate.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from measurement import CORPORA, is_missing, write_result
from onepass import Translator

TEST_SET = CORPORA / "testsets.en-pt" / "tatoeba-test.en"
LIST = 20
ONEPASS = (sys.executable, "-m", "onepass")
BARS = {
    "overhead_ms_p50": (1.5, "at most"),
    "share_of_translate_alone": (0.6, "at least"),
    "share_of_translate_in_lists": (0.9, "at least"),
    "sentences_per_second": (400, "at least"),
    "p99_ms_at_70_percent": (100, "at most"),
}


class Answer(NamedTuple):
    """Of one request: HTTP's status, and milliseconds."""

    status: int
    ms: float


class Connection:
    """A connection that is kept; asks one request after the other."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: bytes) -> Answer:
        begin = time.perf_counter()
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head)
        await reader.readexactly(int(length[1]) if length else 0)
        return Answer(int(head[9:12]), 1_000 * (time.perf_counter() - begin))

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()


def request_of(texts: Sequence[str]) -> bytes:
    """A request for a text, or for a list of several."""
    q = texts[0] if len(texts) == 1 else list(texts)
    body = json.dumps({"q": q, "source": "en", "target": "pt"}).encode()
    return (
        b"POST /translate HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
        b"content-length: %d\r\n\r\n" % len(body)
    ) + body


@contextmanager
def server(model: str, workers: int) -> Iterator[tuple[int, int]]:
    """A server that answers; its process and its port."""
    command = [*ONEPASS, "serve", model, "--port", "0", "--workers", str(workers), "--no-log"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        found = re.search(r":(\d+)$", process.stderr.readline().strip())
        assert found is not None
        port = int(found[1])
        while b"ok" not in asyncio.run(health(port)):
            time.sleep(0.2)
        try:
            yield process.pid, port
        finally:
            process.terminate()
            process.wait(30)


async def health(port: int) -> bytes:
    """What `/health` says, or nothing."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        said = await asyncio.wait_for(reader.read(), 5)
        writer.close()
        return said
    except (OSError, TimeoutError):
        return b""


def cpu_seconds(pid: int) -> float:
    """Of a process and its children, so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    own = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return own + sum(cpu_seconds(int(child)) for child in children)


def mebibytes(pid: int) -> float:
    """Proportional memory of a process and its children."""
    said = Path(f"/proc/{pid}/smaps_rollup").read_text()
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    own = int(re.findall(r"Pss:\s+(\d+)", said)[0]) / 1024
    return own + sum(mebibytes(int(child)) for child in children)


def translate_rate(model: str, lines: Sequence[str]) -> float:
    """Sentences that `onepass translate` does in a CPU second, without its start."""

    def cpu(count: int) -> float:
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
            file.writelines(f"{line}\n" for line in lines[:count])
            file.flush()
            command = [*ONEPASS, "translate", "--model", model, "--threads", "1", "--file", file.name]
            before = os.times()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            after = os.times()
        return after.children_user + after.children_system - before.children_user - before.children_system

    return (len(lines) - 1) / (cpu(len(lines)) - cpu(1))


async def closed_loop(port: int, requests: Sequence[bytes], connections: int, seconds: float) -> list[Answer]:
    """Each connection asks again as soon as it has its answer."""
    supply = itertools.cycle(requests)
    end = time.perf_counter() + seconds
    answers: list[Answer] = []

    async def one() -> None:
        connection = Connection(port)
        while time.perf_counter() < end:
            answers.append(await connection.ask(next(supply)))
        connection.close()

    await asyncio.gather(*(one() for _ in range(connections)))
    return answers


async def open_loop(port: int, requests: Sequence[bytes], rate: float, seconds: float) -> list[Answer]:
    """Requests come at a rate, whether or not others have their answers."""
    supply, idle = itertools.cycle(requests), [Connection(port) for _ in range(64)]
    answers: list[Answer] = []

    async def one() -> None:
        connection = idle.pop() if idle else Connection(port)
        answers.append(await connection.ask(next(supply)))
        idle.append(connection)

    begin = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for number in itertools.count():
            due = begin + number / rate
            if due > begin + seconds:
                break
            if (wait := due - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            tasks.create_task(one())
    for connection in idle:
        connection.close()
    return answers


def summary(answers: Sequence[Answer]) -> dict[str, Any]:
    """Of the requests that were answered, and how many were refused."""
    accepted = sorted(answer.ms for answer in answers if answer.status == 200)
    refused = sorted(answer.ms for answer in answers if answer.status in (429, 503))
    others = len(answers) - len(accepted) - len(refused)
    return {
        "requests": len(answers),
        "refused": len(refused),
        "failed": others,
        "p50_ms": round(percentile(accepted, 50), 2),
        "p99_ms": round(percentile(accepted, 99), 2),
        **({"refused_p99_ms": round(percentile(refused, 99), 2)} if refused else {}),
    }


def percentile(values: Sequence[float], percent: float) -> float:
    return values[min(len(values) - 1, int(len(values) * percent / 100))] if values else float("nan")


class Own(NamedTuple):
    """The model's own milliseconds for a sentence: in the middle, and of the processor on average."""

    p50_ms: float
    cpu_ms: float


def own_time(model: str, lines: Sequence[str]) -> Own:
    """What the model takes without a service."""
    translator = Translator.load(model, num_threads=1)
    translator.translate(lines[:50])
    taken, cpu = [], time.process_time()
    for line in lines:
        begin = time.perf_counter()
        translator.translate([line])
        taken.append(1_000 * (time.perf_counter() - begin))
    return Own(statistics.median(taken), 1_000 * (time.process_time() - cpu) / len(lines))


def under_load(
    pid: int, port: int, lines: Sequence[str], size: int, arguments: argparse.Namespace
) -> dict[str, Any]:
    """Many connections, each with lists of `size` sentences."""
    requests = [request_of(lines[i : i + size]) for i in range(0, len(lines) - size + 1, size)]
    asyncio.run(closed_loop(port, requests, arguments.connections, 1))
    cpu, begin = cpu_seconds(pid), time.perf_counter()
    answers = asyncio.run(closed_loop(port, requests, arguments.connections, arguments.seconds))
    took, cpu = time.perf_counter() - begin, cpu_seconds(pid) - cpu
    done = size * sum(answer.status == 200 for answer in answers)
    return {
        **summary(answers),
        "sentences_per_second": round(done / took, 1),
        "sentences_per_cpu_second": round(done / cpu, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="en-pt")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=10, help="of each load")
    parser.add_argument("--lines", type=int, default=1_000, help="of the test set")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the result here, too")
    arguments = parser.parse_args()
    if is_missing(TEST_SET):
        return
    lines = TEST_SET.read_text(encoding="utf-8").splitlines()[: arguments.lines]
    translate = translate_rate(arguments.model, lines)
    with server(arguments.model, arguments.workers) as (pid, port):
        one = [request_of([line]) for line in lines]
        asyncio.run(closed_loop(port, one, 1, 1))
        cpu = cpu_seconds(pid)
        alone = summary(asyncio.run(closed_loop(port, one, 1, arguments.seconds)))
        cpu_ms = 1_000 * (cpu_seconds(pid) - cpu) / alone["requests"]
        own = own_time(arguments.model, lines[: alone["requests"]])
        single = under_load(pid, port, lines, 1, arguments)
        lists = under_load(pid, port, lines, LIST, arguments)
        rate = single["sentences_per_second"]
        usual = summary(asyncio.run(open_loop(port, one, 0.7 * rate, arguments.seconds)))
        double = summary(asyncio.run(open_loop(port, one, 2 * rate, arguments.seconds)))
        memory = mebibytes(pid)
    figures = {
        "overhead_ms_p50": round(alone["p50_ms"] - own.p50_ms, 2),
        "share_of_translate_alone": round(single["sentences_per_cpu_second"] / translate, 3),
        "share_of_translate_in_lists": round(lists["sentences_per_cpu_second"] / translate, 3),
        "sentences_per_second": rate,
        "p99_ms_at_70_percent": usual["p99_ms"],
    }
    missed = [
        name
        for name, (bar, kind) in BARS.items()
        if (figures[name] > bar if kind == "at most" else figures[name] < bar)
    ]
    result: dict[str, Any] = {
        "model": arguments.model,
        "workers": arguments.workers,
        "connections": arguments.connections,
        "load_average": os.getloadavg(),
        "translate_sentences_per_cpu_second": round(translate, 1),
        "model_ms_p50": round(own.p50_ms, 2),
        "model_cpu_ms": round(own.cpu_ms, 2),
        "one_connection_cpu_ms": round(cpu_ms, 2),
        "one_connection": alone,
        "a_sentence_a_request": single,
        "lists_of_20": lists,
        "at_70_percent": usual,
        "at_200_percent": double,
        "mebibytes": round(memory),
        **figures,
        "bars_missed": missed or "none",
    }
    write_result(result, arguments.json)


if __name__ == "__main__":
    main()
