"""Parts that no request shows by itself: detectors, files that wait, signs of life, imports."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from tiny_service import ByUmlaut

from onepass import Translator
from onepass.service.app import Shared, build_worker
from onepass.service.detection import Detected, detect_each, load_detector
from onepass.service.directions import load_directions
from onepass.service.downloads import MOST, SECONDS, Downloads
from onepass.service.health import Health
from onepass.service.quotas import Quotas
from onepass.service.refusal import RequestError
from onepass.service.settings import ServiceSettings


class TestDetection:
    def test_the_installed_detector_tells_served_languages(self) -> None:
        detector = load_detector(["de", "en"], ["de", "en"])
        for text, language in (("Wo ist der Bahnhof?", "de"), ("Where is the station?", "en")):
            ranked = detector.rank(text)
            assert ranked[0].language == language
            assert {found.language for found in ranked} == {"de", "en"}
            assert sum(found.confidence for found in ranked) == pytest.approx(100, abs=0.2)

    def test_a_long_text_takes_no_longer(self) -> None:
        detector = load_detector(["de", "en"], ["de", "en"])
        begin = time.process_time()
        detector.rank("Wo ist der Bahnhof? " * 1_000_000)
        assert time.process_time() - begin < 1

    def test_without_a_detector_the_only_source_is_the_source(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "py3langid.langid", None)
        assert load_detector(["de", "en"], ["en"]).rank("Wo?") == [Detected("en", 100.0)]
        with pytest.raises(RequestError, match="not installed"):
            load_detector(["de", "en"], ["de", "en"]).rank("Wo?")

    def test_languages_that_it_does_not_know_are_no_detector(self) -> None:
        assert load_detector(["de", "xx"], ["xx"]).rank("Wo?") == [Detected("xx", 100.0)]

    def test_a_text_that_says_little_is_judged_with_its_neighbours(self) -> None:
        class Unsure(ByUmlaut):
            def rank(self, text: str) -> list[Detected]:
                return [Detected("en", 50.0)] if text == "Hotel" else super().rank(text)

        found = detect_each(Unsure(), ["Hotel", "Grüße", "Tschüß"])
        assert [detected.language for detected in found] == ["de", "de", "de"]
        assert detect_each(Unsure(), ["Hotel"]) == [Detected("en", 50.0)]


class TestDownloads:
    def test_a_file_is_known_by_its_whole_name_alone(self, tmp_path: Path) -> None:
        downloads = Downloads(tmp_path)
        name = downloads.put(b"x", "de", ".txt")
        assert Downloads(tmp_path).get(name) == b"x"
        [kept] = tmp_path.iterdir()
        for wrong in (kept.name, f"../{tmp_path.name}/{kept.name}", f"{kept.name[:32]}.de.txt", name[1:], ""):
            with pytest.raises(RequestError) as caught:
                downloads.get(wrong)
            assert caught.value.status == 404

    def test_files_that_nobody_fetches_are_removed(self, tmp_path: Path) -> None:
        downloads = Downloads(tmp_path)
        old = downloads.put(b"x", "de", ".txt")
        [path] = tmp_path.iterdir()
        os.utime(path, (time.time() - SECONDS - 1,) * 2)
        new = downloads.put(b"y", "de", ".txt")
        assert downloads.get(new) == b"y"
        with pytest.raises(RequestError, match="no such file"):
            downloads.get(old)

    def test_so_many_files_may_wait(self, tmp_path: Path) -> None:
        for number in range(MOST):
            (tmp_path / str(number)).touch()
        with pytest.raises(RequestError) as caught:
            Downloads(tmp_path).put(b"x", "de", ".txt")
        assert caught.value.status == 503


@pytest.mark.parametrize("corrections", [0, 50])
def test_the_service_writes_what_the_translator_writes(tmp_path: Path, corrections: int) -> None:
    text = "  Where is the station?  HELP!\n\n- I have 3 dogs. 😀 \n\thttps://example.org\n"
    directions = load_directions(["en-pt"], precision=None, threads=1, corrections=corrections)
    shared = Shared(Health(1), Quotas(), tmp_path)
    worker = build_worker(ServiceSettings(("en-pt",), access_log=False), directions, shared)
    with TestClient(worker.app) as client:
        asked = {"q": [text, "I am tired."], "source": "en", "target": "pt", "details": "score,model,spans"}
        answer = client.post("/translate", json=asked).json()
    expected = Translator.load("en-pt", num_corrections=corrections).translate([text, "I am tired."])
    assert answer["translatedText"] == [found.text for found in expected]
    assert answer["details"]["score"] == pytest.approx([found.score for found in expected], abs=1e-4)
    assert answer["details"]["model"] == [found.model for found in expected]
    [spans, none] = answer["details"]["spans"]
    assert {text[start:end] for start, end, _ in spans["source"]} >= {"3", "😀", "https://example.org"}
    assert none == {"source": [], "target": []}


def test_a_worker_is_healthy_as_long_as_it_gives_signs(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1_000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    health = Health(2)
    assert health.failing() == [0, 1]
    health.beat(0)
    now[0] += 3
    health.beat(1)
    assert health.failing() == []
    now[0] += 3
    assert health.failing() == [0]
    health.forget(1)
    assert health.failing() == [0, 1]


def test_the_command_line_starts_without_the_service() -> None:
    heavy = ("starlette", "uvicorn", "prometheus_client", "python_multipart", "numpy", "multiprocessing.heap")
    code = f"import sys, onepass.cli; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("package", ["starlette", "prometheus_client"])
def test_what_is_missing_is_said_with_its_extra(package: str) -> None:
    without = f"import sys; sys.modules[{package!r}] = None; sys.argv[1:] = ['serve']"
    code = f"{without}; import onepass.__main__ as main; main.main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "pip install 'onepass[serve]'" in done.stderr
    assert package in done.stderr
