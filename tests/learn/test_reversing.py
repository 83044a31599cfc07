"""Teacher and student learn to reverse the words of a sentence, some of which become two words.

The student starts from the teacher's encoder, as in the paper. The bar is frozen: sentences of a
held-out set translated exactly.
"""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from onepass.decoding.autoregressive import greedy
from onepass.decoding.fertility import decode_once, noisy_parallel
from onepass.decoding.translator import make_decoder
from onepass.models import MODELS
from onepass.models.autoregressive import AutoregressiveTransformer
from onepass.models.fertility import FertilityTransformer
from onepass.objectives import OBJECTIVES
from onepass.objectives.fertility import FertilityObjective
from onepass.objectives.objective import Objective
from onepass.objectives.teacher import TeacherObjective
from onepass.settings import StudentSettings, TrainingSettings, TransformerSettings
from onepass.text.batches import IdPairs
from onepass.training.loop import Training

pytestmark = pytest.mark.slow

BAR = 0.95
FIRST, WORDS = 4, 6
VOCABULARY = FIRST + 2 * WORDS
SIZES = TransformerSettings(width=64, ffn_width=128, encoder_layers=1, decoder_layers=1, heads=2, dropout=0.0)


def sentences(count: int, longest: int, doubled: int, seed: int) -> dict[str, list[list[int]]]:
    """Random sentences; the first `doubled` words of the vocabulary become two."""
    chance = random.Random(seed)
    src = [
        [chance.randrange(FIRST, FIRST + WORDS) for _ in range(chance.randint(3, longest))]
        for _ in range(count)
    ]
    fertilities = [[2 if word < FIRST + doubled else 1 for word in row] for row in src]
    tgt = []
    for row, own in zip(src, fertilities, strict=True):
        pairs = list(zip(row, own, strict=True))[::-1]
        tgt.append([piece for word, n in pairs for piece in (word, word + WORDS)[:n]])
    return {"src": src, "tgt": tgt, "fertilities": fertilities}


def learn(
    model: Any,
    objective: Objective,
    pairs: list[IdPairs],
    updates: int,
    directory: Path,
    precision: str = "fp32",
) -> None:
    settings = TrainingSettings(
        batch_tokens=384,
        max_updates=updates,
        learning_rate=0.005 if isinstance(model, AutoregressiveTransformer) else 0.004,
        warmup=100,
        validate_every=50,
        average=5,
        precision=precision,
    )
    directory.mkdir()
    Training(model, objective, *pairs, settings, directory, seed=1).run()


@pytest.mark.parametrize(
    ("longest", "doubled", "updates"),
    [(8, 0, (800, 1200)), (5, 2, (500, 900))],
    ids=["each word once", "some words become two"],
)
def test_reversing_is_learnt(
    tmp_path: Path,
    make_pairs: Callable[..., IdPairs],
    pad: Callable[..., torch.Tensor],
    longest: int,
    doubled: int,
    updates: tuple[int, int],
) -> None:
    train, dev, test = (
        sentences(count, longest, doubled, seed) for seed, count in enumerate((8000, 100, 200))
    )
    pairs = [make_pairs("train", **train), make_pairs("dev", **dev)]
    src_ids = pad(test["src"])

    def correct(ids: list[list[int]]) -> float:
        return sum(found == tgt for found, tgt in zip(ids, test["tgt"], strict=True)) / len(ids)

    torch.manual_seed(1)
    teacher = AutoregressiveTransformer(SIZES, VOCABULARY, VOCABULARY, joint=True)
    learn(teacher, TeacherObjective(0.0), pairs, updates[0], tmp_path / "teacher")

    assert correct(greedy(teacher, src_ids).ids) >= BAR

    student = FertilityTransformer(SIZES, StudentSettings(dropout=0.0), VOCABULARY, VOCABULARY, joint=True)
    student.encoder.load_state_dict(teacher.encoder.state_dict())
    student.src_embedding.load_state_dict(teacher.src_embedding.state_dict())
    learn(student, FertilityObjective(), pairs, updates[1], tmp_path / "student")
    argmax = decode_once(student, src_ids)
    assert argmax.fertilities == test["fertilities"]

    assert correct(argmax.ids) >= BAR

    assert correct(decode_once(student, src_ids, average=True).ids) >= BAR
    uniform = torch.rand(9, longest, generator=torch.Generator().manual_seed(1))

    assert correct(noisy_parallel(student, teacher, src_ids, uniform).ids) >= BAR


@pytest.mark.parametrize(("family", "slots"), [("ctc", 3), ("dag", 4)])
def test_reversing_is_learnt_without_a_teacher(
    tmp_path: Path,
    make_pairs: Callable[..., IdPairs],
    pad: Callable[..., torch.Tensor],
    family: Any,
    slots: int,
) -> None:
    """In bfloat16 where the machine has it (elsewhere it is slow): the losses must stay in float32."""
    train, dev, test = (sentences(count, 5, 2, seed) for seed, count in enumerate((8000, 100, 200)))
    pairs = [make_pairs("train", **train), make_pairs("dev", **dev)]
    torch.manual_seed(1)
    settings = StudentSettings(family=family, slots=slots, dropout=0.0, glancing=(0.5, 0.3))
    student: Any = MODELS[family](SIZES, settings, VOCABULARY, VOCABULARY, joint=True)
    learn(student, OBJECTIVES[settings.family](settings, None), pairs, 900, tmp_path / "student", "auto")

    found = make_decoder(student)(pad(test["src"])).ids
    assert sum(ids == tgt for ids, tgt in zip(found, test["tgt"], strict=True)) >= BAR * len(found)
