"""The page, as it is written and in a real browser.

The browser is Debian's `chromium`, or the one that the variable CHROMIUM names.
"""

import os
import re
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from tiny_service import Live, client_of, live, tiny

from onepass.service.page import FILES, POLICY
from onepass.service.settings import ServiceSettings

FOLDER = files("onepass.service") / "static"
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
try:
    from playwright.sync_api import ConsoleMessage, Page, Route, sync_playwright
except ImportError:
    CHROMIUM = None
in_browser = pytest.mark.skipif(not CHROMIUM, reason="Chromium or Playwright is not installed")


class Elements(HTMLParser):
    """The elements of a page with their attributes, and whether each that opens is closed."""

    VOID = ("meta", "link", "input", "br")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("path", FILES)
def test_the_page_may_run_its_own_script_and_nothing_else(client: TestClient, path: str) -> None:
    answer = client.get(path)
    name, kind = FILES[path]
    assert answer.text == read(name)
    assert answer.headers["content-type"] == f"{kind}; charset=utf-8"
    assert answer.headers.get_list("content-security-policy") == [POLICY]
    assert "unsafe" not in POLICY
    assert POLICY.startswith("default-src 'none'")


def test_nothing_comes_from_another_host_and_nothing_is_inline() -> None:
    elements = Elements(read("index.html"))
    assert elements.open == []
    for tag, attributes in elements.found:
        assert not [name for name in attributes if name.startswith("on") or name == "style"], tag
        assert tag != "style"
        assert tag != "script" or (attributes.get("src"), attributes.get("type")) == ("page.js", "module")
    for name, _ in FILES.values():
        assert not re.search(r"(https?:)?//[a-z]", read(name)), name


def test_everything_to_use_has_a_name_for_who_cannot_see_it() -> None:
    elements = Elements(read("index.html")).found
    labelled = {attributes["for"] for tag, attributes in elements if tag == "label"}
    for tag, attributes in elements:
        if tag in ("select", "textarea", "input", "output"):
            assert attributes.get("aria-label") or attributes["id"] in labelled, attributes
    roles = {attributes["id"]: attributes["role"] for _, attributes in elements if "role" in attributes}
    assert roles == {"said": "status", "link": "status", "others-said": "status", "error": "alert"}
    ids = [attributes["id"] for _, attributes in elements if "id" in attributes]
    assert len(set(ids)) == len(ids)
    scripts = "".join(read(name) for name, _ in FILES.values() if name.endswith(".js"))
    used = set(re.findall(r'byId\("([\w-]+)"\)', scripts))
    assert used <= set(ids)


def test_an_operator_may_leave_the_page_out(tmp_path: Path) -> None:
    assert ServiceSettings(("en-pt",)).page
    with client_of(tiny(tmp_path, page=False)) as client:
        assert [client.get(path).status_code for path in FILES] == [404] * len(FILES)


@pytest.fixture
def at_port(tmp_path: Path) -> Iterator[Live]:
    with live(tiny(tmp_path / "downloads")) as running:
        yield running


class Watched:
    """A page in a browser, with what it complained of and whom it asked."""

    def __init__(self, page: "Page", url: str) -> None:
        self.page, self.complaints, self.hosts = page, [], set()
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.hosts.add(request.url.split("/")[2]))
        page.goto(url)
        page.wait_for_selector("#target option", state="attached")

    def _hear(self, message: "ConsoleMessage") -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def shows(self, selector: str, text: str) -> None:
        self.page.wait_for_function(
            "([selector, text]) => document.querySelector(selector).textContent === text",
            arg=[selector, text],
        )


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--no-zygote", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield browser
        browser.close()


@pytest.fixture
def watched(at_port: Live, browser: Any) -> Iterator[Watched]:
    page = browser.new_page()
    page.set_default_timeout(20_000)
    yield Watched(page, at_port.url)
    page.close()


def answers(page: "Page", words: list[Any]) -> None:
    """Has the service say where words come from."""

    def with_more(route: "Route") -> None:
        said = route.fetch().json()
        said["details"]["alignment"] = words
        route.fulfill(json=said)

    page.route("**/translate", with_more)


@in_browser
def test_what_is_typed_is_translated_at_once(watched: Watched, at_port: Live) -> None:
    page = watched.page
    page.select_option("#source", "en")
    page.type("#text", "Room 12 is free.", delay=60)
    watched.shows("#translation", "ROOM 12 IS FREE.")
    watched.shows("#translation mark", "12")
    watched.shows("#mirror mark", "12")
    assert re.fullmatch(r"[\d.]+ ms in the service · [\d.]+ ms here", page.text_content("#said") or "")
    assert len(at_port.service.english.rounds) > 1
    page.fill("#text", "")
    watched.shows("#translation", "")
    assert watched.complaints == []
    assert watched.hosts == {at_port.url.removeprefix("http://")}


@in_browser
def test_words_are_linked_with_their_sources_both_ways(watched: Watched) -> None:
    page = watched.page
    page.select_option("#source", "en")
    answers(page, [[0, 3, [[2, 5]]], [4, 5, [[0, 1]]]])
    page.fill("#text", "😀 two")
    watched.shows("#translation", "😀 TWO")
    page.hover("#translation .word >> nth=0")
    watched.shows("#mirror mark.linked", "two")
    page.hover("h1")
    page.wait_for_selector("#mirror mark.linked", state="detached")
    where = page.evaluate(
        """() => {
          const [range, node] = [document.createRange(), document.querySelector("#mirror").childNodes[1]];
          range.setStart(node, 1);
          range.setEnd(node, 4);
          const box = range.getBoundingClientRect();
          return [box.left + box.width / 2, box.top + box.height / 2];
        }"""
    )
    page.mouse.move(*where)
    watched.shows("#translation .word.linked", "😀 T")
    watched.shows("#mirror mark.linked", "two")
    page.hover("h1")
    page.wait_for_selector("#translation .word.linked", state="detached")


