"""What is refused: too much, too often, from the wrong people, at the wrong time."""

import gzip
import hashlib
import json
from pathlib import Path

import pytest
from tiny_service import client_of, tiny

from onepass.errors import DataError
from onepass.service.admission import Admission
from onepass.service.keys import find_key, read_keys
from onepass.service.quotas import Quotas
from onepass.service.refusal import RequestError
from onepass.service.settings import Limits

ASKED = {"q": "One.", "source": "en", "target": "de"}


def key_file(path: Path, *lines: str) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def sha256(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


class TestSize:
    def test_a_request_has_so_many_characters(self, tmp_path: Path) -> None:
        with client_of(tiny(tmp_path, limits=Limits(characters=10))) as client:
            assert client.post("/translate", data={**ASKED, "q": "x" * 10}).status_code == 200
            answer = client.post("/translate", json={**ASKED, "q": ["x" * 6, "y" * 5]})
        assert answer.status_code == 400
        assert answer.json() == {"error": "Invalid request: request (11) exceeds text limit (10)"}

    def test_a_request_has_so_many_texts(self, tmp_path: Path) -> None:
        with client_of(tiny(tmp_path, limits=Limits(texts=2))) as client:
            assert client.post("/translate", json={**ASKED, "q": ["a", "b"]}).status_code == 200
            assert client.post("/translate", json={**ASKED, "q": ["a", "b", "c"]}).status_code == 400

    @pytest.mark.parametrize("path", ["/translate", "/detect", "/translate_file"])
    def test_a_body_has_so_many_bytes(self, tmp_path: Path, path: str) -> None:
        with client_of(tiny(tmp_path, limits=Limits(body_bytes=100))) as client:
            answer = client.post(path, data={**ASKED, "q": "x" * 100})
        assert answer.status_code == 413
        assert answer.json() == {"error": "The request is larger than 100 bytes"}

    def test_a_form_has_so_many_fields(self, tmp_path: Path) -> None:
        with client_of(tiny(tmp_path)) as client:
            answer = client.post("/translate", data={f"x{i}": "" for i in range(3_000)})
        assert answer.json() == {"error": "Invalid request: too many fields"}

    def test_what_is_packed_is_not_unpacked(self, tmp_path: Path) -> None:
        bomb = gzip.compress(json.dumps({**ASKED, "q": "x" * 1_000_000}).encode())
        packed = {"content-type": "application/json", "content-encoding": "gzip"}
        with client_of(tiny(tmp_path)) as client:
            assert client.post("/translate", content=bomb, headers=packed).status_code == 400


class TestQuotas:
    def test_a_minute_has_so_many_characters(self) -> None:
        now = [1_000.0]
        quotas = Quotas(clock=lambda: now[0])
        assert quotas.take("a", 60, 100) == 0
        assert quotas.take("a", 60, 100) == pytest.approx(12)  # 20 are missing, and 100 take a minute
        assert quotas.take("b", 60, 100) == 0
        now[0] += 11.9
        assert quotas.take("a", 60, 100) > 0
        now[0] += 0.2
        assert quotas.take("a", 60, 100) == 0

    def test_a_bucket_holds_no_more_than_a_minute(self) -> None:
        now = [1_000.0]
        quotas = Quotas(clock=lambda: now[0])
        now[0] += 10_000
        assert quotas.take("a", 100, 100) == 0
        assert quotas.take("a", 1, 100) > 0

    def test_a_request_of_more_than_a_minute_takes_a_full_bucket(self) -> None:
        now = [1_000.0]
        quotas = Quotas(clock=lambda: now[0])
        assert quotas.take("a", 300, 100) == 0
        now[0] += 119
        assert quotas.take("a", 100, 100) > 0
        now[0] += 62
        assert quotas.take("a", 100, 100) == 0

    def test_who_asks_too_fast_is_told_when_to_come_back(self, tmp_path: Path) -> None:
        with client_of(tiny(tmp_path, limits=Limits(characters_per_minute=10))) as client:
            assert client.post("/translate", data={**ASKED, "q": "12345678"}).status_code == 200
            answer = client.post("/translate", data={**ASKED, "q": "12345678"})
            assert answer.status_code == 429
            assert answer.json() == {"error": "Slow down: the limit is 10 characters per minute"}
            assert 30 <= int(answer.headers["retry-after"]) <= 36
            assert client.post("/translate", data={**ASKED, "q": "12"}).status_code == 200
            assert client.post("/detect", data={"q": "12345678"}).status_code == 429

    def test_what_is_refused_costs_nothing(self, tmp_path: Path) -> None:
        with client_of(tiny(tmp_path, limits=Limits(characters_per_minute=10))) as client:
            for _ in range(3):
                assert client.post("/translate", data={**ASKED, "target": "zz"}).status_code == 400
            assert client.post("/translate", data={**ASKED, "q": "1234567890"}).status_code == 200


class TestKeys:
    def test_only_who_has_a_key_may_ask(self, tmp_path: Path) -> None:
        keys = read_keys(key_file(tmp_path / "keys", f"ann {sha256('secret')}", "# a comment", ""))
        with client_of(tiny(tmp_path / "d", keys=keys)) as client:
            assert client.post("/translate", data={**ASKED, "api_key": "secret"}).status_code == 200
            assert client.post("/translate", json={**ASKED, "api_key": "secret"}).status_code == 200
            bearer = {"authorization": "Bearer secret"}
            assert client.post("/translate", json=ASKED, headers=bearer).status_code == 200
            for path in ("/translate", "/detect", "/translate_file"):
                none = client.post(path, data=ASKED)
                assert (none.status_code, none.json()) == (403, {"error": "An API key is required"})
                wrong = client.post(path, data={**ASKED, "api_key": "Secret"})
                assert (wrong.status_code, wrong.json()) == (403, {"error": "Invalid API key"})
            assert client.get("/languages").status_code == 200
            assert client.get("/frontend/settings").json()["keyRequired"] is True

    def test_a_key_may_have_a_limit_of_its_own(self, tmp_path: Path) -> None:
        path = key_file(tmp_path / "keys", f"ann {sha256('a')} 5", f"bob {sha256('b')} 0")
        limits = Limits(characters_per_minute=2)
        with client_of(tiny(tmp_path / "d", limits=limits, keys=read_keys(path))) as client:

            def statuses(key: str) -> list[int]:
                asked = {**ASKED, "q": "1234", "api_key": key}
                return [client.post("/translate", json=asked).status_code for _ in range(3)]

            assert statuses("a") == [200, 429, 429]
            assert statuses("b") == [200, 200, 200]

    def test_the_hash_of_a_key_is_no_key(self, tmp_path: Path) -> None:
        keys = read_keys(key_file(tmp_path / "keys", f"ann {sha256('a')}", f"bob {sha256('b')}"))
        assert find_key(keys, sha256("a")) is None
        found = [find_key(keys, key) for key in "ab"]
        assert [key.name for key in found if key] == ["ann", "bob"]

    @pytest.mark.parametrize("line", ["ann secret-key", "ann", f"ann {'a' * 63}", f"ann {'a' * 64} many"])
    def test_a_line_that_is_no_key_is_one_error_that_does_not_show_it(
        self, tmp_path: Path, line: str
    ) -> None:
        path = key_file(tmp_path / "keys", f"bob {sha256('b')}", line)
        with pytest.raises(DataError, match=r"keys, line 2") as caught:
            read_keys(path)
        assert "secret-key" not in str(caught.value)

    def test_a_file_without_keys_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="no keys"):
            read_keys(key_file(tmp_path / "keys", "# nobody"))
        with pytest.raises(DataError, match="Cannot read"):
            read_keys(tmp_path / "missing")
        with pytest.raises(DataError, match="Two keys"):
            read_keys(key_file(tmp_path / "two", f"a {sha256('a')}", f"a {sha256('b')}"))


