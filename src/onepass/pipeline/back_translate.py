"""Back-translation: new sources for a student to learn from, sampled by a teacher of the other direction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import torch

from onepass.bundle import Bundle
from onepass.decoding.autoregressive import sample
from onepass.decoding.translator import Translator
from onepass.decoding.weights import load_teacher
from onepass.nn.device import own_device
from onepass.pipeline.inventory import REVERSE_TEACHER, BackTranslation
from onepass.pipeline.prepare import SPLITS
from onepass.pipeline.shards import Shards, texts, translated
from onepass.pipeline.stage import Context
from onepass.text.duplicates import distinct
from onepass.text.lines import CutLines, stream_lines, write_lines

TARGETS = "targets.tgt"
"""Beside the shards: what is translated."""


def back_translate(context: Context, new: BackTranslation, *, among: int) -> None:
    """Samples new sources for each distinct training target; those of any split are left out.

    Args:
        context: of the stage.
        new: how many for each target.
        among: most probable tokens that each token is drawn from.
    """
    prepared, crew = context.inputs["prepare"], context.crew
    scratch = context.directory / "shards"
    crew.once(scratch / TARGETS, lambda: _write_targets(prepared, new.samples, scratch))
    shards = sampled(
        scratch,
        context.inputs[REVERSE_TEACHER],
        shard_lines=context.recipe.distill.shard_lines,
        among=among,
        seed=context.recipe.seed,
    )
    shards.work(crew, context.progress, "sentences")
    if not crew.leads:
        return

    def known() -> Iterator[str]:
        yield ""
        for split in SPLITS:
            yield from stream_lines(prepared / f"{split}.src")

    write_lines(context.directory / "train.src", distinct(lambda: texts(shards), scratch, known=known))
    counts = [
        sum(1 for _ in stream_lines(path)) for path in (context.directory / "train.src", scratch / TARGETS)
    ]
    context.say(f"  {counts[0]:,} new sources from {counts[1]:,} samples")


def _write_targets(prepared: Path, samples: int, scratch: Path) -> None:
    """Each distinct target, and all of them as often as there are samples."""

    def targets() -> Iterator[str]:
        for _ in range(samples):
            yield from distinct(lambda: stream_lines(prepared / "train.tgt"), scratch)

    write_lines(scratch / TARGETS, targets())


def sampled(folder: Path, teacher: Path, *, shard_lines: int, among: int, seed: int) -> Shards:
    """Shards of a sampled translation of each line; each has random numbers of its own.

    Args:
        folder: has the file `TARGETS`, and gets the shards.
        teacher: a teacher's bundle.
        shard_lines: lines between two points of resumption.
        among: most probable tokens that each token is drawn from.
        seed: of the draws.
    """
    sampler = cache(lambda: _Sampler(teacher, among, seed))
    targets = CutLines(folder / TARGETS, shard_lines)
    return translated(targets, folder, lambda part, number: sampler().translate(part, number))


class _Sampler:
    """Raises ModelError where the bundle is unusable."""

    def __init__(self, teacher: Path, among: int, seed: int) -> None:
        bundle = Bundle.open(teacher)
        device = own_device()
        model = load_teacher(bundle, purpose="sample sources", device=device)
        self._generator, self._seed = torch.Generator(device), seed
        self._translator = Translator(
            bundle.tokenizer(),
            lambda src_ids: sample(model, src_ids, self._generator, among=among),
            device=device,
        )

    def translate(self, part: Sequence[str], number: int) -> list[str]:
        seed = np.random.SeedSequence((self._seed, number)).generate_state(1)[0]
        self._generator.manual_seed(int(seed))
        return [found.text for found in self._translator.translate(part)]
