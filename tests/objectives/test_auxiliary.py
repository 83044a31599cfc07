"""The auxiliary losses against their formulas, written out slot by slot; and what reaches them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from onepass.models import MODELS
from onepass.models.autoregressive import with_end
from onepass.models.ctc import CTCTransformer
from onepass.models.from_teacher import reads_as, start_from_marian
from onepass.models.marian import MarianTransformer, marian_sizes
from onepass.nn.transformer import initialise
from onepass.objectives import student_objective
from onepass.objectives.auxiliary import AuxiliaryObjective
from onepass.objectives.ctc import best_way, lattice_of, with_blank
from onepass.objectives.objective import Batch, LossTerm
from onepass.objectives.vocabulary import VocabularySample
from onepass.settings import AuxiliarySettings, StudentSettings, TrainingSettings, TransformerSettings

WORDS = 11
SIZES = TransformerSettings(
    width=16, ffn_width=32, encoder_layers=1, decoder_layers=2, heads=2, norm="post", cell="ssru", dropout=0.0
)
BATCH = Batch(
    torch.tensor([[5, 6, 4, 0], [4, 7, 5, 6], [6, 0, 0, 0]]),
    # The last pair has more tokens than slots: it is left out.
    torch.tensor([[4, 5, 5, 0, 0, 0], [6, 9, 4, 5, 8, 0], [5, 5, 5, 5, 6, 7]]),
)
FITS = [0, 1]


def make(
    encoder_rate: float = 0.0, sample: VocabularySample | None = None, **weights: float
) -> tuple[CTCTransformer, MarianTransformer, AuxiliaryObjective]:
    torch.manual_seed(2)
    teacher = MarianTransformer(marian_sizes(SIZES, WORDS, WORDS, joint=True))
    initialise(teacher)
    torch.nn.init.normal_(teacher.output.bias)
    student = StudentSettings(
        family="ctc",
        slots=2,
        start="states",
        dropout=0.0,
        auxiliary=AuxiliarySettings(**weights),
        training=TrainingSettings(encoder_rate=encoder_rate),
    )
    model: Any = MODELS["ctc"](SIZES, student, WORDS, WORDS, joint=True)
    start_from_marian(model, teacher)
    objective = student_objective(student, model, None, sample, teacher)
    assert isinstance(model, CTCTransformer)
    assert isinstance(objective, AuxiliaryObjective)
    return model.train(), teacher, objective


def log_probs_of(states: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    assert bias is not None
    return (states @ weight.T + bias).log_softmax(-1)


def terms_of(objective: AuxiliaryObjective, model: CTCTransformer) -> dict[str, LossTerm]:
    found = objective.terms(model, BATCH)
    counts = objective.counts(BATCH)
    assert {name: term.count for name, term in found.items()} == counts
    return found


def test_distributions_are_learnt_by_the_slots_of_the_likeliest_way() -> None:
    model, teacher, objective = make(distributions=0.5)
    term = terms_of(objective, model)["distributions"]
    memory = model.encode(BATCH.src_ids)
    decoded = model.decode(BATCH.src_ids, memory)
    own = log_probs_of(decoded.states, model.output_weight(), model.output_bias())  # [B, L, V + 1]
    theirs = log_probs_of(
        teacher.decode(BATCH.tgt_ids, teacher.encode(BATCH.src_ids)),
        teacher.output_weight(),
        teacher.output_bias(),
    )  # [B, T + 1, V]
    labels = with_blank(BATCH.tgt_ids, model.blank)
    asked = own.gather(2, labels[:, None].expand(-1, own.size(1), -1))
    way = best_way(lattice_of(asked, BATCH.tgt_ids, decoded.mask))
    expected = torch.zeros(())
    for b in FITS:
        for slot in range(int(decoded.mask[b].sum())):
            place = int(way[b, slot])
            if place % 2:
                teacher_log_probs = theirs[b, place // 2]
                expected += (teacher_log_probs.exp() * (teacher_log_probs - own[b, slot, :WORDS])).sum()
    assert float(expected.detach()) > 1
    torch.testing.assert_close(term.sum, expected, rtol=1e-4, atol=1e-4)
    assert (term.weight, term.count) == (0.5, 8)


def test_the_early_loss_is_ctcs_before_the_decoders_layers() -> None:
    model, _, objective = make(early=0.3)
    term = terms_of(objective, model)["early"]
    expected = torch.zeros(())
    for b in FITS:
        src, tgt = (ids[b][ids[b] != 0][None] for ids in (BATCH.src_ids, BATCH.tgt_ids))
        assert model.from_states is not None
        start = model.from_states(model.encode(src).top)
        log_probs = log_probs_of(start, model.output_weight(), model.output_bias())
        expected += torch.nn.functional.ctc_loss(
            log_probs.transpose(0, 1),
            tgt,
            torch.tensor([log_probs.size(1)]),
            torch.tensor([tgt.size(1)]),
            blank=model.blank,
            reduction="sum",
        )
    torch.testing.assert_close(term.sum, expected, rtol=1e-4, atol=1e-4)
    assert term.weight == 0.3


def test_the_teachers_decoder_teaches_the_students_encoder_alone() -> None:
    model, teacher, objective = make(encoder_rate=0.1, teacher_decoder=1.0)
    with torch.no_grad():
        model.encoder.layers[0].ffn.outer.weight.mul_(1.5)  # type: ignore[union-attr,operator]
    term = terms_of(objective, model)["teacher_decoder"]
    targets = with_end(BATCH.tgt_ids)
    states = teacher.decode(BATCH.tgt_ids, model.encode(BATCH.src_ids))
    log_probs = log_probs_of(states, teacher.output_weight(), teacher.output_bias())
    expected = -log_probs.gather(2, targets[..., None])[..., 0][targets != 0].sum()
    torch.testing.assert_close(term.sum, expected, rtol=1e-4, atol=1e-4)
    term.sum.backward()  # type: ignore[no-untyped-call]
    learns = {name for name, p in model.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0}
    assert "encoder.layers.0.ffn.outer.weight" in learns
    assert not any(name.startswith("decoder.") for name in learns)
    assert all(parameter.grad is None for parameter in teacher.parameters())


def test_a_sample_of_all_words_changes_nothing() -> None:
    weights = {"distributions": 1.0, "early": 1.0, "teacher_decoder": 1.0}
    every = VocabularySample.of_counts(torch.ones(WORDS), WORDS, 0)
    for name in weights:
        over_all, over_sample = (
            terms_of(objective, model)[name].sum
            for model, _, objective in (make(0.1, sample, **weights) for sample in (None, every))
        )
        torch.testing.assert_close(over_all, over_sample, rtol=1e-4, atol=1e-4)


def test_a_frozen_encoder_runs_once_and_a_changed_one_is_not_taken_for_the_teachers() -> None:
    model, teacher, objective = make(distributions=1.0)
    assert objective.shared_encoder
    shared = terms_of(objective, model)["distributions"].sum
    teacher.encode = None  # type: ignore[assignment,method-assign]
    torch.testing.assert_close(terms_of(objective, model)["distributions"].sum, shared)
    assert not make(0.1, distributions=1.0)[2].shared_encoder
    with torch.no_grad():
        model.encoder.layers[0].ffn.outer.weight[0, 0] += 1  # type: ignore[union-attr,index,operator]
    assert not reads_as(model, teacher)


def test_what_is_no_training_has_ctcs_loss_alone() -> None:
    model, _, objective = make(distributions=1.0, early=1.0)
    assert "early" not in objective.terms(model.eval(), BATCH)


@pytest.mark.parametrize(
    "settings",
    [
        {"family": "dag", "slots": 4, "auxiliary": AuxiliarySettings(early=0.3)},
        {
            "family": "ctc",
            "auxiliary": AuxiliarySettings(teacher_decoder=1.0),
            "training": TrainingSettings(encoder_rate=0.0),
        },
    ],
    ids=["another family", "an encoder that does not learn"],
)
def test_auxiliary_losses_that_mean_nothing_are_errors(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="auxiliary"):
        StudentSettings(**settings)


def test_auxiliary_losses_without_weights_are_an_error() -> None:
    with pytest.raises(ValidationError, match="all weights are 0"):
        AuxiliarySettings()
