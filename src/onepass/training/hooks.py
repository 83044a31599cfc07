"""What a training tells its caller, and what it asks of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import nn


@dataclass(frozen=True)
class Validation:
    """What the translations of the dev set look like at one point of a training."""

    bleu: float
    samples: Sequence[dict[str, str]] = ()


@dataclass(frozen=True)
class Hooks:
    """What the loop tells its caller, in the main process only.

    Attributes:
        validate: translates the dev set with the model (in eval mode).
        log: gets a record of numbers for `metrics.jsonl`.
        rewind: told at the start from which update on records will come (again).
        progress: updates done, updates at most, a short text.
        sync: waits until the records are on the disk.
        say: gets a line for the user.
    """

    validate: Callable[[nn.Module], Validation] | None = None
    log: Callable[[dict[str, Any]], None] = field(default=lambda record: None)
    rewind: Callable[[int], None] = field(default=lambda update: None)
    progress: Callable[[int, int, str], None] = field(default=lambda done, total, text: None)
    sync: Callable[[], None] = field(default=lambda: None)
    say: Callable[[str], None] = field(default=lambda line: None)
