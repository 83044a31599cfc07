"""Requests that nobody would write: each has an answer in JSON, none is an error of the service."""

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from tiny_service import Tiny, client_of, tiny

from onepass.service.settings import Limits

REQUESTS = 50
ANSWERS = {200, 400, 404, 405, 413}
PATHS = (
    "/translate",
    "/detect",
    "/translate_file",
    "/languages",
    "/download_file/x",
    "/health",
    "//",
    "/%00",
)
KINDS = (
    "application/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "multipart/form-data; boundary=b",
    "multipart/form-data; boundary=b; charset=utf-7",
    "multipart/form-data; boundary=" + "b" * 300,
    "application/json; charset=utf-16",
    "text/plain",
    "",
)
TEXTS = (
    "One. Two?",
    "",
    " ",
    "\x00",
    "\ud800",
    "é" * 50,
    "<b>x</b>",
    "😀",
    "a" * 300,
    "1" * 50,
    "\u202e\u2028.",
)
VALUES = (
    *TEXTS,
    None,
    True,
    0,
    -1,
    1.5,
    10**30,
    [],
    {},
    [[]],
    ["One.", 2],
    [None],
    {"q": 1},
    "en",
    "de",
    "auto",
)
NAMES = (
    "q",
    "source",
    "target",
    "format",
    "alternatives",
    "api_key",
    "details",
    "file",
    "",
    "__proto__",
    "q[]",
)


class Fuzz:
    """Requests from a seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def fields(self) -> dict[str, object]:
        """Mostly a request that could be answered, with something changed."""
        found: dict[str, object] = {"q": self.random.choice(TEXTS), "source": "en", "target": "de"}
        for _ in range(self.random.randrange(4)):
            found[self.random.choice(NAMES)] = self.random.choice(VALUES)
        return found

    def body(self, kind: str) -> bytes:
        fields = self.fields()
        if "json" in kind:
            body = json.dumps(fields).encode()
        elif "multipart" in kind:
            body = b"".join(self.part(name, value) for name, value in fields.items()) + b"--b--\r\n"
        else:
            pairs = (f"{name}={value}" for name, value in fields.items())
            body = "&".join(pairs).encode("utf-8", "surrogatepass")
        return self.damaged(body) if self.random.random() < 0.4 else body

    def part(self, name: str, value: object) -> bytes:
        file = '; filename="a.txt"' if self.random.random() < 0.3 else ""
        head = f'--b\r\ncontent-disposition: form-data; name="{name}"{file}\r\n\r\n'
        return f"{head}{value}\r\n".encode("utf-8", "surrogatepass")

    def damaged(self, body: bytes) -> bytes:
        place = self.random.randrange(len(body) + 1)
        junk = self.random.randbytes(self.random.randrange(8))
        cut = place + self.random.randrange(20)
        return self.random.choice((body[:place], body[:place] + junk + body[cut:], body * 2, junk))


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    return tiny(tmp_path_factory.mktemp("downloads"), limits=Limits(characters=200, body_bytes=2_000))


@pytest.fixture(scope="module")
def client(service: Tiny) -> Iterator[TestClient]:
    with client_of(service) as client:
        yield client


@pytest.mark.parametrize(
    "seed", [*range(8), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(8, 100))]
)
def test_every_request_has_an_answer_that_is_no_error_of_the_service(
    client: TestClient, service: Tiny, seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    fuzz = Fuzz(seed)
    statuses = set()
    for _ in range(REQUESTS):
        kind = fuzz.random.choice(KINDS)
        method = fuzz.random.choice(("POST",) * 12 + ("GET", "PUT", "HEAD", "OPTIONS", "BREW"))
        path = fuzz.random.choice(PATHS[:1] * 8 + PATHS)
        body = fuzz.body(kind)
        answer = client.request(method, path, content=body, headers={"content-type": kind})
        assert answer.status_code in ANSWERS or method == "OPTIONS", (method, path, kind, body)
        if answer.content and answer.status_code != 200:
            assert set(answer.json()) == {"error"}, (method, path, kind, body)
        statuses.add(answer.status_code)
    assert {200, 400} <= statuses
    assert service.worker.admission.in_flight == 0
    assert capsys.readouterr().err == ""
    good = client.post("/translate", data={"q": "One.", "source": "en", "target": "de"})
    assert good.json() == {"translatedText": "ONE."}


def test_the_same_seed_is_the_same_request(tmp_path: Path) -> None:
    assert Fuzz(3).body(KINDS[0]) == Fuzz(3).body(KINDS[0])
