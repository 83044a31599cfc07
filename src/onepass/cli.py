"""The command line: one thin function a verb. The training wing is imported inside the verbs."""

from __future__ import annotations

import json
import os
import shlex
import sys
import warnings
from pathlib import Path
from typing import Annotated, Any, get_args

import typer
from typer.core import TyperGroup

from onepass import __version__
from onepass.errors import DataError, OnepassError, UsageError
from onepass.files import write_text

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
        except (KeyboardInterrupt, EOFError):
            resumes = ctx.invoked_subcommand in RESUMED
            print("stopped; run the same command again to go on" if resumes else "stopped", file=sys.stderr)
            raise typer.Exit(130) from None


app = typer.Typer(
    cls=_Verbs,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Neural machine translation that writes the whole sentence in one parallel pass.",
)
DEFAULT_MODEL = "en-de"
Set = Annotated[list[str], typer.Option("--set", help="Change a setting: section.key=value.")]


@app.command()
def run(
    recipe: Annotated[Path, typer.Argument(help="A TOML recipe.")],
    to: Annotated[Path | None, typer.Option(help="The run directory [runs/RECIPE-NAME].")] = None,
    until: Annotated[str | None, typer.Option(help="The last stage to run.")] = None,
    start: Annotated[str | None, typer.Option("--from", help="Do this stage and all after it again.")] = None,
    settings: Set = [],  # noqa: B006 - Typer reads the default
    plan: Annotated[
        bool, typer.Option("--plan", help="Only say what it will take, from a 30-second probe.")
    ] = False,
) -> None:
    """Corpus to translator: prepare, teach, distill, align, learn, evaluate."""
    from onepass.display import Display
    from onepass.pipeline.run import run_recipe
    from onepass.recipe import load_recipe

    loaded = load_recipe(recipe, settings)
    if plan:
        from onepass.pipeline.forecast import plan_run, render_plan

        print("\n".join(render_plan(plan_run(loaded))))
        return
    directory = to or Path("runs") / loaded.name
    run_recipe(loaded, directory, until=until, start=start, display=Display(), command=_command())
    results = directory / "evaluate"
    if (results / "results.json").exists() and until in (None, "evaluate") and _is_main():
        _show_results(results)


@app.command()
def ablate(
    recipe: Annotated[Path, typer.Argument(help="A TOML recipe.")],
    to: Annotated[Path | None, typer.Option(help="The run directory [runs/RECIPE-NAME].")] = None,
    settings: Set = [],  # noqa: B006
) -> None:
    """The twelve rows of the paper's ablation (its table 2), from one recipe."""
    from onepass.display import Display
    from onepass.pipeline.ablate import run_ablation
    from onepass.recipe import load_recipe

    loaded = load_recipe(recipe, settings)
    directory = to or Path("runs") / loaded.name
    results = run_ablation(loaded, directory, display=Display(), command=_command())
    print((results / "ablation.md").read_text(encoding="utf-8"), end="")


@app.command()
def translate(
    texts: Annotated[list[str] | None, typer.Argument(help="Texts; without any, lines from stdin.")] = None,
    model: Annotated[
        str, typer.Option(help="The name of a shipped model, or a bundle's directory.")
    ] = DEFAULT_MODEL,
    file: Annotated[Path | None, typer.Option(help="Translate the lines of a file.")] = None,
    to: Annotated[Path | None, typer.Option(help="Write to a file, which appears when it is whole.")] = None,
    candidates: Annotated[
        int | None, typer.Option(help="How many the teacher chooses among [as the bundle says; 1].", min=1)
    ] = None,
    precision: Annotated[str | None, typer.Option(help="int8 or float32 [int8, if it is there].")] = None,
    batch_size: Annotated[int, typer.Option(help="Most lines translated at once.", min=1)] = 1024,
    threads: Annotated[int | None, typer.Option(help="[all cores, at most 4]", min=1)] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Refuse text that is not UTF-8.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="An object a line: text, tokens, score ...")
    ] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Show what each source token became.")] = False,
    teacher: Annotated[
        Path | None, typer.Option(help="Of a bundle for training: the bundle that chooses among candidates.")
    ] = None,
    beam: Annotated[int, typer.Option(help="Of a teacher: beam size.", min=1)] = 1,
    search: Annotated[
        str | None, typer.Option(help="Of a DAG student: greedy, lookahead, viterbi or marginal [marginal].")
    ] = None,
) -> None:
    """Translates texts, a file, or stdin: a line in, a line out."""
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
        teacher=teacher,
        beam_size=beam,
        search=search,
    )
    translate_lines(translator, texts, file, to, strict=strict, as_json=as_json, explain=explain)


