"""A file of lines in parts: together they are the file, wherever blocks of reading end."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onepass.text import lines as module
from onepass.text.lines import CutLines, write_lines


@settings(deadline=None)
@given(
    st.lists(st.sampled_from(["", "a", "été", "b\r", "c\u2028d"]), max_size=12),
    st.integers(1, 5),
    st.integers(1, 7),
)
def test_parts_are_the_lines_in_order(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], every: int, block: int
) -> None:
    path = tmp_path_factory.mktemp("cut") / "texts"
    write_lines(path, texts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCK", block)
        cut = CutLines(path, every)
    expected = [texts[first : first + every] for first in range(0, len(texts), every)]
    assert [cut.lines(number) for number in range(len(cut))] == expected
    assert [cut.count(number) for number in range(len(cut))] == list(map(len, expected))
    assert b"".join(map(cut.content, range(len(cut)))) == path.read_bytes()
    assert cut.total == len(texts)
