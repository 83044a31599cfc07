"""Several translations of a sentence: every family gives other ones, the best first, with right scores."""

from collections.abc import Callable

import pytest
import torch

from onepass.decoding.autoregressive import score
from onepass.decoding.options import DecodingOptions
from onepass.decoding.translator import make_decoder
from onepass.errors import UsageError

pytestmark = pytest.mark.usefixtures("no_gradient")


@pytest.fixture
def models(make_teacher, make_student, make_slots) -> dict[str, torch.nn.Module]:
    return {
        "autoregressive": make_teacher(),
        "fertility": make_student(),
        "ctc": make_slots("ctc", slots=2),
        "dag": make_slots("dag", slots=4),
    }


@pytest.mark.parametrize("judged", [True, False])
@pytest.mark.parametrize("family", ["autoregressive", "fertility", "ctc", "dag"])
def test_others_are_different_and_the_best_is_first(
    models, make_teacher, sentences, pad: Callable[..., torch.Tensor], family: str, judged: bool
) -> None:
    teacher = make_teacher()
    is_student = family != "autoregressive"
    options = DecodingOptions(teacher=teacher if judged and is_student else None, n_best=4)
    found = make_decoder(models[family], options)(pad(sentences[:12]))
    assert found.others is not None
    assert any(len(others) == 3 for others in found.others)
    for source, ids, best, others in zip(sentences, found.ids, found.scores, found.others, strict=False):
        texts = [tuple(ids), *(tuple(other.ids) for other in others)]
        assert len(set(texts)) == len(texts) <= 4
        scores = [best, *(other.score for other in others)]
        assert scores == sorted(scores, reverse=True)
        if judged or not is_student:
            assert found.with_end
            memory = teacher.encode(pad([source]))
            for text, claimed in zip(texts, scores, strict=True):
                if text:
                    assert score(teacher, pad([list(text)]), memory)[0] == pytest.approx(claimed, abs=1e-4)


@pytest.mark.parametrize("family", ["autoregressive", "fertility", "ctc", "dag"])
def test_one_is_what_is_usual(models, sentences, pad, family: str) -> None:
    src_ids = pad(sentences[:6])
    usual = make_decoder(models[family], DecodingOptions())(src_ids)
    assert usual.others is None
    assert make_decoder(models[family], DecodingOptions(n_best=1))(src_ids) == usual


def test_what_means_nothing_together_is_an_error(models) -> None:
    for family, options in (
        ("fertility", DecodingOptions(average=True, n_best=2)),
        ("dag", DecodingOptions(search="viterbi", n_best=2)),
        ("ctc", DecodingOptions(n_best=65)),
    ):
        with pytest.raises(UsageError):
            make_decoder(models[family], options)
