"""Translating many lines shard by shard, so that an interrupted job goes on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from onepass.display import Report
from onepass.files import write_text
from onepass.text.lines import read_lines


def in_shards(
    lines: Sequence[str],
    shard_lines: int,
    scratch: Path,
    translate: Callable[[Sequence[str], int], list[str]],
    progress: Report,
) -> list[str]:
    """What `translate` makes of each shard and its number, in order.

    Args:
        lines: source texts.
        shard_lines: lines of a shard.
        scratch: a directory with a file for each finished shard; those already there are kept.
        translate: a shard and its number to as many translations.
        progress: lines done, lines in all, a text.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    hyp: list[str] = []
    for number, first in enumerate(range(0, len(lines), shard_lines)):
        shard = scratch / f"{number:06d}.txt"
        if not shard.exists():
            texts = translate(lines[first : first + shard_lines], number)
            write_text(shard, "".join(f"{text}\n" for text in texts))
        hyp += read_lines(shard)
        progress(len(hyp), len(lines), "sentences")
    return hyp
