"""The ablation of Gu et al. (2018), table 2: twelve students of one teacher, scored on the dev set.

Each row is a variant of the recipe's student, so rows share the stages they have in common (teacher,
translations, alignments, and the student that several fine-tunings begin with) and a stopped ablation
goes on at the row it was stopped in.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from onepass.decoding.translator import Translator
from onepass.display import Display
from onepass.evaluation.machine import machine_kind, versions
from onepass.evaluation.quality import measure
from onepass.files import write_json, write_text
from onepass.pipeline.inventory import corpus_of, one_pass_models
from onepass.pipeline.plan import plan
from onepass.pipeline.run import run_recipe
from onepass.recipe import Recipe, parse_recipe
from onepass.settings import FinetuneSettings
from onepass.text.lines import read_lines

PAPER_BEAM = 4


class Row(NamedTuple):
    """A row of the table.

    Attributes:
        name: of the variant.
        distillation: beam size of the teacher's translations; None: the references.
        inputs: what the decoder starts from.
        positional: whether there is positional attention.
        losses: of the fine-tuning, of kd, bp and rl.
        paper: BLEU on the IWSLT16 dev set, None where the paper says no more than that it is worse.
        against: an earlier row, which differs in one thing: how likely is the difference by chance?
    """

    name: str
    distillation: int | None
    inputs: str
    positional: bool
    losses: tuple[str, ...]
    paper: float | None
    against: str | None = None

    def settings(self) -> dict[str, Any]:
        """What differs from the recipe's student."""
        finetune = {
            "distillation": "kd" in self.losses,
            "backprop": "bp" in self.losses,
            "reinforce": "rl" in self.losses,
        }
        return {
            "distilled": self.distillation is not None,
            "distill_beam": self.distillation,
            "copy_source": self.inputs,
            "positional_attention": self.positional,
            "finetune": finetune if self.losses else False,
        }


ROWS = (
    Row("raw-positions", None, "none", True, (), 2.0),
    Row("raw-uniform", None, "uniform", True, (), 16.51, "raw-positions"),
    Row("raw-fertility", None, "fertility", True, (), 18.87, "raw-uniform"),
    Row("uniform", 1, "uniform", True, (), 20.72, "raw-uniform"),
    Row("uniform-beam", PAPER_BEAM, "uniform", True, (), 21.12, "uniform"),
    Row("uniform-kd-bp", 1, "uniform", True, ("kd", "bp"), 22.44, "uniform"),
    Row("no-positional", 1, "fertility", False, (), 24.02, "uniform"),
    Row("fertility", 1, "fertility", True, (), 25.20, "no-positional"),
    Row("rl", 1, "fertility", True, ("rl",), None, "fertility"),
    Row("bp", 1, "fertility", True, ("bp",), None, "fertility"),
    Row("kd-bp", 1, "fertility", True, ("kd", "bp"), 25.76, "fertility"),
    Row("kd-bp-rl", 1, "fertility", True, ("kd", "bp", "rl"), 26.52, "kd-bp"),
)


def ablation_recipe(recipe: Recipe) -> Recipe:
    """The recipe with a variant for each row; fine-tunings it does not describe have the defaults."""
    tuned = recipe.student.finetune or FinetuneSettings()
    dump = json.loads(recipe.to_json())
    dump["student"]["finetune"] = tuned.model_dump(mode="json")
    dump["variants"] = {row.name: row.settings() for row in ROWS}
    return parse_recipe(json.dumps(dump), where=recipe.name)


def run_ablation(recipe: Recipe, run: Path, *, display: Display, command: str) -> Path:
    """Trains and scores the rows; returns the directory with `ablation.json` and `ablation.md`.

    Args:
        recipe: of the corpus, the teacher and the student.
        run: the run directory; stages that stand there already are not done again.
        display: progress bars and lines for the user.
        command: what the user typed.

    Raises:
        OnepassError: as `run_recipe`.
    """
    ablated = ablation_recipe(recipe)
    stages = trained_stages(ablated)
    last = [stage.name for stage in plan(ablated)][-2]  # before `evaluate`
    run_recipe(ablated, run, until=last, display=display, command=command)
    to = run / "ablation"
    to.mkdir(exist_ok=True)
    results = {
        "name": recipe.name,
        "command": command,
        "seed": recipe.seed,
        "machine": machine_kind(),
        "versions": versions(),
        "rows": _score(ablated, run, stages, display),
    }
    write_json(to / "ablation.json", results)
    write_text(to / "ablation.md", render_ablation(results))
    return to


