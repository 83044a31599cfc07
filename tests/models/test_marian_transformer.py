"""Marian's Transformer: all positions at once, one at a time, whatever the padding, and with every search."""

import pytest
import torch
from torch.nn import functional as F

from onepass.decoding.autoregressive import beam_search, greedy, sample, score
from onepass.models.autoregressive import BOS, EOS, PAD
from onepass.models.marian import NEVER, MarianSizes, MarianTransformer
from onepass.nn.post_norm import LayerSizes

pytestmark = pytest.mark.usefixtures("no_gradient")
LAYERS = LayerSizes(16, 32, 2, "swish")


@pytest.fixture(params=[True, False], ids=["SSRU", "self-attention"])
def model(request) -> MarianTransformer:
    return make(recurrent=request.param)


def make(*, recurrent: bool, joint: bool = False, tied: bool = True) -> MarianTransformer:
    torch.manual_seed(4)
    model = MarianTransformer(MarianSizes(LAYERS, 2, 2, recurrent, joint, tied, 12, 12))
    for name, parameter in model.named_parameters():
        if parameter.dim() == 2:
            parameter *= 0.5 if "embedding" in name else 4
    if not tied:
        model.output.weight.normal_()
    model.output.bias.normal_()
    for embedding in (model.src_embedding, model.tgt_embedding):
        embedding.weight[[PAD, BOS]] = 0
    model.output.bias[[PAD, BOS]] = NEVER
    return model.eval()


@pytest.fixture
def targets(sentences) -> list[list[int]]:
    return [[*s[::2], *s[:3]] for s in reversed(sentences)]


def test_padding_and_batch_size_change_no_state(model, sentences, targets, pad) -> None:
    model = model.double()  # in float32 the shape of a product changes its last bits
    src_ids, tgt_ids = pad(sentences, 15), pad(targets, 12)
    memory = model.encode(src_ids)
    states = model.decode(tgt_ids, memory)
    for b, (source, target) in enumerate(zip(sentences, targets, strict=True)):
        alone = model.encode(pad([source]))
        assert alone.mask.shape == (1, len(source) + 1)  # its </s>
        torch.testing.assert_close(memory.top[b, : len(source) + 1], alone.top[0], atol=1e-12, rtol=1e-12)
        own = model.decode(pad([target]), alone)[0]
        torch.testing.assert_close(states[b, : len(target) + 1], own, atol=1e-12, rtol=1e-12)


def test_steps_with_a_cache_give_the_logits_of_one_parallel_pass(model, sentences, targets, pad) -> None:
    memory, tgt_ids = model.encode(pad(sentences)), pad(targets)
    parallel = model.logits(model.decode(tgt_ids, memory))  # [B, T+1, V]
    cache = model.start(memory)
    for t, last in enumerate(F.pad(tgt_ids, (1, 0), value=BOS).T):
        torch.testing.assert_close(model.step(last, cache), parallel[:, t], atol=1e-4, rtol=1e-4)


def test_a_cache_follows_the_rows_selected(model, sentences, targets, pad) -> None:
    memory, tgt_ids = model.encode(pad(sentences)), pad(targets)
    parallel = model.logits(model.decode(tgt_ids, memory))
    cache, rows = model.start(memory), torch.arange(len(sentences))
    for t, order in enumerate([[5, 3, 3, 8, 0, 63], [1, 4, 5, 0], [2, 0, 2, 1]]):
        last = tgt_ids[rows, t - 1] if t else torch.full_like(rows, BOS)
        torch.testing.assert_close(model.step(last, cache), parallel[rows, t], atol=1e-4, rtol=1e-4)
        cache.select(torch.tensor(order))
        rows = rows[order]


def test_a_prediction_depends_on_earlier_targets_only(model, pad) -> None:
    memory = model.encode(pad([[4, 5, 6]]))
    states = [model.decode(pad([target]), memory)[0] for target in ([7, 8, 9], [7, 8, 4])]
    torch.testing.assert_close(states[0][:3], states[1][:3])
    assert not torch.allclose(states[0][3], states[1][3])


def test_the_best_next_word_each_time_is_greedy_search(model, sentences, pad) -> None:
    found = greedy(model, pad(sentences[:16]))
    assert len(set(map(tuple, found.ids))) > 8
    for source, ids, printed in zip(sentences, found.ids, found.scores, strict=False):
        memory = model.encode(pad([source]))
        best = model.logits(model.decode(pad([ids], 1)[:, : len(ids)], memory))[0].argmax(-1).tolist()
        wanted = [*ids, EOS]
        at_cap = len(ids) == 3 * (len(source) + 1) + 20
        assert best[: len(wanted) - at_cap] == wanted[: len(wanted) - at_cap]
        rescored = score(model, pad([ids], 1)[:, : len(ids)], memory)
        assert printed == pytest.approx(float(rescored), abs=1e-4)


def test_beams_and_samples_run_on_it(model, sentences, pad) -> None:
    src_ids = pad(sentences[:16])
    assert beam_search(model, src_ids, beam_size=1).ids == greedy(model, src_ids).ids
    assert sample(model, src_ids, torch.Generator(), among=1).ids == greedy(model, src_ids).ids
    wide = beam_search(model, src_ids, beam_size=4)
    for source, ids, printed in zip(sentences, wide.ids, wide.scores, strict=False):
        rescored = score(model, pad([ids], 1)[:, : len(ids)], model.encode(pad([source])))
        assert printed == pytest.approx(float(rescored), abs=1e-4)


def test_bfloat16_leaves_the_logits_close_and_the_bias_whole(model, sentences, pad) -> None:
    src_ids = pad(sentences)
    expected = model.logits(model.decode(src_ids, model.encode(src_ids)))
    with torch.autocast("cpu", torch.bfloat16):
        found = model.logits(model.decode(src_ids, model.encode(src_ids)))
    assert found.dtype == torch.float32
    assert (found - expected)[..., 4:].abs().mean() < 0.1 * expected[..., 4:].std()


@pytest.mark.parametrize("joint", [True, False])
@pytest.mark.parametrize("tied", [True, False])
def test_further_ids_change_nothing_and_are_never_written(joint: bool, tied: bool, sentences, pad) -> None:
    model = make(recurrent=True, joint=joint, tied=tied)
    longer, src_ids = model.extended(5), pad(sentences)
    assert (longer.sizes.src_size, longer.sizes.tgt_size) == (17, 17)
    memory = model.encode(src_ids)
    before = model.logits(model.decode(src_ids, memory))
    after = longer.logits(longer.decode(src_ids, longer.encode(src_ids)))
    torch.testing.assert_close(after[..., :12], before)
    assert (after[..., 12:] < 0.9 * NEVER).all()
    assert greedy(longer, src_ids).ids == greedy(model, src_ids).ids
    assert (longer.src_embedding.weight is longer.tgt_embedding.weight) is joint
    assert (longer.output.weight is longer.tgt_embedding.weight) is tied
