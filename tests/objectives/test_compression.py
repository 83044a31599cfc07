"""What a small student learns from a larger one."""

import torch
from torch.nn import functional as F

from onepass.models.ctc import CTCTransformer
from onepass.objectives.compression import CompressionObjective
from onepass.objectives.objective import Batch
from onepass.settings import StudentSettings, TransformerSettings

SRC_IDS = torch.tensor([[4, 5, 6, 7], [8, 6, 0, 0]])


def make(layers: int) -> CTCTransformer:
    sizes = TransformerSettings(width=16, ffn_width=12, encoder_layers=layers, decoder_layers=1, heads=2)
    return CTCTransformer(sizes, StudentSettings(family="ctc"), 9, 9, joint=True).eval()


def test_the_loss_is_the_divergence_of_every_real_slot() -> None:
    torch.manual_seed(1)
    larger, student = make(2), make(1)
    term = CompressionObjective(larger).terms(student, Batch(SRC_IDS, SRC_IDS[:, :1]))["slots"]
    expected = torch.zeros(())
    for row in SRC_IDS:
        ids = row[None, row != 0]
        log_probs = [
            (model.decode(ids, model.encode(ids)).states @ model.output_weight().T).log_softmax(-1)
            for model in (student, larger)
        ]
        expected = expected + F.kl_div(*log_probs, reduction="sum", log_target=True)
    torch.testing.assert_close(term.sum, expected)
    assert term.count == 12
    term.sum.backward()
    assert all(parameter.grad is None for parameter in larger.parameters())


def test_a_student_equal_to_the_larger_model_has_nothing_to_learn() -> None:
    larger, student = make(2), make(2)
    student.load_state_dict(larger.state_dict())
    objective = CompressionObjective(larger)
    batch = Batch(SRC_IDS, SRC_IDS)
    assert float(objective.terms(student, batch)["slots"].sum.detach()) < 1e-5
    assert objective.counts(batch) == {"slots": 12}
