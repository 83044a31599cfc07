"""Duplicates on the disk: the same lines are left as a dictionary in memory leaves."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onepass.text import duplicates as module
from onepass.text.duplicates import KeyRun, distinct, key_of, parts_for, repeats

Texts = st.lists(st.sampled_from([*"abcdefgh", "", "ß"]), max_size=40)


@settings(deadline=None)
@given(Texts, Texts, st.integers(1, 9))
def test_lines_are_those_that_a_dictionary_leaves(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], known: list[str], run: int
) -> None:
    scratch = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "RUN", run)
        found = list(distinct(lambda: texts, scratch, known=lambda: known))
    assert found == [text for text in dict.fromkeys(texts) if text not in known]
    assert not list(scratch.iterdir())


def write_runs(folder: Path, keys: Sequence[np.ndarray]) -> list[KeyRun]:
    runs = []
    for number, own in enumerate(keys):
        path = folder / str(number)
        path.write_bytes(KeyRun.content(own, np.arange(len(own))))
        runs.append(KeyRun(path))
    return runs


@pytest.mark.parametrize("parts", [1, 4, 4096])
def test_the_parts_of_all_keys_together_find_each_repeat_once(parts: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    pool = rng.integers(0, 2**64, 300, dtype=np.uint64)
    pool[:2] = 0, 2**64 - 1
    keys = [pool[rng.integers(0, len(pool), size)] for size in (0, 100, 1, 250)]
    firsts = np.cumsum([0, *map(len, keys[:-1])]).tolist()
    runs = write_runs(tmp_path, keys)
    found = np.concatenate([repeats(runs, firsts, part, parts) for part in range(parts)])
    everything = np.concatenate(keys)
    _, first = np.unique(everything, return_index=True)
    assert sorted(found.tolist()) == sorted(set(range(len(everything))) - set(first.tolist()))


def test_a_key_is_of_the_text_alone_and_spread_over_all_ranges() -> None:
    assert key_of("a") == key_of("a") != key_of("b")
    buckets = {key_of(str(number)) >> 60 for number in range(300)}
    assert len(buckets) == 16


def test_few_texts_are_one_part_and_many_are_parts_that_fit() -> None:
    assert parts_for(1000) == 1
    assert parts_for(10 * module.RUN) == 16
    assert parts_for(10**12) == module.BUCKETS
