"""Characters as a reader sees them are never cut."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onepass.text.graphemes import clusters, may_cut

WHOLE = ["e\u0301", "👩\u200d🚀", "👍🏽", "🇵🇹", "❤\ufe0f", "3\ufe0f\u20e3", "\r\n", "\ud83d\ude00", "각"]


@pytest.mark.parametrize("whole", WHOLE)
def test_a_character_of_several_code_points_is_one_cluster(whole: str) -> None:
    assert list(clusters(f"a{whole}b")) == ["a", whole, "b"]
    assert not any(may_cut(f"a{whole}", place) for place in range(2, len(whole) + 1))


def test_flags_are_counted_in_pairs() -> None:
    assert list(clusters("🇵🇹🇩🇪🇧")) == ["🇵🇹", "🇩🇪", "🇧"]
    assert [may_cut("🇵🇹🇩🇪", place) for place in range(5)] == [True, False, True, False, True]


@given(st.text(st.sampled_from([*"ab \r\n\u0301\u200d\ud83d\ude00", "🇵", "🇹", "👍", "🏽"])))
def test_clusters_are_the_text_cut_wherever_it_may_be_cut(text: str) -> None:
    found = list(clusters(text))
    assert "".join(found) == text
    edges = [0]
    for cluster in found:
        edges.append(edges[-1] + len(cluster))
    assert all(may_cut(text, edge) for edge in edges)
    assert not any(may_cut(text, place) for a, b in pairwise(edges) for place in range(a + 1, b))
