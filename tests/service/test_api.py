"""What a client of LibreTranslate's API sees, behaviour by behaviour."""

import pytest
from starlette.testclient import TestClient
from tiny_service import Tiny

ASKED = {"q": "Where is it? I am here.", "source": "en", "target": "de"}


@pytest.mark.parametrize("kind", ["json", "data"])
def test_a_text_is_translated(client: TestClient, kind: str) -> None:
    answer = client.post("/translate", **{kind: {**ASKED, "format": "text"}})
    assert answer.status_code == 200
    assert answer.json() == {"translatedText": "WHERE IS IT? I AM HERE."}
    assert answer.headers["content-type"] == "application/json"


def test_a_form_with_parts_is_a_form(client: TestClient) -> None:
    parts = {name: (None, value) for name, value in ASKED.items()}
    assert client.post("/translate", files=parts).json() == {"translatedText": "WHERE IS IT? I AM HERE."}


def test_a_query_is_a_form(client: TestClient) -> None:
    assert client.post("/translate", params=ASKED).json() == {"translatedText": "WHERE IS IT? I AM HERE."}


@pytest.mark.parametrize("kind", ["json", "data"])
def test_a_list_is_translated_as_a_list(client: TestClient, kind: str) -> None:
    answer = client.post("/translate", **{kind: {**ASKED, "q": ["One.", "", " Two. \n"]}})
    assert answer.json() == {"translatedText": ["ONE.", "", " TWO. \n"]}


def test_a_list_of_one_is_a_list(client: TestClient) -> None:
    assert client.post("/translate", json={**ASKED, "q": ["One."]}).json() == {"translatedText": ["ONE."]}


@pytest.mark.parametrize("side", ["source", "target"])
def test_a_language_that_is_not_served_is_refused(client: TestClient, side: str) -> None:
    answer = client.post("/translate", data={**ASKED, side: "zz"})
    assert (answer.status_code, answer.json()) == (400, {"error": "zz is not supported"})


@pytest.mark.parametrize("name", ["q", "source", "target"])
@pytest.mark.parametrize("kind", ["json", "data"])
def test_what_must_be_there_is_asked_for(client: TestClient, name: str, kind: str) -> None:
    answer = client.post("/translate", **{kind: {key: ASKED[key] for key in ASKED if key != name}})
    assert (answer.status_code, answer.json()) == (
        400,
        {"error": f"Invalid request: missing {name} parameter"},
    )


@pytest.mark.parametrize("q", ["", []])
def test_nothing_to_translate_is_a_missing_text(client: TestClient, q: object) -> None:
    answer = client.post("/translate", json={**ASKED, "q": q})
    assert (answer.status_code, answer.json()) == (400, {"error": "Invalid request: missing q parameter"})


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/translate"),
        ("GET", "/detect"),
        ("GET", "/translate_file"),
        ("POST", "/languages"),
        ("POST", "/health"),
        ("POST", "/spec"),
        ("POST", "/frontend/settings"),
        ("DELETE", "/translate"),
    ],
)
def test_a_wrong_method_is_refused(client: TestClient, method: str, path: str) -> None:
    answer = client.request(method, path)
    assert (answer.status_code, answer.json()) == (405, {"error": "Method Not Allowed"})


def test_an_address_that_is_not_there_is_an_error_in_json(client: TestClient) -> None:
    answer = client.get("/nothing/here")
    assert (answer.status_code, answer.json()) == (404, {"error": "Not Found"})


def test_a_service_that_works_is_healthy(client: TestClient) -> None:
    assert client.get("/health").json() == {"status": "ok"}


def test_languages_have_names_and_targets(client: TestClient) -> None:
    assert client.get("/languages").json() == [
        {"code": "de", "name": "German", "targets": ["de", "en"]},
        {"code": "en", "name": "English", "targets": ["de", "en"]},
    ]


@pytest.mark.parametrize("kind", ["json", "data"])
def test_a_language_is_detected(client: TestClient, kind: str) -> None:
    assert client.post("/detect", **{kind: {"q": "Schöne Grüße"}}).json() == [
        {"confidence": 99.0, "language": "de"},
        {"confidence": 1.0, "language": "en"},
    ]


