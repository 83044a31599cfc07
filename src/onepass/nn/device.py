"""Which device a process of several computes on."""

from __future__ import annotations

import os

import torch


def own_device() -> torch.device:
    """The GPU of this process among those of its machine, or the CPU where there is none.

    torchrun says which one it is by LOCAL_RANK, Slurm by SLURM_LOCALID. Where a launcher shows each process
    one GPU alone, it is that one.
    """
    if not torch.cuda.is_available():
        return torch.device("cpu")
    local = int(os.environ.get("LOCAL_RANK", os.environ.get("SLURM_LOCALID", "0")))
    return torch.device("cuda", local % torch.cuda.device_count())
