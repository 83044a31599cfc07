"""The teacher's favourite among candidates that are not drawn: those of CTC and of graphs."""

import pytest
import torch

from onepass.decoding.autoregressive import score
from onepass.decoding.ctc import CHOICES, best_labelling, labellings
from onepass.decoding.dag import best_spelling, likely_words
from onepass.decoding.one_pass import likely_labels

pytestmark = pytest.mark.usefixtures("no_gradient")


def ctc_candidates(ctc, src_ids) -> torch.Tensor:
    decoded = ctc.decode(src_ids, ctc.encode(src_ids))
    return labellings(*likely_labels(ctc, decoded, CHOICES), decoded.mask, ctc.blank, 20).ids


def dag_candidates(dag, src_ids) -> torch.Tensor:
    found = likely_words(dag, src_ids, beam_size=20)
    return found.ids[0, found.log_probs[0].isfinite()]


@pytest.mark.parametrize("family", ["ctc", "dag"])
def test_the_winner_is_the_teachers_favourite_among_candidates_scored_one_by_one(
    make_slots, make_teacher, sentences, pad, family: str
) -> None:
    student, teacher = make_slots(family, slots=2), make_teacher()
    choose, of = {"ctc": (best_labelling, ctc_candidates), "dag": (best_spelling, dag_candidates)}[family]
    found = choose(student, teacher, pad(sentences), 20)
    others = 0
    for b, source in enumerate(sentences[:16]):
        src_ids = pad([source])
        rows = [[token for token in row if token] for row in of(student, src_ids).tolist()]
        assert 1 < len(rows) == len({tuple(row) for row in rows}) <= 20
        memory = teacher.encode(src_ids)
        scores = [float(score(teacher, torch.tensor([row], dtype=torch.int64), memory)) for row in rows]
        assert found.ids[b] == rows[scores.index(max(scores))]
        assert found.scores[b] == pytest.approx(max(scores), abs=1e-5)
        others += found.ids[b] != rows[0]
    assert others > 4
