"""Which options mean something for which family; all others are errors that name the option."""

import pytest
import torch

from onepass.decoding.options import DecodingOptions, check_options
from onepass.decoding.translator import DECODERS, make_decoder
from onepass.errors import UsageError
from onepass.families import AUTOREGRESSIVE, CTC, DAG, FAMILIES, FERTILITY, Family

MEANS_SOMETHING: dict[str, set[str]] = {
    "autoregressive": {"beam_size"},
    "fertility": {"average", "num_candidates", "num_corrections"},
    "ctc": {"num_candidates", "num_corrections"},
    "dag": {"search", "num_candidates", "num_corrections"},
}


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
@pytest.mark.parametrize("option", ["beam_size", "average", "search", "num_candidates", "num_corrections"])
def test_an_option_of_another_family_is_an_error_that_names_it(
    family: Family, option: str, make_teacher
) -> None:
    options = {
        "beam_size": DecodingOptions(beam_size=4),
        "average": DecodingOptions(average=True),
        "search": DecodingOptions(search="greedy"),
        "num_candidates": DecodingOptions(make_teacher(), num_candidates=4),
        "num_corrections": DecodingOptions(make_teacher(), num_corrections=4),
    }[option]
    if option in MEANS_SOMETHING[family.name]:
        check_options(family, options)
        return
    with pytest.raises(UsageError) as error:
        check_options(family, options)
    assert error.value.where == option


@pytest.mark.parametrize(
    ("family", "options", "problem"),
    [
        (AUTOREGRESSIVE, {"beam_size": 0}, "at least one"),
        (CTC, {"num_candidates": 0}, "at least one"),
        (FERTILITY, {"num_candidates": 2}, "need a teacher"),
        (DAG, {"num_corrections": -1}, "no such number"),
        (CTC, {"num_corrections": 1}, "are a teacher's"),
        (DAG, {"search": "wide"}, "allowed: greedy, lookahead, viterbi, marginal"),
    ],
)
def test_what_is_out_of_range_or_lacks_something_is_an_error(
    family: Family, options: dict, problem: str
) -> None:
    with pytest.raises(UsageError, match=problem):
        check_options(family, DecodingOptions(**options))


def test_options_that_exclude_each_other_are_an_error(make_teacher) -> None:
    teacher = make_teacher()
    with pytest.raises(UsageError, match="one candidate"):
        check_options(FERTILITY, DecodingOptions(teacher, num_candidates=2, average=True))
    with pytest.raises(UsageError, match="allowed: marginal"):
        check_options(DAG, DecodingOptions(teacher, num_candidates=2, search="viterbi"))
    check_options(DAG, DecodingOptions(teacher, num_candidates=2, search="marginal"))
    with pytest.raises(UsageError, match="1 to 64"):
        check_options(CTC, DecodingOptions(teacher, num_candidates=65))
    check_options(FERTILITY, DecodingOptions(teacher, num_candidates=65))


@pytest.mark.usefixtures("no_gradient")
def test_every_option_reaches_the_decoder(make_student, make_slots, make_teacher, sentences, pad) -> None:
    teacher, student, src_ids = make_teacher(), make_student(), pad(sentences)
    dag = make_slots("dag", slots=4)
    for model, options in (
        (teacher, [DecodingOptions(beam_size=n) for n in (1, 4)]),
        (student, [DecodingOptions(average=average) for average in (False, True)]),
        (student, [DecodingOptions(teacher, num_candidates=n) for n in (1, 4, 40)]),
        (student, [DecodingOptions(teacher, num_candidates=4, seed=seed) for seed in (1, 2)]),
        (make_slots("ctc", slots=2), [DecodingOptions(teacher, num_candidates=n) for n in (1, 4, 40)]),
        (dag, [DecodingOptions(teacher, num_candidates=n) for n in (1, 4, 40)]),
        (dag, [DecodingOptions(search=search) for search in DAG.searches]),
    ):
        found = [make_decoder(model, own)(src_ids).ids for own in options]
        assert all(one != other for i, one in enumerate(found) for other in found[:i])


def test_a_decoder_leaves_no_gradient_behind(make_student, make_slots, make_teacher, pad) -> None:
    models = [make_teacher(), make_student(), make_slots("ctc", slots=2), make_slots("dag", slots=4)]
    assert {model.family.name for model in models} == set(DECODERS) == set(FAMILIES)
    for model in models:
        decode = make_decoder(model)
        assert torch.is_grad_enabled()
        assert len(decode(pad([[5, 6]])).ids) == 1
        assert all(parameter.grad is None for parameter in model.parameters())
