"""The paper's figures of a finished run: their numbers as JSON, and a PNG of each."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from sacrebleu.metrics.bleu import BLEU

from onepass.bundle import Bundle
from onepass.decoding.fertility import noisy_candidates
from onepass.decoding.translator import Translator
from onepass.decoding.weights import load_model
from onepass.display import Display, Report
from onepass.errors import DataError, UsageError
from onepass.evaluation.machine import machine_kind, versions
from onepass.evaluation.paper_figures import bleu_against_samples, fertility_picture, training_curves
from onepass.evaluation.quality import bleu_tokenizer, measure
from onepass.evaluation.results import Role
from onepass.families import FAMILIES
from onepass.files import write_json
from onepass.pipeline.inventory import finished_stages, main_model, one_pass_models, recorded_recipe
from onepass.recipe import Recipe
from onepass.runtime.candidates import candidate_numbers
from onepass.runtime.text_translator import MAX_SRC_TOKENS
from onepass.text.lines import stream_lines

NUMBERS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
"""Of candidates: the points of the curve."""


def draw_figures(
    run: Path,
    to: Path,
    sentences: int,
    max_candidates: int,
    text: str | None,
    display: Display,
    *,
    command: str,
) -> None:
    """Writes `training`, of a student with fertilities `fertilities`, and if it has a teacher `samples`.

    Each is JSON and PNG.

    Args:
        run: a run directory with the teacher, if it has one, and the student trained.
        to: the directory for the figures; created if missing.
        sentences: how many dev sentences the candidates are drawn for.
        max_candidates: the end of the curve.
        text: the sentence of the fertility picture; None: the first of the test set.
        display: for the progress bar.
        command: what the user typed.

    Raises:
        UsageError: the run has no recipe, or the text has nothing to translate.
        DataError: a stage of the run is missing.
    """
    recipe = recorded_recipe(run)
    model = main_model(recipe)
    main, has_fertilities = model.stage, FAMILIES[model.settings.family].aligned
    has_candidates = has_fertilities and recipe.needs_teacher
    stages = finished_stages(run, ("prepare", main, *(["teacher"] if has_candidates else [])))
    if text is None:
        text = next(iter(stream_lines(stages["prepare"] / "test.src")))
    to.mkdir(parents=True, exist_ok=True)
    about = {
        "name": recipe.name,
        "command": command,
        "seed": recipe.seed,
        "machine": machine_kind(),
        "versions": versions(),
        "model": main,
    }
    drawn: list[tuple[str, dict[str, Any], Callable[[Mapping[str, Any], Path], None]]] = [
        ("training", {"stages": _curves(run, recipe)}, training_curves)
    ]
    if has_fertilities:
        drawn.append(("fertilities", _fertilities(stages[main], text), fertility_picture))
    if has_candidates:
        with display.stage("figures") as progress:
            samples = _samples(stages, main, recipe, sentences, max_candidates, progress)
        drawn.append(("samples", samples, bleu_against_samples))
    for name, data, draw in drawn:
        write_json(to / f"{name}.json", about | data)
        draw(about | data, to / f"{name}.png")


def _fertilities(model: Path, text: str) -> dict[str, Any]:
    [translation] = Translator.load(model).translate([text])
    if not translation.src_pieces:
        raise UsageError("There is nothing to translate", where="--text", value=text)
    return {
        "src": text,
        "text": translation.text,
        "src_pieces": translation.src_pieces,
        "fertilities": translation.fertilities,
        "tgt_pieces": translation.tgt_pieces,
    }


def _curves(run: Path, recipe: Recipe) -> dict[str, dict[str, Any]]:
    """Dev loss and BLEU of every training of the run, by stage, with its updates and wall time.

    A fine-tuning for bigrams has no loss that compares with the others: null.
    """
    bases = {"teacher": None} | {
        name: None if model.base is None else model.base.stage
        for name, model in one_pass_models(recipe).items()
    }
    curves: dict[str, dict[str, Any]] = {}
    for number, line in enumerate(stream_lines(run / "metrics.jsonl"), start=1):
        try:
            record = json.loads(line)
        except ValueError:
            raise DataError("The line is not JSON", where=f"{run / 'metrics.jsonl'}, line {number}") from None
        if record.get("stage") not in bases or "dev_bleu" not in record:
            continue
        curve = curves.setdefault(record["stage"], {"base": bases[record["stage"]]})
        point = {
            "updates": record["update"],
            "seconds": record["seconds"],
            "dev_loss": round(record["dev_tokens"], 4) if "dev_tokens" in record else None,
            "dev_bleu": record["dev_bleu"],
        }
        for name, value in point.items():
            curve.setdefault(name, []).append(value)
    return {name: curves[name] for name in bases if name in curves}


def _samples(
    stages: dict[str, Path],
    main: str,
    recipe: Recipe,
    sentences: int,
    max_candidates: int,
    progress: Report,
) -> dict[str, Any]:
    """BLEU of the first n candidates for each n, chosen by the teacher and by the reference."""
    prepared = stages["prepare"]
    src, ref = (list(islice(stream_lines(prepared / f"dev.{side}"), sentences)) for side in ("src", "tgt"))
    numbers = sorted({n for n in NUMBERS if n < max_candidates} | {max_candidates})
    tgt = recipe.data.tgt
    sentence_bleu = BLEU(effective_order=True, tokenize=bleu_tokenizer(tgt))
    by_teacher: dict[int, list[str]] = {n: [] for n in numbers}
    by_oracle: dict[int, list[str]] = {n: [] for n in numbers}
    candidates = _candidates(stages["teacher"], stages[main], src, max_candidates)
    for done, ((texts, scores), target) in enumerate(zip(candidates, ref, strict=True), start=1):
        quality = {text: sentence_bleu.sentence_score(text, [target]).score for text in set(texts)}
        for n in numbers:
            by_teacher[n].append(texts[max(range(n), key=scores.__getitem__)])
            by_oracle[n].append(max(texts[:n], key=quality.__getitem__))
        progress(done, len(src), f"{max_candidates:,} candidates a sentence")
    beam = recipe.evaluate.beam_size
    systems: dict[str, tuple[Role, Path, dict[str, Any]]] = {
        "argmax": ("student", stages[main], {}),
        "average": ("student", stages[main], {"average": True}),
        "teacher greedy": ("teacher", stages["teacher"], {}),
        f"teacher beam {beam}": ("teacher", stages["teacher"], {"beam_size": beam}),
    }
    levels = {
        name: (role, [t.text for t in Translator.load(bundle, **settings).translate(src)])
        for name, (role, bundle, settings) in systems.items()
    }

    def bleu(hyp: Sequence[str]) -> float:
        return round(measure(hyp, ref, language=tgt, bootstrap_samples=0).bleu, 2)

    return {
        "split": "dev",
        "sentences": len(src),
        "bleu_signature": measure(ref, ref, language=tgt, bootstrap_samples=0).bleu_signature,
        "candidates": numbers,
        "curves": {
            "chosen by the teacher": [bleu(by_teacher[n]) for n in numbers],
            "oracle: best sentence BLEU": [bleu(by_oracle[n]) for n in numbers],
        },
        "levels": {name: {"role": role, "bleu": bleu(hyp)} for name, (role, hyp) in levels.items()},
    }


def _candidates(
    teacher: Path, student: Path, src: Sequence[str], number: int
) -> Iterator[tuple[list[str], list[float]]]:
    """The texts of each sentence's candidates and the teacher's scores, the argmax first."""
    bundle = Bundle.open(student)
    tokenizer = bundle.tokenizer()
    model: Any = load_model(bundle)
    judge: Any = load_model(Bundle.open(teacher))
    uniform = torch.from_numpy(candidate_numbers(number, seed=1))
    for line in src:
        ids = tokenizer.encode_src(line)[:MAX_SRC_TOKENS]
        if not ids:
            yield [""] * number, [0.0] * number
            continue
        found = noisy_candidates(model, judge, torch.tensor([ids]), uniform)
        texts = tokenizer.decode_tgt_batch(found.ids.tolist())
        scores = found.scores.tolist()
        rows = found.rows[0].tolist()
        yield [texts[row] for row in rows], [scores[row] for row in rows]
