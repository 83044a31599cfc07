"""Calls of one engine run side by side, each in a session of its own."""

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
    with engine._session():
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
