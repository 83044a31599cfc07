"""Fine-tuning: both gradients against brute force, a frozen teacher, and what is measured."""

import copy
import math
from itertools import product
from typing import Any, NamedTuple

import pytest
import torch

from onepass.errors import ModelError
from onepass.models.fertility import average_fertilities, most_probable, usable
from onepass.objectives.finetune import CollapseGuard, FinetuneObjective
from onepass.objectives.objective import Batch
from onepass.settings import FinetuneSettings

SRC = [[4, 5, 6, 7, 8], [9, 10, 11], [6]]
FERTILITIES = [[2, 0, 1, 3, 0], [0, 0, 1], [2]]
TGT = [[4, 9, 7, 7, 11, 5], [8], [6, 5]]


@pytest.fixture
def batch(pad) -> Batch:
    return Batch(pad(SRC), pad(TGT), pad(FERTILITIES))


def objective(teacher, **settings) -> FinetuneObjective:
    return FinetuneObjective(teacher, FinetuneSettings(**settings))


def reverse_kl_per_token(student, teacher, src_ids, fertilities) -> torch.Tensor:
    """Equation 11 word by word, one sentence [1, S] at a time."""
    decoded = student.decode(src_ids, fertilities, student.encode(src_ids))
    hyp = most_probable(student, decoded).ids
    teacher_log_probs = teacher.logits(teacher.decode(hyp, teacher.encode(src_ids))).log_softmax(-1)[0]
    total = torch.zeros((), dtype=decoded.states.dtype)
    for t in range(hyp.size(1)):
        probs = student.logits(decoded.states[0, t]).softmax(-1)
        for y in range(len(probs)):
            total = total - probs[y] * teacher_log_probs[t, y]
    return total / hyp.size(1)


def test_backprop_is_the_formula_under_the_aligners_fertilities(
    make_student, make_teacher, pad, batch
) -> None:
    student, teacher = make_student(), make_teacher()
    term = objective(teacher, reinforce=False).terms(student, batch)["backprop"]
    expected = sum(
        reverse_kl_per_token(student, teacher, pad([src]), pad([own])) * sum(own)
        for src, own in zip(SRC, FERTILITIES, strict=True)
    )
    torch.testing.assert_close(term.sum, expected)
    assert (term.count, term.weight) == (9, 0.25)


def test_the_gradient_of_backprop_is_that_of_finite_differences(make_student, make_teacher, batch) -> None:
    student, teacher = make_student().double(), make_teacher().double()
    tuned = objective(teacher, reinforce=False)
    tuned.terms(student, batch)["backprop"].sum.backward()
    chance = torch.Generator().manual_seed(1)
    for name in (
        "encoder.layers.0.ffn.inner.weight",
        "decoder.1.self_attention.output.weight",
        "tgt_embedding.weight",
    ):
        parameter = student.get_parameter(name)
        direction = torch.randn(parameter.shape, generator=chance, dtype=torch.float64)
        values = []
        with torch.no_grad():
            for step in (1e-6, -1e-6):
                parameter += step * direction
                values.append(float(tuned.terms(student, batch)["backprop"].sum))
                parameter -= step * direction
        assert parameter.grad is not None
        slope = (values[0] - values[1]) / 2e-6
        assert slope == pytest.approx(float((parameter.grad * direction).sum()), rel=1e-5, abs=1e-8)
        assert abs(slope) > 1e-4


def test_the_mean_reinforce_gradient_is_the_exact_one(make_student, make_teacher, pad) -> None:
    """All 64 fertilities of a source of two tokens, against 60 large batches of samples."""
    student, teacher = make_student().double(), make_teacher().double()
    classes = 8  # those that are drawn at all
    student.fertility = torch.nn.Linear(16, classes).double()
    torch.nn.init.normal_(student.fertility.weight, std=0.3)
    student.fertility.bias.data = -torch.arange(classes).double()
    src_ids = pad([[5, 9]])
    every = torch.tensor(list(product(range(classes), repeat=2)))  # [64, 2]
    with torch.no_grad():
        memory = student.encode(src_ids)
        logits, mask = student.fertility_logits(memory), memory.mask
        many = (logits.expand(len(every), -1, -1), mask.expand(len(every), -1))
        distinct, which = usable(every, *many).unique(dim=0, return_inverse=True)
        costs = [reverse_kl_per_token(student, teacher, src_ids, row[None]) for row in distinct]
        cost = torch.stack(costs)[which]
    log_probs = student.fertility_logits(student.encode(src_ids))[0].log_softmax(-1)  # [2, F]
    probs = (log_probs[0, every[:, 0]] + log_probs[1, every[:, 1]]).exp()
    assert float(probs.detach().sum()) == pytest.approx(1)
    weight = student.fertility.weight
    [exact] = torch.autograd.grad((probs * cost).sum(), weight)

    copies = 320
    many_copies = Batch(src_ids.expand(copies, -1), src_ids.expand(copies, -1), torch.ones(copies, 2).long())
    tuned = objective(teacher, distillation=False, backprop=False)
    student.train()
    sampled = []
    for seed in range(60):
        torch.manual_seed(seed)
        term = tuned.terms(student, many_copies)["reinforce"]
        sampled.append(torch.autograd.grad(term.sum / term.count, weight)[0])
    found = torch.stack(sampled)
    error = found.std(0) / len(found) ** 0.5
    assert float(error.norm() / exact.norm()) < 0.05  # enough samples to see something
    assert float((found.mean(0) - exact).norm() / exact.norm()) < 0.05
    often = slice(0, 6)  # what is drawn too seldom has no error to speak of
    assert bool(((found.mean(0) - exact).abs() <= 5 * error)[often].all())


