"""Students arranged as a Marian teacher is: what they start from, padding, the bias of the words."""

from typing import Any

import pytest
import torch
from torch import Tensor

from onepass.decoding.options import DecodingOptions
from onepass.decoding.translator import make_decoder
from onepass.models import MODELS
from onepass.models.from_teacher import NEW_ATTENTION, deepen, start_from_marian
from onepass.models.marian import MarianTransformer, settings_of
from onepass.models.one_pass import OnePassTransformer
from onepass.models.stepwise import build
from onepass.objectives import student_objective
from onepass.objectives.objective import Batch
from onepass.settings import StudentSettings, TransformerSettings

SIZES = TransformerSettings(
    width=16,
    ffn_width=24,
    encoder_layers=2,
    decoder_layers=2,
    heads=2,
    dropout=0.0,
    norm="post",
    activation="swish",
    cell="ssru",
)
WORDS = 12
FAMILIES = [
    ("ctc", {"slots": 2, "start": "states"}),
    ("ctc", {"slots": 3, "attend_to": "layerwise"}),
    ("dag", {"slots": 4, "start": "states"}),
    ("dag", {"slots": 4}),
    ("fertility", {}),
    ("fertility", {"positional_attention": False}),
]


def make_teacher(*, joint: bool = True, tied: bool = True) -> MarianTransformer:
    torch.manual_seed(3)
    sizes = SIZES.model_copy(update={"tied": tied})
    model = build(sizes, StudentSettings(), WORDS, WORDS, joint=joint)
    assert isinstance(model, MarianTransformer)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.6)
    return model.eval()


def make(family: Any, *, joint: bool = True, sizes: TransformerSettings = SIZES, **own: Any) -> Any:
    torch.manual_seed(5)
    student = StudentSettings(family=family, dropout=0.0, **own)
    model = MODELS[family](sizes, student, WORDS, WORDS, joint=joint)
    assert isinstance(model, OnePassTransformer)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() == 2 and "from_states" not in name:
                parameter.mul_(2)
        model.word_bias.normal_(std=0.5)
    return model.eval(), student


def loss(model: Any, student: StudentSettings, src: Tensor, tgt: Tensor) -> Tensor:
    fertilities = None
    if student.family == "fertility":
        fertilities = torch.zeros_like(src)
        fertilities[:, 0] = (tgt != 0).sum(1)
    terms = student_objective(student, model, None, None).terms(model, Batch(src, tgt, fertilities))
    return sum(term.weight * term.sum for term in terms.values())  # type: ignore[return-value]


def test_settings_and_sizes_say_the_same() -> None:
    assert settings_of(make_teacher().sizes) == SIZES


@pytest.mark.parametrize(("family", "own"), FAMILIES)
def test_a_row_alone_is_the_row_of_a_batch(family: str, own: dict[str, Any], sentences, pad) -> None:
    model, _ = make(family, **own)
    decode = make_decoder(model, DecodingOptions())
    rows = sentences[:12]
    together = decode(pad(rows, 15))
    assert len({tuple(ids) for ids in together.ids}) > (1 if family == "dag" else 4)
    for row, ids, score in zip(rows, together.ids, together.scores, strict=True):
        alone = decode(pad([row]))
        assert alone.ids == [ids]
        assert alone.scores[0] == pytest.approx(score, abs=1e-4)


@pytest.mark.parametrize(("family", "own"), FAMILIES)
def test_padding_does_not_change_the_loss(family: str, own: dict[str, Any]) -> None:
    model, student = make(family, **own)
    src, tgt = torch.tensor([[5, 6, 7, 0], [4, 8, 9, 10]]), torch.tensor([[6, 5, 0], [9, 9, 4]])
    apart = sum(
        loss(
            model, student, src[None, i, : int((src[i] != 0).sum())], tgt[None, i, : int((tgt[i] != 0).sum())]
        )
        for i in range(2)
    )
    torch.testing.assert_close(loss(model, student, src, tgt), apart)


def test_the_end_of_a_source_has_slots_too() -> None:
    model, student = make("ctc", slots=2, start="states")
    src, tgt = torch.tensor([[5]]), torch.tensor([[4, 5, 6, 7]])  # more words than one token has slots
    assert model.decode(src, model.encode(src)).mask.sum() == 4
    objective = student_objective(student, model, None, None)
    assert float(objective.terms(model, Batch(src, tgt))["infeasible"].sum) == 0


@pytest.mark.parametrize(("family", "own"), FAMILIES)
def test_the_bias_reaches_loss_and_translation(family: str, own: dict[str, Any]) -> None:
    model, student = make(family, **own)
    src, tgt = torch.tensor([[5, 6, 7]]), torch.tensor([[6, 5]])
    before = loss(model, student, src, tgt)
    before.backward()
    assert model.word_bias.grad.abs().min() > 0
    step = 1e-3
    with torch.no_grad():
        model.word_bias[8] += step
    after = loss(model, student, src, tgt)
    torch.testing.assert_close((after - before) / step, model.word_bias.grad[8], atol=0.02, rtol=0.02)
    with torch.no_grad():
        model.word_bias[8] += 100
    [ids] = make_decoder(model, DecodingOptions())(src).ids
    assert set(ids) == {8}
    with torch.no_grad():
        model.word_bias[8] -= 200
    assert 8 not in make_decoder(model, DecodingOptions())(src).ids[0]


