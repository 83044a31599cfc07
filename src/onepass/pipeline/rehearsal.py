"""A rehearsal of a run: its own stages on a sample of its corpus, each in a process of its own.

What depends on the corpus is done with a quarter of the sample and with all of it, so that the start is told
from the work. Trainings make a few updates and a validation. A teacher that has learnt nothing writes as many
words as it reads.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import chain, cycle, islice
from pathlib import Path
from typing import Any, NamedTuple

from onepass.corpora.mono import read_mono
from onepass.corpora.sources import read_pairs
from onepass.errors import ModelError
from onepass.pipeline.inventory import REVERSE_TEACHER
from onepass.pipeline.plan import plan
from onepass.pipeline.prepare import MONO, text_pairs, write_pairs
from onepass.pipeline.rehearse import CLOCKS, EXTREMES, FEW, LARGE, SMALL, record_path
from onepass.pipeline.stage import Stage
from onepass.recipe import Recipe
from onepass.settings import CorpusSource, DataSettings, TextSource
from onepass.text.lines import stream_lines, write_lines
from onepass.text.pair import Pair

SAMPLE = 10_000
"""Pairs at most: as many as half a shard of an alignment."""
PARTS = {SMALL: 4, LARGE: 1}
"""What of the sample each run has: one in so many."""
TRANSLATED, BY_UNTRAINED = 2000, 400
"""Lines at most that a teacher translates: one that was read, or one in torch that has learnt nothing."""
SHORTEST, LONGEST = 1024, 100
"""Lines of the extremes: a batch of the most rows, and some of the longest ones."""
DEV_TRANSLATED = 101
"""Sentences of dev at most where the teacher translates nothing else; elsewhere it is one."""
HELD = 500
"""Sentences of dev at most."""
TESTED = 20
"""Sentences of the test set at most, which are timed, too."""
EXERCISED = 80
"""Exercises of each kind at most."""
WATCHED_SECONDS = 0.2


class Sample(NamedTuple):
    """Some pairs of the corpus, from everywhere, and how many there are in all.

    Attributes:
        train, mono: pairs, and texts with the translations that are there already.
        pairs: in the corpus, texts included.
        words: of all targets; of a source where there is none.
        dev, test: some sentences of either, and how many there are.
        seconds: that reading the whole took.
    """

    train: Sequence[Pair]
    mono: Sequence[Pair]
    pairs: int
    words: int
    dev: Sequence[Pair]
    test: Sequence[Pair]
    dev_size: int
    test_size: int
    seconds: float


def read_sample(recipe: Recipe, clock: str = "wall") -> Sample:
    """Reads the whole corpus once.

    Args:
        recipe: resolved.
        clock: that tells how long it takes.

    Raises:
        DataError: it cannot be read.
    """
    data = recipe.data
    now = CLOCKS[clock]
    began = now()
    chance, kept = random.Random(recipe.seed), list[tuple[bool, Pair]]()
    count = words = 0
    corpus = read_pairs(data.train, split="train", src=data.src, tgt=data.tgt)
    marked = chain(((False, pair) for pair in corpus), ((True, pair) for pair in read_mono(data)))
    for count, (alone, pair) in enumerate(marked, 1):
        words += len((pair.tgt or pair.src).split())
        place = len(kept) if len(kept) < SAMPLE else chance.randrange(count)
        if place < SAMPLE:
            kept[place : place + 1] = [(alone, pair)]
    train, mono = ([pair for alone, pair in kept if alone is which] for which in (False, True))
    held = {}
    for split in ("dev", "test"):
        found = list(read_pairs(getattr(data, split), split=split, src=data.src, tgt=data.tgt))
        size = len(found) or data.held_out
        held[split] = (found or [Pair(p.src, p.tgt or p.src) for p in train or mono], size)
    return Sample(
        train,
        mono,
        count,
        words,
        held["dev"][0][: min(HELD, held["dev"][1])],
        held["test"][0][: min(TESTED, held["test"][1])],
        held["dev"][1],
        held["test"][1],
        now() - began,
    )


class Rehearsal:
    """The stages of a recipe on a sample, in a folder that is to be removed.

    Args:
        recipe: of the run.
        sample: of its corpus.
        folder: an empty one.
        clock: `wall`, or `cpu` for CPU seconds.
    """

    def __init__(self, recipe: Recipe, sample: Sample, folder: Path, clock: str = "wall") -> None:
        self._clock = clock
        self.recipe, self.sample, self.folder = recipe, sample, folder
        self.lines = {name: len(sample.train) + len(sample.mono) for name in PARTS}
        self.few = dict.fromkeys(PARTS, 0)
        self.exercises = {
            name: max(min(recipe.distill.exercises, EXERCISED) // part, 1) for name, part in PARTS.items()
        }
        for name, part in PARTS.items():
            self._write_run(name, part)

    def _write_run(self, name: str, part: int) -> None:
        run, sample, data = self.folder / name, self.sample, self.recipe.data
        texts = run / "corpus"
        texts.mkdir(parents=True)
        changed: dict[str, Any] = {
            "mono_lines": None,
            "held_out": DataSettings.model_fields["held_out"].default,
        }
        count = 0
        for corpus, pairs in (("train", sample.train), (MONO, sample.mono)):
            own = pairs[::part]
            count += len(own)
            write_pairs(texts, corpus, own)
        self.lines[name] = count
        write_pairs(texts, "dev", sample.dev)
        write_pairs(texts, "test", sample.test)
        for split in ("train", "dev", "test"):
            for side, lang in (("src", data.src), ("tgt", data.tgt)):
                os.replace(texts / f"{split}.{side}", texts / f"{split}.{lang}")
            if split != "train" or sample.train:
                changed[split] = (CorpusSource(path=str(texts / f"{split}.{{lang}}")),)
        if sample.mono:
            changed[MONO] = (TextSource(path=str(texts / f"{MONO}.src")),)
            changed["distilled"] = (str(texts / f"{MONO}.tgt"),) if data.distilled else ()
        distill = self.recipe.distill
        engine = "torch" if self.in_torch else distill.engine
        exercises = self.exercises[name] if distill.exercises else 0
        shorter = {"engine": engine, "exercises": exercises}
        evaluate = {"rounds": 1, "latency_sentences": min(self.recipe.evaluate.latency_sentences, TESTED)}
        small = self.recipe.model_copy(
            update={
                "data": data.model_copy(update=changed),
                "distill": distill.model_copy(update=shorter),
                "evaluate": self.recipe.evaluate.model_copy(update=evaluate),
            }
        )
        write_lines(run / "recipe.json", [small.to_json()])

    @property
    def in_torch(self) -> bool:
        """Whether torch translates in place of CTranslate2: one that has learnt nothing it can end."""
        return not self.recipe.teacher.is_read and self.recipe.distill.engine == "ctranslate2"

    @property
    def on_gpu(self) -> bool:
        """Whether there is a GPU, on which both are about as fast."""
        import torch

        return torch.cuda.is_available()

    def stages(self) -> list[Stage]:
        """Those of the recipe, in order."""
        return plan(self.recipe)

    def measure(self, stage: Stage, seconds: float) -> dict[str, Any]:
        """Rehearses a stage, after those before it.

        Args:
            stage: of `stages`.
            seconds: that it may take, as far as it can be cut.

        Returns:
            What `pipeline.rehearse` says, with the memory of all its processes together, and the bytes that
            either run has as `disk`.

        Raises:
            ModelError: it failed.
        """
        watched = _apart(self.folder, stage.name, seconds, self._clock)
        found: dict[str, Any] = json.loads(record_path(self.folder, stage.name).read_text(encoding="utf-8"))
        if found["memory"] is not None:
            found["memory"] = max(found["memory"], watched)
        found["disk"] = {name: _bytes_under(self.folder / name / stage.name) for name in PARTS}
        self._complete(stage, cut=len(found.get("seconds", ())) == 2)
        return found

    def _complete(self, stage: Stage, *, cut: bool) -> None:
        """Puts what the next stages need into both runs."""
        small, large = (self.folder / name for name in PARTS)
        if stage.name in ("teacher", REVERSE_TEACHER):
            (small / stage.name).symlink_to(large / stage.name)
            return
        if stage.name == "prepare":
            most = TRANSLATED if self.recipe.teacher.is_read else BY_UNTRAINED
            for name, part in PARTS.items():
                self.few[name] = _cut(self.folder / name, most // part)
            if self.recipe.teacher.is_read:
                _cut_extremes(self.folder / LARGE, len(self.sample.dev))
            return
        if cut and not (large / stage.name).exists():
            shutil.copytree(small / stage.name, large / stage.name)
        if stage.apart and stage.name.startswith("distill"):
            for name in PARTS:
                self._fill(self.folder / name, stage.name)

    def _fill(self, run: Path, name: str) -> None:
        """The pairs of few lines again and again, or the corpus's own in their place, until they are many."""
        prepared, directory = run / "prepare", run / name
        paths = [prepared / f"{split}.src" for split in ("train", MONO)]
        count = sum(1 for path in paths if path.exists() for _ in stream_lines(path))
        own = text_pairs(prepared if self.recipe.data.train else directory, "train")
        write_pairs(directory, "train", list(islice(cycle(list(own)), count)))
        write_pairs(directory, "dev", list(text_pairs(prepared, "dev")))

    def translates(self, stage: Stage) -> bool:
        """Whether the teacher translates all lines in it."""
        has_sources = bool(self.recipe.data.train) or not self.recipe.data.distilled
        return stage.apart and has_sources


