"""Cleaning: the filters on a corpus, in rounds of shards, so that neither memory nor one process limits it.

First each part says the keys of its texts, then each range of keys which of them repeat an earlier one, then
each part what is left of it. The outcome is that of `corpora.filters` on one stream.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from safetensors.numpy import load, save

from onepass.corpora.filters import REASONS, FilterCounts, Judge
from onepass.display import Report
from onepass.files import replacing
from onepass.pipeline.crew import Crew
from onepass.pipeline.shards import Shards, digest
from onepass.text.duplicates import KeyRun, parts_for, repeats
from onepass.text.lines import CutLines, text_of
from onepass.text.pair import Pair

PART = 50_000
"""Pairs of a shard."""


class Cleaning:
    """The filters on the texts `NAME.src` and `NAME.tgt` of a folder.

    Args:
        folder: has the texts, and gets the shards.
        name: of the texts.
        judge: which pairs are dropped.
    """

    def __init__(self, folder: Path, name: str, judge: Judge) -> None:
        self._folder, self._name, self._judge = folder, name, judge
        self._src, self._tgt = (CutLines(folder / f"{name}.{side}", PART) for side in ("src", "tgt"))
        self._parts = parts_for(self._src.total)
        self._keys = {reason: self._round_of_keys(reason, key) for reason, key in judge.keys.items()}
        self._repeats = {reason: self._round_of_repeats(reason, keys) for reason, keys in self._keys.items()}
        self._kept = Shards(
            folder / f"{name}-kept", len(self._src), self._left, self._source, ending=".safetensors"
        )

    def _round_of_keys(self, reason: str, key: Callable[[Pair], int]) -> Shards:
        def make(number: int) -> bytes:
            rows, keys = [], []
            for row, pair in enumerate(self._pairs(number)):
                if self._judge.reason(pair) is None:
                    rows.append(row)
                    keys.append(key(pair))
            return KeyRun.content(np.array(keys, dtype=np.uint64), np.array(rows, dtype=np.int64))

        folder = self._folder / f"{self._name}-{reason.replace(' ', '-')}-keys"
        return Shards(folder, len(self._src), make, self._source, ending=".keys")

    def _round_of_repeats(self, reason: str, keys: Shards) -> Shards:
        def make(number: int) -> bytes:
            runs = [KeyRun(keys.path(part)) for part in range(keys.count)]
            firsts = range(0, self._src.total, PART)
            return repeats(runs, firsts, number, self._parts).astype("<i8").tobytes()

        folder = self._folder / f"{self._name}-{reason.replace(' ', '-')}-repeats"
        return Shards(folder, self._parts, make, lambda _: keys.digest_of_all(), ending=".rows")

    def work(self, crew: Crew, progress: Report) -> None:
        """All rounds, together with others. Raises as `Shards.work` does."""
        for shards in self._keys.values():
            shards.work(crew, progress, f"{self._name}: keys")
        for shards in self._repeats.values():
            shards.work(crew, progress, f"{self._name}: duplicates")
        self._kept.work(crew, progress, f"{self._name}: filters")

    def write(self, directory: Path, counts: FilterCounts) -> None:
        """Writes what is left as texts of the same name, and counts the rest."""
        src, tgt = (directory / f"{self._name}.{side}" for side in ("src", "tgt"))
        with (
            replacing(src) as src_path,
            replacing(tgt) as tgt_path,
            open(src_path, "wb") as src_file,
            open(tgt_path, "wb") as tgt_file,
        ):
            for number, content in enumerate(self._kept):
                arrays = load(content)
                counts.read += self._src.count(number)
                for reason, dropped in zip(self._reasons, arrays["dropped"].tolist(), strict=True):
                    if dropped:
                        counts.dropped[reason] = counts.dropped.get(reason, 0) + dropped
                src_file.write(arrays["src"].tobytes())
                tgt_file.write(arrays["tgt"].tobytes())

    @property
    def _reasons(self) -> list[str]:
        return list(dict.fromkeys([*REASONS, *self._keys]))

    def _left(self, number: int) -> bytes:
        """The pairs of a part that are kept, and how many are not, by reason."""
        first = number * PART
        repeated = {reason: self._repeats_between(reason, first, first + PART) for reason in self._keys}
        dropped = dict.fromkeys(self._reasons, 0)
        kept = []
        for row, pair in enumerate(self._pairs(number), first):
            reason = self._judge.reason(pair)
            if reason is None:
                reason = next((why for why, rows in repeated.items() if row in rows), None)
            if reason is None:
                kept.append(pair)
            else:
                dropped[reason] += 1
        texts = {"src": text_of(pair.src for pair in kept), "tgt": text_of(pair.tgt for pair in kept)}
        arrays = {side: np.frombuffer(text, dtype=np.uint8) for side, text in texts.items()}
        return save({**arrays, "dropped": np.array(list(dropped.values()), dtype=np.int64)})

    def _repeats_between(self, reason: str, first: int, last: int) -> set[int]:
        found: set[int] = set()
        for part in range(self._parts):
            path = self._repeats[reason].path(part)
            if path.stat().st_size:  # of nothing there is no map
                rows = np.memmap(path, dtype="<i8", mode="r")
                found.update(rows[slice(*np.searchsorted(rows, [first, last]))].tolist())
        return found

    def _pairs(self, number: int) -> Iterator[Pair]:
        return map(Pair, self._src.lines(number), self._tgt.lines(number))

    def _source(self, number: int) -> str:
        return digest(self._src.content(number) + self._tgt.content(number))
