"""What CTC and the graph have in common."""

from typing import Any

import pytest
import torch
from torch.nn import functional as F

from onepass.decoding.dag import decode_graph
from onepass.families import DAG
from onepass.models import MODELS
from onepass.models.dag import DAGTransformer
from onepass.models.slots import SlotTransformer
from onepass.objectives import FINETUNINGS, OBJECTIVES
from onepass.objectives.latent import LatentObjective
from onepass.objectives.objective import Batch, Objective
from onepass.settings import FinetuneSettings, StudentSettings, TransformerSettings

FAMILIES = [("ctc", 2), ("dag", 4)]
SIZES = TransformerSettings(width=16, ffn_width=32, encoder_layers=1, decoder_layers=2, heads=2)


def make_batch() -> Batch:
    src = torch.tensor([[5, 6, 4, 0], [4, 4, 5, 6], [6, 5, 4, 0]])
    return Batch(src, torch.tensor([[4, 5, 0, 0, 0], [6, 6, 4, 5, 4], [5, 5, 5, 0, 0]]))


def make(family: Any, **settings: Any) -> tuple[SlotTransformer, LatentObjective]:
    student = StudentSettings(family=family, **settings)
    torch.manual_seed(1)
    model = MODELS[family](SIZES, student, 9, 9, joint=True)
    own = OBJECTIVES[student.family](student, None)
    assert isinstance(model, SlotTransformer)
    assert isinstance(own, LatentObjective)
    return model, own


@pytest.mark.parametrize("term", ["tokens", "bigrams"])
@pytest.mark.parametrize(("family", "slots"), FAMILIES)
def test_neither_padding_nor_the_order_of_a_batch_changes_the_loss(
    family: str, slots: int, term: str
) -> None:
    model, likelihood = make(family, slots=slots)
    model.eval()
    batch = make_batch()
    own: Objective = likelihood
    if term == "bigrams":
        own = FINETUNINGS[family](FinetuneSettings(), None)
        batch.src_ids[2, 1:] = 0  # a target with more tokens than CTC has slots is matched, too
    together = own.terms(model, batch)[term].sum
    apart = sum(
        own.terms(model, Batch(src[None, src != 0], tgt[None, tgt != 0]))[term].sum
        for src, tgt in zip(batch.src_ids, batch.tgt_ids, strict=True)
    )
    torch.testing.assert_close(together, apart)
    turned = Batch(F.pad(batch.src_ids.flip(0), (0, 1)), F.pad(batch.tgt_ids.flip(0), (0, 2)))
    torch.testing.assert_close(own.terms(model, turned)[term].sum, together)


@pytest.mark.parametrize(("family", "slots"), FAMILIES)
def test_a_shuffled_target_has_a_worse_loss_after_overfitting_with_glancing(family: str, slots: int) -> None:
    """In evaluation nothing is told: what was learnt shows, and nothing leaks."""
    model, own = make(family, slots=slots, glancing=(0.5, 0.1), dropout=0.0)
    batch = make_batch()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    falling = torch.optim.lr_scheduler.LinearLR(optimizer, 1, 0.01, total_iters=220)
    model.train()
    for _ in range(220):
        own.terms(model, batch)["tokens"].sum.backward()
        optimizer.step()
        falling.step()
        optimizer.zero_grad()
    model.eval()
    shuffled = Batch(batch.src_ids, batch.tgt_ids.roll(1, 0))
    with torch.no_grad():
        learnt, wrong = (float(own.terms(model, b)["tokens"].sum) for b in (batch, shuffled))
    assert learnt < 1 < 20 < wrong
    if isinstance(model, DAGTransformer):  # of CTC the best labels need not be those of the best sentence
        targets = [[token for token in target.tolist() if token] for target in batch.tgt_ids]
        for search in DAG.searches:
            assert decode_graph(model, batch.src_ids, search).ids == targets


@pytest.mark.parametrize("bf16", [False, True])
@pytest.mark.parametrize(("family", "slots"), FAMILIES)
def test_nothing_told_is_training_without_glancing(family: Any, slots: int, bf16: bool) -> None:
    """Above all under autocast, whose cache of weights must not come from the pass without gradient."""
    gradients = []
    for glancing in (None, (0.0, 0.0)):
        model, own = make(family, slots=slots, glancing=glancing, dropout=0.2)
        model.train()
        torch.manual_seed(9)
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            terms = own.terms(model, make_batch())
        assert int(terms["revealed"].sum) == 0
        terms["tokens"].sum.backward()
        gradients.append({name: p.grad for name, p in model.named_parameters()})
    assert all(gradient is not None for gradient in gradients[0].values())
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], gradient)
