"""Back-translation: new sources for a student to learn from, sampled by a teacher of the other direction."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from onepass.bundle import Bundle
from onepass.decoding.autoregressive import sample
from onepass.decoding.translator import Translator
from onepass.decoding.weights import load_teacher
from onepass.display import Report
from onepass.pipeline.inventory import REVERSE_TEACHER, BackTranslation
from onepass.pipeline.prepare import SPLITS
from onepass.pipeline.shards import in_shards
from onepass.pipeline.stage import Context
from onepass.text.lines import stream_lines, write_lines


def back_translate(context: Context, new: BackTranslation, *, among: int) -> None:
    """Samples new sources for each distinct training target; those of any split are left out.

    Args:
        context: of the stage.
        new: how many for each target.
        among: most probable tokens that each token is drawn from.
    """
    prepared = context.inputs["prepare"]
    targets = list(dict.fromkeys(stream_lines(prepared / "train.tgt")))
    known = {line for split in SPLITS for line in stream_lines(prepared / f"{split}.src")}
    sampled = sample_lines(
        targets * new.samples,
        context.inputs[REVERSE_TEACHER],
        context.directory / "shards",
        shard_lines=context.recipe.distill.shard_lines,
        among=among,
        seed=context.recipe.seed,
        progress=context.progress,
    )
    sources = [line for line in dict.fromkeys(sampled) if line and line not in known]
    write_lines(context.directory / "train.src", sources)
    context.say(f"  {len(sources):,} new sources from {len(sampled):,} samples")


def sample_lines(
    lines: Sequence[str],
    teacher: Path,
    scratch: Path,
    *,
    shard_lines: int,
    among: int,
    seed: int,
    progress: Report,
) -> list[str]:
    """A sampled translation of each line, in order; each shard has random numbers of its own.

    Args:
        lines: source texts.
        teacher: a teacher's bundle.
        scratch: a directory for finished shards of `shard_lines`; those already there are kept.
        shard_lines: lines between two points of resumption.
        among: most probable tokens that each token is drawn from.
        seed: of the draws.
        progress: lines done, lines in all, a text.

    Raises:
        ModelError: the bundle is unusable.
    """
    bundle = Bundle.open(teacher)
    model = load_teacher(bundle, purpose="sample sources")
    generator = torch.Generator()
    translator = Translator(
        bundle.tokenizer(),
        lambda src_ids: sample(model, src_ids, generator, among=among),
    )

    def translate(part: Sequence[str], number: int) -> list[str]:
        generator.manual_seed(int(np.random.SeedSequence((seed, number)).generate_state(1)[0]))
        return [t.text for t in translator.translate(part)]

    return in_shards(lines, shard_lines, scratch, translate, progress)
