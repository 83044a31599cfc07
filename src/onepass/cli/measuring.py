"""The verbs of those who measure translators.

Each is one thin function; what it needs is imported inside, so that the help comes at once.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from onepass.cli.options import (
    Corrections,
    Set,
    command_line,
    show_results,
)
from onepass.errors import UsageError
from onepass.files import write_json, write_text


def evaluate(
    hyp: Annotated[Path, Argument(help="Translations, one per line.")],
    ref: Annotated[list[Path], Argument(help="References, one per line; each file is another reference.")],
    baseline: Annotated[Path | None, Option(help="Translations to compare with, one per line.")] = None,
    lang: Annotated[
        str, Option(help="Target language, which says how BLEU cuts Chinese, Japanese or Korean [none].")
    ] = "",
) -> None:
    """Scores translations against references.

    Prints BLEU and chrF with signatures, a 95% interval and, with a baseline, a paired bootstrap.
    """
    from dataclasses import asdict

    from onepass.evaluation.quality import measure
    from onepass.text.lines import numbered_lines

    def texts(path: Path) -> list[str]:
        return [line.text for line in numbered_lines(path)]

    other = texts(baseline) if baseline else None
    first, *more = map(texts, ref)
    quality = measure(texts(hyp), first, language=lang, more_refs=more, baseline=other)
    print(json.dumps(asdict(quality), indent=1))


def bench(
    models: Annotated[
        list[str], Argument(help="Run directory; or bundles and shipped models, rivals among them.")
    ],
    src: Annotated[Path | None, Option(help="Source texts, one per line [a run's test set].")] = None,
    ref: Annotated[Path | None, Option(help="References, one per line [a run's].")] = None,
    to: Annotated[Path | None, Option(help="Directory of results and figures [RUN/bench or bench].")] = None,
    as_json: Annotated[Path | None, Option("--json", help="File that gets the results, too.")] = None,
    settings: Set = [],  # noqa: B006
) -> None:
    """Measures quality and speed of models on any text.

    Each engine runs at its best; docs/measuring.md says how.
    """
    from onepass.display import Display
    from onepass.pipeline.bench import bench_bundles_or_run

    if as_json is not None and not as_json.absolute().parent.is_dir():
        raise UsageError(
            "There is no such directory", where="--json", value=str(as_json.parent), fix="make it"
        )
    results = bench_bundles_or_run(models, src, ref, to, settings, Display(), command=command_line())
    if as_json is not None:  # before the table, whose reader may go away
        write_text(as_json, (results / "results.json").read_text(encoding="utf-8"))
    show_results(results)


def probe(
    models: Annotated[
        list[str], Argument(help="Bundles and shipped models of one direction, rivals among them.")
    ],
    cases: Annotated[int, Option(help="Cases of each kind that is generated.", min=1)] = 50,
    seed: Annotated[int, Option(help="Seed of what is drawn.")] = 1,
    candidates: Annotated[
        int | None, Option(help="Candidates that the teacher chooses among [as the bundle says].", min=1)
    ] = None,
    corrections: Corrections = 0,
    as_json: Annotated[
        Path | None, Option("--json", help="File that gets the report, with some of what is wrong.")
    ] = None,
) -> None:
    """Counts what a translation must keep, such as numbers and names.

    Also addresses, negation and the like. A rival is an engine with a teacher, such as fxtranslate:en-pt.
    """
    from onepass.pipeline.probe import probe_models, render_report

    report = probe_models(
        models,
        cases=cases,
        seed=seed,
        num_candidates=candidates,
        num_corrections=corrections,
        command=command_line(),
    )
    if as_json is not None:
        write_json(as_json, report)
    print(render_report(report), end="")
