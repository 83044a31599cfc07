"""The teacher: all positions at once, one at a time with a cache, and whatever the padding."""

import pytest
import torch
from torch.nn import functional as F

from onepass.models.autoregressive import BOS, EOS, with_end
from onepass.nn.positions import sinusoidal_positions

pytestmark = pytest.mark.usefixtures("no_gradient")


@pytest.fixture
def teacher(make_teacher):
    return make_teacher()


@pytest.fixture
def targets(sentences) -> list[list[int]]:
    return [[*s[::2], *s[:3]] for s in reversed(sentences)]


def test_padding_and_batch_size_change_no_state(make_teacher, sentences, targets, pad) -> None:
    teacher = make_teacher().double()  # in float32 the shape of a product changes its last bits
    src_ids, tgt_ids = pad(sentences, 15), pad(targets, 12)
    memory = teacher.encode(src_ids)
    states = teacher.decode(tgt_ids, memory)
    for b, (source, target) in enumerate(zip(sentences, targets, strict=True)):
        alone = teacher.encode(pad([source]))
        torch.testing.assert_close(memory.top[b, : len(source)], alone.top[0], atol=1e-12, rtol=1e-12)
        own = teacher.decode(pad([target]), alone)[0]
        torch.testing.assert_close(states[b, : len(target) + 1], own, atol=1e-12, rtol=1e-12)


def test_steps_with_a_cache_give_the_logits_of_one_parallel_pass(teacher, sentences, targets, pad) -> None:
    memory, tgt_ids = teacher.encode(pad(sentences)), pad(targets)
    parallel = teacher.logits(teacher.decode(tgt_ids, memory))  # [B, T+1, V]
    cache = teacher.start(memory)
    for t, last in enumerate(F.pad(tgt_ids, (1, 0), value=BOS).T):
        torch.testing.assert_close(teacher.step(last, cache), parallel[:, t], atol=1e-5, rtol=1e-5)


def test_a_cache_follows_the_rows_selected(teacher, sentences, targets, pad) -> None:
    memory, tgt_ids = teacher.encode(pad(sentences)), pad(targets)
    parallel = teacher.logits(teacher.decode(tgt_ids, memory))
    cache, rows = teacher.start(memory), torch.arange(len(sentences))
    for t, order in enumerate([[5, 3, 3, 8, 0, 63], [1, 4, 5, 0], [2, 0, 2, 1]]):
        last = tgt_ids[rows, t - 1] if t else torch.full_like(rows, BOS)
        torch.testing.assert_close(teacher.step(last, cache), parallel[rows, t], atol=1e-5, rtol=1e-5)
        cache.select(torch.tensor(order))
        rows = rows[order]


def test_a_prediction_depends_on_earlier_targets_only(teacher, pad) -> None:
    memory = teacher.encode(pad([[4, 5, 6]]))
    states = [teacher.decode(pad([target]), memory)[0] for target in ([7, 8, 9], [7, 8, 4])]
    torch.testing.assert_close(states[0][:3], states[1][:3])
    assert not torch.allclose(states[0][3], states[1][3])


def test_the_encoder_reads_scaled_embeddings_plus_positions(teacher, pad) -> None:
    src_ids = pad([[4, 5, 6, 7], [8, 9]])
    x = teacher.src_embedding(src_ids) * teacher.width**0.5
    expected = teacher.encoder(x + sinusoidal_positions(4, teacher.width), src_ids != 0)
    torch.testing.assert_close(teacher.encode(src_ids).top, expected.top)


@pytest.mark.parametrize("joint", [True, False])
def test_the_output_layer_is_the_target_embedding_and_a_joint_model_has_one_embedding(
    make_teacher, joint: bool
) -> None:
    model = make_teacher(joint=joint)
    assert (model.src_embedding.weight is model.tgt_embedding.weight) == joint
    assert torch.equal(model.logits(torch.eye(model.width)), model.tgt_embedding.weight.T)


def test_the_end_follows_the_last_token_of_each_row(pad) -> None:
    rows = [[5, 6, 7], [8], [], [9, 4]]
    assert with_end(pad(rows)).tolist() == pad([[*row, EOS] for row in rows]).tolist()
