"""What each term of the fine-tuning is worth, from one student, against as many updates without the teacher.

    python benchmarks/finetuning.py RECIPE --to RUN [--set SECTION.KEY=VALUE ...] [--json PATH]

Fine-tunes the recipe's student with L_KD alone (the control: what it learnt before, some updates more), with
L_KD + L_BP, and with L_KD + L_BP + L_RL, and scores the translations by argmax on dev, test and both
together. Each row is compared with the student and with the row above it by paired bootstrap. A RUN that
has the student already is taken up where it stands.
"""

from __future__ import annotations

import argparse
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

from measurement import write_result
from onepass.decoding.translator import Translator
from onepass.display import Display
from onepass.evaluation.quality import measure
from onepass.pipeline.plan import plan
from onepass.pipeline.run import run_recipe
from onepass.recipe import Recipe, load_recipe, parse_recipe
from onepass.text.lines import read_lines

LOSSES = {
    "kd": {"backprop": False, "reinforce": False},
    "kd-bp": {"backprop": True, "reinforce": False},
    "kd-bp-rl": {"backprop": True, "reinforce": True},
}


def with_each_loss(recipe: Recipe) -> Recipe:
    dump = json.loads(recipe.to_json())
    tuning = dump["student"].pop("finetune")
    dump["variants"] = {name: {"finetune": {**tuning, **losses}} for name, losses in LOSSES.items()}
    return parse_recipe(json.dumps(dump), where=recipe.name)


def scores(hyps: dict[str, list[str]], ref: list[str], seed: int) -> list[dict[str, Any]]:
    rows = []
    above = {row: other for other, row in pairwise(hyps)}
    for name, hyp in hyps.items():
        others = [other for other in dict.fromkeys(("student", above.get(name))) if other not in (name, None)]
        against = [measure(hyp, ref, baseline=hyps[other], seed=seed) for other in others]
        quality = against[0] if against else measure(hyp, ref, seed=seed)
        rows.append(
            {
                "name": name,
                "bleu": round(quality.bleu, 2),
                "bleu_interval": quality.interval,
                "bleu_signature": quality.bleu_signature,
                "chrf": round(quality.chrf, 2),
                "length_ratio": round(quality.length_ratio, 4),
                "repetition_rate": round(quality.repetition_rate, 5),
                "p_values": {other: q.p_value for other, q in zip(others, against, strict=True)},
            }
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--to", type=Path, required=True, metavar="RUN")
    parser.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    recipe = with_each_loss(load_recipe(arguments.recipe, arguments.set))
    *_, last, _ = [stage.name for stage in plan(recipe)]  # before `evaluate`
    run_recipe(recipe, arguments.to, until=last, display=Display(), command="")
    stages = {"student": "student", **{name: f"finetune-{name}" for name in LOSSES}}
    texts = {
        split: [read_lines(arguments.to / "prepare" / f"{split}.{side}") for side in ("src", "tgt")]
        for split in ("dev", "test")
    }
    texts["both"] = [dev + test for dev, test in zip(texts["dev"], texts["test"], strict=True)]
    results: dict[str, Any] = {"recipe": recipe.name, "seed": recipe.seed, "rows": {}}
    hyps = {
        name: [t.text for t in Translator.load(arguments.to / stage).translate(texts["both"][0])]
        for name, stage in stages.items()
    }
    dev = len(texts["dev"][0])
    parts = {"dev": slice(dev), "test": slice(dev, None), "both": slice(None)}
    for split, part in parts.items():
        of_split = {name: hyp[part] for name, hyp in hyps.items()}
        results["rows"][split] = scores(of_split, texts[split][1], recipe.seed)
    write_result(results, arguments.json)


if __name__ == "__main__":
    main()