TWO = ([5, 9], [7])
"""Sources of different length, and of rewards far apart."""
CLASSES = 3


class Enumerated(NamedTuple):
    """REINFORCE's gradient for every pair of samples of TWO, and what its mean must be."""

    gradients: torch.Tensor  # [pairs, parameters]
    probs: torch.Tensor  # [pairs]
    exact: torch.Tensor  # [parameters]

    def variance(self, gradients: torch.Tensor) -> float:
        return float((self.probs * (gradients - self.exact).square().sum(1)).sum())


class Sampled(NamedTuple):
    """What is known of one sample of one sentence, by the formulas."""

    fertilities: tuple[int, ...]
    prob: float
    reward: float
    baseline: float
    gradient: torch.Tensor  # of log p_F(f | x)


def every_sample(student, teacher, source: list[int]) -> list[Sampled]:
    parameters, src_ids = list(student.fertility.parameters()), torch.tensor([source])
    logits, mask = student.fertility_logits(student.encode(src_ids)), torch.ones_like(src_ids).bool()

    def reward_of(fertilities: torch.Tensor) -> float:
        return -reverse_kl_per_token(student, teacher, src_ids, fertilities).item()

    baseline, found = reward_of(average_fertilities(logits, mask)), []
    for chosen in product(range(CLASSES), repeat=len(source)):
        log_prob = sum(logits[0, s].log_softmax(-1)[f] for s, f in enumerate(chosen))
        reward = reward_of(usable(torch.tensor([chosen]), logits, mask))
        gradient = torch.autograd.grad(log_prob, parameters, retain_graph=True)
        flat = torch.cat([part.flatten() for part in gradient])
        found.append(Sampled(chosen, log_prob.exp().item(), reward, baseline, flat))
    return found


@pytest.fixture
def two(make_student, make_teacher) -> tuple[Any, Any, list[tuple[Sampled, ...]]]:
    """Student, teacher and all pairs of samples."""
    student, teacher = make_student().double(), make_teacher().double()
    torch.manual_seed(1)
    student.fertility = torch.nn.Linear(16, CLASSES).double()
    return student, teacher, list(product(*(every_sample(student, teacher, source) for source in TWO)))


@pytest.fixture
def enumerated(two, pad, monkeypatch: pytest.MonkeyPatch) -> Enumerated:
    student, teacher, pairs = two
    tuned, src_ids = objective(teacher, distillation=False, backprop=False), pad(TWO)
    batch, gradients = Batch(src_ids, src_ids, torch.ones_like(src_ids)), []
    student.train()
    for pair in pairs:
        drawn = pad([sample.fertilities for sample in pair])
        monkeypatch.setattr("onepass.objectives.finetune._sample", lambda *_, drawn=drawn: drawn)
        loss = tuned.terms(student, batch)["reinforce"].sum
        parts = torch.autograd.grad(loss, list(student.fertility.parameters()))
        gradients.append(torch.cat([part.flatten() for part in parts]))
    probs = torch.tensor([math.prod(sample.prob for sample in pair) for pair in pairs]).double()
    # The gradient of the expected L_RKL: each sentence's own samples, over all those of the other.
    exact = -sum(
        prob * sum(sample.reward * sample.gradient for sample in pair)
        for prob, pair in zip(probs, pairs, strict=True)
    )
    return Enumerated(torch.stack(gradients), probs, exact)


def by_the_formula(pairs: list[tuple[Sampled, ...]], *, with_baseline: bool) -> torch.Tensor:
    """Each sentence's advantage less the other's, times the gradient of its log probability."""
    gradients = []
    for one, other in pairs:
        a, b = (sample.reward - with_baseline * sample.baseline for sample in (one, other))
        gradients.append(-(a - b) * one.gradient - (b - a) * other.gradient)
    return torch.stack(gradients)


