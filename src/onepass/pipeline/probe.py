"""What `onepass probe` does: generated sentences through several translators, counted right or wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from onepass.bundle import WEIGHTS, Bundle
from onepass.errors import UsageError
from onepass.evaluation.machine import machine_kind, versions
from onepass.evaluation.probes import Languages, Score, Translate, make_cases, score
from onepass.evaluation.table import markdown_table
from onepass.pipeline.bench import rival_named
from onepass.runtime.shipped import find_model
from onepass.runtime.text_translator import TextTranslator
from onepass.runtime.translator import Translator

SHOWN = 3
"""Wrong cases of each kind that a report has."""


def probe_models(
    models: Sequence[str],
    *,
    cases: int,
    seed: int,
    num_candidates: int | None,
    num_corrections: int = 0,
    command: str,
) -> dict[str, Any]:
    """Probes translators of one direction; the report is what `--json` writes.

    Args:
        models: bundles and shipped models, one at least, and rivals such as `fxtranslate:en-pt`.
        cases: of each kind that is filled in.
        seed: of what is drawn.
        num_candidates: that the teacher in a bundle chooses among [as the bundle says].
        num_corrections: that it may make in each sentence.
        command: what the user typed.

    Raises:
        UsageError: there is no bundle, bundles have different languages, or a language has no probes.
    """
    systems: dict[str, Translate] = {}
    languages = None
    for model in models:
        rival = rival_named(model)
        if rival is not None:
            systems[model] = rival
            continue
        bundle = Bundle.open(find_model(model))
        own = Languages(bundle.src, bundle.tgt)
        if languages is not None and own != languages:
            raise UsageError(
                "The models translate between different languages",
                where=model,
                value=" to ".join(own),
                allowed=" to ".join(languages),
            )
        languages = own
        systems[model] = _texts(_translator(bundle, num_candidates, num_corrections))
    if languages is None:
        raise UsageError("There is no bundle to compare rivals with", value=models, fix="name one, too")
    drawn = make_cases(languages, cases, seed)
    return {
        "what": "Probes: generated sentences, counted right or wrong",
        "command": command,
        "seed": seed,
        "machine": machine_kind(),
        "versions": versions(),
        "languages": languages._asdict(),
        "models": {
            name: {
                kind: _record(found) for kind, found in score(system, drawn, languages, shown=SHOWN).items()
            }
            for name, system in systems.items()
        },
    }


def _translator(bundle: Bundle, num_candidates: int | None, num_corrections: int) -> TextTranslator:
    if WEIGHTS not in bundle.files:
        return Translator.load(
            bundle, num_candidates=num_candidates, num_corrections=num_corrections, split=True
        )
    from onepass.decoding.translator import Translator as TorchTranslator

    return TorchTranslator.load(bundle.directory, split=True)


def _texts(translator: TextTranslator) -> Translate:
    return lambda lines: [translation.text for translation in translator.translate(lines)]


def _record(found: Score) -> dict[str, Any]:
    return {"right": found.right, "of": found.of, "wrong": [pair._asdict() for pair in found.wrong]}


def render_report(report: Mapping[str, Any]) -> str:
    """A Markdown table: a row a kind, right of all for each model."""
    models: Mapping[str, Mapping[str, Any]] = report["models"]
    kinds = list(next(iter(models.values())))
    columns = {"probe": kinds}
    for name, found in models.items():
        columns[Path(name).name] = [f"{found[kind]['right']} of {found[kind]['of']}" for kind in kinds]
    return markdown_table(columns)