def trained_stages(recipe: Recipe) -> dict[str, str]:
    """The stage that trains each row, by the row's name."""
    by_settings = {model.settings: stage for stage, model in one_pass_models(recipe).items()}
    students = recipe.students()
    return {row.name: by_settings[students[row.name]] for row in ROWS}


def _score(recipe: Recipe, run: Path, stages: dict[str, str], display: Display) -> list[dict[str, Any]]:
    src, ref = (read_lines(run / "prepare" / f"dev.{side}") for side in ("src", "tgt"))
    greedy_row = next(row for row in ROWS if row.distillation == 1)
    distilled = run / corpus_of(recipe.students()[greedy_row.name]).texts
    greedy = dict(zip(*(read_lines(distilled / f"dev.{side}") for side in ("src", "tgt")), strict=True))
    rows: list[dict[str, Any]] = []
    hyps: dict[str | None, list[str]] = {}
    with display.stage("ablation") as progress:
        for i, row in enumerate(ROWS):
            progress(i, len(ROWS), row.name)
            hyp = [t.text for t in Translator.load(run / stages[row.name]).translate(src)]
            hyps[row.name] = hyp
            quality = measure(
                hyp,
                ref,
                language=recipe.data.tgt,
                baseline=hyps.get(row.against),
                bootstrap_samples=recipe.evaluate.bootstrap_samples,
                seed=recipe.seed,
            )
            rows.append(
                {
                    "name": row.name,
                    "distillation": row.distillation,
                    "inputs": row.inputs,
                    "positional_attention": row.positional,
                    "losses": list(row.losses),
                    "bleu": round(quality.bleu, 2),
                    "bleu_interval": quality.interval,
                    "bleu_signature": quality.bleu_signature,
                    "bleu_of_teacher": round(
                        measure(
                            hyp,
                            [greedy[line] for line in src],
                            language=recipe.data.tgt,
                            bootstrap_samples=0,
                        ).bleu,
                        2,
                    ),
                    "against": row.against,
                    "p_value": quality.p_value,
                    "paper": row.paper,
                }
            )
    return rows


def render_ablation(results: dict[str, Any]) -> str:
    """The table in Markdown; p is the chance of a difference of this size, by paired bootstrap."""
    head = ["distillation", "decoder inputs", "positional attention", "fine-tuning"]
    head += ["BLEU (dev, 95%)", "change (p)", "BLEU against the teacher", "paper (IWSLT16 dev)"]
    lines = [_line(head), _line(["---"] * 4 + ["--:"] * 4)]
    bleu = {row["name"]: row["bleu"] for row in results["rows"]}
    numbers = {row["name"]: number for number, row in enumerate(results["rows"], start=1)}
    for row in results["rows"]:
        other = row["against"]
        beam = row["distillation"]
        interval, p_value = row["bleu_interval"], row["p_value"]
        change = f"{row['bleu'] - bleu[other]:+.2f} to row {numbers[other]}" if other else ""
        lines.append(
            _line(
                [
                    "" if beam is None else "greedy" if beam == 1 else f"beam {beam}",
                    {"none": "positions"}.get(row["inputs"], row["inputs"]),
                    "yes" if row["positional_attention"] else "",
                    " + ".join(f"L_{loss.upper()}" for loss in row["losses"]),
                    f"{row['bleu']:.2f}" + (f" [{interval[0]:.1f}, {interval[1]:.1f}]" if interval else ""),
                    change + ("" if p_value is None else f" ({p_value:.3f})"),
                    f"{row['bleu_of_teacher']:.2f}",
                    "" if row["paper"] is None else f"{row['paper']:.2f}",
                ]
            )
        )
    return "\n".join(lines) + "\n"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
