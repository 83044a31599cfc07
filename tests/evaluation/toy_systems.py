"""Systems whose translations and speed are known; the processes that are timed import them from here."""

import os
import signal
import sys
import time
from pathlib import Path

from onepass.evaluation.timed_process import SystemSpec

SENTENCES = ["one", "two words", "and three words", "now there are four"]


def sleeper(seconds=0.0, per_word=0.0, log=None, name=""):
    """Translates by sleeping, then turning the text round; logs its name for each batch."""

    def translate(batch):
        if log is not None:
            with open(log, "a", encoding="utf-8") as file:
                file.write(f"{name}:{len(batch)}\n")
        time.sleep(seconds + per_word * sum(len(line.split()) for line in batch))
        return [line[::-1] for line in batch]

    translate.description = "asleep, cpu"
    return translate


def chatterbox():
    print("hello from the factory")
    os.write(1, b"and from a C library\n")

    def translate(batch):
        print("translating", batch, flush=True)
        assert sys.stdin.read() == ""
        return batch

    return translate


def crasher(after):
    calls = iter(range(after))

    def translate(batch):
        try:
            next(calls)
        except StopIteration:
            raise RuntimeError("the weights caught fire") from None
        return batch

    return translate


def killer():
    def translate(batch):
        os.kill(os.getpid(), signal.SIGKILL)

    return translate


def loser():
    return lambda batch: batch[1:]


def reporter(path):
    """Reports the environment that pools read, and the process id."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    Path(path).write_text(" ".join(os.environ[name] for name in names), encoding="utf-8")
    return lambda batch: batch


def watcher(pids):
    """Fails unless every other process whose id is in the folder is stopped while this one runs."""
    (Path(pids) / str(os.getpid())).touch()

    def translate(batch):
        for other in Path(pids).iterdir():
            if other.name != str(os.getpid()):
                deadline = time.monotonic() + 5
                while process_state(other.name) != "T":
                    assert time.monotonic() < deadline, (
                        f"{other.name} is in state {process_state(other.name)}"
                    )
                    time.sleep(0.01)
        return batch

    return translate


def process_state(pid):
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def spec(name, factory, /, threads=1, **arguments):
    return SystemSpec(name, f"{__name__}:{factory.__name__}", arguments, threads)
