"""The page that translates in the browser alone: how it is written, and in a real Chromium.

The runtime for browsers is fetched by npm once; without a network, and where it is not kept, that part is
skipped.
"""

import json
import os
import re
import shutil
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from onepass.errors import DataError, UsageError
from onepass.runtime.translator import Translator
from onepass.web import npm
from onepass.web.build import write_page

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
try:
    from playwright.sync_api import Page

    from browser import opened, served
except ImportError:
    CHROMIUM = None
WITHOUT_PLACEHOLDERS = Path(__file__).parents[1] / "fixtures" / "format-1"
LINES = [
    "Where is my red car?",
    "Room 12 is free. It costs $1,234.50 a week.",
    "Write to ann@example.org, or see https://example.org/a. 😀",
    "HELP ME!",
    "That is VERY good!!",
    "Room 12 is NEVER free?!",
    "12:30",
    "",
    "Good morning.\nThe house is old.",
]


def test_a_model_that_the_scripts_cannot_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot run in a browser"):
        write_page(str(WITHOUT_PLACEHOLDERS), tmp_path / "page")
    assert not (tmp_path / "page").exists()


def test_without_a_network_there_is_one_error_that_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    monkeypatch.setenv("PATH", str(tools))
    with pytest.raises(UsageError, match="npm, which fetches the runtime for browsers, is not installed"):
        write_page("en-pt", tmp_path / "page", cache=tmp_path / "cache")
    (tools / "npm").write_text("#!/bin/sh\necho no route to host >&2\nexit 1\n")
    (tools / "npm").chmod(0o755)
    with pytest.raises(UsageError, match="no route to host") as raised:
        write_page("en-pt", tmp_path / "page", cache=tmp_path / "cache")
    assert "npm pack onnxruntime-web@" in str(raised.value)
    assert not (tmp_path / "page").exists()


def test_another_package_is_not_used(tmp_path: Path) -> None:
    (tmp_path / f"{npm.PACKAGE}-{npm.VERSION}.tgz").write_bytes(b"another")
    with pytest.raises(DataError, match="checksum differs"):
        npm.runtime_files(tmp_path)


def test_the_scripts_ask_no_other_host_and_nothing_is_inline() -> None:
    folder = files("onepass.web") / "static"
    for file in folder.iterdir():
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"https?://", text), file.name
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert "default-src 'none'" in page
    assert not re.search(r"<script(?![^>]*src=)|<style|\son\w+=|style=", page)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("page")
    try:
        written = write_page("en-pt", found)
    except UsageError as error:
        pytest.skip(f"the runtime for browsers is not here: {error.what}")
    assert written.page <= 2_000_000
    return found


@pytest.fixture(scope="module")
def page(directory: Path) -> Iterator["Page"]:
    if not CHROMIUM:
        pytest.skip("Chromium or Playwright is not installed")
    with served(directory) as url, opened(url) as page:
        page.set_default_timeout(60_000)
        yield page


def call(page: "Page", script: str, *values: Any) -> Any:
    return page.evaluate(f"async (values) => {{ {script} }}", list(values))


def test_the_browser_writes_what_python_writes(page: "Page") -> None:
    translator = Translator.load("en-pt", num_threads=1, split=True)
    expected = [found.text for line in LINES for found in translator.translate([line])]
    found = call(page, "return Promise.all(values.map((line) => translator.translate(line)));", *LINES)
    assert found == expected


def test_sentences_come_one_by_one(page: "Page") -> None:
    script = """const parts = [];
      for await (const part of translator.translateStreaming(values[0])) parts.push(part);
      return [parts, await translator.translate(values[0])];"""
    parts, whole = call(page, script, "Good morning. The house is old.\nIt is free.")
    assert len(parts) == 3
    assert "".join(parts) == whole


def test_the_names_of_the_browsers_own_interface(page: "Page") -> None:
    script = """const { Translator } = Onepass;
      const pair = (sourceLanguage, targetLanguage) => ({ sourceLanguage, targetLanguage });
      const known = await Translator.availability(pair("en", "pt-BR"));
      const unknown = await Translator.availability(pair("en", "de"));
      const refused = await Translator.create(pair("en", "de")).catch((problem) => problem.name);
      const loaded = [];
      const one = await Translator.create({ ...pair("en", "pt"), monitor: (m) =>
        m.addEventListener("downloadprogress", (event) => loaded.push(event.loaded)) });
      const languages = [one.sourceLanguage, one.targetLanguage];
      const signal = AbortSignal.abort();
      const stopped = await one.translate("One.", { signal }).catch((problem) => problem.name);
      one.destroy();
      const destroyed = await one.translate("One.").catch((problem) => problem.name);
      return { known, unknown, refused, last: loaded.at(-1), languages, stopped, destroyed };"""
    assert call(page, script) == {
        "known": "available",
        "unknown": "unavailable",
        "refused": "NotSupportedError",
        "last": 1,
        "languages": ["en", "pt"],
        "stopped": "AbortError",
        "destroyed": "InvalidStateError",
    }


def test_what_is_typed_is_translated_and_nobody_else_is_asked(page: "Page") -> None:
    hosts: set[str] = set()
    complaints: list[str] = []
    page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.reload()
    page.wait_for_function("() => globalThis.translator")
    page.fill("#text", "Good morning.")
    page.wait_for_function("() => document.querySelector('#translation').textContent === 'Bom dia.'")
    assert page.is_hidden("#error")
    assert complaints == []
    assert hosts == {page.url.split("/")[2]}


def test_the_page_says_whose_model_it_is(directory: Path) -> None:
    said = json.loads((directory / "model.json").read_text(encoding="utf-8"))
    assert said["licence"] == "mpl-2.0"
    assert (directory / "LICENSE").read_text(encoding="utf-8").startswith("Mozilla Public License")
    sizes = {file["name"]: (directory / file["name"]).stat().st_size for file in said["files"]}
    assert sizes == {file["name"]: file["bytes"] for file in said["files"]}
