"""The teacher in a student's graph."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from onepass.alignment.lexicon import Lexicon
from onepass.export.onnx import export_onnx
from onepass.models.one_pass import NEVER
from onepass.runtime.candidates import candidate_numbers
from onepass.text.tokenizer import EOS
from tiny_export import run_graph


@pytest.mark.parametrize("family", ["ctc", "fertility"])
@pytest.mark.usefixtures("no_gradient")
def test_a_teacher_scores_alike_with_and_without_a_shortlist(
    family: str,
    make_teacher: Callable,
    make_student: Callable,
    make_slots: Callable,
    sentences: Sequence[list[int]],
    pad: Callable[..., Tensor],
    tmp_path: Path,
) -> None:
    """Where the shortlist lacks nothing that the teacher gives a share of the probability."""
    student, teacher = make_slots("ctc", slots=2) if family == "ctc" else make_student(), make_teacher()
    never = [token for token in NEVER if token != EOS]
    teacher.decoder_norm.weight[0], teacher.decoder_norm.bias[0] = 0, 1
    teacher.tgt_embedding.weight[:, 0] = 0
    teacher.tgt_embedding.weight[never] = torch.nn.functional.one_hot(torch.tensor(0), 16) * -20.0
    every = Lexicon(np.tile(np.arange(12), (12, 1)), np.array([5]))
    others: dict[str, np.ndarray] = {"window": np.array([0, 10])}
    if family == "fertility":
        others = {"uniform": candidate_numbers(10, seed=1)[:, : pad(sentences).size(1)]}
    found = []
    for name, lexicon in (("all", every), ("none", None)):
        path = tmp_path / f"{name}.onnx"
        export_onnx(student, path, examples=sentences, teacher=teacher, lexicon=lexicon)
        found.append(run_graph(path, pad(sentences), **others))
    assert found[0].ids == found[1].ids
    assert found[0].scores == pytest.approx(found[1].scores, abs=1e-3)
    assert len({round(score, 3) for score in found[0].scores}) > 20
