"""A training that takes a second. As a program, `tiny.py DIRECTORY`, it trains both kinds and
prints their logs as JSON lines. Its data must be there already, in DIRECTORY/KIND.
"""

import json
import random
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from onepass.models import MODELS
from onepass.models.autoregressive import AutoregressiveTransformer
from onepass.objectives import OBJECTIVES
from onepass.objectives.objective import Objective
from onepass.objectives.teacher import TeacherObjective
from onepass.settings import StudentSettings, TrainingSettings, TransformerSettings
from onepass.text.batches import IdPairs, RaggedWriter
from onepass.training.hooks import Hooks
from onepass.training.loop import Training

KINDS = ("teacher", "student")
VOCABULARY = 16
SETTINGS = {
    "batch_tokens": 80,
    "max_updates": 20,
    "warmup": 4,
    "learning_rate": 0.01,
    "validate_every": 6,
    "average": 2,
    "precision": "fp32",
}


def write_pairs(directory: Path, split: str, count: int) -> IdPairs:
    """Random sentences whose target repeats each word as often as its fertility says."""
    if (directory / f"{split}.fertilities.ids").exists():
        return IdPairs.open(directory, split, with_fertilities=True)
    chance = random.Random(split)
    src, tgt, fertilities = [], [], []
    for _ in range(count):
        source = [chance.randrange(4, VOCABULARY) for _ in range(chance.randint(1, 9))]
        own = [1, *(chance.choice([0, 1, 1, 2]) for _ in source[1:])]
        src.append(source)
        fertilities.append(own)
        tgt.append([word for word, fertility in zip(source, own, strict=True) for _ in range(fertility)])
    for side, rows in (("src", src), ("tgt", tgt), ("fertilities", fertilities)):
        with RaggedWriter(directory / f"{split}.{side}") as writer:
            writer.write(rows)
    return IdPairs.open(directory, split, with_fertilities=True)


def tiny_training(
    directory: Path,
    kind: str,
    *,
    dropout: float = 0.1,
    hooks: Hooks | None = None,
    seed: int = 1,
    **others: Any,
) -> Training:
    """A training of a "teacher", a "student" or one of another family, with other settings if given."""
    torch.manual_seed(1)
    sizes = TransformerSettings(
        width=32, ffn_width=64, encoder_layers=1, decoder_layers=2, heads=2, dropout=dropout
    )
    model: torch.nn.Module
    objective: Objective
    if kind == "teacher":
        model = AutoregressiveTransformer(sizes, VOCABULARY, VOCABULARY, joint=True)
        objective = TeacherObjective(0.1)
    else:
        family: Any = "fertility" if kind == "student" else kind
        glancing = None if family == "fertility" else (0.5, 0.3)
        switches = StudentSettings(family=family, glancing=glancing, dropout=dropout)
        model = MODELS[family](sizes, switches, VOCABULARY, VOCABULARY, joint=True)
        objective = OBJECTIVES[switches.family](switches, None)
    return Training(
        model,
        objective,
        write_pairs(directory, "train", 60),
        write_pairs(directory, "dev", 20),
        TrainingSettings(**{**SETTINGS, **others}),
        directory,
        seed=seed,
        hooks=hooks,
    )


def records(directory: Path, kind: str, **others: Any) -> Sequence[dict[str, Any]]:
    """What a whole training logs."""
    found: list[dict[str, Any]] = []
    tiny_training(directory, kind, hooks=Hooks(log=found.append), **others).run()
    return found


if __name__ == "__main__":
    torch.set_num_threads(1)
    for kind in KINDS:
        for record in records(Path(sys.argv[1]) / kind, kind, accumulate=2, max_updates=8):
            print(json.dumps(record))
