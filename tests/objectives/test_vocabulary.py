"""A loss over some words: which they are, and that over all of them it is the whole loss."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from onepass.models import MODELS
from onepass.models.slots import SlotTransformer
from onepass.objectives import student_objective
from onepass.objectives.objective import Batch
from onepass.objectives.vocabulary import Output, VocabularySample
from onepass.settings import StudentSettings, TransformerSettings

WORDS = 40
COUNTS = torch.cat([torch.zeros(4), torch.arange(WORDS - 4, 0, -1).float()])
SRC, TGT = torch.tensor([[5, 6, 4, 0], [4, 9, 5, 6]]), torch.tensor([[30, 5, 0, 0], [6, 6, 31, 5]])
FAMILIES = [("ctc", 2), ("dag", 4)]


def make(family: Any, norm: Any, slots: int, **own: Any) -> tuple[SlotTransformer, StudentSettings]:
    torch.manual_seed(1)
    student = StudentSettings(family=family, slots=slots, dropout=0.0, **own)
    sizes = TransformerSettings(
        width=16, ffn_width=32, encoder_layers=1, decoder_layers=1, heads=2, norm=norm
    )
    model = MODELS[family](sizes, student, WORDS, WORDS, joint=True)
    assert isinstance(model, SlotTransformer)
    if norm == "post":
        torch.nn.init.normal_(model.word_bias)
    return model, student


def test_a_sample_has_the_words_of_the_batch_the_frequent_ones_and_some_that_are_drawn() -> None:
    torch.manual_seed(2)
    sample = VocabularySample.of_counts(COUNTS, 5, 6)
    words = sample.words(TGT).tolist()
    assert words == sorted(set(words))
    assert words[:4] == [0, 1, 2, 3]  # never written, but at their places
    assert {30, 5, 6, 31} <= set(words)
    assert {4, 5, 6, 7, 8} <= set(words)
    drawn = set(words) - {0, 1, 2, 3, 30, 5, 6, 31, 4, 7, 8}
    assert 1 <= len(drawn) <= 6
    assert sample.words(TGT).tolist() != words  # others each time


def test_words_without_a_count_are_never_drawn() -> None:
    sample = VocabularySample.of_counts((torch.arange(WORDS) == 20).float(), 0, 50)
    assert sample.words(torch.tensor([[9]])).tolist() == [0, 1, 2, 3, 9, 20]


def test_counts_are_those_of_the_targets(make_pairs) -> None:
    pairs = make_pairs("train", src=[[4], [5]], tgt=[[7, 7, 9], [9, 7]])
    sample = VocabularySample.of_targets(pairs.tgt, WORDS, 2, 0)
    assert sample.frequent.tolist() == [7, 9]
    assert sample.counts[[7, 9, 10]].tolist() == [3, 2, 0]


@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize(("family", "slots"), FAMILIES)
def test_over_all_words_it_is_the_whole_loss_with_its_gradient(family: str, slots: int, norm: str) -> None:
    model, student = make(family, norm, slots, glancing=(0.5, 0.5))
    model.train()

    def result(sample: VocabularySample | None) -> tuple[dict[str, float], list[Any]]:
        model.zero_grad()
        torch.manual_seed(7)
        terms = student_objective(student, model, None, sample).terms(model, Batch(SRC, TGT))
        terms["tokens"].sum.backward()
        gradients = [p.grad.clone() for p in model.parameters() if p.grad is not None]
        return {name: float(term.sum.detach()) for name, term in terms.items()}, gradients

    whole, over_all = result(None), result(VocabularySample.of_counts(COUNTS, WORDS, 0))
    assert whole[0] == pytest.approx(over_all[0])
    assert whole[0]["revealed"] > 0
    torch.testing.assert_close(whole[1], over_all[1])


@pytest.mark.parametrize(("family", "slots"), FAMILIES)
def test_over_some_words_it_is_that_of_a_vocabulary_of_them(family: str, slots: int) -> None:
    model, student = make(family, "post", slots)
    model.train()
    objective = student_objective(student, model, None, VocabularySample.of_counts(COUNTS, 3, 0))
    some = objective.terms(model, Batch(SRC, TGT))["tokens"].sum
    with torch.no_grad():  # all others are impossible
        left_out = [i for i in range(WORDS) if i not in {0, 1, 2, 3, 4, 5, 6, 30, 31}]
        model.word_bias[left_out] = -1e9
    whole = replace(objective, sample=None).terms(model, Batch(SRC, TGT))["tokens"].sum
    torch.testing.assert_close(some, whole)


def test_a_model_that_does_not_learn_is_measured_over_all_words() -> None:
    model, student = make("ctc", "post", 2)
    model.eval()
    sampled, whole = (
        student_objective(student, model, None, sample).terms(model, Batch(SRC, TGT))["tokens"].sum
        for sample in (VocabularySample.of_counts(COUNTS, 3, 0), None)
    )
    assert torch.equal(sampled, whole)


def test_labels_and_places_are_each_others_inverse() -> None:
    model, _ = make("ctc", "post", 2)
    output = Output.of(model, torch.tensor([0, 1, 2, 3, 9, 17]))
    labels = torch.tensor([[9, WORDS], [17, 3]])  # the blank is there, too
    assert output.places(labels).tolist() == [[4, 6], [5, 3]]
    assert torch.equal(output.at(output.places(labels)), labels)
    assert torch.equal(output.weight[6], model.output_weight()[WORDS])


@pytest.mark.parametrize("start", ["states", "embeddings"])
def test_a_batch_can_be_learnt_by_heart(start: str) -> None:
    from onepass.decoding.ctc import decode_slots

    model, student = make("ctc", "post", 2, start=start)
    objective = student_objective(student, model, None, VocabularySample.of_counts(COUNTS, 5, 5))
    optimizer = torch.optim.Adam(model.parameters(), lr=7e-3)
    model.train()
    for _ in range(180):
        loss = objective.terms(model, Batch(SRC, TGT))["tokens"].sum
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.5
    assert decode_slots(model.eval(), SRC).ids == [[30, 5], [6, 6, 31, 5]]
