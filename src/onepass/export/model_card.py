"""The model card of a bundle: what it is, what it learnt from, its licence, how good and how fast it is."""

from __future__ import annotations

from pathlib import Path

from onepass.bundle import Bundle, Card, Export
from onepass.families import FAMILIES

NOT_STATED = "not stated"


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
    licence = card.licence or NOT_STATED
    lines = [
        "---",
        f"language: [{student.src}, {student.tgt}]",
        f"license: {licence}",
        "library_name: onepass",
        "pipeline_tag: translation",
        "---",
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
        'translator = Translator.load("this/directory")',
        'print(translator.translate(["A sentence."])[0].text)',
        "```",
        "",
        "## Quality, speed and size",
        "",
        "| weights | candidates | BLEU | 95% | chrF | ms p50 | ms p99 | MB |",
        "| --- | --: | --: | --: | --: | --: | --: | --: |",
    ]
    for row in export.measured:
        low, high = row.bleu_interval
        lines.append(
            f"| {row.precision} | {row.num_candidates} | {row.bleu:.1f} | [{low:.1f}, {high:.1f}] "
            f"| {row.chrf:.1f} | {row.ms_p50} | {row.ms_p99} | {row.megabytes} |"
        )
    first = export.measured[0]
    test_set = f" ({card.test_set})" if card.test_set else ""
    lines += [
        "",
        *(["- Among candidates the teacher, which is part of the model, chooses."] if chooses else []),
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
        "- Versions: " + ", ".join(f"{name} {version}" for name, version in export.versions.items()) + ".",
        "- Files: " + ", ".join(f"`{path.name}`" for path in sorted(directory.glob("*.onnx"))) + ".",
        "",
    ]
    return "\n".join(lines)


def _data(card: Card) -> list[str]:
    """What the recipe says of the data, in lines."""
    return [
        f"- {card.data or 'The training corpus is not stated.'}",
        f"- Licence: {card.licence or NOT_STATED}.",
        *([f"- {card.attribution}"] if card.attribution else []),
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
