"""The teacher's loss is the formula, in sums and counts."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from onepass.decoding.autoregressive import score
from onepass.objectives.cross_entropy import Batch, TeacherObjective, output_cross_entropy, pad_ids


@pytest.fixture
def batch(sentences, pad) -> Batch:
    return Batch(pad(sentences[:9], 14), pad(sentences[9:18], 13))


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_smoothing_gives_a_share_of_each_target_to_all_classes(smoothing: float) -> None:
    torch.manual_seed(1)
    states, weight, targets = torch.randn(4, 3), torch.randn(6, 3), torch.tensor([0, 5, 2, 2])
    expected = 0.0
    for row, target in zip((states @ weight.T).tolist(), targets.tolist(), strict=True):
        log_total = math.log(sum(map(math.exp, row)))
        for i, value in enumerate(row):
            share = (1 - smoothing) * (i == target) + smoothing / len(row)
            expected -= share * (value - log_total)
    assert float(output_cross_entropy(states, weight, targets, smoothing)) == pytest.approx(
        expected, rel=1e-5
    )


@pytest.mark.parametrize("at_once", [1, 40, 10**6])  # scores: a row, a few rows, all rows at a time
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_output_layer_and_its_gradients_are_those_of_torch(monkeypatch, at_once: int, smoothing) -> None:
    monkeypatch.setattr("onepass.objectives.cross_entropy.SCORES_AT_ONCE", at_once)
    torch.manual_seed(1)
    states = torch.randn(11, 5, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(13, 5, dtype=torch.float64, requires_grad=True)
    targets = torch.randint(13, (11,))
    own = output_cross_entropy(states, weight, targets, smoothing)
    theirs = F.cross_entropy(states @ weight.T, targets, reduction="sum", label_smoothing=smoothing)
    torch.testing.assert_close(own, theirs)
    own_gradients = torch.autograd.grad(own * 0.3, [states, weight])
    torch.testing.assert_close(own_gradients, torch.autograd.grad(theirs * 0.3, [states, weight]))


def test_the_output_layer_computes_in_the_type_of_autocast() -> None:
    torch.manual_seed(1)
    states, weight = torch.randn(50, 32, requires_grad=True), torch.randn(100, 32, requires_grad=True)
    targets = torch.randint(100, (50,))
    with torch.autocast("cpu", torch.bfloat16):
        own = output_cross_entropy(states, weight, targets)
        rounded = (states @ weight.T).float()
    assert own.dtype == torch.float32
    torch.testing.assert_close(own, F.cross_entropy(rounded, targets, reduction="sum"))
    for gradient in torch.autograd.grad(own, [states, weight]):
        assert gradient.dtype == torch.float32


@torch.no_grad()
def test_the_loss_of_a_target_is_its_score_times_its_length_with_the_end(make_teacher, batch) -> None:
    teacher = make_teacher()
    lengths = (batch.tgt_ids != 0).sum(1) + 1
    expected = -(score(teacher, batch.tgt_ids, teacher.encode(batch.src_ids)) * lengths).sum()
    (term,) = TeacherObjective(0.0).terms(teacher, batch).values()
    torch.testing.assert_close(term.sum, expected)
    assert term.count == int(lengths.sum())


@torch.no_grad()
def test_only_training_is_smoothed(make_teacher, batch) -> None:
    teacher, smooth, sharp = make_teacher(), TeacherObjective(0.2), TeacherObjective(0.0)
    assert torch.equal(smooth.terms(teacher, batch)["tokens"].sum, sharp.terms(teacher, batch)["tokens"].sum)
    logits = teacher.logits(teacher.decode(batch.tgt_ids, teacher.encode(batch.src_ids)))
    sums = 0.0
    for row, target in zip(logits.log_softmax(-1), batch.tgt_ids.tolist(), strict=True):
        tokens = [*[i for i in target if i], 3]
        sums -= sum(0.8 * float(row[t, i]) + 0.2 * float(row[t].mean()) for t, i in enumerate(tokens))
    teacher.train()
    assert float(smooth.terms(teacher, batch)["tokens"].sum) == pytest.approx(sums, rel=1e-5)


def test_what_is_counted_before_the_pass_is_what_the_terms_count(make_teacher, batch) -> None:
    objective = TeacherObjective(0.1)
    counts = {name: term.count for name, term in objective.terms(make_teacher(), batch).items()}
    assert objective.counts(batch) == counts == {"tokens": int((batch.tgt_ids != 0).sum()) + 9}


def test_rows_of_ids_are_padded_with_zero(sentences, pad) -> None:
    assert torch.equal(pad_ids([np.array(row) for row in sentences]), pad(sentences))
