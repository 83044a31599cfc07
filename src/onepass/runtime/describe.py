"""What a bundle is, in lines for the terminal."""

from __future__ import annotations

from typing import Any

from onepass.bundle import MANIFEST, WEIGHTS, Bundle
from onepass.errors import ModelError
from onepass.runtime.translator import CANDIDATES, precisions, usual_candidates


def describe_shortly(bundle: Bundle) -> str:
    """Languages, family, precisions, size and BLEU, in one line."""
    parts = [
        f"{bundle.src} to {bundle.tgt}",
        bundle.kind,
        " and ".join(precisions(bundle)) or _purpose(bundle),
    ]
    parts.append(f"{_bytes(bundle) / 1e6:.1f} MB")
    parts += [f"BLEU {row['bleu']:.1f}" for row in _measured(bundle)[:1]]
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
    lines = [
        f"where: {bundle.directory}",
        f"languages: {bundle.src} to {bundle.tgt}",
        f"family: {bundle.kind}",
        f"layers: {sizes['encoder_layers']} in the encoder, {sizes['decoder_layers']} in the decoder",
        f"width: {sizes['width']}",
        f"precisions: {', '.join(precisions(bundle)) or f'none: a bundle {_purpose(bundle)}'}",
        *([f"candidates: {usual_candidates(bundle)} unless told"] if bundle.settings.get(CANDIDATES) else []),
        f"size: {_bytes(bundle) / 1e6:.1f} MB",
        f"fingerprint: {bundle.fingerprint}",
    ]
    for row in _measured(bundle):
        low, high = row["bleu_interval"]
        lines.append(
            f"{row['precision']}{_among(row)}: BLEU {row['bleu']:.1f} [{low:.1f}, {high:.1f}], "
            f"chrF {row['chrf']:.1f} on {row['test_sentences']:,} test sentences; "
            f"{row['ms_p50']} ms a sentence (median)"
        )
    card = bundle.provenance.get("export", {}).get("card", {})
    lines += [
        f"{name}: {card[name]}" for name in ("data", "licence", "attribution", "limits") if card.get(name)
    ]
    if (bundle.directory / "README.md").exists():
        lines.append(f"model card: {bundle.directory / 'README.md'}")
    return lines


def _among(row: dict[str, Any]) -> str:
    return f", the best of {row['candidates']} candidates" if row["candidates"] > 1 else ""


def _purpose(bundle: Bundle) -> str:
    return "for training" if WEIGHTS in bundle.files else "for CTranslate2"


def _measured(bundle: Bundle) -> list[dict[str, Any]]:
    measured: list[dict[str, Any]] = bundle.provenance.get("export", {}).get("measured", [])
    return measured


def _bytes(bundle: Bundle) -> int:
    return sum((bundle.directory / name).stat().st_size for name in bundle.files)
