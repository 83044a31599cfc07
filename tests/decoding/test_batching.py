"""Whatever the decoder, a sentence's translation depends on the sentence alone.

In float32 the last bits of a state depend on the shape of the batch; the tokens chosen do not, since
no two are that close here.
"""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from onepass.decoding.autoregressive import beam_search, greedy
from onepass.decoding.ctc import best_labelling, decode_slots
from onepass.decoding.dag import best_spelling, decode_graph
from onepass.decoding.fertility import decode_once, noisy_parallel
from onepass.runtime.text_translator import Hypotheses

pytestmark = pytest.mark.usefixtures("no_gradient")


@pytest.fixture(
    params=[
        "greedy",
        "beam 4",
        "argmax",
        "average",
        "NPD 10",
        "CTC",
        "CTC 10",
        "DAG greedy",
        "DAG",
        "DAG viterbi",
        "DAG marginal",
        "DAG 10",
        "DAG positions",
    ]
)
def translate(request, make_teacher, make_student, make_slots) -> Callable[[Tensor], Hypotheses]:
    teacher, student = make_teacher(), make_student()
    ctc, dag = make_slots("ctc", slots=2), make_slots("dag", slots=4)
    positions = make_slots("dag", slots=4, soft_copy=False)
    uniform = torch.rand(9, 40, generator=torch.Generator().manual_seed(1))
    return {
        "greedy": lambda src_ids: greedy(teacher, src_ids),
        "beam 4": lambda src_ids: beam_search(teacher, src_ids, beam_size=4),
        "argmax": lambda src_ids: decode_once(student, src_ids),
        "average": lambda src_ids: decode_once(student, src_ids, average=True),
        "NPD 10": lambda src_ids: noisy_parallel(student, teacher, src_ids, uniform),
        "CTC": lambda src_ids: decode_slots(ctc, src_ids),
        "CTC 10": lambda src_ids: best_labelling(ctc, teacher, src_ids, 10),
        "DAG greedy": lambda src_ids: decode_graph(dag, src_ids, "greedy"),
        "DAG": lambda src_ids: decode_graph(dag, src_ids, "lookahead"),
        "DAG viterbi": lambda src_ids: decode_graph(dag, src_ids, "viterbi"),
        "DAG marginal": lambda src_ids: decode_graph(dag, src_ids, "marginal"),
        "DAG 10": lambda src_ids: best_spelling(dag, teacher, src_ids, 10),
        "DAG positions": lambda src_ids: decode_graph(positions, src_ids),
    }[request.param]


def rows(hyps: Hypotheses, which: slice) -> Hypotheses:
    fertilities, sources = (some and some[which] for some in (hyps.fertilities, hyps.sources))
    return Hypotheses(hyps.ids[which], hyps.scores[which], hyps.with_end, fertilities, sources)


def assert_same(found: Hypotheses, expected: Hypotheses) -> None:
    assert found._replace(scores=[]) == expected._replace(scores=[])
    assert found.scores == pytest.approx(expected.scores, abs=5e-5)


def test_a_batch_of_64_gives_what_each_sentence_gives_alone(translate, sentences, pad) -> None:
    together = translate(pad(sentences))
    for b, source in enumerate(sentences):
        assert_same(translate(pad([source])), rows(together, slice(b, b + 1)))


def test_more_padding_changes_nothing(translate, sentences, pad) -> None:
    assert_same(translate(pad(sentences, 31)), translate(pad(sentences)))


def test_the_order_of_the_batch_changes_nothing(translate, sentences, pad) -> None:
    backwards = translate(pad(sentences[::-1]))
    assert_same(rows(backwards, slice(None, None, -1)), translate(pad(sentences)))
