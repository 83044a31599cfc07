"""A lexicon holds of what each source token is linked with most often the words that targets need."""

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from onepass.alignment import lexicon
from onepass.runtime.text_translator import MAX_SRC_TOKENS
from onepass.text.batches import IdPairs, RaggedWriter
from tiny_run import tokenizer, write_lines

Rows = list[list[int]]


def random_corpus(chance: random.Random) -> tuple[Rows, Rows, list[list[tuple[int, int]]]]:
    src, tgt = ([[chance.randrange(4, 12) for _ in range(4)] for _ in range(30)] for _ in range(2))
    links = [[(chance.randrange(4), chance.randrange(4)) for _ in range(3)] for _ in range(30)]
    links[7] = []
    return src, tgt, links


def test_the_most_frequent_links_that_a_target_needs_are_kept(
    make_pairs: Callable[..., IdPairs], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lexicon, "YIELDS", 3)
    monkeypatch.setattr(lexicon, "ALWAYS", 4)
    src, tgt, links = random_corpus(random.Random(3))
    counts = Counter(
        (s[i], t[j]) for s, t, row in zip(src, tgt, links, strict=True) for i, j in row
    ).most_common()
    # Of equal counts the smaller word comes first.
    ranked = [sorted((-n, word) for (token, word), n in counts if token == own)[:3] for own in range(14)]
    words = [[word for _, word in row] for row in ranked]
    needed: list[set[int]] = [set() for _ in words]
    unexplained: Counter[int] = Counter()
    for s, t in zip(src, tgt, strict=True):
        for word in set(t):
            explaining = [(words[token].index(word), token) for token in s if word in words[token]]
            if explaining:
                needed[min(explaining)[1]].add(word)
            else:
                unexplained[word] += 1
    pairs = make_pairs("train", src=src, tgt=tgt)
    pharaoh = [" ".join(f"{i}-{j}" for i, j in row) for row in links]
    found = lexicon.build_lexicon(pairs, pharaoh, 14, joint=False)
    kept = [[word for word in row if word] for row in found.yields.tolist()]
    assert kept == [[word for word in row if word in some] for row, some in zip(words, needed, strict=True)]
    assert sum(map(len, kept)) < sum(map(len, words))  # some are linked and not needed
    assert found.yields.shape == (14, max(map(len, kept)))
    most = sorted(unexplained.values(), reverse=True)[:4]
    assert sorted((unexplained[word] for word in found.always.tolist()), reverse=True) == most
    assert (np.diff(found.always) > 0).all()
    for other in (pharaoh[:-1], [*pharaoh, "0-0"]):
        with pytest.raises(ValueError, match="zip"):
            lexicon.build_lexicon(pairs, other, 14, joint=False)


def test_every_target_can_still_be_written(make_pairs: Callable[..., IdPairs]) -> None:
    src, tgt, links = random_corpus(random.Random(5))
    pharaoh = [" ".join(f"{i}-{j}" for i, j in row) for row in links]
    found = lexicon.build_lexicon(make_pairs("train", src=src, tgt=tgt), pharaoh, 14, joint=True)
    for s, t in zip(src, tgt, strict=True):
        assert set(t) <= {*found.yields[s].ravel().tolist(), *found.always.tolist()}


def test_a_token_of_both_sides_may_become_itself(
    make_pairs: Callable[..., IdPairs], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lexicon, "YIELDS", 2)
    # 5 is linked with 6, 7 and 8; 6 with itself; 9 never written; 8 never read.
    pairs = make_pairs("train", src=[[5, 5, 5], [5, 5, 6], [5, 9]], tgt=[[6, 7, 8], [6, 7, 6], [6, 5]])
    links = ["0-0 1-1 2-2", "0-0 1-1 2-2", "0-0 1-0"]
    apart = lexicon.build_lexicon(pairs, links, 10, joint=False)
    assert apart.yields[[5, 6, 8, 9]].tolist() == [[6, 7], [0, 0], [0, 0], [0, 0]]
    assert apart.always.tolist() == [5, 8]
    joint = lexicon.build_lexicon(pairs, links, 10, joint=True)
    assert joint.yields[[5, 6, 8, 9]].tolist() == [[6, 5], [6, 0], [8, 0], [0, 0]]
    assert joint.always.tolist() == [7, 8]


def test_a_pair_without_words_and_a_corpus_without_links_are_no_failure(
    make_pairs: Callable[..., IdPairs],
) -> None:
    pairs = make_pairs("train", src=[[], [5]], tgt=[[], [6]])
    found = lexicon.build_lexicon(pairs, ["", ""], 8, joint=False)
    assert (found.yields == 0).all()
    assert found.always.tolist() == [6]


def write_corpus(directory: Path, src: Rows, tgt: Rows) -> Path:
    directory.mkdir(exist_ok=True)
    for side, rows in (("src", src), ("tgt", tgt)):
        with RaggedWriter(directory / f"train.{side}") as ids:
            ids.write(rows)
    return directory


def test_examples_are_sources_that_fit(tmp_path: Path) -> None:
    lengths = [*range(MAX_SRC_TOKENS + 3), 7, 8]
    rows = [[5] * length for length in lengths]
    facts = lexicon.corpus_facts([write_corpus(tmp_path, rows, rows)], tokenizer())
    assert [len(row) for row in facts.examples] == [*range(1, MAX_SRC_TOKENS + 1), 7, 8]


def test_of_many_sources_the_examples_are_spread_over_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lexicon, "EXAMPLES", 3)
    rows = [[number] for number in range(4, 13)]
    facts = lexicon.corpus_facts([write_corpus(tmp_path, rows, rows)], tokenizer())
    assert facts.examples == [[4], [8], [12]]


def test_what_either_corpus_has_may_be_written(tmp_path: Path) -> None:
    distilled = write_corpus(tmp_path / "distilled", [[4]], [[5, 9]])
    references = write_corpus(tmp_path / "references", [[4], [4]], [[7], [5]])
    write_lines(distilled / lexicon.LINKS, ["0-0 0-1"])
    facts = lexicon.corpus_facts([distilled, references], tokenizer())
    assert facts.vocabulary is not None
    assert facts.vocabulary.tolist() == [5, 7, 9]
    assert facts.examples == [[4]]
    assert facts.lexicon is not None
    assert set(facts.lexicon.yields[4].tolist()) - {0} == {5, 9}
    assert lexicon.corpus_facts([references, distilled], tokenizer()).lexicon is None
