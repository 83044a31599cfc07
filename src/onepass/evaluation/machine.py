"""Where and with what something was measured, in words that name no person and no place."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path

from onepass.runtime.cores import available_cores

PACKAGES = ("onepass", "torch", "ctranslate2", "onnxruntime", "sacrebleu", "sentencepiece")
INSTRUCTIONS = {"amx_int8": "AMX", "avx512_vnni": "AVX-512 VNNI", "avx512f": "AVX-512", "avx2": "AVX2"}
"""What Linux calls them, the fastest first."""


def machine_kind() -> str:
    """The kind of machine in words, without its name: platform, processor, cores in reach, memory, GPU."""
    parts = [f"{platform.system()} {platform.machine()}", _processor(), f"{available_cores()} core(s)"]
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        parts.append(f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GiB")
    parts.append(_gpu())
    return ", ".join(filter(None, parts))


def _processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """Its name and the fastest of its instructions for products in 8 bits: ratios depend on them."""
    try:
        text = cpuinfo.read_text(encoding="utf-8")
    except OSError:
        return platform.processor()
    lines = (line.split(":", 1) for line in text.splitlines() if ":" in line)
    found = {key.strip(): value.strip() for key, value in lines}
    flags = found.get("flags", "").split()
    fastest = next((name for flag, name in INSTRUCTIONS.items() if flag in flags), None)
    return " with ".join(filter(None, [found.get("model name"), fastest]))


def _gpu() -> str:
    try:
        import torch
    except ImportError:
        return ""
    return torch.cuda.get_device_name() if torch.cuda.is_available() else ""


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that matter to a result; those not installed are left out."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
