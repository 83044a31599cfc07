"""What a bundle is, in lines for the terminal."""

from __future__ import annotations

from dataclasses import asdict

from onepass.bundle import MANIFEST, WEIGHTS, Bundle, Measurement
from onepass.errors import ModelError
from onepass.runtime.engine import FEW_CANDIDATES
from onepass.runtime.translator import CANDIDATES, has_corrections, precisions, usual_candidates


def describe_shortly(bundle: Bundle) -> str:
    """Languages, family, precisions, size and BLEU, in one line."""
    parts = [
        f"{bundle.src} to {bundle.tgt}",
        bundle.kind,
        " and ".join(precisions(bundle)) or _purpose(bundle),
    ]
    parts.append(f"{_bytes(bundle) / 1e6:.1f} MB")
    if bundle.export is not None:
        parts.append(f"BLEU {bundle.export.measured[0].bleu:.1f}")
    return ", ".join(parts)


def describe_bundle(bundle: Bundle) -> list[str]:
    """All that the manifest says, in lines.

    Raises:
        ModelError: it does not say what every bundle's says.
    """
    try:
        return _described(bundle)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelError(
            f"The bundle is damaged: {error!r}", where=bundle.directory / MANIFEST, fix="copy it again"
        ) from None


def _described(bundle: Bundle) -> list[str]:
    sizes = bundle.settings["sizes"]
    corrects = any(has_corrections(bundle, precision) for precision in precisions(bundle))
    lines = [
        f"where: {bundle.directory}",
        f"languages: {bundle.src} to {bundle.tgt}",
        f"family: {bundle.kind}",
        f"layers: {sizes['encoder_layers']} in the encoder, {sizes['decoder_layers']} in the decoder",
        f"width: {sizes['width']}",
        f"precisions: {', '.join(precisions(bundle)) or f'none: a bundle {_purpose(bundle)}'}",
        *([_candidates(bundle)] if bundle.settings.get(CANDIDATES) else []),
        *(["corrections: as many as asked for"] if corrects else []),
        f"size: {_bytes(bundle) / 1e6:.1f} MB",
        f"fingerprint: {bundle.fingerprint}",
    ]
    if (teacher := bundle.read_teacher) is not None:
        lines.append(f"teacher: {teacher.name}, licence {teacher.licence}")
    if bundle.export is not None:
        lines += map(_quality, bundle.export.measured)
        lines += [f"{name}: {said}" for name, said in asdict(bundle.export.card).items() if said]
    if (bundle.directory / "README.md").exists():
        lines.append(f"model card: {bundle.directory / 'README.md'}")
    return lines


def _quality(row: Measurement) -> str:
    low, high = row.bleu_interval
    among = f", the best of {row.num_candidates} candidates" if row.num_candidates > 1 else ""
    among += f", {row.num_corrections} corrections" if row.num_corrections else ""
    return (
        f"{row.precision}{among}: BLEU {row.bleu:.1f} [{low:.1f}, {high:.1f}], chrF {row.chrf:.1f} "
        f"on {row.test_sentences:,} test sentences; {row.ms_p50} ms per sentence (median)"
    )


def _purpose(bundle: Bundle) -> str:
    return "for training" if WEIGHTS in bundle.files else "for CTranslate2"


def _candidates(bundle: Bundle) -> str:
    usual = usual_candidates(bundle)
    few = f", {FEW_CANDIDATES} for one or two words" if usual == 1 else ""
    return f"candidates: {usual} unless told{few}"


def _bytes(bundle: Bundle) -> int:
    return sum((bundle.directory / name).stat().st_size for name in bundle.files)
