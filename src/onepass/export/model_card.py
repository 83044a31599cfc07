"""The model card of a bundle: what it is, what it learnt from, its licence, how good and how fast it is."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from onepass.bundle import Bundle, Card, Export, Measurement
from onepass.families import FAMILIES
from onepass.hub_name import HF

NOT_STATED = "not stated"
OF_GRAPHS = (".onnx", ".safetensors")
"""Suffixes of the files with graphs and weights."""


def render_card(student: Bundle, export: Export, directory: Path) -> str:
    """Markdown with the front matter that model hubs read.

    Args:
        student: the bundle that was exported.
        export: how it was made, and what was measured of it.
        directory: with the files of the bundle.
    """
    card, sizes = export.card, student.settings["sizes"]
    pair, family = f"{student.src} → {student.tgt}", FAMILIES[student.kind]
    chooses = any(row.num_candidates > 1 for row in export.measured)
    corrects = any(row.num_corrections > 0 for row in export.measured)
    lines = [
        *front_matter(student, export),
        "",
        f"# {pair}, the whole sentence in one parallel pass",
        "",
        f"A non-autoregressive Transformer with {family.mechanism} ({family.title}; {family.citation}): "
        f"{sizes['encoder_layers']} encoder and {sizes['decoder_layers']} decoder layers, {sizes['width']} "
        "wide. It runs in ONNX Runtime, without torch:",
        "",
        "```python",
        "from onepass import Translator",
        "",
        'translator = Translator.from_pretrained("this/directory")  # or "user/model" on the hub',
        'print(translator.translate(["A sentence."])[0].text)',
        "```",
        "",
        "## Quality, speed and size",
        "",
        "| weights | candidates | corrections | BLEU | 95% | chrF | ms p50 | MB |",
        "| --- | --: | --: | --: | --: | --: | --: | --: |",
    ]
    for row in export.measured:
        low, high = row.bleu_interval
        lines.append(
            f"| {row.precision} | {row.num_candidates} | {row.num_corrections} | {row.bleu:.1f} "
            f"| [{low:.1f}, {high:.1f}] | {row.chrf:.1f} | {row.ms_p50} | {row.megabytes} |"
        )
    first = export.measured[0]
    test_set = f" ({card.test_set})" if card.test_set else ""
    lines += [
        "",
        *(["- The teacher, which is part of the model, chooses among candidates."] if chooses else []),
        *(["- It corrects so many words of each sentence, one after the other."] if corrects else []),
        *(f"- {row.name}: {row.bleu:.1f} BLEU, {row.chrf:.1f} chrF." for row in export.teacher),
    ]
    lines += [
        f"- On {first.test_sentences:,} test sentences{test_set}; BLEU `{first.bleu_signature}`, "
        f"chrF `{first.chrf_signature}`.",
        f"- Milliseconds per sentence, text to text, one at a time, on {export.machine}.",
        "",
        "## Data",
        "",
        *_data(card),
        *_taught_by(student),
        "",
        "## Limits",
        "",
        f"- {card.limits or 'It translates well only what resembles its training corpus.'}",
        "- Each sentence is translated by itself; a line over 256 subwords is split at its sentence ends.",
        "- The weights are learnt from people's sentences and carry whatever prejudice is in them.",
        "",
        "## Provenance",
        "",
        f"- Recipe `{export.recipe}`, stage `{export.stage}`; written by `{export.command}`.",
        *(
            [f"- Rewritten since, with the same weights, by `{export.rewritten}`."]
            if export.rewritten is not None
            else []
        ),
        *_trainings(student.provenance),
        "- Versions: " + ", ".join(f"{name} {version}" for name, version in export.versions.items()) + ".",
        "- Files: "
        + ", ".join(f"`{path.name}`" for path in sorted(directory.iterdir()) if path.suffix in OF_GRAPHS)
        + ".",
        "",
    ]
    return "\n".join(lines)


def front_matter(student: Bundle, export: Export) -> list[str]:
    """The lines of YAML that hubs read: licence, data sets, the model behind it, and what was measured.

    Args:
        student: the bundle that was exported.
        export: what was measured of it.
    """
    card, teacher = export.card, student.read_teacher
    licence = card.licence.lower()
    base = teacher.name.removeprefix(HF).partition("@")[0] if teacher and teacher.name.startswith(HF) else ""
    metrics = [
        {"type": kind, "value": getattr(row, kind), "name": _metric_name(kind, row)}
        for row in export.measured
        for kind in ("bleu", "chrf")
    ]
    test_set = card.test_set or f"test set of the recipe {export.recipe}"
    pair = f"{student.src}-{student.tgt}"
    result = {
        "task": {"type": "translation", "name": f"Translation {pair}"},
        "dataset": {"type": re.sub(r"[^a-z0-9]+", "-", test_set.lower()).strip("-"), "name": test_set},
        "metrics": metrics,
    }
    said: dict[str, Any] = {
        "language": [student.src, student.tgt],
        "license": licence or "unknown",
        "library_name": "onepass",
        "pipeline_tag": "translation",
        **({"datasets": list(card.datasets)} if card.datasets else {}),
        "metrics": ["bleu", "chrf"],
        **({"base_model": base} if base else {}),
        "model-index": [{"name": f"{export.recipe} {pair}", "results": [result]}],
    }
    # What JSON writes is YAML, too.
    return ["---", *(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in said.items()), "---"]


def _metric_name(kind: str, row: Measurement) -> str:
    among = f", best of {row.num_candidates} candidates" if row.num_candidates > 1 else ""
    among += f", {row.num_corrections} corrections" if row.num_corrections else ""
    return f"{'BLEU' if kind == 'bleu' else 'chrF'}, {row.precision}{among}"


def _data(card: Card) -> list[str]:
    """What the recipe says of the data, in lines."""
    return [
        f"- {card.data or 'The training corpus is not stated.'}",
        f"- Licence: {card.licence or NOT_STATED}.",
        *([f"- {card.attribution}"] if card.attribution else []),
    ]


def _trainings(provenance: Mapping[str, Any]) -> list[str]:
    """A line for each training, the first one first, and what it read."""
    started: Mapping[str, Any] = provenance.get("started_from", {})
    lines = _trainings(started["provenance"]) if "provenance" in started else []
    trained = provenance.get("training")
    if trained is None:  # by a version that did not note it
        return lines
    begin = "from its teacher's weights" if started else "from weights drawn by its seed"
    if "weights" in started:
        begin = f"from `{started['weights']}` (SHA-256 {started['sha256']})"
    inputs = ", ".join(f"{stage} {digest}" for stage, digest in sorted(provenance.get("inputs", {}).items()))
    return [
        *lines,
        f"- Training by recipe `{provenance['recipe']}`, {begin}: {trained['updates']:,} updates, "
        f"{trained['target_tokens']:,} target tokens."
        + (f" SHA-256 of what it read: {inputs}." if inputs else ""),
    ]


def _taught_by(student: Bundle) -> list[str]:
    """What is known of a teacher that somebody else trained, in lines."""
    teacher = student.read_teacher
    if teacher is None:
        return []
    files = ", ".join(f"`{name}` {digest}" for name, digest in sorted(teacher.sha256.items()))
    lines = [
        f"- Teacher: `{teacher.name}`. Licence of the teacher: {teacher.licence}.",
        f"- SHA-256 of the teacher's files: {files}.",
    ]
    if teacher.is_non_commercial:
        lines.append("- **Not for commercial use**: the teacher's licence holds for what it taught.")
    return lines
