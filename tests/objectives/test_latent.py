"""What CTC and the graph have in common when they glance."""

from typing import Any

import pytest
import torch

from onepass.decoding.loading import STUDENTS
from onepass.objectives.cross_entropy import Batch
from onepass.objectives.student import student_objective
from onepass.recipe import StudentSettings, TransformerSettings

SIZES = TransformerSettings(width=16, ffn_width=32, encoder_layers=1, decoder_layers=2, heads=2)


def make_batch() -> Batch:
    src = torch.tensor([[5, 6, 4, 0], [4, 4, 5, 6], [6, 5, 0, 0]])
    return Batch(src, torch.tensor([[4, 5, 0, 0, 0], [6, 6, 4, 5, 4], [5, 5, 5, 0, 0]]))


@pytest.mark.parametrize("bf16", [False, True])
@pytest.mark.parametrize(("family", "slots"), [("ctc", 2), ("dag", 4)])
def test_nothing_told_is_training_without_glancing(family: Any, slots: int, bf16: bool) -> None:
    """Above all under autocast, whose cache of weights must not come from the pass without gradient."""
    gradients = []
    for glancing in (None, (0.0, 0.0)):
        settings = StudentSettings(family=family, slots=slots, glancing=glancing, dropout=0.2)
        torch.manual_seed(1)
        model = STUDENTS[family](SIZES, settings, 9, 9, joint=True).train()
        torch.manual_seed(9)
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            terms = student_objective(settings).terms(model, make_batch())
        assert int(terms["revealed"].sum) == 0
        terms["tokens"].sum.backward()
        gradients.append({name: p.grad for name, p in model.named_parameters()})
    assert all(gradient is not None for gradient in gradients[0].values())
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], gradient)
