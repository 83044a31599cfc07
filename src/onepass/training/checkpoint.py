"""Training state on disk: what a stopped training needs to go on as if it had not stopped.

`checkpoint.pt` holds model, optimizer and progress, `checkpoint-older.pt` the state before it. Each begins
with a line that has the digest of the rest; those of older versions are torch's own files without that line.
`kept-UPDATE.safetensors` has the weights of a validation that may be averaged; their digests are in the
progress. Every file appears whole or not at all.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence, Set
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from onepass.errors import ModelError
from onepass.files import replacing

CHECKPOINT = "checkpoint.pt"
STATE = ("checkpoint*.pt", "kept-*.safetensors")
"""Patterns of the files of a training's state."""
_MAGIC = b"onepass checkpoint, blake2b "
_DIGEST_BYTES = 32
_FIRST_LINE = len(_MAGIC) + 2 * _DIGEST_BYTES + 1


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
        validated: the update of the last validation.
        digests: BLAKE2b of the files of kept weights, by update; those of older versions have none.
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
    validated: int = 0
    digests: dict[int, str] = field(default_factory=dict)


def kept_path(directory: Path, update: int) -> Path:
    """Where the weights of a validation are kept."""
    return directory / f"kept-{update:08d}.safetensors"


def older_path(path: Path) -> Path:
    """Where the checkpoint before that of `path` is."""
    return path.with_name(f"{path.stem}-older{path.suffix}")


def file_blake2b(path: Path) -> str:
    """BLAKE2b of a file, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, _new_hash).hexdigest()


def average_weights(paths: Sequence[Path]) -> dict[str, Tensor]:
    """The mean of several weight files. Raises ModelError for a damaged one."""
    total: dict[str, Tensor] = {}
    for path in paths:
        for name, tensor in _read_kept(path).items():
            total[name] = total[name] + tensor.double() if name in total else tensor.double()
    return {name: (tensor / len(paths)).float() for name, tensor in total.items()}


def average_kept(directory: Path, progress: Progress) -> dict[str, Tensor]:
    """The mean of the weights that a training has kept, their digests checked.

    Raises:
        ModelError: some are damaged. They are set aside with the checkpoints that need them, so that the
            next start trains them again.
    """
    paths = {kept_path(directory, update): progress.digests.get(update) for _, update in progress.kept}
    for path, digest in paths.items():
        try:
            _read_kept(path, digest)
        except ModelError:
            _set_aside(directory, path)
            raise
    return average_weights(list(paths))


def _read_kept(path: Path, digest: str | None = None) -> dict[str, Tensor]:
    try:
        if digest is not None and file_blake2b(path) != digest:
            raise SafetensorError("its digest differs")
        return dict(load_file(path))
    except (SafetensorError, OSError) as error:
        raise ModelError(
            f"The kept weights cannot be read: {error}",
            where=path,
            fix="start again: the training goes back to a state before them",
        ) from None


def save_checkpoint(
    path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, progress: Progress
) -> None:
    """Writes the whole training state; the one that was there becomes the older one.

    Raises:
        DataError: it cannot be written.
    """
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "progress": asdict(progress)}
    with replacing(path) as partial:
        with open(partial, "wb") as file:
            file.write(bytes(_FIRST_LINE))
            written = _Hashed(file)
            torch.save(state, written)  # type: ignore[arg-type]  # it writes and flushes, no more
            file.seek(0)
            file.write(_first_line(written.hash.hexdigest()))
        if path.exists():
            os.replace(path, older_path(path))


class Restored(NamedTuple):
    """A training state that was read.

    Attributes:
        progress: where it stands.
        damaged: the newer checkpoint, where that could not be read, and why.
    """

    progress: Progress
    damaged: str | None = None


def load_checkpoint(path: Path, model: nn.Module, optimizer: torch.optim.Optimizer) -> Restored | None:
    """Reads the last state that is whole into model and optimizer; None where there is no file of any.

    Raises:
        ModelError: every one there is is damaged, or is another model's.
    """
    found = [one for one in (path, older_path(path)) if one.exists()]
    problems: list[str] = []
    for one in found:
        try:
            state = read_checkpoint(one)
            model.load_state_dict(state["model"])
            optimizer.load_state_dict(state["optimizer"])
            # Older versions wrote a state after a validation only.
            progress = Progress(**{"validated": state["progress"]["update"], **state["progress"]})
        except Exception as error:  # a damaged file can raise any
            problems.append(f"{one.name}: {error}")
            continue
        return Restored(progress, problems[0] if problems else None)
    if not found:
        return None
    raise ModelError(
        f"The checkpoint cannot be read: {'; '.join(problems)}",
        where=found[0],
        fix="delete it to start this stage again",
    ) from None


def read_checkpoint(path: Path) -> dict[str, Any]:
    """The state of one checkpoint file, its digest checked. For damage it raises whatever torch does."""
    with open(path, "rb") as file:
        first = file.read(_FIRST_LINE)
        if first.startswith(_MAGIC[:8]):
            found = hashlib.file_digest(file, _new_hash).hexdigest()
            if first != _first_line(found):
                raise ValueError("its digest differs")
            file.seek(_FIRST_LINE)
        else:
            file.seek(0)
        return dict(torch.load(file, map_location="cpu", weights_only=True))


def _kept_updates(path: Path) -> set[int]:
    """The updates whose weights a checkpoint needs; none where it is not there or damaged."""
    try:
        return {update for _, update in read_checkpoint(path)["progress"]["kept"]}
    except Exception:  # a damaged file can raise any
        return set()


def checkpoint_damage(directory: Path) -> dict[Path, str]:
    """What of a training's state is damaged, file by file; none where all is whole, or nothing is there."""
    damage: dict[Path, str] = {}
    newest = directory / CHECKPOINT
    for path in (newest, older_path(newest)):
        if not path.exists():
            continue
        try:
            progress = Progress(**read_checkpoint(path)["progress"])
        except Exception as error:  # a damaged file can raise any
            damage[path] = str(error).partition("\n")[0]
            continue
        for _, update in progress.kept:
            try:
                _read_kept(kept_path(directory, update), progress.digests.get(update))
            except ModelError as error:
                damage[kept_path(directory, update)] = error.what
    return damage


def forget_kept(directory: Path, needed: Set[int]) -> None:
    """Removes the kept weights of all updates but those."""
    wanted = {kept_path(directory, update) for update in needed}
    for path in directory.glob("kept-*.safetensors"):
        if path not in wanted:
            path.unlink()


def _set_aside(directory: Path, damaged: Path) -> None:
    """Renames damaged weights and every checkpoint that needs them."""
    newest = directory / CHECKPOINT
    for path in (newest, older_path(newest)):
        if any(kept_path(directory, update) == damaged for update in _kept_updates(path)):
            os.replace(path, path.with_name(f"{path.name}.damaged"))
    if damaged.exists():
        os.replace(damaged, damaged.with_name(f"{damaged.name}.damaged"))


def _first_line(digest: str) -> bytes:
    return _MAGIC + digest.encode() + b"\n"


def _new_hash() -> Any:
    return hashlib.blake2b(digest_size=_DIGEST_BYTES)


class _Hashed:
    """A file to write to that knows the digest of all that was written."""

    def __init__(self, file: BinaryIO) -> None:
        self.file, self.hash = file, _new_hash()

    def write(self, data: bytes) -> int:
        self.hash.update(data)
        return self.file.write(data)

    def flush(self) -> None:
        self.file.flush()