def test_detecting_nothing_is_refused(client: TestClient) -> None:
    answer = client.post("/detect")
    assert (answer.status_code, answer.json()) == (400, {"error": "Invalid request: missing q parameter"})


def test_the_specification_names_every_endpoint_of_the_api(client: TestClient) -> None:
    spec = client.get("/spec").json()
    assert spec["openapi"].startswith("3.")
    assert set(spec["paths"]) == {
        "/translate",
        "/translate_file",
        "/detect",
        "/languages",
        "/health",
        "/frontend/settings",
        "/v1/inside",
        "/v1/models",
    }
    asked = spec["paths"]["/translate"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert asked["required"] == ["q", "source", "target"]
    assert asked["properties"]["source"]["enum"] == ["auto", "de", "en"]


def test_the_settings_say_what_a_page_needs(client: TestClient) -> None:
    settings = client.get("/frontend/settings").json()
    assert settings["charLimit"] == 100_000
    assert (settings["apiKeys"], settings["keyRequired"], settings["suggestions"]) == (False, False, False)
    assert {".txt", ".html", ".srt"} <= set(settings["supportedFilesFormat"])
    assert settings["language"]["source"]["code"] == "auto"
    assert settings["language"]["target"] == {"code": "de", "name": "German"}


def test_the_source_may_be_found_out(client: TestClient) -> None:
    answer = client.post("/translate", data={**ASKED, "q": "Grüße.", "source": "auto", "target": "en"})
    assert answer.json() == {
        "translatedText": "GRÜSSE.",
        "detectedLanguage": {"confidence": 99.0, "language": "de"},
    }


def test_each_text_of_a_list_has_its_own_source(client: TestClient, service: Tiny) -> None:
    asked = {"q": ["Grüße.", "Good day.", "Tschüß."], "source": "auto", "target": "de"}
    answer = client.post("/translate", json=asked).json()
    assert answer["translatedText"] == ["Grüße.", "GOOD DAY.", "Tschüß."]
    assert [found["language"] for found in answer["detectedLanguage"]] == ["de", "en", "de"]
    assert (service.english.rounds, service.german.rounds) == ([["Good day."]], [])


def test_what_is_in_the_target_language_stays(client: TestClient) -> None:
    assert client.post("/translate", json={**ASKED, "target": "en"}).json()["translatedText"] == ASKED["q"]


@pytest.mark.parametrize("code", ["en-GB", "EN", "en_US"])
def test_a_region_is_left_out_of_a_code(client: TestClient, code: str) -> None:
    assert client.post("/translate", json={**ASKED, "source": code}).status_code == 200


def test_alternatives_are_there_when_they_are_asked_for(client: TestClient) -> None:
    asked = {**ASKED, "q": "One.", "alternatives": 2}
    assert client.post("/translate", json=asked).json()["alternatives"] == ["ONE. (2)", "ONE. (3)"]
    asked = {**ASKED, "q": ["One.", "Two."], "alternatives": 1}
    assert client.post("/translate", json=asked).json()["alternatives"] == [["ONE. (2)"], ["TWO. (2)"]]
    asked = {**ASKED, "q": "<p>One.</p>", "format": "html", "alternatives": 1}
    assert client.post("/translate", json=asked).json()["alternatives"] == []
    assert "alternatives" not in client.post("/translate", data={**ASKED, "alternatives": "0"}).json()


def test_a_model_of_one_translation_has_no_alternatives(client: TestClient, service: Tiny) -> None:
    service.english.has_alternatives = False
    answer = client.post("/translate", json={**ASKED, "q": "One.", "alternatives": 2})
    assert answer.json() == {"translatedText": "ONE.", "alternatives": []}


def test_what_is_doubtful_is_said_on_request(client: TestClient) -> None:
    asked = {**ASKED, "q": ["One.", "A cut."], "details": ["doubts"]}
    assert client.post("/translate", json=asked).json()["details"] == {"doubts": [[], ["cut"]]}
    answer = client.post("/translate", json={**asked, "q": "One.", "details": []})
    assert "details" not in answer.json()


@pytest.mark.parametrize("alternatives", ["abc", "-1", "1.5", 1.5, [], True, "9999", 101])
def test_alternatives_are_a_small_number(client: TestClient, alternatives: object) -> None:
    answer = client.post("/translate", json={**ASKED, "alternatives": alternatives})
    assert answer.status_code == 400
    assert "alternatives" in answer.json()["error"]


@pytest.mark.parametrize("text_format", ["xml", "HTML"])
def test_a_format_that_is_not_there_is_one_clear_error(client: TestClient, text_format: str) -> None:
    answer = client.post("/translate", data={**ASKED, "format": text_format})
    assert (answer.status_code, answer.json()) == (400, {"error": f"{text_format} format is not supported"})


PAGE = '<p title="no">One <b class=x>word</b> &amp; two.<br>Three!</p><script>if (a < b) {}</script>'


def test_html_keeps_its_marks(client: TestClient) -> None:
    asked = {**ASKED, "q": [PAGE, "plain", "<p></p>"], "format": "html"}
    found = client.post("/translate", json=asked).json()
    page = '<p title="no">ONE <b class=x>WORD</b> &amp; TWO.<br>THREE!</p><script>if (a < b) {}</script>'
    assert found == {"translatedText": [page, "PLAIN", "<p></p>"]}


def test_the_language_of_html_is_that_of_its_text(client: TestClient) -> None:
    asked = {"q": "<p>Schöne <i>Grüße</i></p>", "source": "auto", "target": "en", "format": "html"}
    found = client.post("/translate", json=asked).json()
    assert found["translatedText"] == "<p>SCHÖNE <i>GRÜSSE</i></p>"
    assert found["detectedLanguage"]["language"] == "de"


def test_details_are_of_texts_without_mark_up(client: TestClient) -> None:
    asked = {**ASKED, "format": "html", "details": "score"}
    assert client.post("/translate", data=asked).status_code == 400
    answer = client.post("/translate", data={**asked, "details": "milliseconds"})
    assert answer.json()["details"]["milliseconds"] > 0


def test_details_are_said_on_request(client: TestClient) -> None:
    asked = {**ASKED, "q": ["One.", "Two."], "details": ["score", "milliseconds", "model"]}
    details = client.post("/translate", json=asked).json()["details"]
    assert details["score"] == [-0.5, -0.5]
    assert details["model"] == ["capitals", "capitals"]
    assert 0 < details["milliseconds"] < 10_000
    asked = {**ASKED, "q": "One two.", "details": ["alignment"]}
    [first, second] = client.post("/translate", json=asked).json()["details"]["alignment"]
    assert (first, second) == ([0, 3, [[0, 3]]], [4, 8, [[4, 8]]])
    of_one = client.post("/translate", data={**ASKED, "details": "score, model"}).json()["details"]
    assert of_one == {"score": -0.5, "model": "capitals"}


def test_a_detail_that_is_not_there_is_refused(client: TestClient) -> None:
    answer = client.post("/translate", data={**ASKED, "details": "colour"})
    assert answer.status_code == 400
    assert "colour is no detail" in answer.json()["error"]


def test_the_models_are_listed(client: TestClient) -> None:
    assert client.get("/v1/models").json() == [
        {"name": "capitals", "source": "en", "target": "de", "fingerprint": "capitals"},
        {"name": "back", "source": "de", "target": "en"},
    ]


@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
def test_other_sites_may_ask_and_no_page_may_do_more(client: TestClient, method: str) -> None:
    headers = client.request(method, "/languages").headers
    assert headers["access-control-allow-origin"] == "*"
    assert headers["access-control-allow-methods"] == "GET, POST"
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("body", ["[1]", "{", '"q"', "", "[" * 100_000, "1" * 5_000, "{\xff}"])
def test_what_is_no_json_object_is_one_clear_error(client: TestClient, body: str) -> None:
    answer = client.post(
        "/translate", content=body.encode("latin-1"), headers={"content-type": "application/json"}
    )
    assert (answer.status_code, answer.json()) == (400, {"error": "Invalid JSON format"})


def test_half_characters_are_replaced(client: TestClient) -> None:
    answer = client.post(
        "/translate",
        content=rb'{"q":"a\ud800b","source":"en","target":"de"}',
        headers={"content-type": "application/json"},
    )
    assert answer.json() == {"translatedText": "A\ufffdB"}


def test_an_error_that_nobody_foresaw_says_nothing_of_the_text(
    client: TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = client.post("/translate", data={**ASKED, "q": "This is poison."})
    assert (answer.status_code, answer.json()) == (500, {"error": "Internal error"})
    assert answer.headers["x-content-type-options"] == "nosniff"
    said = capsys.readouterr()
    assert "ValueError" in said.err
    assert "poison" not in said.err + said.out


class TestFiles:
    def test_a_text_file_is_translated_and_fetched(self, client: TestClient) -> None:
        asked = client.post(
            "/translate_file",
            files={"file": ("../my letter.TXT", b"One.\nTwo \xc3\xa9.\r\n")},
            data={"source": "en", "target": "de"},
        )
        url = asked.json()["translatedFileUrl"]
        assert url.startswith("http://testserver/download_file/")
        assert url.endswith(".de.txt")
        fetched = client.get(url)
        assert fetched.content.decode() == "ONE.\nTWO É.\r\n"
        assert fetched.headers["content-disposition"] == 'attachment; filename="translated.de.txt"'

    @pytest.mark.parametrize(
        ("name", "data", "expected"),
        [
            ("page.html", b"<p>One <b>two</b>.</p>", "<p>ONE <b>TWO</b>.</p>"),
            (
                "a.SRT",
                b"1\n00:00:01,000 --> 00:00:02,000\nOne.\n",
                "1\n00:00:01,000 --> 00:00:02,000\nONE.\n",
            ),
            ("a.json", b'{"key": "one"}', '{"key": "ONE"}'),
        ],
    )
    def test_files_keep_their_marks(self, client: TestClient, name: str, data: bytes, expected: str) -> None:
        asked = client.post(
            "/translate_file", files={"file": (name, data)}, data={"source": "en", "target": "de"}
        )
        url = asked.json()["translatedFileUrl"]
        assert url.endswith(f".de.{name.rpartition('.')[2].lower()}")
        assert client.get(url).content.decode() == expected

    def test_a_damaged_file_is_one_clear_error(self, client: TestClient) -> None:
        answer = client.post(
            "/translate_file", files={"file": ("a.json", b"{")}, data={"source": "en", "target": "de"}
        )
        assert answer.status_code == 400
        assert "JSON" in answer.json()["error"]

    @pytest.mark.parametrize("name", ["a.odt", "a.pdf", "a", ".txt/a", "a.txt.zip"])
    def test_other_formats_are_refused(self, client: TestClient, name: str) -> None:
        answer = client.post(
            "/translate_file", files={"file": (name, b"One.")}, data={"source": "en", "target": "de"}
        )
        assert (answer.status_code, answer.json()) == (
            400,
            {"error": "Invalid request: file format not supported"},
        )

    @pytest.mark.parametrize("data", [b"\xff\xfe\x00", b"a\x00b\x00c\x00d\x00"])
    def test_what_is_not_utf_8_is_refused(self, client: TestClient, data: bytes) -> None:
        answer = client.post(
            "/translate_file", files={"file": ("a.txt", data)}, data={"source": "en", "target": "de"}
        )
        assert (answer.status_code, answer.json()) == (
            400,
            {"error": "Invalid request: the file is not UTF-8"},
        )

    def test_a_file_must_be_there(self, client: TestClient) -> None:
        answer = client.post("/translate_file", data={"source": "en", "target": "de"})
        assert answer.json() == {"error": "Invalid request: missing file parameter"}

    @pytest.mark.parametrize(
        "name", ["../../etc/passwd", "%2e%2e%2fkeys", "0" * 32, "0" * 32 + ".de.txt", "x"]
    )
    def test_no_path_of_a_request_is_opened(self, client: TestClient, name: str) -> None:
        assert client.get(f"/download_file/{name}").status_code == 404