def _cut(run: Path, most: int) -> int:
    """Writes what is to be translated, `most` lines at most; how many there are."""
    prepared, few = run / "prepare", run / FEW
    few.mkdir()
    count = 0
    has_translations = (prepared / f"{MONO}.tgt").exists()
    for path in prepared.iterdir():
        if path.suffix not in (".src", ".tgt") or not path.is_file():
            continue
        alone = path.stem == MONO and has_translations  # they are filtered, not translated
        lines = list(islice(stream_lines(path), None if alone or path.stem == "phrases" else most))
        count += len(lines) if path.name in ("train.src", f"{MONO}.src") else 0
        write_lines(few / path.name, lines if path.stem != "dev" else lines[:1])
    return count


def _cut_extremes(run: Path, dev: int) -> None:
    """Writes the shortest and the longest lines to be translated, or `dev` sentences where all others are."""
    prepared, extremes = run / "prepare", run / EXTREMES
    shutil.copytree(run / FEW, extremes)
    if (prepared / f"{MONO}.tgt").exists():
        for side in ("src", "tgt"):
            write_lines(
                extremes / f"dev.{side}",
                islice(stream_lines(prepared / f"dev.{side}"), min(dev, DEV_TRANSLATED)),
            )
        return
    for name in ("train.src", f"{MONO}.src"):
        if (prepared / name).exists():
            lines = sorted(stream_lines(prepared / name), key=len)
            longest = lines[-LONGEST:] if len(lines) > SHORTEST else []
            write_lines(extremes / name, [*lines[:SHORTEST], *longest])


