"""Cleaning in rounds of shards: what the filters leave of one stream, and the same counts."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onepass.corpora.filters import FilterCounts, Judge, filter_pairs
from onepass.pipeline import cleaning as module
from onepass.pipeline.cleaning import Cleaning
from onepass.pipeline.crew import Crew
from onepass.pipeline.prepare import text_pairs, write_pairs
from onepass.settings import FilterSettings
from onepass.text import duplicates
from onepass.text.pair import Pair

SIDES = ["", "a", "A.", "a b", "1 a", "2 a", "b", "a b c d e f g h", "ü\u2028"]
pairs = st.lists(st.builds(Pair, st.sampled_from(SIDES), st.sampled_from(SIDES)), max_size=40)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    return (tmp_path_factory.mktemp("cleaning") for _ in iter(int, 1))


@settings(deadline=None, max_examples=25)
@given(pairs, st.booleans(), st.booleans(), st.booleans(), st.integers(1, 9))
def test_the_rounds_leave_what_one_stream_leaves(
    folders: Iterator[Path], corpus: list[Pair], exact: bool, near: bool, of_sources: bool, part: int
) -> None:
    limits = FilterSettings(max_words=5, drop_duplicates=exact, drop_near_duplicates=near)
    folder = next(folders)
    write_pairs(folder, "train", corpus)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "PART", part)
        patch.setattr(duplicates, "RUN", 7)
        judge = Judge(limits, of_sources=of_sources)
        cleaning = Cleaning(folder, "train", judge)
        cleaning.work(Crew(), lambda *_: None)
        found, expected = FilterCounts(), FilterCounts()
        (folder / "kept").mkdir()
        cleaning.write(folder / "kept", found)
        kept = list(text_pairs(folder / "kept", "train"))
    assert kept == list(filter_pairs(corpus, judge, expected))
    assert found == expected
