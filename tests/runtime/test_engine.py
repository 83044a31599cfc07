"""Calls of one engine run side by side, each in a session of its own."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import onnxruntime
import pytest

from onepass.errors import ModelError
from onepass.runtime.engine import OnnxEngine

ROWS = [[[5, 6, 7]], [[8]], [[9, 5], [6]], [[7, 7, 7, 7]]]


def test_a_session_that_could_not_be_made_is_made_later(
    bundles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*args: Any, **settings: Any) -> None:
        raise MemoryError

    engine = OnnxEngine(bundles / "ctc.exported/student.float32.onnx", sessions=2)
    with engine._sessions.one():
        with monkeypatch.context() as broken:
            broken.setattr(onnxruntime, "InferenceSession", fails)
            with pytest.raises(ModelError):
                engine(ROWS[0])
        assert engine(ROWS[0]).ids


@pytest.mark.parametrize("sessions", [1, 2])
def test_no_more_sessions_than_calls_side_by_side(
    bundles: Path, sessions: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = bundles / "ctc.exported/student.float32.onnx"
    engine = OnnxEngine(path)
    expected = [engine(rows) for rows in ROWS]
    together = Barrier(sessions, timeout=30)  # of as many calls as there are sessions
    made: list[Any] = []

    class Session:
        def __init__(self, *args: Any, **settings: Any) -> None:
            self.real = real(*args, **settings)
            self.busy = False
            made.append(self)

        def get_inputs(self) -> Any:
            return self.real.get_inputs()

        def get_outputs(self) -> Any:
            return self.real.get_outputs()

        def run(self, *args: Any) -> Any:
            assert not self.busy
            self.busy = True
            together.wait()
            found = self.real.run(*args)
            self.busy = False
            return found

    real = onnxruntime.InferenceSession
    monkeypatch.setattr(onnxruntime, "InferenceSession", Session)
    engine = OnnxEngine(path, sessions=sessions)
    assert len(made) == 1  # the others are made when they are needed
    with ThreadPoolExecutor(len(ROWS)) as pool:
        assert list(pool.map(engine, ROWS)) == expected
    assert len(made) == sessions


def test_a_session_that_is_made_later_never_has_other_weights(bundles: Path, tmp_path: Path) -> None:
    path = tmp_path / "student.float32.onnx"
    path.write_bytes((bundles / "ctc.exported/student.float32.onnx").read_bytes())
    engine = OnnxEngine(path, sessions=2)
    expected = engine(ROWS[0])
    other = tmp_path / "other"
    other.write_bytes((bundles / "fertility.exported/student.float32.onnx").read_bytes())
    other.replace(path)
    assert engine(ROWS[0]) == expected
    with engine._sessions.one(), pytest.raises(ModelError, match="has changed since it was loaded"):
        engine(ROWS[0])


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="reads /proc")
def test_weights_are_not_kept_beside_those_of_the_session() -> None:
    script = r"""
import re
from onepass.bundle import Bundle
from onepass.runtime.engine import OnnxEngine
from onepass.runtime.shipped import find_model
from onepass.text.placeholder_ids import PlaceholderIds

def own():
    return int(re.search(r"Private_Dirty:\s+(\d+)", open("/proc/self/smaps_rollup").read())[1]) * 1024

bundle = Bundle.open(find_model("en-pt"))
names = ("student.int8.onnx", "weights.int8.safetensors", "tables.int8.safetensors")
files = [bundle.directory / name for name in names]
before = own()
engine = OnnxEngine(*files, placeholders=PlaceholderIds.of_settings(bundle.settings))
engine([[5, 6, 7]])
print((own() - before) / sum(file.stat().st_size for file in files))
"""
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert float(said.stdout) < 2