def test_a_blank_with_a_high_bias_leaves_nothing() -> None:
    model, _ = make("ctc", slots=2)
    with torch.no_grad():
        model.blank_bias += 100
    assert make_decoder(model, DecodingOptions())(torch.tensor([[5, 6, 7]])).ids == [[]]


def test_slots_start_from_the_states_as_they_are() -> None:
    model, _ = make("ctc", slots=3, start="states")
    memory = model.encode(torch.tensor([[5, 6, 7]]))
    start = model.start(torch.tensor([[5, 6, 7]]), memory, torch.ones(1, 12, dtype=torch.bool))
    for slot in range(12):
        expected = memory.top[0, slot // 3] + model.from_states.vectors[slot % 3]
        torch.testing.assert_close(start[0, slot], expected)


@pytest.mark.parametrize("joint", [True, False])
@pytest.mark.parametrize(("family", "own"), FAMILIES)
def test_a_student_takes_what_it_says(family: str, own: dict[str, Any], joint: bool) -> None:
    teacher = make_teacher(joint=joint)
    deeper = SIZES.model_copy(update={"decoder_layers": 3})
    model, _ = make(family, joint=joint, sizes=deeper, **own)
    fresh = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    taken = start_from_marian(model, teacher)
    theirs = teacher.state_dict()
    for name, tensor in model.state_dict().items():
        part = next((p for p in taken if name == p or name.startswith(f"{p}.")), None)
        if part is not None:
            expected = theirs[taken[part] + name.removeprefix(part)]
        elif name == "tgt_embedding.weight" and joint:
            expected = theirs["src_embedding.weight"]
        elif name.endswith(".self_attention.output.weight"):
            expected = fresh[name] * NEW_ATTENTION
        else:
            expected = fresh[name]
        assert torch.equal(tensor, expected), name
    layers = ("source_attention", "source_norm", "ffn", "ffn_norm")
    assert {taken[f"decoder.2.{part}"] for part in layers} == {f"decoder.1.{part}" for part in layers}
    assert taken["decoder.0.self_norm"] == "decoder.0.past_norm"
    assert {"src_embedding", "word_bias", "encoder.layers.0", "encoder.layers.1"} <= taken.keys()


def test_an_encoder_that_was_taken_is_the_teachers() -> None:
    teacher = make_teacher()
    model, _ = make("ctc", slots=2)
    start_from_marian(model, teacher)
    src = torch.tensor([[5, 6, 7, 0], [4, 8, 9, 10]])
    torch.testing.assert_close(model.encode(src).top, teacher.encode(src).top)


def test_an_output_layer_of_its_own_is_where_the_target_embedding_comes_from() -> None:
    teacher = make_teacher(joint=False, tied=False)
    model, _ = make("ctc", joint=False, slots=2)
    assert start_from_marian(model, teacher)["tgt_embedding"] == "output"
    assert torch.equal(model.tgt_embedding.weight, teacher.output.weight)


def test_what_has_another_size_is_not_taken() -> None:
    model, _ = make("ctc", slots=2, sizes=SIZES.model_copy(update={"ffn_width": 8}))
    taken = start_from_marian(model, make_teacher())
    assert not [part for part in taken if part.endswith(".ffn") or part.startswith("encoder.")]
    assert "decoder.0.source_attention" in taken


@pytest.mark.parametrize("norm", ["post", "pre"])
@pytest.mark.parametrize(("family", "slots"), [("ctc", 2), ("dag", 4)])
def test_new_layers_pass_on_what_they_read(family: str, slots: int, norm: str) -> None:
    sizes = SIZES.model_copy(update={"norm": norm, "cell": None, "width": 64, "ffn_width": 32})
    shallow, _ = make(family, sizes=sizes, slots=slots) if norm == "post" else plain(family, sizes, slots)
    more = sizes.model_copy(update={"decoder_layers": 4})
    deep, _ = make(family, sizes=more, slots=slots) if norm == "post" else plain(family, more, slots)
    deep.load_state_dict(shallow.state_dict(), strict=False)
    deepen(deep, 2)
    src = torch.tensor([[4, 5, 6, 7, 8], [9, 10, 11, 4, 0]])
    before, after = (model.decode(src, model.encode(src)) for model in (shallow, deep))
    if norm == "pre":
        torch.testing.assert_close(after.states, before.states)
        return
    same = torch.nn.functional.cosine_similarity(before.states, after.states, dim=-1)[before.mask]
    assert same.min() > 0.99
    sizes_of = after.states.std(-1)[before.mask] / before.states.std(-1)[before.mask]
    assert 0.7 < sizes_of.min() <= sizes_of.max() < 1.4
    # They can learn: what they add is a product of weights of which one alone is 0.
    after.states.square().sum().backward()
    assert all(layer.ffn.outer.weight.grad.abs().max() > 0 for layer in deep.decoder[2:])


def plain(family: Any, sizes: TransformerSettings, slots: int) -> Any:
    torch.manual_seed(5)
    student = StudentSettings(family=family, dropout=0.0, slots=slots)
    return MODELS[family](sizes, student, WORDS, WORDS, joint=True).eval(), student
