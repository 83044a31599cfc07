"""The student's loss: cross entropy of tokens and of fertilities, each with its own count."""

import pytest
import torch

from onepass.objectives.fertility import FertilityObjective
from onepass.objectives.objective import Batch

SRC = [[4, 5, 6, 7, 8], [9, 10, 11], [6]]
FERTILITIES = [[2, 0, 1, 3, 0], [0, 0, 1], [2]]
TGT = [[4, 9, 7, 7, 11, 5], [8], [6, 5]]


@pytest.fixture
def batch(pad) -> Batch:
    return Batch(pad(SRC), pad(TGT), pad(FERTILITIES))


@torch.no_grad()
def test_each_term_is_the_sum_over_the_real_positions_of_its_side(make_student, pad, batch) -> None:
    student, tokens, fertilities = make_student(), 0.0, 0.0
    for source, target, own in zip(SRC, TGT, FERTILITIES, strict=True):
        memory = student.encode(pad([source]))
        states = student.decode(pad([source]), pad([own]), memory).states[0]
        for state, token in zip(states, target, strict=True):
            tokens -= float(torch.log_softmax(student.tgt_embedding.weight @ state, 0)[token])
        for state, fertility in zip(memory.top[0], own, strict=True):
            fertilities -= float(torch.log_softmax(student.fertility(state), 0)[fertility])
    terms = FertilityObjective().terms(student, batch)
    assert float(terms["tokens"].sum) == pytest.approx(tokens, rel=1e-5)
    assert float(terms["fertilities"].sum) == pytest.approx(fertilities, rel=1e-5)


def test_the_terms_weigh_the_same_and_tokens_decide_early_stopping(make_student, batch) -> None:
    terms = FertilityObjective().terms(make_student(), batch)
    assert [(name, term.weight) for name, term in terms.items()] == [("tokens", 1.0), ("fertilities", 1.0)]


def test_what_is_counted_before_the_pass_is_what_the_terms_count(make_student, batch) -> None:
    objective = FertilityObjective()
    counts = {name: term.count for name, term in objective.terms(make_student(), batch).items()}
    assert objective.counts(batch) == counts == {"tokens": 9, "fertilities": 9}
