"""Tiny random models and sentences, as fixtures of all tests."""

import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from onepass.models import MODELS
from onepass.models.autoregressive import EOS, AutoregressiveTransformer
from onepass.models.fertility import FERTILITY_CLASSES, FertilityTransformer
from onepass.models.one_pass import OnePassTransformer
from onepass.settings import StudentSettings
from onepass.text.batches import IdPairs, Ragged, RaggedWriter
from tiny_post_norm import tiny_sizes, vary_post_norm

torch.set_num_threads(1)

FIRST_WORD = 4  # ids below are specials


def pad_rows(rows: Sequence[Sequence[int]], columns: int = 0) -> Tensor:
    longest = max([columns, *map(len, rows)])
    return torch.tensor([[*row, *[0] * (longest - len(row))] for row in rows])


@pytest.fixture(scope="session")
def pad() -> Callable[..., Tensor]:
    """Rows of ids -> int64 [B, longest or `columns`], padded with 0."""
    return pad_rows


@pytest.fixture(scope="session")
def make_teacher() -> Callable[..., AutoregressiveTransformer]:
    """A tiny random teacher in eval mode whose translations vary and mostly end before the cap."""

    def make(
        *, vocabulary: int = 12, joint: bool = False, seed: int = 2, **sizes: Any
    ) -> AutoregressiveTransformer:
        torch.manual_seed(seed)
        model = AutoregressiveTransformer(tiny_sizes(**sizes), vocabulary, vocabulary, joint=joint)
        with torch.no_grad():
            for part in model.modules():
                if isinstance(part, nn.Linear):
                    part.weight *= 3
            model.tgt_embedding.weight[EOS] *= 1.5
        return model.eval()

    return make


@pytest.fixture(scope="session")
def make_student() -> Callable[..., FertilityTransformer]:
    """A tiny random student in eval mode whose fertilities are mostly 0 to 3; some `sizes` may be others."""

    def make(
        *,
        vocabulary: int = 12,
        joint: bool = False,
        seed: int = 2,
        sizes: dict[str, Any] | None = None,
        **switches: Any,
    ) -> FertilityTransformer:
        torch.manual_seed(seed)
        settings = StudentSettings(**{"dropout": 0.0, **switches})
        every = tiny_sizes(**sizes or {})
        model = FertilityTransformer(every, settings, vocabulary, vocabulary, joint=joint)
        with torch.no_grad():
            vary_post_norm(model)
            model.fertility.weight *= 2
            model.fertility.bias.copy_(-torch.arange(FERTILITY_CLASSES))
        return model.eval()

    return make


@pytest.fixture(scope="session")
def make_slots() -> Callable[..., OnePassTransformer]:
    """A tiny random CTC or DAG student in eval mode whose translations vary; some `sizes` may be others."""

    def make(
        family: Any,
        *,
        slots: int,
        vocabulary: int = 12,
        joint: bool = False,
        seed: int = 2,
        sizes: dict[str, Any] | None = None,
        **others: Any,
    ) -> OnePassTransformer:
        torch.manual_seed(seed)
        settings = StudentSettings(family=family, slots=slots, dropout=0.0, **others)
        every = tiny_sizes(**sizes or {})
        model = MODELS[family](every, settings, vocabulary, vocabulary, joint=joint)
        with torch.no_grad():
            for part in model.modules():
                if isinstance(part, nn.Linear) and not model.post_norm:
                    part.weight *= 3
            vary_post_norm(model)
        return model.eval()

    return make


@pytest.fixture(scope="session")
def sentences() -> list[list[int]]:
    """64 random sentences of 1 to 12 words of a vocabulary of 12."""
    chance = random.Random(5)
    return [[chance.randrange(FIRST_WORD, 12) for _ in range(chance.randint(1, 12))] for _ in range(64)]


@pytest.fixture
def make_pairs(tmp_path: Path) -> Callable[..., IdPairs]:
    """Writes pairs of ids, and fertilities if given, to disk and opens them."""

    def make(name: str, **sides: Sequence[Sequence[int]]) -> IdPairs:
        for side, rows in sides.items():
            with RaggedWriter(tmp_path / f"{name}.{side}") as writer:
                writer.write(rows)
        return IdPairs(*(Ragged(tmp_path / f"{name}.{side}") for side in sides))

    return make


@pytest.fixture
def no_gradient() -> Iterator[None]:
    """The test runs as decoding does."""
    with torch.no_grad():
        yield