def test_over_all_samples_of_two_sentences_the_gradient_is_unbiased(enumerated: Enumerated) -> None:
    assert float(enumerated.probs.sum()) == pytest.approx(1)
    mean = (enumerated.probs[:, None] * enumerated.gradients).sum(0)
    torch.testing.assert_close(mean, enumerated.exact, rtol=1e-4, atol=1e-6)
    assert float(enumerated.exact.norm()) > 0.01


def test_the_baseline_makes_the_gradient_vary_less(two, enumerated: Enumerated) -> None:
    _, _, pairs = two
    own = enumerated.variance(enumerated.gradients)
    with_baseline, without = (
        enumerated.variance(by_the_formula(pairs, with_baseline=given)) for given in (True, False)
    )
    assert own == pytest.approx(with_baseline, rel=1e-5)
    assert own < without / 2


def test_reinforce_reaches_the_student_through_the_fertilities_alone(
    make_student, make_teacher, batch
) -> None:
    student = make_student().train()
    terms = objective(make_teacher(), backprop=False).terms(student, batch)
    terms["reinforce"].sum.backward()
    assert student.fertility.weight.grad is not None
    assert float(student.fertility.weight.grad.abs().max()) > 0
    decoder = [p.grad for name, p in student.named_parameters() if name.startswith("decoder")]
    assert decoder
    assert all(grad is None for grad in decoder)


@torch.no_grad()
def test_reward_and_baseline_are_measured_and_not_learnt_from(make_student, make_teacher, pad, batch) -> None:
    student, teacher = make_student().train(), make_teacher()
    tuned = objective(teacher)
    terms = tuned.terms(student, batch)
    measured = {name for name, term in terms.items() if term.weight == 0}
    assert measured == {"reward", "baseline", "entropy", "fertility_mean"}
    expected = 0.0
    for src in SRC:
        memory = student.encode(pad([src]))
        average = average_fertilities(student.fertility_logits(memory), memory.mask)
        expected -= float(reverse_kl_per_token(student, teacher, pad([src]), average))
    assert float(terms["baseline"].sum) == pytest.approx(expected, rel=1e-5)
    assert {name: term.count for name, term in terms.items()} == tuned.counts(batch)


@torch.no_grad()
def test_nothing_is_sampled_in_eval_mode(make_student, make_teacher, batch) -> None:
    student, teacher = make_student(), make_teacher()
    before = torch.get_rng_state()
    terms = objective(teacher).terms(student, batch)
    assert torch.equal(before, torch.get_rng_state())
    assert set(terms) == {"tokens", "fertilities", "backprop", "reinforce"}
    measured = objective(teacher).terms(student.train(), batch)
    torch.testing.assert_close(terms["reinforce"].sum, -measured["baseline"].sum)


@pytest.mark.parametrize(
    ("settings", "weights"),
    [
        ({}, {"tokens": 0.75, "fertilities": 0.75, "backprop": 0.25, "reinforce": 0.25}),
        (
            {"reinforce_weight": 0.1},
            {"tokens": 0.75, "fertilities": 0.75, "backprop": 0.25, "reinforce": 0.025},
        ),
        ({"distillation": False, "reinforce": False}, {"tokens": 0, "fertilities": 0, "backprop": 0.25}),
        ({"weight": 0.5, "backprop": False}, {"tokens": 0.5, "fertilities": 0.5, "reinforce": 0.5}),
    ],
)
def test_the_weights_are_those_of_equation_10(make_student, make_teacher, batch, settings, weights) -> None:
    terms = objective(make_teacher(), **settings).terms(make_student(), batch)
    assert {name: term.weight for name, term in terms.items()} == pytest.approx(weights)


def test_the_teacher_never_changes(make_student, make_teacher, batch) -> None:
    student, teacher = make_student().train(), make_teacher().train()
    before = copy.deepcopy(teacher.state_dict())
    tuned = objective(teacher)
    optimizer = torch.optim.Adam([*student.parameters(), *teacher.parameters()], lr=0.1)
    for _ in range(3):
        sum(term.weight * term.sum / term.count for term in tuned.terms(student, batch).values()).backward()
        optimizer.step()
    assert not teacher.training
    assert all(parameter.grad is None for parameter in teacher.parameters())
    assert all(torch.equal(value, before[name]) for name, value in teacher.state_dict().items())


@pytest.mark.parametrize(("mean", "word"), [(0.0, "zero"), (20.0, "the cap")])
def test_fertilities_that_run_away_stop_the_training(mean: float, word: str) -> None:
    guard = CollapseGuard(1.1)
    for value in (1.0, 1.3, 3.0, 1.1, 0.2):  # one bad batch is none
        guard.observe(value)
    with pytest.raises(ModelError, match=f"collapsed.*{word}"):
        list(map(guard.observe, [mean] * 30))