@app.command()
def info(
    model: Annotated[
        str, typer.Argument(help="The name of a shipped model, or a bundle's directory.")
    ] = DEFAULT_MODEL,
) -> None:
    """Says what a model is: languages, family, size, quality, licence, where it comes from."""
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
    src: Annotated[Path, typer.Option(help="Source texts, one a line.")],
    teacher: Annotated[Path, typer.Option(help="A teacher's bundle.")],
    to: Annotated[Path, typer.Option(help="The file to write; shards wait in TO.shards until it is whole.")],
    engine: Annotated[str, typer.Option(help="ctranslate2, or torch (the reference).")] = "ctranslate2",
    beam: Annotated[int, typer.Option(help="1 is greedy.")] = 1,
    compute_type: Annotated[str, typer.Option(help="Of CTranslate2.")] = "float32",
    shard_lines: Annotated[int, typer.Option(help="Lines between two points of resumption.")] = 10_000,
) -> None:
    """Translates a source file with a teacher; goes on where it was stopped."""
    from pydantic import ValidationError

    from onepass.display import Display
    from onepass.pipeline.distillation import distill_file
    from onepass.settings import DistillSettings

    try:
        settings = DistillSettings.model_validate(
            {"engine": engine, "beam_size": beam, "compute_type": compute_type, "shard_lines": shard_lines}
        )
    except ValidationError as error:
        first = error.errors()[0]
        option = str(first["loc"][0]).removesuffix("_size").replace("_", "-")
        raise UsageError(first["msg"], where=f"--{option}", value=first["input"]) from None
    with Display().stage("distill") as progress:
        distill_file(src, teacher, to, settings, progress=progress)


@app.command()
def align(
    src: Annotated[Path, typer.Option(help="Source texts, one a line.")],
    tgt: Annotated[Path, typer.Option(help="Target texts, one a line.")],
    to: Annotated[Path, typer.Option(help="Directory for alignment.pharaoh and fertilities.txt.")],
    tokenizer: Annotated[
        Path | None, typer.Option(help="A bundle or run stage whose subwords are aligned [whitespace words].")
    ] = None,
) -> None:
    """Aligns two files: links in Pharaoh form, and how many target tokens each source token yields."""
    from onepass.display import Display
    from onepass.pipeline.alignment import align_files

    with Display().stage("align") as progress:
        align_files(src, tgt, to, tokenizer, progress=progress)


@app.command()
def evaluate(
    hyp: Annotated[Path, typer.Argument(help="Translations, one a line.")],
    ref: Annotated[Path, typer.Argument(help="References, one a line.")],
    baseline: Annotated[Path | None, typer.Option(help="Translations to compare with.")] = None,
) -> None:
    """Scores translations: BLEU and chrF with signatures, a 95% interval, a paired bootstrap."""
    from dataclasses import asdict

    from onepass.evaluation.quality import measure
    from onepass.text.lines import numbered_lines

    def texts(path: Path) -> list[str]:
        return [line.text for line in numbered_lines(path)]

    other = texts(baseline) if baseline else None
    print(json.dumps(asdict(measure(texts(hyp), texts(ref), baseline=other)), indent=1))


@app.command()
def bench(
    models: Annotated[
        list[str],
        typer.Argument(help="A run directory; or bundles and shipped models, rivals among them."),
    ],
    src: Annotated[Path | None, typer.Option(help="Source texts [a run's test set].")] = None,
    ref: Annotated[Path | None, typer.Option(help="Their references [a run's].")] = None,
    to: Annotated[
        Path | None, typer.Option(help="Where results and figures go [RUN/bench or bench].")
    ] = None,
    as_json: Annotated[
        Path | None, typer.Option("--json", help="Write the results to this file, too.")
    ] = None,
    settings: Set = [],  # noqa: B006
) -> None:
    """Measures quality and speed again, on any text, each engine at its best; see docs/measuring.md."""
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
def table(
    runs: Annotated[list[Path], typer.Argument(help="Run directories with an evaluation.")],
) -> None:
    """The paper's main table (its table 1) for finished runs, in Markdown."""
    from onepass.evaluation.paper_table import render_main_table
    from onepass.evaluation.table import parse_results

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
    directory: Annotated[Path, typer.Argument(help="A run directory with trained models.")],
    sentences: Annotated[int, typer.Option(help="Dev sentences for the candidates.", min=1)] = 200,
    candidates: Annotated[int, typer.Option(help="The most candidates a sentence.", min=1)] = 1000,
    text: Annotated[
        str | None, typer.Option(help="The sentence of the fertility picture [the first of the test set].")
    ] = None,
    to: Annotated[Path | None, typer.Option(help="Where they go [RUN/figures].")] = None,
) -> None:
    """The paper's figures of a run: BLEU against samples, training curves, one sentence's fertilities."""
    from onepass.display import Display
    from onepass.pipeline.figures import draw_figures

    target = to or directory / "figures"
    draw_figures(directory, target, sentences, candidates, text, Display(), command=_command())
    for path in sorted(target.glob("*.png")):
        print(f"Figure: {path}")


