"""CTC against enumeration of every way, and glancing that leaks nothing."""

import itertools
import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from onepass.models.ctc import CTCTransformer, collapse, feasible
from onepass.models.one_pass import NEVER
from onepass.models.slots import IMPOSSIBLE, soft_copy
from onepass.objectives.ctc import (
    CTCObjective,
    Lattice,
    best_way,
    lattice,
    likelihood,
    negative_log_likelihood,
)
from onepass.objectives.glancing import Glancing, choose, first_attempt
from onepass.objectives.objective import Batch
from onepass.settings import StudentSettings, TransformerSettings

SIZES = TransformerSettings(width=16, ffn_width=32, encoder_layers=1, decoder_layers=2, heads=2)
TARGETS = [[4], [4, 5], [4, 4], [4, 5, 4], [5, 5, 5], [4, 6, 6]]
BLANK = 7


def make_model(*, slots: int = 2, dropout: float = 0.0, seed: int = 1) -> CTCTransformer:
    torch.manual_seed(seed)
    student = StudentSettings(family="ctc", slots=slots, dropout=dropout)
    return CTCTransformer(SIZES, student, BLANK, BLANK, joint=True)


def make_ways(targets: list[list[int]], slots: list[int], *, seed: int = 0) -> tuple[Tensor, Lattice]:
    """Log probabilities of all labels [B, L, V + 1], and the lattice made of them."""
    random = torch.Generator().manual_seed(seed)
    shape = (len(targets), max(slots), BLANK + 1)
    every = torch.randn(shape, generator=random, dtype=torch.float64).log_softmax(-1)
    tgt_ids = torch.zeros(len(targets), max(map(len, targets)), dtype=torch.int64)
    for row, target in zip(tgt_ids, targets, strict=True):
        row[: len(target)] = torch.tensor(target)
    token = every.gather(2, tgt_ids[:, None, :].expand(-1, max(slots), -1))
    return every, lattice(every[:, :, BLANK], token, tgt_ids, torch.tensor(slots))


def ways_of(target: list[int], slots: int) -> list[tuple[int, ...]]:
    """Every labelling of the slots that spells the target, by the definition."""
    found = []
    for labels in itertools.product([*sorted(set(target)), BLANK], repeat=slots):
        spelt = [label for label, _ in itertools.groupby(labels)]
        if [label for label in spelt if label != BLANK] == target:
            found.append(labels)
    return found


def score_of(every: Tensor, labels: tuple[int, ...]) -> float:
    return sum(float(every[slot, label]) for slot, label in enumerate(labels))


def test_the_likelihood_is_the_sum_over_all_ways_whatever_stands_beside_a_sentence() -> None:
    slots = [4, 6, 3, 5, 6, 4]
    every, ways = make_ways(TARGETS, slots)
    total, _ = likelihood(ways)
    for b, (target, length) in enumerate(zip(TARGETS, slots, strict=True)):
        scores = [score_of(every[b], labels) for labels in ways_of(target, length)]
        if scores:
            assert float(total[b]) == pytest.approx(math.log(sum(map(math.exp, scores))), rel=1e-12)
        alone = Lattice(
            ways.log_probs[b : b + 1, :length, : 2 * len(target) + 1],
            ways.skip[b : b + 1, : 2 * len(target) + 1],
            *(part[b : b + 1] for part in ways[2:]),
        )
        assert float(likelihood(alone)[0]) == pytest.approx(float(total[b]), rel=1e-12)


def test_the_loss_is_torchs_own_with_its_gradient() -> None:
    slots = [4, 6, 3, 5, 6, 4]
    every, _ = make_ways(TARGETS, slots)
    scores = every.clone().requires_grad_()
    theirs = F.ctc_loss(
        scores.log_softmax(-1).transpose(0, 1),
        torch.tensor([token for target in TARGETS for token in target]),
        torch.tensor(slots),
        torch.tensor([len(target) for target in TARGETS]),
        blank=BLANK,
        reduction="none",
    )
    own_scores = every.clone().requires_grad_()
    log_probs = own_scores.log_softmax(-1)
    tgt_ids = torch.zeros(len(TARGETS), 3, dtype=torch.int64)
    for row, target in zip(tgt_ids, TARGETS, strict=True):
        row[: len(target)] = torch.tensor(target)
    token = log_probs.gather(2, tgt_ids[:, None, :].expand(-1, max(slots), -1))
    ours = negative_log_likelihood(lattice(log_probs[:, :, BLANK], token, tgt_ids, torch.tensor(slots)))
    torch.testing.assert_close(ours, theirs)
    theirs.sum().backward()
    ours.sum().backward()
    torch.testing.assert_close(own_scores.grad, scores.grad)


def test_each_slot_of_a_sentence_has_one_label() -> None:
    slots = [4, 6, 4, 5, 6, 5]
    _, ways = make_ways(TARGETS, slots)
    _, posterior = likelihood(ways)
    real = torch.arange(6) < torch.tensor(slots)[:, None]
    torch.testing.assert_close(posterior.sum(2), real.double())


