"""The five recipes of the paper, end to end, on the corpora that stand in for theirs, at a small size.

    python benchmarks/stand_ins.py [NAME ...] [--pairs N] [--to DIR] [--set SECTION.KEY=VALUE ...]

The training texts of WMT and IWSLT are not in `../shared/data`; their dev and test sets are, with other
training text. Those are written to DIR/data in the form that the recipes read (a dataset of the hub with
a `translation` feature and a configuration; tagged lines and XML files of IWSLT), and each recipe is run
on them with smaller models and fewer updates. The BLEU is that of a model trained on a stand-in and says
nothing about the paper's. Results go to `docs/results/stand-ins/NAME.json`.
"""

from __future__ import annotations

import argparse
import html
import json
import random
import shutil
import subprocess
import sys
from pathlib import Path

from measurement import CORPORA, ROOT, is_missing
from onepass.files import write_json
from onepass.text.lines import read_parallel

RECIPES = ("iwslt16-en-de", "wmt14-en-de", "wmt14-de-en", "wmt16-en-ro", "wmt16-ro-en")
SETS = {"iwslt16": "iwslt16.en-de", "wmt14": "openmix.en-de", "wmt16": "openmix.en-ro"}
TRAINING = "batch_tokens=4096 accumulate=1 learning_rate=2e-3 warmup=400 validate_every=500 average=2"
SETTINGS = [
    "tokenizer.vocab_size=4000",
    *(f"teacher.model.{size}" for size in ("width=128", "ffn_width=512", "heads=4", "dropout=0.1")),
    *(f"teacher.model.{stack}_layers=3" for stack in ("encoder", "decoder")),
    *(f"teacher.training.{setting}" for setting in [*TRAINING.split(), "max_updates=2000"]),
    *(f"student.training.{setting}" for setting in [*TRAINING.split(), "max_updates=1500"]),
    *(f"student.finetune.training.{setting}" for setting in TRAINING.split()),
    "student.finetune.training.max_updates=100",
    "student.finetune.training.warmup=20",
    "student.finetune.training.validate_every=50",
    "student.finetune.training.learning_rate=2e-4",
    "evaluate.num_candidates=[10]",
    "evaluate.latency_sentences=0",
]


def read_split(corpus: Path, split: str, langs: tuple[str, str]) -> list[tuple[str, str]]:
    """The pairs of a stand-in, in the order of the languages."""
    return list(zip(*read_parallel(*(corpus / f"{split}.{lang}" for lang in langs)), strict=True))


def write_dataset(corpus: Path, to: Path, langs: tuple[str, str], pairs: int) -> None:
    """A dataset as WMT's on the hub: parquet files, a `translation` feature, one configuration."""
    import datasets

    config = "-".join(reversed(langs))
    features = datasets.Features({"translation": datasets.Translation(languages=list(langs))})
    names = {"train": "train", "dev": "validation", "test": "test"}
    for split, name in names.items():
        chosen = read_split(corpus, split, langs)
        if split == "train" and len(chosen) > pairs:
            chosen = random.Random(1).sample(chosen, pairs)
        rows = {"translation": [dict(zip(langs, pair, strict=True)) for pair in chosen]}
        (to / config).mkdir(parents=True, exist_ok=True)
        file = to / config / f"{name}-00000-of-00001.parquet"
        datasets.Dataset.from_dict(rows, features=features).to_parquet(str(file))
    files = "".join(f"  - split: {name}\n    path: {config}/{name}-*\n" for name in names.values())
    card = f"---\nconfigs:\n- config_name: {config}\n  data_files:\n{files}---\n"
    (to / "README.md").write_text(card, encoding="utf-8")


def write_talks(corpus: Path, to: Path, langs: tuple[str, str]) -> None:
    """The files of IWSLT's archive: tagged training lines, XML dev and test sets."""
    to.mkdir(parents=True, exist_ok=True)
    pair = "-".join(langs)
    train = read_split(corpus, "train", langs)
    for side, lang in enumerate(langs):
        lines = [
            "<url>http://example.org/talk</url>",
            "<title>A talk</title>",
            *(texts[side] for texts in train),
        ]
        (to / f"train.tags.{pair}.{lang}").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for split, year in (("dev", 2013), ("test", 2014)):
        for side, lang in enumerate(langs):
            segments = (
                f'<seg id="{number}"> {html.escape(texts[side], quote=False)} </seg>\n'
                for number, texts in enumerate(read_split(corpus, split, langs), start=1)
            )
            head = '<?xml version="1.0" encoding="UTF-8"?>\n<mteval>\n<srcset>\n<doc docid="1">\n'
            text = f"{head}{''.join(segments)}</doc>\n</srcset>\n</mteval>\n"
            (to / f"IWSLT16.TED.tst{year}.{pair}.{lang}.xml").write_text(text, encoding="utf-8")


def run(name: str, to: Path, pairs: int, settings: list[str]) -> Path:
    """Writes the data of one recipe where they are not yet, runs it, returns its results."""
    year, *_ = name.split("-")
    data = to / "data" / year
    if not data.exists():
        partial = data.with_name(f"{year}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        corpus = CORPORA / SETS[year]
        if year == "iwslt16":
            write_talks(corpus, partial, ("en", "de"))
        else:
            write_dataset(corpus, partial, ("en", "ro") if year == "wmt16" else ("en", "de"), pairs)
        partial.rename(data)
    place = f"../{data.resolve().relative_to(ROOT)}"  # as seen from the recipe
    if year == "iwslt16":
        splits = {
            "train": f'"{place}/train.tags.en-de.{{lang}}"',
            "dev": f'"{place}/IWSLT16.TED.tst2014.en-de.{{lang}}.xml"',
            "test": f'"{place}/IWSLT16.TED.tst2013.en-de.{{lang}}.xml"',
        }
    else:
        config = "ro-en" if year == "wmt16" else "de-en"
        splits = dict.fromkeys(("train", "dev", "test"), f'{{path = "hf:{place}", config = "{config}"}}')
    words = [f"name={name}.stand-in", *(f"data.{k}={v}" for k, v in splits.items()), *SETTINGS]
    options = [word for setting in [*words, *settings] for word in ("--set", setting)]
    recipe = ROOT / "recipes" / f"{name}.toml"
    command = [sys.executable, "-m", "onepass", "run", str(recipe), "--to", str(to / name), *options]
    subprocess.run(command, check=True, cwd=ROOT)
    return to / name / "evaluate" / "results.json"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", default=RECIPES, metavar="NAME", help=", ".join(RECIPES))
    parser.add_argument("--pairs", type=int, default=60_000, help="most training pairs of WMT")
    parser.add_argument("--to", type=Path, default=ROOT / "runs" / "stand-ins")
    parser.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE")
    parser.add_argument("--results", type=Path, default=ROOT / "docs" / "results" / "stand-ins")
    arguments = parser.parse_args()
    for name in arguments.names:
        if is_missing(CORPORA / SETS[name.split("-")[0]]):
            continue
        results = json.loads(
            run(name, arguments.to, arguments.pairs, arguments.set).read_text(encoding="utf-8")
        )
        sets = "".join(f" --set {setting}" for setting in arguments.set)
        results["command"] = f"python benchmarks/stand_ins.py {name} --pairs {arguments.pairs}{sets}"
        arguments.results.mkdir(parents=True, exist_ok=True)
        write_json(arguments.results / f"{name}.json", results)


if __name__ == "__main__":
    main()
