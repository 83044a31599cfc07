"""The output layer with its losses equals the plain formulas and their gradients."""

import math

import pytest
import torch
from torch.nn import functional as F

from onepass.nn.output_layer import (
    label_log_probs,
    output_cross_entropy,
    output_kl,
    output_reverse_kl,
    reverse_kl_by_position,
    score_labels,
    top_labels,
)


def some_states(width: int) -> list[torch.Tensor]:
    """11 states and the weights of 13 classes, float64, with gradients; seeds what is drawn next."""
    torch.manual_seed(width)
    return [torch.randn(rows, width, dtype=torch.float64, requires_grad=True) for rows in (11, 13)]


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
    monkeypatch.setattr("onepass.nn.output_layer.SCORES_AT_ONCE", at_once)
    states, weight = some_states(5)
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


@pytest.mark.parametrize("at_once", [1, 40, 10**6])
def test_the_reverse_kl_and_its_gradient_are_those_of_the_formula(monkeypatch, at_once: int) -> None:
    monkeypatch.setattr("onepass.nn.output_layer.SCORES_AT_ONCE", at_once)
    states, weight = some_states(5)
    teacher = [part.detach() for part in some_states(7)]
    probs = (states @ weight.T).softmax(-1)
    expected = -(probs * (teacher[0] @ teacher[1].T).log_softmax(-1)).sum(1)
    own = output_reverse_kl(states, weight, *teacher)
    torch.testing.assert_close(own, expected.sum())
    torch.testing.assert_close(reverse_kl_by_position(states, weight, *teacher), expected.detach())
    gradients = torch.autograd.grad(own * 0.3, [states, weight])
    torch.testing.assert_close(gradients, torch.autograd.grad(expected.sum() * 0.3, [states, weight]))


@pytest.mark.parametrize("at_once", [1, 40, 10**6])
def test_the_kl_divergence_and_its_gradient_are_those_of_torch(monkeypatch, at_once: int) -> None:
    monkeypatch.setattr("onepass.nn.output_layer.SCORES_AT_ONCE", at_once)
    states, weight = some_states(5)
    larger = [part.detach() for part in some_states(7)]
    expected = (larger[0] @ larger[1].T).softmax(-1)
    theirs = F.kl_div((states @ weight.T).log_softmax(-1), expected, reduction="sum")
    own = output_kl(states, weight, *larger)
    torch.testing.assert_close(own, theirs)
    gradients = torch.autograd.grad(own * 0.3, [states, weight])
    torch.testing.assert_close(gradients, torch.autograd.grad(theirs * 0.3, [states, weight]))


@pytest.mark.parametrize("kept", [0, 11 * 13])
@pytest.mark.parametrize("at_once", [1, 40, 10**6])
def test_the_log_probs_of_labels_and_their_gradients_are_those_of_the_formula(
    monkeypatch, at_once: int, kept: int
) -> None:
    monkeypatch.setattr("onepass.nn.output_layer.SCORES_AT_ONCE", at_once)
    monkeypatch.setattr("onepass.nn.output_layer.KEPT", kept)
    states, weight = some_states(5)
    labels = torch.randint(13, (11, 4))
    labels[:, 3] = labels[:, 0]  # one label may be asked for twice
    grad = torch.randn(11, 4, dtype=torch.float64)
    every = (states @ weight.T).log_softmax(-1)
    expected = every.gather(1, labels)
    own = label_log_probs(states, weight, labels)
    torch.testing.assert_close(own, expected)
    own_gradients = torch.autograd.grad(own, [states, weight], grad)
    torch.testing.assert_close(own_gradients, torch.autograd.grad(expected, [states, weight], grad))
    scored = score_labels(states, weight, labels, excluded=[2, 5])
    torch.testing.assert_close(scored.log_probs, expected.detach())
    allowed = every.detach().index_fill(1, torch.tensor([2, 5]), -torch.inf)
    torch.testing.assert_close(scored.best_log_probs, allowed.amax(1))
    assert scored.best.tolist() == allowed.argmax(1).tolist()


def test_rows_that_do_not_learn_have_no_gradient_and_all_else_stays() -> None:
    states, weight = some_states(5)
    labels = torch.randint(13, (11, 4))
    grad = torch.randn(11, 4, dtype=torch.float64)
    of_states, of_weight = torch.autograd.grad(
        label_log_probs(states, weight, labels), [states, weight], grad
    )
    own = torch.autograd.grad(label_log_probs(states, weight, labels, fixed=9), [states, weight], grad)
    assert torch.equal(own[0], of_states)
    torch.testing.assert_close(own[1][9:], of_weight[9:])
    assert own[1][:9].abs().max() == 0 < of_weight[:9].abs().max()


def test_positions_that_16_bits_would_round_away_have_no_gradient() -> None:
    torch.manual_seed(1)
    states, weight = torch.randn(40, 8, requires_grad=True), torch.randn(13, 8, requires_grad=True)
    labels = torch.randint(13, (40, 3))
    grad = torch.rand(40, 3)
    grad[::2] *= 1e-5
    expected = torch.autograd.grad(label_log_probs(states, weight, labels), [states, weight], grad)
    with torch.autocast("cpu", torch.bfloat16):
        log_probs = label_log_probs(states, weight, labels)
    own = torch.autograd.grad(log_probs, [states, weight], grad)
    assert expected[0][::2].abs().min() > 0
    assert own[0][::2].abs().max() == 0
    for found, exact in zip(own, expected, strict=True):
        torch.testing.assert_close(found, exact, rtol=0.05, atol=0.02)


def test_a_bias_is_added_to_the_scores_in_every_loss() -> None:
    states, weight = some_states(5)
    torch.manual_seed(3)
    bias = torch.randn(13, dtype=torch.float64, requires_grad=True)
    # A further input that is 1 everywhere has the bias as its weights.
    longer = torch.cat([states, torch.ones(len(states), 1, dtype=torch.float64)], 1)
    wider = torch.cat([weight, bias[:, None]], 1)
    teacher, targets, labels = (
        torch.randn(11, 5).double(),
        torch.randint(13, (11,)),
        torch.randint(13, (11, 4)),
    )
    own_weights = torch.rand(11, 4, dtype=torch.float64)

    def losses(x, w, b):
        yield output_cross_entropy(x, w, targets, 0.1, bias=b)
        yield output_reverse_kl(x, w, teacher, w.detach()[:, :5], bias=b)
        yield output_kl(x, w, teacher, w.detach()[:, :5], bias=b)
        yield (label_log_probs(x, w, labels, bias=b) * own_weights).sum()

    wanted = [states, weight, bias]
    for own, expected in zip(losses(states, weight, bias), losses(longer, wider, None), strict=True):
        torch.testing.assert_close(own, expected)
        torch.testing.assert_close(torch.autograd.grad(own, wanted), torch.autograd.grad(expected, wanted))
    for search in (
        lambda x, w, b: score_labels(x, w, labels, [2], bias=b),
        lambda x, w, b: top_labels(x, w, 3, [2], bias=b),
    ):
        torch.testing.assert_close(search(states, weight, bias), search(longer, wider, None))
    by_position = reverse_kl_by_position(teacher, weight.detach(), states, weight, teacher_bias=bias)
    torch.testing.assert_close(by_position, reverse_kl_by_position(teacher, weight.detach(), longer, wider))
