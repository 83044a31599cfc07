"""A lexicon holds what each source token is linked with most often."""

import random
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from onepass.alignment import lexicon
from onepass.text.batches import IdPairs


def test_the_most_frequent_links_of_each_token_are_kept(
    make_pairs: Callable[..., IdPairs], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lexicon, "YIELDS", 3)
    monkeypatch.setattr(lexicon, "ALWAYS", 4)
    chance = random.Random(3)
    sides = [[[chance.randrange(4, 12) for _ in range(6)] for _ in range(50)] for _ in range(2)]
    links = [[(chance.randrange(6), chance.randrange(6)) for _ in range(5)] for _ in range(50)]
    links[7] = []
    counts: dict[int, Counter[int]] = {token: Counter() for token in range(14)}
    for src, tgt, row in zip(*sides, links, strict=True):
        for i, j in row:
            counts[src[i]][tgt[j]] += 1
    pairs = make_pairs("train", src=sides[0], tgt=sides[1])
    pharaoh = [" ".join(f"{i}-{j}" for i, j in row) for row in links]
    found = lexicon.build_lexicon(pairs, pharaoh, 14, joint=False)
    assert found.yields.shape == (14, 3)
    for token, row in enumerate(found.yields.tolist()):
        kept = [counts[token][target] for target in row if target]
        assert kept == sorted(counts[token].values(), reverse=True)[:3]
    frequent = Counter(token for row in sides[1] for token in row)
    expected = sorted(frequent.values(), reverse=True)[:4]
    assert sorted((frequent[token] for token in found.always.tolist()), reverse=True) == expected
    assert (np.diff(found.always) > 0).all()
    for other in (pharaoh[:-1], [*pharaoh, "0-0"]):
        with pytest.raises(ValueError, match="zip"):
            lexicon.build_lexicon(pairs, other, 14, joint=False)


def test_a_token_of_both_sides_may_become_itself(
    make_pairs: Callable[..., IdPairs], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lexicon, "YIELDS", 2)
    # 5 is linked with 6, 7 and 8; 6 with itself; 9 never written; 8 never read.
    pairs = make_pairs("train", src=[[5, 5, 5], [5, 5, 6], [5, 9]], tgt=[[6, 7, 8], [6, 7, 6], [6, 5]])
    links = ["0-0 1-1 2-2", "0-0 1-1 2-2", "0-0 1-0"]
    apart = lexicon.build_lexicon(pairs, links, 10, joint=False).yields
    assert apart[[5, 6, 8, 9]].tolist() == [[6, 7], [6, 0], [0, 0], [6, 0]]
    joint = lexicon.build_lexicon(pairs, links, 10, joint=True).yields
    assert joint[[5, 6, 8, 9]].tolist() == [[6, 5], [6, 0], [0, 8], [6, 0]]