def _bytes_under(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())


def _apart(folder: Path, stage: str, seconds: float, clock: str) -> int:
    """Starts the other process; the most memory that it and those that it starts share, in bytes.

    Raises:
        ModelError: it failed.
    """
    words = [str(folder), stage, str(seconds), clock]
    command = [sys.executable, "-P", "-m", f"{__package__}.rehearse", *words]
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(
            command, stdout=errors, stderr=errors, env={**os.environ, "PYTHONPATH": path}
        ) as process,
    ):
        try:
            with watching(process.pid) as most:
                process.wait()
        except BaseException:
            process.kill()
            raise
        if process.returncode:
            errors.seek(0)
            lines = errors.read().decode("utf-8", "replace").strip().splitlines() or ["no message"]
            raise ModelError(f"The rehearsal of a stage failed: {lines[-1]}", where=stage)
    return most()


class watching:  # noqa: N801 - it reads as a verb
    """The most memory that a process and all that it starts hold together, while this is entered.

    Pages that several share count once. 0 where the system does not tell it.
    """

    def __init__(self, pid: int) -> None:
        self._pid, self._most, self._over = pid, 0, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Callable[[], int]:
        self._thread.start()
        return lambda: self._most

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(WATCHED_SECONDS):
            self._most = max(self._most, sum(map(_share_bytes, _descendants(self._pid))))


def _descendants(pid: int) -> Iterator[int]:
    yield pid
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text(encoding="ascii").split():
                yield from _descendants(int(child))


def _share_bytes(pid: int) -> int:
    with suppress(OSError, ValueError, IndexError):
        text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
        return int(text.split("Pss:")[1].split()[0]) * 1024
    return 0