class TestLoad:
    def test_so_many_requests_are_answered_at_once(self) -> None:
        admission = Admission(Limits(requests=2, sentences=10), (), Quotas())
        with admission.admitted(0), admission.admitted(0):
            with pytest.raises(RequestError) as caught, admission.admitted(0):
                pass
            assert (caught.value.status, caught.value.reason) == (503, "busy")
            assert admission.in_flight == 2
        with admission.admitted(9), pytest.raises(RequestError), admission.admitted(10):
            pass
        assert admission.in_flight == 0

    def test_a_door_that_closes_lets_nobody_in(self) -> None:
        admission = Admission(Limits(seconds=30), (), Quotas())
        assert admission.deadline(1e9) == 1e9 + 30
        admission.stop(5)
        with pytest.raises(RequestError) as caught, admission.admitted(0):
            pass
        assert (caught.value.status, caught.value.reason) == (503, "stopping")
        assert admission.deadline(1e9) < 1e9

    def test_a_request_takes_so_many_seconds(self, tmp_path: Path) -> None:
        service = tiny(tmp_path, limits=Limits(seconds=0.2))
        service.english.may_read.clear()
        with client_of(service) as client:
            answer = client.post("/translate", data=ASKED)
            service.english.may_read.set()
            assert (answer.status_code, answer.json()) == (503, {"error": "The translation took too long"})
            assert client.post("/translate", data=ASKED).status_code == 200


class TestLog:
    def test_a_line_says_what_was_asked_but_not_the_text(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        keys = read_keys(key_file(tmp_path / "keys", f"ann {sha256('topsecret')}"))
        with client_of(tiny(tmp_path / "d", keys=keys, access_log=True)) as client:
            client.post("/translate", params={**ASKED, "q": "A private matter.", "api_key": "topsecret"})
            client.get("/a private path")
            client.post("/detect", data={"q": "A private matter.", "api_key": "private"})
        said = capsys.readouterr().out
        first, second, third = map(json.loads, said.splitlines())
        assert (first["route"], first["status"], first["characters"], first["sentences"], first["key"]) == (
            "/translate",
            200,
            17,
            1,
            "ann",
        )
        assert (second["route"], second["status"]) == ("other", 404)
        assert (third["reason"], third["key"]) == ("key", None)
        assert "private" not in said
        assert "secret" not in said

    def test_texts_are_logged_where_the_operator_wants_them(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with client_of(tiny(tmp_path, access_log=True, log_text=True)) as client:
            client.post("/translate", data=ASKED)
        assert json.loads(capsys.readouterr().out)["texts"] == ["One."]
