"""The teacher's loss is the formula, in sums and counts."""

import numpy as np
import pytest
import torch

from onepass.decoding.autoregressive import score
from onepass.objectives.objective import Batch, pad_ids
from onepass.objectives.teacher import TeacherObjective


@pytest.fixture
def batch(sentences, pad) -> Batch:
    return Batch(pad(sentences[:9], 14), pad(sentences[9:18], 13))


@torch.no_grad()
def test_the_loss_of_a_target_is_its_score_times_its_length_with_the_end(make_teacher, batch) -> None:
    teacher = make_teacher()
    lengths = (batch.tgt_ids != 0).sum(1) + 1
    expected = -(score(teacher, batch.tgt_ids, teacher.encode(batch.src_ids)) * lengths).sum()
    (term,) = TeacherObjective(0.0).terms(teacher, batch).values()
    torch.testing.assert_close(term.sum, expected)
    assert term.count == int(lengths.sum())


@torch.no_grad()
def test_only_training_is_smoothed(make_teacher, batch) -> None:
    teacher, smooth, sharp = make_teacher(), TeacherObjective(0.2), TeacherObjective(0.0)
    assert torch.equal(smooth.terms(teacher, batch)["tokens"].sum, sharp.terms(teacher, batch)["tokens"].sum)
    logits = teacher.logits(teacher.decode(batch.tgt_ids, teacher.encode(batch.src_ids)))
    sums = 0.0
    for row, target in zip(logits.log_softmax(-1), batch.tgt_ids.tolist(), strict=True):
        tokens = [*[i for i in target if i], 3]
        sums -= sum(0.8 * float(row[t, i]) + 0.2 * float(row[t].mean()) for t, i in enumerate(tokens))
    teacher.train()
    assert float(smooth.terms(teacher, batch)["tokens"].sum) == pytest.approx(sums, rel=1e-5)


def test_what_is_counted_before_the_pass_is_what_the_terms_count(make_teacher, batch) -> None:
    objective = TeacherObjective(0.1)
    counts = {name: term.count for name, term in objective.terms(make_teacher(), batch).items()}
    assert objective.counts(batch) == counts == {"tokens": int((batch.tgt_ids != 0).sum()) + 9}


def test_rows_of_ids_are_padded_with_zero(sentences, pad) -> None:
    assert torch.equal(pad_ids([np.array(row) for row in sentences]), pad(sentences))
