"""The fertility student: what its decoder copies, what its switches change, and padding."""

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from onepass.models.fertility import source_of_target, uniform_source_of_target
from onepass.models.one_pass import length_cap
from onepass.nn.attention import others_mask
from onepass.nn.positions import sinusoidal_positions

pytestmark = pytest.mark.usefixtures("no_gradient")

SRC = [[4, 5, 6, 7, 8], [9, 10, 11], [6]]
FERTILITIES = [[2, 0, 1, 3, 0], [0, 0, 1], [2]]
COPIES = {
    "fertility": [[0, 0, 2, 3, 3, 3], [2], [0, 0]],
    "uniform": [[0, 0, 1, 2, 3, 4], [0], [0, 0]],  # floor(t · S / T)
}


@given(st.lists(st.lists(st.integers(0, 6), min_size=1, max_size=9), min_size=1, max_size=5))
def test_source_position_s_is_copied_as_often_as_its_fertility(rows: list[list[int]]) -> None:
    columns, longest = max(map(len, rows)), max(map(sum, rows)) + 2
    fertilities = torch.tensor([row + [0] * (columns - len(row)) for row in rows])
    result = source_of_target(fertilities, longest)
    assert result.shape == (len(rows), longest)
    assert ((result >= 0) & (result < columns)).all()
    for row, copied in zip(rows, result.tolist(), strict=True):
        expected = []
        for position, fertility in enumerate(row):
            for _ in range(fertility):
                expected.append(position)
        assert copied[: sum(row)] == expected


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 30)), min_size=1, max_size=5))
def test_uniform_copying_spreads_the_source_evenly(lengths: list[tuple[int, int]]) -> None:
    src_lengths, tgt_lengths = torch.tensor(lengths).T
    longest = max(t for _, t in lengths)
    result = uniform_source_of_target(src_lengths, tgt_lengths, longest).tolist()
    for (src_length, tgt_length), copied in zip(lengths, result, strict=True):
        assert copied[:tgt_length] == [int(t * src_length / tgt_length) for t in range(tgt_length)]
        assert all(0 <= s < src_length for s in copied)


def decoder_input(model: Any, src_ids: Tensor, fertilities: Tensor) -> Tensor:
    seen = []
    hook = model.decoder[0].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    model.decode(src_ids, fertilities, model.encode(src_ids))
    hook.remove()
    return seen[0]


@pytest.mark.parametrize("copy_source", ["fertility", "uniform", "none"])
def test_the_decoder_starts_from_copied_embeddings_plus_target_positions(
    make_student, pad, copy_source: str
) -> None:
    model = make_student(copy_source=copy_source)
    found = decoder_input(model, pad(SRC), pad(FERTILITIES))
    positions = sinusoidal_positions(6, model.width)
    for b, source in enumerate(SRC):
        for t in range(sum(FERTILITIES[b])):
            expected = positions[t]
            if copy_source != "none":
                word = source[COPIES[copy_source][b][t]]
                expected = expected + model.src_embedding.weight[word] * model.width**0.5
            torch.testing.assert_close(found[b, t], expected)


def test_every_decoder_layer_looks_at_all_other_positions(make_student, pad) -> None:
    model, seen = make_student(), []
    for layer in model.decoder:
        layer.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[1]))
    mask = model.decode(pad(SRC), pad(FERTILITIES), model.encode(pad(SRC))).mask
    assert len(seen) == 2
    for self_mask in seen:
        assert torch.equal(self_mask, others_mask(mask))


