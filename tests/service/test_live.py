"""The service at a port: clients that come, wait, leave, and are too many; a stop while they wait."""

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlencode

import pytest
from libretranslatepy import LibreTranslateAPI
from tiny_service import Live, live, tiny

from onepass.errors import UsageError
from onepass.service.settings import Limits
from onepass.service.sockets import listening_sockets

ASKED = {"q": "One.", "source": "en", "target": "de"}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Live]:
    with live(tiny(tmp_path / "downloads", limits=Limits(requests=4))) as running:
        yield running


def post(port: int, fields: dict[str, str], path: str = "/translate") -> tuple[int, dict[str, object]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        kind = {"content-type": "application/x-www-form-urlencoded"}
        connection.request("POST", path, urlencode(fields), kind)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def until(condition: Callable[[], bool]) -> None:
    latest = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < latest
        time.sleep(0.005)


def asked_of_a_held_model(service: Live, count: int, pool: ThreadPoolExecutor) -> list[Future]:
    """So many requests that the model holds: one in its round, the others waiting."""
    service.service.english.may_read.clear()
    asked = [pool.submit(post, service.port, {**ASKED, "q": f"text {i}."}) for i in range(count)]
    until(lambda: service.service.worker.admission.in_flight == count)
    return asked


def test_a_public_client_works_unchanged(service: Live) -> None:
    client = LibreTranslateAPI(service.url)
    assert client.translate("Where is it? I am here.", "en", "de") == "WHERE IS IT? I AM HERE."
    assert client.detect("Schöne Grüße")[0] == {"confidence": 99.0, "language": "de"}
    assert [language["code"] for language in client.languages()] == ["de", "en"]


def test_requests_that_wait_are_translated_together(service: Live) -> None:
    with ThreadPoolExecutor(4) as pool:
        asked = asked_of_a_held_model(service, 4, pool)
        service.service.english.may_read.set()
        answers = [future.result() for future in asked]
    assert [said for _, said in answers] == [{"translatedText": f"TEXT {i}."} for i in range(4)]
    assert [len(texts) for texts in service.service.english.rounds] == [1, 3]


def test_one_request_too_many_is_refused_at_once(service: Live) -> None:
    with ThreadPoolExecutor(4) as pool:
        asked = asked_of_a_held_model(service, 4, pool)
        began = time.monotonic()
        assert post(service.port, ASKED) == (503, {"error": "The service is busy"})
        assert post(service.port, {}, "/translate_file") == (503, {"error": "The service is busy"})
        assert time.monotonic() - began < 5
        service.service.english.may_read.set()
        assert [future.result()[0] for future in asked] == [200] * 4
    assert post(service.port, ASKED)[0] == 200


def test_what_a_client_that_leaves_has_asked_is_not_translated(service: Live) -> None:
    english, admission = service.service.english, service.service.worker.admission
    with ThreadPoolExecutor(1) as pool:
        asked = asked_of_a_held_model(service, 1, pool)
        body = urlencode({**ASKED, "q": "I am gone. " * 50}).encode()
        with socket.create_connection(("127.0.0.1", service.port), timeout=20) as gone:
            gone.sendall(
                b"POST /translate HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-www-form-urlencoded\r\n"
                + b"content-length: %d\r\n\r\n" % len(body)
                + body
            )
            until(lambda: admission.in_flight == 2)
        until(lambda: admission.in_flight == 1)
        english.may_read.set()
        assert asked[0].result()[0] == 200
    assert post(service.port, ASKED)[0] == 200
    assert english.rounds == [["text 0."], ["One."]]


def test_a_stop_finishes_what_is_accepted(service: Live) -> None:
    with ThreadPoolExecutor(3) as pool:
        asked = asked_of_a_held_model(service, 3, pool)
        service.stop.set()
        until(lambda: service.service.worker.admission.is_stopping)
        time.sleep(0.3)
        service.service.english.may_read.set()
        assert [future.result()[0] for future in asked] == [200] * 3
    service.thread.join(10)
    assert not service.thread.is_alive()
    with pytest.raises(ConnectionRefusedError):
        post(service.port, ASKED)


def test_a_service_that_stops_refuses_and_is_not_healthy(service: Live) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=20)
    connection.connect()
    service.service.worker.admission.stop(5)
    connection.request("GET", "/health")
    answer = connection.getresponse()
    assert (answer.status, json.loads(answer.read())) == (503, {"status": "stopping"})
    assert post(service.port, ASKED) == (503, {"error": "The service is stopping"})
    connection.close()