def test_the_best_way_is_the_best_of_all() -> None:
    slots = [4, 6, 4, 5, 6, 5]
    for seed in range(5):
        every, ways = make_ways(TARGETS, slots, seed=seed)
        way = best_way(ways)
        for b, (target, length) in enumerate(zip(TARGETS, slots, strict=True)):
            labels = tuple(target[e // 2] if e % 2 else BLANK for e in way[b, :length].tolist())
            assert labels == max(ways_of(target, length), key=lambda way: score_of(every[b], way))
            assert not way[b, length:].any()


def test_too_few_slots_are_found_and_give_neither_loss_nor_gradient() -> None:
    slots = [1, 2, 2, 2, 5, 4]
    every, ways = make_ways(TARGETS, slots)
    fits = feasible(torch.tensor(slots), _padded(TARGETS), 1)
    assert fits.tolist() == [bool(ways_of(t, n)) for t, n in zip(TARGETS, slots, strict=True)]
    total, posterior = likelihood(ways)
    assert ((total > IMPOSSIBLE / 2) == fits).all()
    assert not posterior[~fits].any()
    assert every.isfinite().all()


def _padded(rows: list[list[int]]) -> Tensor:
    return torch.nn.utils.rnn.pad_sequence([torch.tensor(row) for row in rows], batch_first=True)


# --- the model and its decoding ----------------------------------------------


def test_collapsing_is_joining_neighbours_and_dropping_blanks() -> None:
    for labels in itertools.product([4, 5, BLANK], repeat=5):
        for length in (0, 3, 5):
            mask = torch.arange(5)[None] < length
            expected = [x for x, _ in itertools.groupby(labels[:length]) if x != BLANK]
            assert collapse(torch.tensor([labels]), mask, BLANK).tolist() == [expected]


def test_every_slot_starts_from_its_own_token_first() -> None:
    embedded = torch.eye(3)[None].repeat(2, 1, 1)
    mask = torch.tensor([[True, True, True], [True, True, False]])
    copied = soft_copy(embedded, mask, 2)
    assert copied.argmax(-1)[0].tolist() == [0, 0, 1, 1, 2, 2]
    torch.testing.assert_close(copied.sum(-1), torch.ones(2, 6))
    assert not copied[1, :, 2].any()
    weights = [math.exp(-abs(i - 0.25) / 0.3) for i in range(3)]
    torch.testing.assert_close(copied[0, 1], torch.tensor(weights) / sum(weights))


def make_batch() -> Batch:
    src = _padded([[5, 6, 4], [4, 4, 5, 6], [6, 5]])
    return Batch(src, _padded([[4, 5], [6, 6, 4, 5, 4], [5, 5, 5]]))


def objective(model: CTCTransformer, glancing: Glancing | None = None) -> CTCObjective:
    return CTCObjective(model.slots, glancing)


def test_pairs_that_do_not_fit_are_counted_and_left_out() -> None:
    model = make_model(slots=1).eval()
    batch = make_batch()  # the last two need 6 and 5 slots
    own = objective(model)
    terms, counts = own.terms(model, batch), own.counts(batch)
    first = own.terms(model, Batch(batch.src_ids[:1], batch.tgt_ids[:1]))
    torch.testing.assert_close(terms["tokens"].sum, first["tokens"].sum)
    assert (counts["tokens"], int(terms["infeasible"].sum), counts["infeasible"]) == (2, 2, 3)
    terms["tokens"].sum.backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())


# --- glancing ------------------------------------------------------------------


def test_as_many_places_are_chosen_as_asked_for_and_every_one_may_be() -> None:
    torch.manual_seed(0)
    allowed = torch.tensor([[True] * 5, [True, True, False, False, False], [True] * 5])
    seen = torch.zeros(3, 5)
    for _ in range(200):
        chosen = choose(torch.tensor([2, 5, 0]), allowed)
        assert chosen.sum(1).tolist() == [2, 2, 0]
        assert not (chosen & ~allowed).any()
        seen += chosen
    assert seen[0].min() > 40


def test_the_second_pass_has_the_dropout_of_the_first() -> None:
    torch.manual_seed(3)
    with first_attempt(torch.device("cpu")):
        first = torch.rand(4)
        torch.rand(9)
    assert torch.equal(torch.rand(4), first)


def test_the_share_falls_over_the_training() -> None:
    shares = [Glancing(0.5, 0.3).share(progress) for progress in (0.0, 0.5, 1.0)]
    assert shares == pytest.approx([0.5, 0.4, 0.3])


def test_what_is_told_is_a_share_of_what_was_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Tensor] = []

    def spy(numbers: Tensor, allowed: Tensor) -> Tensor:
        asked.append(numbers)
        return choose(numbers, allowed)

    monkeypatch.setattr("onepass.objectives.ctc.choose", spy)
    model = make_model().train()
    batch = make_batch()
    told = objective(model, Glancing(1.0, 0.0)).terms(model, batch)["revealed"]
    half = Batch(batch.src_ids, batch.tgt_ids, progress=0.5)
    objective(model, Glancing(1.0, 0.0)).terms(model, half)
    torch.testing.assert_close(asked[1], (asked[0] / 2).round().long())
    assert (told.count, int(told.sum) > 0) == (3, True)
    assert int(told.sum) == int(asked[0].sum())


def test_no_slot_is_ever_given_a_special_label() -> None:
    from onepass.decoding.ctc import decode_slots

    model = make_model().eval()
    with torch.no_grad():
        model.tgt_embedding.weight[list(NEVER)] *= 100
    found = decode_slots(model, make_batch().src_ids)
    assert not {token for row in found.ids for token in row} & {*NEVER, BLANK}
