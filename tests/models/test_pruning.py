"""A student pruned out of a larger one."""

from typing import Any

import pytest
import torch

from onepass.models.ctc import CTCTransformer
from onepass.models.pruning import init_pruned
from onepass.settings import StudentSettings, TransformerSettings

pytestmark = pytest.mark.usefixtures("no_gradient")

SRC_IDS = torch.tensor([[4, 5, 6, 7], [8, 6, 0, 0]])


def make(**sizes: Any) -> CTCTransformer:
    given = {"width": 16, "ffn_width": 12, "encoder_layers": 3, "decoder_layers": 2, "heads": 2, **sizes}
    model = CTCTransformer(TransformerSettings(**given), StudentSettings(family="ctc"), 9, 9, joint=True)
    return model.eval()


def states(model: CTCTransformer) -> torch.Tensor:
    return model.decode(SRC_IDS, model.encode(SRC_IDS)).states


def test_units_without_weight_and_layers_that_do_nothing_are_what_goes() -> None:
    torch.manual_seed(1)
    larger, smaller = make(), make(ffn_width=7, encoder_layers=2, decoder_layers=1)
    for layer in (*larger.encoder.layers, *larger.decoder):
        dead = torch.randperm(12)[:5]
        layer.ffn.inner.bias.normal_()
        # A large weight in means nothing where nothing comes out, and the other way round.
        layer.ffn.inner.weight[dead[:3]] = 0
        layer.ffn.inner.bias[dead[:3]] = 0
        layer.ffn.outer.weight[:, dead[3:]] = 0
        layer.ffn.outer.weight[:, dead[:3]] *= 100
        layer.ffn.inner.weight[dead[3:]] *= 100
    last = larger.decoder[-1]
    idle = (larger.encoder.layers[-1].self_attention, last.self_attention, last.source_attention)
    for part in (*(a.output for a in idle), larger.encoder.layers[-1].ffn.outer, last.ffn.outer):
        part.weight.zero_()
        part.bias.zero_()
    init_pruned(smaller, larger)
    torch.testing.assert_close(states(smaller), states(larger))


@pytest.mark.parametrize("more", [{"ffn_width": 13}, {"decoder_layers": 3}, {"width": 18}])
def test_nothing_is_pruned_out_of_a_smaller_model(more: dict[str, int]) -> None:
    with pytest.raises((RuntimeError, KeyError)):
        init_pruned(make(**more), make())
