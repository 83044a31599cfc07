"""A tiny corpus and recipe, and the command line in processes that start at once.

`start` forks from a server that has imported everything already, so a test may start, kill and start
again a dozen commands in seconds. `finished_run` is one run for all tests; copy what you change.
"""

import atexit
import functools
import json
import multiprocessing
import os
import re
import runpy
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import torch

from onepass.bundle import CHECKSUM, MANIFEST, manifest_sha256
from onepass.decoding.weights import save_bundle
from onepass.display import Display
from onepass.files import write_json
from onepass.models.autoregressive import AutoregressiveTransformer
from onepass.phrasebook import translate
from onepass.phrasebook.sampler import Sampler
from onepass.phrasebook.scenes import SCENES, Utterance
from onepass.pipeline.run import run_recipe
from onepass.recipe import Recipe, load_recipe
from onepass.settings import StudentSettings, TokenizerSettings
from onepass.text.tokenizer import Tokenizer

SIZES = {
    "width": 16,
    "ffn_width": 32,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "heads": 2,
    "dropout": 0.0,
}
"""Of the models of `make_teacher` and `make_student`."""
STAGES = ("prepare", "teacher", "distill", "align", "student", "finetune", "evaluate")

RECIPE = """
name = "tiny"

[data]
src = "en"
tgt = "de"
train = "corpus/train.{lang}"
dev = "corpus/dev.{lang}"
test = "corpus/test.{lang}"

[tokenizer]
vocab_size = 400

[teacher.model]
width = 16
ffn_width = 32
encoder_layers = 1
decoder_layers = 1
heads = 2

[teacher.training]
batch_tokens = 600
max_updates = 6
learning_rate = 1e-2
warmup = 2
validate_every = 2
average = 2
precision = "fp32"

[distill]
shard_lines = 10

[student.training]
batch_tokens = 600
max_updates = 6
learning_rate = 1e-2
warmup = 2
validate_every = 2
average = 2
precision = "fp32"

[student.finetune.training]
batch_tokens = 600
max_updates = 6
learning_rate = 1e-3
warmup = 2
validate_every = 2
average = 2
precision = "fp32"

[evaluate]
num_candidates = [3]
latency_sentences = 0
bootstrap_samples = 10
"""


@functools.cache
def corpus_pairs(count: int) -> list[tuple[str, str]]:
    """Distinct short pairs of the phrasebook's language, without drawing all of it."""
    random = Random("tiny")
    sampler = Sampler(random)
    scenes = [scene for scene, weight in SCENES for _ in range(weight)]
    drawn: dict[str, Utterance] = {}
    while len(drawn) < count:
        utterance = sampler.one(scenes)(sampler)
        if utterance.english.count(" ") < 6:
            drawn.setdefault(utterance.english, utterance)
    return [(english, translate(utterance, random)) for english, utterance in drawn.items()]


def many_lines(plain: int) -> list[str]:
    """Plain sentences, and what a translator must not stumble over: empty, long and odd ones."""
    return [
        *[src for src, _ in corpus_pairs(plain)],
        "",
        " \t\u200b\u200e",
        " ".join(src for src, _ in corpus_pairs(60)).replace("?", "."),  # several parts
        "A",
        "1,234.50 € at 7:30 😀",
        corpus_pairs(1)[0][0],
    ]