@app.command()
def export(
    run_directory: Annotated[
        Path, typer.Argument(metavar="RUN", help="A run directory with trained models.")
    ],
    to: Annotated[Path, typer.Option(help="The directory to create.")],
    stage: Annotated[
        str | None, typer.Option(help="Which model, such as student-ctc [finetune or student; the teacher].")
    ] = None,
    candidates: Annotated[
        bool, typer.Option("--candidates", help="With the teacher, which chooses among candidates.")
    ] = False,
    usual_candidates: Annotated[
        int, typer.Option(help="With --candidates: how many there are unless one says.", min=1)
    ] = 1,
    precision: Annotated[list[str], typer.Option(help="int8, float32 [both].")] = [],  # noqa: B006
    ctranslate2: Annotated[
        bool, typer.Option("--ctranslate2", help="A model that writes word by word, for CTranslate2.")
    ] = False,
    quantization: Annotated[
        str | None, typer.Option(help="Of CTranslate2's weights, such as int8 [float32].")
    ] = None,
) -> None:
    """Writes a student as a bundle that translates without torch, after it has proved itself."""
    from onepass.display import Display
    from onepass.pipeline.export import export_run, export_run_to_ctranslate2
    from onepass.runtime.translator import Precision, as_precision

    if usual_candidates > 1 and not candidates:
        raise UsageError("This belongs to --candidates", where="--usual-candidates", fix="add --candidates")
    if ctranslate2:
        if candidates or precision:
            raise UsageError("CTranslate2 has neither", where="--candidates, --precision")
        export_run_to_ctranslate2(run_directory, to, stage=stage or "teacher", quantization=quantization)
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
    split: Annotated[str, typer.Argument(help="train, dev or test.")] = "train",
    seed: Annotated[int, typer.Option(help="Another seed, another corpus.")] = 1,
    number: Annotated[int | None, typer.Option("-n", help="How many pairs.", min=0)] = None,
) -> None:
    """Prints pairs of the embedded corpus, source and target separated by a tab."""
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
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True)] = False,
) -> None:
    pass


def _is_main() -> bool:
    return int(os.environ.get("RANK", "0")) == 0


def _command() -> str:
    """What was typed, without absolute paths."""
    words = ["onepass", *sys.argv[1:]]
    return shlex.join(os.path.relpath(word) if os.path.isabs(word) else word for word in words)


def _show_results(directory: Path) -> None:
    from rich.console import Console

    from onepass.evaluation.table import render_rich
    from onepass.pipeline.evaluation import summary

    console = Console()
    if not console.is_terminal:
        console.width = 120
    console.print(render_rich(json.loads((directory / "results.json").read_text(encoding="utf-8"))))
    for line in summary(directory):
        print(line)


def main() -> None:
    """Entry point: errors a user can act on are printed without a traceback."""
    from onepass.text.tokenizer import TruncationWarning

    # oneDNN keeps a compiled kernel for every shape it has met; its default of 1024 is 12 GB in a training.
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "256")
    warnings.simplefilter("ignore")
    warnings.simplefilter("always", TruncationWarning)
    warnings.showwarning = lambda message, *_, **__: print(f"warning: {message}", file=sys.stderr)
    try:
        app()
    except OnepassError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except ModuleNotFoundError as error:
        package = (error.name or "onepass").split(".")[0]
        if package == "onepass":
            raise
        missing = OnepassError(
            "This needs a package that is not installed",
            value=package,
            fix="pip install '.[train]' where the repository is",
        )
        print(f"error: {missing}", file=sys.stderr)
        sys.exit(missing.exit_code)
    except OSError as error:  # a full disk, a directory that may not be written
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
