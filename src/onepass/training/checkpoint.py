"""Training state on disk: what a stopped training needs to go on as if it had not stopped.

`checkpoint.pt` holds model, optimizer and progress; `kept-UPDATE.safetensors` the weights of the
validations that will be averaged. Every file appears whole or not at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from onepass.errors import ModelError
from onepass.files import replacing


@dataclass
class Progress:
    """Where a training stands.

    Attributes:
        update: updates made.
        epoch: passes over the data begun, less one; `batch`: batches of it consumed.
        best: lowest dev loss (or BLEU negated) so far; `stale`: validations since.
        kept: that value and the update of the weights kept for averaging.
        seconds: spent training, over all stops.
        tokens: target tokens learnt from.
    """

    update: int = 0
    epoch: int = 0
    batch: int = 0
    best: float = float("inf")
    stale: int = 0
    kept: list[tuple[float, int]] = field(default_factory=list)
    seconds: float = 0.0
    tokens: int = 0
    finished: bool = False


def kept_path(directory: Path, update: int) -> Path:
    """Where the weights of a validation are kept."""
    return directory / f"kept-{update:08d}.safetensors"


def average_weights(paths: Sequence[Path]) -> dict[str, Tensor]:
    """The mean of several weight files. Raises ModelError for a damaged one."""
    total: dict[str, Tensor] = {}
    for path in paths:
        try:
            tensors = load_file(path)
        except (SafetensorError, OSError) as error:
            raise ModelError(
                f"The kept weights cannot be read: {error}",
                where=path,
                fix="delete checkpoint.pt to start this stage again",
            ) from None
        for name, tensor in tensors.items():
            total[name] = total[name] + tensor.double() if name in total else tensor.double()
    return {name: (tensor / len(paths)).float() for name, tensor in total.items()}


def save_checkpoint(
    path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, progress: Progress
) -> None:
    """Writes the whole training state."""
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "progress": asdict(progress)}
    with replacing(path) as partial:
        torch.save(state, partial)


def load_checkpoint(path: Path, model: nn.Module, optimizer: torch.optim.Optimizer) -> Progress:
    """Reads it back. Raises ModelError for a damaged file."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        return Progress(**state["progress"])
    except Exception as error:  # a damaged file can raise any
        raise ModelError(
            f"The checkpoint cannot be read: {error}", where=path, fix="delete it to start this stage again"
        ) from None