def write_lines(path: Path, lines: Sequence[str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def write_recipe(directory: Path, *, train: int = 40, more: str = "") -> Path:
    """A corpus of a few dozen lines and its recipe; dev has an empty line and the test set a repeated one."""
    pairs = iter(corpus_pairs(train + 12))
    dev = [*islice(pairs, 3), ("", "")]
    test = list(islice(pairs, 4))
    for split, chosen in (("train", [*islice(pairs, train)]), ("dev", dev), ("test", [*test, test[0]])):
        for side, lang in enumerate(("en", "de")):
            write_lines(directory / "corpus" / f"{split}.{lang}", [pair[side] for pair in chosen])
    recipe = directory / "tiny.toml"
    recipe.write_text(RECIPE + more, encoding="utf-8")
    return recipe


def tiny_recipe(directory: Path, *settings: str) -> Recipe:
    path = directory / "tiny.toml"
    return load_recipe(path if path.exists() else write_recipe(directory), settings)


class Log(Display):
    """What became of each stage."""

    def __init__(self) -> None:
        super().__init__(quiet=True)
        self.up_to_date: list[str] = []
        self.run: list[str] = []

    def skipped(self, name: str) -> None:
        self.up_to_date.append(name)

    def done(self, name: str, seconds: float) -> None:
        self.run.append(name)


def run(recipe: Recipe, to: Path, *, until: str | None = None, start: str | None = None) -> Log:
    log = Log()
    run_recipe(recipe, to, until=until, start=start, display=log, command="onepass run")
    return log


@functools.cache
def _finished_run() -> Path:
    directory = Path(tempfile.mkdtemp(prefix="onepass-tiny-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    done = call("run", write_recipe(directory), "--to", directory / "run")
    assert done.code == 0, done.err
    return directory / "run"


def finished_run() -> Path:
    """A run with every stage done; only to be read. Its corpus is `../corpus`, its recipe `../tiny.toml`."""
    return _finished_run()


def copy_of_run(directory: Path, *, until: str = "evaluate") -> Path:
    """A copy of the finished run as it was after a stage, with its corpus and recipe beside it."""
    shutil.copytree(finished_run().parent, directory, dirs_exist_ok=True)
    for stage in STAGES[STAGES.index(until) + 1 :]:
        shutil.rmtree(directory / "run" / stage)
    return directory / "run"


def outputs(run: Path) -> dict[str, str]:
    """The digest of what each finished stage wrote."""
    return {path.parent.name: json.loads(path.read_text())["output"] for path in run.glob("*/stage.json")}


# --- the command line --------------------------------------------------------


class Done(NamedTuple):
    code: int
    out: str
    err: str


class Command:
    """A command at work."""

    def __init__(self, process: ForkServerProcess, directory: Path) -> None:
        self.process, self.directory = process, directory

    @property
    def pid(self) -> int:
        assert self.process.pid is not None
        return self.process.pid

    def wait(self, timeout: float = 400.0) -> Done:
        self.process.join(timeout)
        if self.process.is_alive():
            self.process.kill()
            raise TimeoutError(self._read("err"))
        assert self.process.exitcode is not None
        return Done(self.process.exitcode, self._read("out"), self._read("err"))

    def wait_until(self, happened: Callable[[], bool], timeout: float = 400.0) -> bool:
        """Whether it happened before the command ended."""
        deadline = time.monotonic() + timeout
        while not happened():
            if not self.process.is_alive():
                return happened()
            if time.monotonic() > deadline:
                self.process.kill()
                raise TimeoutError(self._read("err"))
            time.sleep(0.001)
        return True

    def _read(self, name: str) -> str:
        return (self.directory / name).read_text(encoding="utf-8", errors="replace")


@functools.cache
def _server() -> multiprocessing.context.ForkServerContext:
    # The server imports what it shall preload with a path of its own, and says nothing where it cannot.
    here = str(Path(__file__).parent)
    known = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if here not in known:
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [here, *known]))
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tiny_imports"])
    return context


def start(
    *arguments: object,
    stdin: bytes = b"",
    cwd: Path | None = None,
    without: Sequence[str] = (),
    environment: Mapping[str, str | None] | None = None,
    killed_at: Path | None = None,
    after: float = 0.0,
    by: int = signal.SIGKILL,
    module: str = "onepass",
) -> Command:
    """`onepass ARGUMENTS` in a process of its own.

    Args:
        arguments: of the command line.
        stdin: what it reads.
        cwd: where it runs.
        without: packages that are not installed there.
        environment: variables that it has beside those of the server, or has not: None.
        killed_at: it is killed (by itself, so that a slow parent is not too late) `after` seconds after
            this path has appeared.
        by: the signal that kills it.
        module: another one that is a program.
    """
    directory = Path(tempfile.mkdtemp(prefix="onepass-command-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    (directory / "in").write_bytes(stdin)
    for name in ("out", "err"):
        (directory / name).touch()
    words = [str(argument) for argument in arguments]
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    process = _server().Process(
        target=_main,
        args=(
            *(words, directory, cwd or directory, without, environment or {}),
            *(killed_at, after, by, worker, module),
        ),
    )
    process.start()
    return Command(process, directory)


def call(
    *arguments: object, stdin: bytes = b"", cwd: Path | None = None, without: Sequence[str] = ()
) -> Done:
    """Runs `onepass ARGUMENTS` to its end."""
    command = start(*arguments, stdin=stdin, cwd=cwd, without=without)
    try:
        return command.wait()
    finally:
        shutil.rmtree(command.directory)


def _kill_at(path: Path, after: float, by: int) -> None:
    while not path.exists():
        time.sleep(0.001)
    time.sleep(after)
    os.kill(os.getpid(), by)


def _main(
    arguments: list[str],
    directory: Path,
    cwd: Path,
    without: Sequence[str],
    environment: Mapping[str, str | None],
    killed_at: Path | None,
    after: float,
    by: int,
    worker: int,
    module: str,
) -> None:
    for name, value in environment.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value
    if killed_at is not None:
        threading.Thread(target=_kill_at, args=(killed_at, after, by), daemon=True).start()
    for number, (name, flags) in enumerate(
        (("in", os.O_RDONLY), ("out", os.O_WRONLY | os.O_APPEND), ("err", os.O_WRONLY | os.O_APPEND))
    ):
        os.dup2(os.open(directory / name, flags), number)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - open to the end
    sys.stdout, sys.stderr = (open(n, "w", encoding="utf-8", closefd=False) for n in (1, 2))  # noqa: SIM115
    os.chdir(cwd)
    sys.argv = [module, *arguments]
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))  # one thread: nothing here needs more
        os.sched_setaffinity(0, {cores[worker % len(cores)]})
    if without:
        for name in [name for name in sys.modules if name.partition(".")[0] in ("onepass", *without)]:
            del sys.modules[name]
        sys.modules.update(dict.fromkeys(without))  # type: ignore[arg-type]

    try:
        if module == "onepass":
            from onepass.__main__ import main

            main()
        else:
            runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit:
        raise
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def assert_clear_error(done: Done, code: int, *words: str) -> None:
    """The command failed with this code, one error, no traceback, and all these words in it."""
    assert done.code == code, done
    assert "Traceback" not in done.err
    assert len(re.findall(r"^error: ", done.err, re.MULTILINE)) == 1, done.err
    for word in words:
        assert word in done.err, done.err


# --- bundles -----------------------------------------------------------------


def tokenizer(*, joint: bool = True) -> Tokenizer:
    src, tgt = zip(*corpus_pairs(60), strict=True)
    settings = TokenizerSettings(vocab_size=400, joint=joint)
    return Tokenizer.train(src, tgt, settings, seed=1)


def edit_manifest(bundle: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Changes what a bundle says of itself, with the checksum of the changed."""
    manifest = json.loads((bundle / MANIFEST).read_text(encoding="utf-8"))
    change(manifest)
    write_json(bundle / MANIFEST, manifest | {CHECKSUM: manifest_sha256(manifest)})


def save_random_bundle(directory: Path, model: torch.nn.Module, words: Tokenizer) -> Path:
    """A bundle of a model made by `make_teacher` or `make_student` for the vocabulary of the tokenizer."""
    is_teacher = isinstance(model, AutoregressiveTransformer)
    settings: dict[str, object] = {"sizes": SIZES}
    if not is_teacher:
        settings["student"] = StudentSettings(dropout=0.0).model_dump(mode="json")
    save_bundle(
        directory,
        model,
        words,
        kind="autoregressive" if is_teacher else "fertility",
        src="en",
        tgt="de",
        settings=settings,
        provenance={},
    )
    return directory
