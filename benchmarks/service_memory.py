"""Memory of a service over a mixed load: sentences, lists, alternatives, HTML, files, and clients that leave.

    python benchmarks/service_memory.py --minutes 30 --json docs/results/benchmarks/service_memory.json

The first fifth warms up; `growth` is the last measurement over the first one after it.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import re
import threading
import time
from collections import Counter
from pathlib import Path
from urllib.parse import urlencode

from measurement import CORPORA, is_missing, write_result
from service_load import mebibytes, server

CLIENTS, SAMPLES = 2, 60


class Load:
    """Asks for one thing after another until `stop` is set; counts the answers by kind and status."""

    def __init__(self, port: int, lines: list[str], target: str, seed: int) -> None:
        self.port, self.lines, self.target = port, lines, target
        self.answers = Counter[str]()
        self.stop = threading.Event()
        self._random = random.Random(seed)

    def run(self) -> None:
        kinds = [self.sentence, self.texts, self.alternatives, self.html, self.file, self.leaves, self.wrong]
        while not self.stop.is_set():
            one = self._random.choice(kinds)
            self.answers[f"{one.__name__} {one()}"] += 1

    def sentence(self) -> int:
        return self._post(q=self._random.choice(self.lines), details=["alignment", "spans", "doubts"])

    def texts(self) -> int:
        return self._post(q=self._random.sample(self.lines, 20))

    def alternatives(self) -> int:
        return self._post(q=self._random.choice(self.lines), alternatives=3)

    def html(self) -> int:
        words = self._random.choice(self.lines).split()
        return self._post(q=f"<p>{words[0]} <b>{' '.join(words[1:])}</b></p>", format="html")

    def file(self) -> int:
        text = "\n".join(self._random.sample(self.lines, 10))
        fields = {"source": "en", "target": self.target}
        parts = [
            f'--x\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in fields.items()
        ]
        head = 'Content-Disposition: form-data; name="file"; filename="a.txt"'
        body = "".join([*parts, f"--x\r\n{head}\r\n\r\n{text}\r\n--x--\r\n"]).encode()
        return self._ask("/translate_file", body, "multipart/form-data; boundary=x")

    def leaves(self) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        body = json.dumps({"q": self.lines, "source": "en", "target": self.target})
        connection.request("POST", "/translate", body, {"content-type": "application/json"})
        time.sleep(0.05)
        connection.close()
        return 0

    def wrong(self) -> int:
        return self._ask(
            "/translate", urlencode({"q": "a", "source": "xx"}).encode(), "x-www-form-urlencoded"
        )

    def _post(self, **fields: object) -> int:
        body = json.dumps({"source": "en", "target": self.target, **fields}).encode()
        return self._ask("/translate", body, "application/json")

    def _ask(self, path: str, body: bytes, kind: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("POST", path, body, {"content-type": kind})
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer.status


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="en-pt")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the result here, too")
    arguments = parser.parse_args()
    corpus = CORPORA / "testsets.en-pt" / "tatoeba-test.en"
    if is_missing(corpus):
        return
    lines = [line for line in corpus.read_text(encoding="utf-8").split("\n") if line][:500]
    with server(arguments.model, 1) as (pid, port):
        target = re.split("-", arguments.model)[1]
        loads = [Load(port, lines, target, seed) for seed in range(CLIENTS)]
        threads = [threading.Thread(target=load.run) for load in loads]
        for thread in threads:
            thread.start()
        memory = []
        for _ in range(SAMPLES):
            time.sleep(60 * arguments.minutes / SAMPLES)
            memory.append(round(mebibytes(pid), 1))
        for load, thread in zip(loads, threads, strict=True):
            load.stop.set()
            thread.join()
    warm = memory[SAMPLES // 5]
    answers = sum((load.answers for load in loads), Counter[str]())
    result = {
        "model": arguments.model,
        "minutes": arguments.minutes,
        "answers": dict(sorted(answers.items())),
        "mebibytes": memory,
        "growth": round(memory[-1] / warm - 1, 4),
    }
    write_result(result, arguments.json)


if __name__ == "__main__":
    main()
