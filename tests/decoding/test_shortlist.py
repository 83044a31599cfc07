"""A shortlist gives each row the words that its source needs, and searches stay among them."""

import random

import numpy as np
import pytest
import torch

from onepass.alignment.lexicon import Lexicon
from onepass.decoding.autoregressive import beam_search, greedy
from onepass.decoding.shortlist import Shortlist, ShortlistedModel, search_shortlist
from onepass.models.autoregressive import EOS, with_end
from onepass.teachers.find import find_teacher
from onepass.teachers.marian import MarianTeacher, read_marian
from onepass.text.batches import padded
from tiny_marian import TEXT, write_teacher

pytestmark = pytest.mark.usefixtures("no_gradient")


def plain(
    lists: list[list[int]], by_frequency: list[int], first: int, source: list[int], joint: bool
) -> list[int]:
    words = {*by_frequency[:first], *(w for i in source for w in lists[i]), *(source if joint else [])}
    rest = iter(by_frequency[first:])
    while len(words) % 8:
        words.add(next(rest))
    return sorted(words)


@pytest.mark.parametrize("joint", [True, False])
def test_the_words_of_a_source_are_those_of_a_plain_count(joint: bool) -> None:
    chance = random.Random(1)
    lists = [chance.sample(range(60), chance.randint(0, 6)) for _ in range(40)]
    by_frequency = chance.sample(range(60), 60)
    offsets = np.cumsum([0, *map(len, lists)])
    words = np.array([w for row in lists for w in sorted(row)])
    for first in (0, 5, 8):
        shortlist = Shortlist(np.array(by_frequency), first, offsets, words, joint)
        for _ in range(50):
            source = [chance.randrange(40) for _ in range(chance.randint(1, 6))]
            assert shortlist.of(source).tolist() == plain(lists, by_frequency, first, source, joint)


@pytest.fixture(scope="module")
def teacher(tmp_path_factory) -> MarianTeacher:
    folder = tmp_path_factory.mktemp("teacher")
    write_teacher(folder, seed=2)
    return read_marian(find_teacher(str(folder)))


@pytest.fixture(scope="module")
def rows(teacher) -> list[list[int]]:
    return teacher.tokenizer.encode_src_batch(TEXT[::24])


def test_scores_are_the_models_own_for_the_words_of_a_row_and_impossible_else(teacher, rows) -> None:
    src_ids = torch.from_numpy(padded(rows))
    limited = ShortlistedModel(teacher.model, teacher.shortlist, src_ids)
    memory = limited.encode(src_ids)
    first = torch.full((len(rows),), 2)
    scores = limited.step(first, limited.start(memory))
    expected = teacher.model.step(first, teacher.model.start(memory))
    assert limited.ids[:4].tolist() == [0, 1, 2, 3]
    for row, own, every in zip(with_end(src_ids).tolist(), scores, expected, strict=True):
        words = {*teacher.shortlist.of([i for i in row if i]).tolist(), EOS}
        for place, word in enumerate(limited.ids.tolist()):
            if word in words:
                assert float(own[place]) == pytest.approx(float(every[word]), abs=1e-4)
            else:
                assert own[place] == -torch.inf


@pytest.mark.parametrize("beam", [1, 3])
def test_a_row_is_translated_alike_in_any_batch_and_only_with_its_words(teacher, rows, beam: int) -> None:
    def search(model, src_ids):
        return greedy(model, src_ids) if beam == 1 else beam_search(model, src_ids, beam_size=beam)

    together = search_shortlist(teacher.model, torch.from_numpy(padded(rows)), teacher.shortlist, search)
    assert len(set(map(tuple, together.ids))) > 5
    for row, ids, printed in zip(rows, together.ids, together.scores, strict=True):
        alone = search_shortlist(teacher.model, torch.tensor([row]), teacher.shortlist, search)
        assert alone.ids == [ids]
        assert alone.scores[0] == pytest.approx(printed, abs=1e-4)
        assert {*ids} <= {*teacher.shortlist.of([*row, EOS]).tolist()}


def test_a_shortlist_of_all_words_changes_nothing(teacher, rows) -> None:
    size = teacher.sizes.tgt_size
    every = Shortlist(np.arange(size), size, np.zeros(size + 1, np.int64), np.zeros(0, np.int64), joint=True)
    src_ids = torch.from_numpy(padded(rows))
    limited = search_shortlist(teacher.model, src_ids, every, greedy)
    assert limited.ids == greedy(teacher.model, src_ids).ids


def test_a_lexicon_allows_what_a_shortlist_does_too() -> None:
    lexicon = Lexicon(np.array([[0, 0], [7, 5], [6, 0], [0, 0]]), np.array([4, 9]))
    # The teacher's own order begins with 8; sources 1 and 2 have words of their own, 3 is not the teacher's.
    order, offsets, words = np.array([8, 4, 5, 6, 7, 9]), np.array([0, 0, 3, 4]), np.array([5, 6, 9, 6])
    shortlist = Shortlist(order, 1, offsets, words, True)
    both = shortlist.added_to(lexicon)
    assert both.yields.tolist() == [[0] * 4, [7, 5, 6, 9], [6, 0, 0, 0], [0] * 4]
    assert both.always.tolist() == [4, 8, 9]