@in_browser
def test_words_are_linked_by_keyboard_and_said(watched: Watched) -> None:
    page = watched.page
    page.select_option("#source", "en")
    answers(page, [[0, 3, [[2, 5]]], [4, 5, [[0, 1]]]])
    page.fill("#text", "😀 two")
    watched.shows("#translation", "😀 TWO")
    page.focus("#text")
    page.keyboard.press("Home")
    page.wait_for_selector("#translation .word.linked")
    assert page.locator("#translation .word.linked").count() == 1
    page.focus("#translation")
    page.keyboard.press("ArrowRight")
    watched.shows("#link", "😀 T comes from two")
    page.keyboard.press("ArrowRight")
    watched.shows("#link", "O comes from 😀")
    page.wait_for_timeout(800)  # the whole is said when the text is at rest, but not over this
    watched.shows("#link", "O comes from 😀")
    watched.shows("#mirror mark.linked", "😀")


@in_browser
def test_how_it_works_shows_all_slots_and_the_race(watched: Watched) -> None:
    page = watched.page
    page.emulate_media(reduced_motion="reduce")
    page.select_option("#source", "en")
    page.click("#inside summary")
    page.fill("#text", "One day. Two.")
    page.wait_for_selector("#slots li")
    assert page.locator("#read li").all_text_contents() == ["One", "day."]
    assert page.locator("#slots li").all_text_contents() == ["ONE← One", "·← One", "DAY.← day.", "·← day."]
    watched.shows("#student-lane", "ONE DAY.")
    assert "the student runs alone" in (page.text_content("#race-said") or "")
    assert page.is_hidden("#teacher")
    assert watched.complaints == []


@in_browser
def test_the_teacher_writes_word_by_word_and_takes_longer(watched: Watched) -> None:
    page = watched.page

    def with_teacher(route: "Route") -> None:
        said = route.fetch().json()
        racers = {"student": 5, "teacher": 50}
        said |= {name: {"name": name, "text": "EINS ZWEI", "milliseconds": ms} for name, ms in racers.items()}
        route.fulfill(json=said)

    page.route("**/v1/inside", with_teacher)
    page.clock.install()
    page.select_option("#source", "en")
    page.click("#inside summary")
    page.fill("#text", "One two")
    page.clock.run_for(1_000)
    page.wait_for_selector("#slots li")
    page.clock.run_for(500)
    watched.shows("#student-time", "5.0 ms")
    watched.shows("#teacher-lane", "")
    page.clock.run_for(2_000)
    watched.shows("#teacher-lane", "EINS ")
    page.clock.run_for(2_000)
    watched.shows("#teacher-lane", "EINS ZWEI")
    watched.shows("#teacher-time", "50.0 ms")


@in_browser
def test_other_translations_are_a_click_away(watched: Watched) -> None:
    page = watched.page
    page.select_option("#source", "en")
    page.fill("#text", "One.")
    watched.shows("#translation", "ONE.")
    page.click("#others summary")
    page.wait_for_selector("#alternatives button")
    assert page.locator("#alternatives button").all_text_contents() == [f"ONE. ({n})" for n in (2, 3, 4, 5)]
    page.click("#alternatives button")
    watched.shows("#translation", "ONE. (2)")


@in_browser
def test_languages_are_swapped_and_remembered(watched: Watched, at_port: Live) -> None:
    page = watched.page
    page.select_option("#source", "en")
    page.fill("#text", "One.")
    watched.shows("#translation", "ONE.")
    page.click("#swap")
    assert (page.input_value("#source"), page.input_value("#target")) == ("de", "en")
    page.wait_for_function("() => document.querySelector('#text').value === 'ONE.'")
    page.reload()
    page.wait_for_function("() => document.querySelector('#source').value === 'de'")


@in_browser
def test_a_file_that_is_dropped_is_translated(watched: Watched) -> None:
    page = watched.page
    page.select_option("#source", "en")
    drop = """name => {
      const files = new DataTransfer();
      files.items.add(new File(["One.\\nTwo."], name));
      const event = { dataTransfer: files, bubbles: true, cancelable: true };
      document.querySelector("#drop").dispatchEvent(new DragEvent("drop", event));
    }"""
    page.evaluate(drop, "letter.txt")
    page.wait_for_selector("#download:not([hidden])")
    assert page.get_attribute("#download", "download") == "letter.de.txt"
    fetched = page.evaluate("fetch(document.querySelector('#download').href).then(a => a.text())")
    assert fetched == "ONE.\nTWO."
    page.evaluate(drop, "letter.odt")
    watched.shows("#error", "Invalid request: file format not supported")


@in_browser
def test_a_service_that_stops_is_an_error_that_is_shown(watched: Watched, at_port: Live) -> None:
    page = watched.page
    page.select_option("#source", "en")
    at_port.stop.set()
    at_port.thread.join(20)
    page.fill("#text", "One.")
    watched.shows("#error", "The service does not answer.")
    assert page.get_attribute("#error", "role") == "alert"


@in_browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_it_all_and_a_keyboard_reaches_it_all(watched: Watched, scheme: str) -> None:
    page = watched.page
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 360, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    colours = page.evaluate(
        "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
    )
    shades = [sum(map(int, re.findall(r"\d+", colour)[:3])) for colour in colours]
    assert (shades[0] > shades[1]) == (scheme == "light")
    page.focus("#source")
    reached = ["source"]
    for _ in range(8):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.localName"))
    assert reached == [
        "source",
        "swap",
        "target",
        "text",
        "translation",
        "copy",
        "file",
        "summary",
        "summary",
    ]