def test_a_stop_does_not_wait_longer_than_it_may(tmp_path: Path) -> None:
    with live(tiny(tmp_path), grace_seconds=1) as service, ThreadPoolExecutor(2) as pool:
        asked = asked_of_a_held_model(service, 2, pool)
        began = time.monotonic()
        service.stop.set()
        refused = (503, {"error": "The translation took too long"})
        assert [future.result() for future in asked] == [refused, refused]
        service.thread.join(10)
        assert time.monotonic() - began < 8
        assert not service.thread.is_alive()


def test_a_body_that_does_not_come_is_not_waited_for(tmp_path: Path) -> None:
    with (
        live(tiny(tmp_path, limits=Limits(seconds=0.2))) as service,
        socket.create_connection(("127.0.0.1", service.port), timeout=20) as slow,
    ):
        slow.sendall(b"POST /translate HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nq=")
        assert slow.recv(1_000).startswith(b"HTTP/1.1 408")


def test_an_address_that_another_has_is_an_error() -> None:
    [taken] = listening_sockets("127.0.0.1", 0, 1)
    with taken:
        taken.listen()
        with pytest.raises(UsageError, match="Cannot listen"):
            listening_sockets("127.0.0.1", taken.getsockname()[1], 2)
    with pytest.raises(UsageError, match="Cannot listen"):
        listening_sockets("no.such.host.invalid", 0, 1)


def test_workers_have_sockets_at_one_port() -> None:
    found = listening_sockets("127.0.0.1", 0, 3)
    try:
        assert len({bound.getsockname() for bound in found}) == 1
    finally:
        for bound in found:
            bound.close()


def test_what_waits_is_counted(service: Live) -> None:
    def metrics() -> dict[str, float]:
        connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=20)
        connection.request("GET", "/metrics")
        lines = connection.getresponse().read().decode().splitlines()
        connection.close()
        return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if line[0] != "#"}

    with ThreadPoolExecutor(4) as pool:
        asked = asked_of_a_held_model(service, 4, pool)
        until(lambda: metrics()["onepass_waiting_sentences"] == 3)
        assert metrics()["onepass_requests_in_flight"] == 4
        assert post(service.port, ASKED)[0] == 503
        service.service.english.may_read.set()
        for future in asked:
            future.result()
    until(lambda: metrics()["onepass_waiting_sentences"] == 0)
    found = metrics()
    assert found['onepass_requests_total{route="/translate",status="200"}'] == 4
    assert found['onepass_requests_total{route="/translate",status="503"}'] == 1
    assert found['onepass_refused_total{reason="busy"}'] == 1
    assert found['onepass_sentences_total{direction="en-de"}'] == 4
    assert found["onepass_characters_total"] == 4 * len("text 0.")
    assert found['onepass_batch_sentences_bucket{direction="en-de",le="1.0"}'] == 1
    assert found['onepass_batch_sentences_sum{direction="en-de"}'] == 4
    assert found['onepass_request_seconds_count{route="/translate"}'] == 5
    assert found['onepass_model_info{direction="en-de",fingerprint="capitals",model="capitals"}'] == 1


def test_a_model_that_is_stuck_is_not_healthy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onepass.service.app.BEAT_SECONDS", 0.02)
    monkeypatch.setattr("onepass.service.app.STUCK_SECONDS", 0.2)
    monkeypatch.setattr("onepass.service.health.FRESH_SECONDS", 0.3)

    def health(port: int) -> tuple[int, object]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request("GET", "/health")
        answer = connection.getresponse()
        found = answer.status, json.loads(answer.read())
        connection.close()
        return found

    with live(tiny(tmp_path)) as service, ThreadPoolExecutor(1) as pool:
        time.sleep(0.6)  # longer than anything may be stuck
        until(lambda: health(service.port) == (200, {"status": "ok"}))
        asked_of_a_held_model(service, 1, pool)
        until(lambda: health(service.port) == (503, {"status": "failing", "workers": [0]}))
        service.service.english.may_read.set()
        until(lambda: health(service.port) == (200, {"status": "ok"}))


def test_threads_of_models_end_with_the_service(tmp_path: Path) -> None:
    def models() -> set[threading.Thread]:
        return {thread for thread in threading.enumerate() if thread.name == "onepass-model"}

    before = models()  # of services before, whose threads may end at any moment
    with live(tiny(tmp_path)) as service:
        post(service.port, ASKED)
        own = models() - before
        assert len(own) == 2
    until(lambda: not own & models())