@pytest.mark.parametrize("joint", [True, False])
@pytest.mark.parametrize("attend_to", ["top", "layerwise"])
@pytest.mark.parametrize("positional_attention", [True, False])
@pytest.mark.parametrize("copy_source", ["fertility", "uniform", "none"])
def test_padding_and_batch_size_change_no_state(
    make_student, sentences, pad, copy_source: str, positional_attention: bool, attend_to: str, joint: bool
) -> None:
    model = make_student(
        copy_source=copy_source, positional_attention=positional_attention, attend_to=attend_to, joint=joint
    )
    sources = sentences[:16]
    fertilities = [[(s[0] + i) % 3 for i in range(1, len(s))] + [1] for s in sources]
    src_ids = pad(sources, 14)
    memory = model.encode(src_ids)
    logits = model.fertility_logits(memory)
    states, mask, _ = model.decode(src_ids, pad(fertilities, 14), memory)
    assert mask.sum(1).tolist() == [sum(row) for row in fertilities]
    for b, (source, own) in enumerate(zip(sources, fertilities, strict=True)):
        alone = model.encode(pad([source]))
        torch.testing.assert_close(
            logits[b, : len(source)], model.fertility_logits(alone)[0], atol=1e-5, rtol=1e-5
        )
        expected = model.decode(pad([source]), pad([own]), alone).states[0]
        torch.testing.assert_close(states[b, : sum(own)], expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("attend_to", ["top", "layerwise"])
def test_decoder_layers_attend_to_the_layer_they_should(make_student, pad, attend_to: str) -> None:
    model = make_student(attend_to=attend_to)
    encoder_outputs, sources = [], []
    for layer in model.encoder.layers:
        layer.register_forward_hook(lambda _, __, output: encoder_outputs.append(output))
    for layer in model.decoder:
        layer.register_forward_pre_hook(lambda _, inputs: sources.append(inputs[2]))
    memory = model.encode(pad(SRC))
    model.decode(pad(SRC), pad(FERTILITIES), memory)
    first = 0 if attend_to == "layerwise" else 1
    torch.testing.assert_close(sources[0], model.encoder.norm(encoder_outputs[first]))
    torch.testing.assert_close(sources[1], model.encoder.norm(encoder_outputs[1]))
    torch.testing.assert_close(memory.top, sources[1])


def test_the_students_encoder_takes_the_teachers_weights_and_gives_its_states(
    make_teacher, make_student, pad
) -> None:
    teacher, student = make_teacher(), make_student()
    student.encoder.load_state_dict(teacher.encoder.state_dict())
    student.src_embedding.load_state_dict(teacher.src_embedding.state_dict())
    torch.testing.assert_close(student.encode(pad(SRC)).top, teacher.encode(pad(SRC)).top)


def test_without_positional_attention_its_weights_do_not_exist(make_student) -> None:
    def names(**switches: bool) -> set[str]:
        return {name for name, _ in make_student(**switches).named_parameters() if "positional" in name}

    assert names()
    assert not names(positional_attention=False)


def test_the_cap_on_the_length_grows_with_the_source_and_leaves_room_for_short_ones() -> None:
    caps = length_cap(torch.arange(1, 100))
    assert (caps.diff() >= 1).all()
    assert (caps >= 2 * torch.arange(1, 100) + 10).all()


def test_the_output_layer_of_ctc_follows_its_weights(make_slots) -> None:
    student = make_slots("ctc", slots=2)
    for _ in range(2):
        with torch.no_grad():
            student.tgt_embedding.weight.add_(1)
            student.blank_embedding.weight.mul_(2)
            found = student.output_weight()
            assert student.output_weight() is found
        assert torch.equal(found[:-1], student.tgt_embedding.weight)
        assert torch.equal(found[-1:], student.blank_embedding.weight)
        with torch.enable_grad():
            assert student.output_weight().requires_grad


def test_the_output_layer_of_ctc_follows_an_optimizer_that_counts_no_versions(make_slots) -> None:
    """torch's fused Adam leaves the version counters of what it changes alone."""
    student = make_slots("ctc", slots=2).train()
    optimizer = torch.optim.Adam(student.parameters(), fused=True)

    def is_current() -> bool:
        weights = torch.cat([student.tgt_embedding.weight, student.blank_embedding.weight])
        return torch.equal(student.output_weight(), weights)

    for evaluated in (False, True, False, True):
        student.train(not evaluated)
        with torch.no_grad():
            assert is_current()
        student.train()
        for parameter in student.parameters():
            parameter.grad = torch.ones_like(parameter)
        optimizer.step()
        with torch.no_grad():
            assert is_current()
