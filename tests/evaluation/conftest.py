"""A small `results.json` as the tests of table and figures need it. The numbers are invented."""

from typing import Any

import pytest

TEACHER = {"role": "teacher", "family": "autoregressive", "distilled": False, "finetuned": False}
STUDENT = {"role": "student", "family": "fertility", "distilled": True, "finetuned": False}
IN_TORCH = {"engine": "torch", "precision": "float32"}


def _system(
    name: str, traits: dict[str, Any], bleu: float, p50_ms: float, runs_as: str, **others: Any
) -> dict[str, Any]:
    return {
        "name": name,
        "model": traits["role"],
        "traits": traits,
        "bleu": bleu,
        "bleu_interval": [bleu - 1.0, bleu + 1.25],
        "chrf": bleu + 20,
        "length_ratio": bleu / 38,
        "repetition_rate": 0.012,
        "p50_ms": p50_ms,
        "p90_ms": p50_ms * 1.5,
        "p99_ms": p50_ms * 2,
        "mean_ms": p50_ms * 1.1,
        "spread": 1.05,
        "threads": 2,
        "description": runs_as,
        "throughput": {"1": 1000 / p50_ms, "8": 3000 / p50_ms},
        "latency_by_length": [{"length": n, "sentences": 9, "p50_ms": p50_ms * n / 8} for n in (4.5, 8, 15)],
    } | others


@pytest.fixture
def results() -> dict[str, Any]:
    """A parsed `results.json`, free to be changed."""
    torch, rival = "torch float32 cpu", {"threads": 1}
    greedy = TEACHER | {"engine": "CTranslate2", "search": "greedy"}
    argmax = STUDENT | IN_TORCH | {"search": "argmax"}
    raw = argmax | {"variant": "raw", "distilled": False}
    return {
        "name": "toy",
        "command": "onepass run recipes/toy.toml --to runs/toy",
        "seed": 3,
        "machine": "Linux x86_64, 2 core(s)",
        "versions": {"python": "3.11.7", "torch": "2.13.0"},
        "src": "en",
        "tgt": "de",
        "test_sentences": 1200,
        "bleu_signature": "nrefs:1|tok:13a",
        "chrf_signature": "nrefs:1|nc:6",
        "baseline": "beam 4",
        "rivals": ["beam 4", "greedy|fast"],
        "latency": {"sentences": 200, "rounds": 3, "warmup": 10, "length_of": "output"},
        "training": {
            "teacher": {"updates": 12000, "seconds": 9000.0, "parameters": 13000000},
            "student": {"updates": 800, "seconds": 90.0, "machine": "a GPU"},
            "raw student": {"updates": 900, "seconds": 1800.0, "tokens": 4_500_000},
        },
        "systems": [
            _system("beam 4", TEACHER | IN_TORCH | {"search": "beam", "beam_size": 4}, 37.0, 90.0, torch),
            _system("greedy|fast", greedy, 36.5, 9.0, "CTranslate2 int8 cpu", p_value=0.3, **rival),
            _system("argmax", argmax, 31.0, 6.0, torch, p_value=0.001),
            _system("NPD [10]", argmax | {"candidates": 10}, 34.0, 36.0, torch, p_value=0.01, spread=1.3),
            {"name": "argmax, raw", "model": "raw student", "traits": raw, "bleu": 22.0},
        ],
    }
