"""Candidates of CTC: the likeliest, each translation once, and more of them for a better score."""

import itertools
import math
from itertools import pairwise

import pytest
import torch

from onepass.decoding.ctc import best_labelling, decode_slots, labellings
from onepass.decoding.options import DecodingOptions
from onepass.decoding.translator import make_decoder
from onepass.errors import UsageError
from onepass.models.one_pass import NEVER
from onepass.runtime.candidates import CHANGES, MOST_LABELLINGS, combinations

pytestmark = pytest.mark.usefixtures("no_gradient")

BLANK = 9
COUNTS = [1, 2, 5, 20, 64]


def collapsed(labels) -> tuple[int, ...]:
    return tuple(label for label, _ in itertools.groupby(labels) if label != BLANK)


def slots(lengths: list[int], choices: int = 4) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Random labels of slots, the most probable first, their log probabilities and the real slots."""
    chance = torch.Generator().manual_seed(3)
    scores = torch.randn(len(lengths), max(lengths), 5, generator=chance).log_softmax(-1)
    log_probs, labels = scores.topk(choices)
    return labels + 5, log_probs, torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]


def candidates(lengths: list[int], most: int, choices: int = 4) -> list[list[tuple[int, ...]]]:
    labels, log_probs, mask = slots(lengths, choices)
    found = labellings(labels, log_probs, mask, BLANK, most)
    assert found.sentence.tolist() == sorted(found.sentence.tolist())
    rows = [tuple(token for token in row if token) for row in found.ids.tolist()]
    return [
        [row for row, of in zip(rows, found.sentence.tolist(), strict=True) if of == b]
        for b in range(len(lengths))
    ]


@pytest.mark.parametrize("most", [3, MOST_LABELLINGS])
def test_where_all_changes_are_tried_they_are_all_labellings_by_their_probability(most: int) -> None:
    lengths = [2, 2, 1, 2]  # 3 other labels a slot: no more than CHANGES of them
    labels, log_probs, _ = slots(lengths)
    for b, found in enumerate(candidates(lengths, most)):
        real = range(lengths[b])
        choices = itertools.product(range(4), repeat=lengths[b])
        likeliest = sorted(choices, key=lambda row: -math.fsum(float(log_probs[b, i, row[i]]) for i in real))
        every = dict.fromkeys(collapsed(int(labels[b, i, row[i]]) for i in real) for row in likeliest)
        assert found == list(every)[:most]


def test_of_many_changes_the_combinations_of_those_that_lose_least_are_tried() -> None:
    lengths = [7, 30, 3]
    labels, log_probs, _ = slots(lengths)
    for b, found in enumerate(candidates(lengths, MOST_LABELLINGS)):
        lost = {
            (i, k): float(log_probs[b, i, 0] - log_probs[b, i, k])
            for i in range(lengths[b])
            for k in (1, 2, 3)
        }
        changes = sorted(lost, key=lost.__getitem__)[:CHANGES]
        tried = {}
        for made in itertools.product([False, True], repeat=CHANGES):
            row = labels[b, : lengths[b], 0].tolist()
            of_each = [change for change, this in zip(changes, made, strict=True) if this]
            for i, k in of_each:
                row[i] = int(labels[b, i, k])
            if len({i for i, _ in of_each}) == len(of_each):  # a slot has one label
                tried[collapsed(row)] = min(tried.get(collapsed(row), math.inf), sum(map(lost.get, of_each)))
        assert found == sorted(tried, key=tried.__getitem__)
        assert found[0] == collapsed(labels[b, : lengths[b], 0].tolist())


def test_the_combinations_are_all_different_and_the_first_changes_nothing() -> None:
    rows = combinations().tolist()
    assert len({tuple(row) for row in rows}) == MOST_LABELLINGS == 2**CHANGES
    assert not any(rows[0])


def test_one_candidate_is_the_most_probable_translation(make_slots, make_teacher, sentences, pad) -> None:
    ctc, src_ids = make_slots("ctc", slots=2), pad(sentences)
    assert best_labelling(ctc, make_teacher(), src_ids, 1).ids == decode_slots(ctc, src_ids).ids


def test_the_winners_score_never_falls_with_more_labellings(make_slots, make_teacher, sentences, pad) -> None:
    ctc, teacher = make_slots("ctc", slots=2), make_teacher()
    found = [best_labelling(ctc, teacher, pad(sentences), count).scores for count in COUNTS]
    for fewer, more in pairwise(found):
        assert all(b >= a - 1e-5 for a, b in zip(fewer, more, strict=True))
    assert sum(found[-1]) > sum(found[0]) + 1


def test_more_labellings_than_there_are_is_a_usage_error(make_slots, make_teacher) -> None:
    ctc, teacher = make_slots("ctc", slots=2), make_teacher()
    make_decoder(ctc, DecodingOptions(teacher, num_candidates=MOST_LABELLINGS))
    with pytest.raises(UsageError, match="1 to 64"):
        make_decoder(ctc, DecodingOptions(teacher, num_candidates=MOST_LABELLINGS + 1))


def test_what_may_never_be_written_is_in_no_candidate(make_slots, make_teacher, pad) -> None:
    """Of two words and a blank, a slot has no fourth label."""
    ctc, teacher = make_slots("ctc", slots=2, vocabulary=6), make_teacher(vocabulary=6)
    found = best_labelling(ctc, teacher, pad([[4], [5, 4], [4, 4, 5]]), MOST_LABELLINGS)
    assert not {token for row in found.ids for token in row} & set(NEVER)


def test_nothing_at_all_may_win(make_slots, make_teacher, sentences, pad) -> None:
    ctc, teacher = make_slots("ctc", slots=2), make_teacher()
    ctc.decoder_norm.weight.zero_()
    ctc.decoder_norm.bias.copy_(100 * ctc.blank_embedding.weight[0])
    found = best_labelling(ctc, teacher, pad(sentences[:3]), 1)
    assert found.ids == [[], [], []]
    assert all(map(math.isfinite, found.scores))
