"""Argmax, average and noisy parallel decoding: scores, winners and what candidates do."""

from itertools import pairwise

import pytest
import torch

from onepass.decoding import fertility
from onepass.decoding.autoregressive import score
from onepass.decoding.fertility import decode_once, noisy_parallel
from onepass.decoding.options import DecodingOptions
from onepass.decoding.translator import make_decoder
from onepass.models.one_pass import NEVER

pytestmark = pytest.mark.usefixtures("no_gradient")

COUNTS = [1, 2, 5, 20, 50]


@pytest.fixture(scope="module")
def uniform() -> torch.Tensor:
    return torch.rand(max(COUNTS) - 1, 16, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def by_candidates(make_student, make_teacher, sentences, pad, uniform) -> list:
    """The translations with ever more candidates."""
    student, teacher = make_student(), make_teacher()
    return [noisy_parallel(student, teacher, pad(sentences), uniform[: n - 1]) for n in COUNTS]


@pytest.mark.parametrize("average", [False, True], ids=["argmax", "average"])
def test_the_score_is_the_mean_of_the_best_log_probabilities(
    make_student, sentences, pad, average: bool
) -> None:
    student = make_student()
    found = decode_once(student, pad(sentences), average=average)
    columns = (found.ids, found.scores, found.fertilities)
    for source, ids, own_score, fertilities in zip(sentences, *columns, strict=True):
        assert len(fertilities) == len(source)
        assert sum(fertilities) == len(ids) > 0
        src_ids = pad([source])
        states = student.decode(src_ids, pad([fertilities]), student.encode(src_ids)).states[0]
        best = []
        for row in student.logits(states).log_softmax(-1).tolist():
            words = [v for v in range(len(row)) if v not in NEVER]
            best.append(max(words, key=row.__getitem__))
        assert ids == best
        log_probs = student.logits(states).log_softmax(-1)[torch.arange(len(ids)), torch.tensor(ids)]
        assert own_score == pytest.approx(float(log_probs.mean()), abs=1e-5)


@pytest.mark.parametrize("average", [False, True], ids=["argmax", "average"])
def test_each_token_is_copied_as_often_as_is_most_probable_or_on_average(
    make_student, sentences, pad, average: bool
) -> None:
    student, other = make_student(), 0
    found = make_decoder(student, DecodingOptions(average=average))(pad(sentences)).fertilities
    for source, fertilities in zip(sentences, found, strict=True):
        probs = student.fertility_logits(student.encode(pad([source]))).softmax(-1)[0].tolist()
        argmax = [row.index(max(row)) for row in probs]
        mean = [round(sum(f * p for f, p in enumerate(row))) for row in probs]
        expected, different = (mean, argmax) if average else (argmax, mean)
        if any(expected):  # else one position gets a token all the same
            assert fertilities == expected
        other += expected != different
    assert other > 20


def test_one_candidate_is_the_argmax(make_student, sentences, pad, by_candidates) -> None:
    argmax = decode_once(make_student(), pad(sentences))
    assert by_candidates[0].ids == argmax.ids
    assert by_candidates[0].fertilities == argmax.fertilities


@pytest.mark.parametrize("seeded", [False, True], ids=["given numbers", "a seed"])
def test_the_winners_score_never_falls_with_more_candidates(
    make_student, make_teacher, sentences, pad, by_candidates, seeded: bool
) -> None:
    if seeded:
        options = [DecodingOptions(make_teacher(), num_candidates=n, seed=7) for n in COUNTS[1:]]
        by_candidates = [make_decoder(make_student(), own)(pad(sentences)) for own in options]
    for fewer, more in pairwise(by_candidates):
        assert all(b >= a - 1e-5 for a, b in zip(fewer.scores, more.scores, strict=True))
    assert sum(by_candidates[-1].scores) > sum(by_candidates[0].scores) + 1  # and it rises


def test_the_printed_score_is_the_teachers_of_the_printed_ids(
    make_teacher, sentences, pad, by_candidates
) -> None:
    teacher = make_teacher()
    for found in by_candidates:
        expected = score(teacher, pad(found.ids), teacher.encode(pad(sentences)))
        assert found.scores == pytest.approx(expected.tolist(), abs=1e-5)


def test_the_winner_is_the_best_of_the_candidates_decoded_one_by_one(
    make_student, make_teacher, sentences, pad, uniform, by_candidates
) -> None:
    student, teacher = make_student(), make_teacher()
    for b, source in enumerate(sentences[:12]):
        src_ids = pad([source])
        probs = student.fertility_logits(student.encode(src_ids)).softmax(-1)[0]  # [S, F]
        candidates = [decode_once(student, src_ids).fertilities[0]]
        for numbers in uniform[:19].tolist():
            sample = [
                next(f for f in range(50) if float(row[: f + 1].sum()) > u)
                for u, row in zip(numbers, probs, strict=False)
            ]
            if not sum(sample):
                sample[int(probs[:, 0].argmin())] = 1
            candidates.append(sample)
        outputs = []
        for fertilities in candidates:
            states = student.decode(src_ids, pad([fertilities]), student.encode(src_ids)).states[0]
            logits = student.logits(states)
            logits[:, list(NEVER)] = -torch.inf
            outputs.append(logits.argmax(-1).tolist())
        scores = [float(score(teacher, pad([ids]), teacher.encode(src_ids))) for ids in outputs]
        assert by_candidates[3].ids[b] == outputs[scores.index(max(scores))]


def test_a_translations_length_is_the_sum_of_its_fertilities(sentences, by_candidates) -> None:
    for found in by_candidates:
        assert [sum(row) for row in found.fertilities] == [len(row) for row in found.ids]
        assert [len(row) for row in found.fertilities] == [len(row) for row in sentences]


def test_candidates_decoded_in_parts_give_the_same(
    make_student, make_teacher, sentences, pad, uniform, by_candidates, monkeypatch
) -> None:
    monkeypatch.setattr(fertility, "CANDIDATES_AT_ONCE", 7)
    found = noisy_parallel(make_student(), make_teacher(), pad(sentences), uniform[:4])
    assert found.ids == by_candidates[2].ids
    assert found.scores == pytest.approx(by_candidates[2].scores, abs=1e-5)
    assert found.fertilities == by_candidates[2].fertilities
