"""A translator that was used before a fork answers in the child."""

import os
import signal
import time
from pathlib import Path
from threading import Thread

import pytest

from onepass.runtime.engine import OnnxEngine
from onepass.runtime.translator import Translator

LINES = [f"Where is number {number}?" for number in range(200)]
SECONDS = 60

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")


def exit_code_of_child(child: int) -> int:
    """Of a child, which is killed when it takes too long."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.05)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return -signal.SIGKILL


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("threads", [1, 3])
def test_a_child_translates_as_its_parent_does(bundles: Path, threads: int) -> None:
    translator = Translator.load(bundles / "ctc.exported", precision="float32", num_threads=threads)
    expected = [found.text for found in translator.translate(LINES)]
    child = os.fork()
    if not child:
        os._exit([found.text for found in translator.translate(LINES)] != expected)
    assert exit_code_of_child(child) == 0
    assert [found.text for found in translator.translate(LINES)] == expected


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_session_that_another_thread_held_does_not_keep_a_child_waiting(bundles: Path) -> None:
    engine = OnnxEngine(bundles / "ctc.exported/student.float32.onnx")
    children: list[int] = []

    def fork() -> None:
        child = os.fork()
        if not child:
            os._exit(not engine([[5, 6, 7]]).scores)
        children.append(child)

    with engine._sessions.one():
        thread = Thread(target=fork)
        thread.start()
        thread.join()
        assert exit_code_of_child(children[0]) == 0
