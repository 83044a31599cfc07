"""Evaluating a run: its teacher and students on the test set, the table, the figures, some translations."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import cache, lru_cache, partial
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from onepass.alignment.lexicon import CorpusFacts
from onepass.bundle import Bundle
from onepass.evaluation.competitors import TEACHER, Student, competitors, main_student
from onepass.evaluation.figures import bleu_against_latency, latency_against_length
from onepass.evaluation.league import League, build, measure_league
from onepass.evaluation.results import System, parse_results
from onepass.evaluation.rivals import bergamot_python, in_bergamot, in_firefox, refusal
from onepass.evaluation.systems import Competitor
from onepass.evaluation.table import render_markdown
from onepass.evaluation.timed_process import SystemSpec
from onepass.files import move, write_json, write_text
from onepass.pipeline.inventory import linked_corpus, one_pass_models
from onepass.pipeline.shards import Shards, digest, texts
from onepass.pipeline.stage import Context
from onepass.teachers.find import find_teacher
from onepass.teachers.firefox import has_firefox
from onepass.text.explain import explain
from onepass.text.lines import CutLines, read_lines, stream_lines, text_of, write_lines

SAMPLES = 5
SYSTEMS = "systems.json"
"""Beside the shards: the systems whose translations they are."""
OLDER = "older-systems.json"
"""Those of an attempt that was interrupted."""
TranslateAll = Callable[[Sequence[SystemSpec]], Iterable[list[str]]]


def evaluate_run(context: Context) -> None:
    """Evaluates on the run's test set."""
    prepared = context.inputs["prepare"]
    if not context.crew.leads:
        _translations(context).work(context.crew, context.progress, "sentences")
        return
    with suppress(FileNotFoundError):  # their models are made anew first
        move(context.directory / "shards" / SYSTEMS, context.directory / "shards" / OLDER)
    evaluate_systems(
        context,
        read_lines(prepared / "test.src"),
        read_lines(prepared / "test.tgt"),
        references="people" if context.recipe.data.test else "teacher",
        translate_all=partial(_translate_all, context),
    )


def _translate_all(context: Context, systems: Sequence[SystemSpec]) -> Iterator[list[str]]:
    """What each system makes of the test set, in shards that all processes share."""
    folder = context.directory / "shards"
    chosen = [asdict(system) for system in systems]
    if (folder / OLDER).exists():
        older = json.loads((folder / OLDER).read_text(encoding="utf-8"))
        if [system["name"] for system in older] == [system["name"] for system in chosen]:
            chosen = older  # with the settings that were the best when the first shards were made
        else:
            shutil.rmtree(folder)
    folder.mkdir(exist_ok=True)
    write_json(folder / SYSTEMS, chosen)
    shards = _translations(context)
    shards.work(context.crew, context.progress, "sentences")
    lines = texts(shards)
    count = sum(1 for _ in stream_lines(context.inputs["prepare"] / "test.src"))
    for _ in systems:
        yield list(islice(lines, count))


def _translations(context: Context) -> Shards:
    """Shards of what all systems make of the test set, one system after the other."""
    crew, folder = context.crew, context.directory / "shards"
    crew.once(folder / SYSTEMS, lambda: None)
    systems = [SystemSpec(**fields) for fields in json.loads((folder / SYSTEMS).read_text(encoding="utf-8"))]
    source = CutLines(context.inputs["prepare"] / "test.src", context.recipe.distill.shard_lines)

    @lru_cache(maxsize=1)
    def system(row: int) -> Callable[[Sequence[str]], list[str]]:
        return build(systems[row], crew.cores)

    def make(number: int) -> bytes:
        row, part = divmod(number, len(source))
        return text_of(system(row)(source.lines(part)))

    def made_of(number: int) -> str:
        row, part = divmod(number, len(source))
        said = json.dumps([systems[row].factory, systems[row].arguments], sort_keys=True)
        return digest(said.encode() + source.content(part))

    return Shards(
        folder,
        len(systems) * len(source),
        make,
        made_of,
        lines=lambda number: source.count(number % len(source)),
    )


def evaluate_systems(
    context: Context,
    src: Sequence[str],
    ref: Sequence[str],
    *,
    references: Literal["people", "teacher"] = "people",
    translate_all: TranslateAll | None = None,
) -> None:
    """Writes `results.json`, `table.md`, two figures, the translations and the sample translations.

    Args:
        context: with the inputs `teacher`, if the run has one, and every student.
        src: sentences to translate; the first ones also to time.
        ref: their references.
        references: who wrote them.
        translate_all: as League has it.
    """
    recipe = context.recipe
    students = _students(context)
    rows = _exported_rows(context, students)
    of_teacher = [row for row in rows if row.traits.role == "teacher"]
    best = next((row for row in of_teacher if row.traits.search == "beam"), next(iter(of_teacher), None))
    results = {
        "name": recipe.name,
        "command": context.command,
        "seed": recipe.seed,
        "src": recipe.data.src,
        "tgt": recipe.data.tgt,
        **({"references": references} if references != "people" else {}),
        "training": {
            name: json.loads(path.read_text(encoding="utf-8"))
            for name in dict.fromkeys(row.model for row in rows)
            if (path := context.inputs[name] / "training.json").exists()  # a teacher that was read has none
        },
        **measure_league(
            League(
                competitors=rows,
                src=src,
                ref=ref,
                tokenizer=Bundle.open(students[0].bundle).tokenizer(),
                settings=recipe.evaluate,
                seed=recipe.seed,
                directory=context.directory,
                progress=context.progress,
                baseline=best,
                rivals=[] if best is None else [best, *(row for row in _rivals(rows) if row is not best)],
                language=recipe.data.tgt,
                translate_all=translate_all,
            )
        ),
    }
    write_results(results, context.directory)
    _write_samples(main_student(students).bundle, src, ref, context.directory / "samples.txt")


def _students(context: Context) -> list[Student]:
    return [
        Student(stage, model.variant or "", model.base is not None, context.inputs[stage], model.settings)
        for stage, model in one_pass_models(context.recipe).items()
    ]


def _rivals(rows: Sequence[Competitor]) -> list[Competitor]:
    """What students are compared with in speed beside beam search: the teacher's greedy search, and whatever
    writes word by word in an engine of others."""
    of_teacher = [row for row in rows if row.traits.role == "teacher" and row.traits.engine == "torch"]
    return [
        *(row for row in of_teacher if row.traits.search == "greedy"),
        *(row for row in rows if row.traits.engine not in ("torch", "ONNX Runtime")),
    ]


def _in_own_engines(context: Context) -> list[Competitor]:
    """A teacher that was read in the engines it was made for, as far as they are on this machine."""
    name = context.recipe.teacher.from_
    if name is None:
        return []
    files = find_teacher(name, unpickle=context.recipe.teacher.unpickle)
    if not files.of_firefox:
        return []
    rows = [in_firefox(f"{TEACHER}, Firefox's engine", TEACHER, files)] if has_firefox() else []
    rows += [in_bergamot(f"{TEACHER}, Bergamot", TEACHER, files)] if bergamot_python() else []
    refused = {row.name: why for row in rows if (why := refusal(row)) is not None}
    for row_name, why in refused.items():
        context.say(f"  left out: {row_name}: {why}")
    return [row for row in rows if row.name not in refused]


def _exported_rows(context: Context, students: Sequence[Student]) -> list[Competitor]:
    """The rows of the run; every model that one of them needs in its engine's form is there."""
    from onepass.export.ctranslate2 import export_ctranslate2
    from onepass.export.runtime_bundle import export_facts, write_graphs

    recipe, settings = context.recipe, context.recipe.evaluate
    teacher = context.inputs.get(TEACHER)
    exported = context.directory / "exported"
    shutil.rmtree(exported, ignore_errors=True)  # a bench may have left those of older models
    exported.mkdir()
    tokenizer = Bundle.open(students[0].bundle).tokenizer()

    @cache
    def facts(corpora: tuple[str, ...], trained_before: bool = False) -> CorpusFacts:
        found = [context.inputs[corpus] for corpus in corpora]
        return export_facts(found, tokenizer, teacher, trained_before=trained_before)

    rivals = [student.stage for student in students if not student.family.one_pass]
    of_marian = recipe.teacher.of_marian
    for stage in [] if of_marian else [*rivals, *([] if teacher is None else [TEACHER])]:
        corpus = linked_corpus(stage, recipe, context.inputs)
        lexicon = None if corpus is None else facts((corpus,)).lexicon
        export_ctranslate2(Bundle.open(context.inputs[stage]), exported / stage, lexicon=lexicon)
    rows = competitors(
        teacher, students, exported, beam_size=settings.beam_size, num_candidates=settings.num_candidates
    )
    if of_marian:
        # These models are made for greedy search.
        own = (row for row in rows if row.traits.engine != "CTranslate2" and row.traits.search != "beam")
        rows = [*_in_own_engines(context), *own]
    models = one_pass_models(recipe)
    for stage in {row.model for row in rows if row.traits.engine == "ONNX Runtime"}:
        (exported / stage).mkdir()
        model = models[stage]
        known = facts(tuple(corpus.stage for corpus in model.corpora), model.settings.init is not None)
        write_graphs(Bundle.open(context.inputs[stage]), exported / stage, known)
    return rows


def _write_samples(student: Path, src: Sequence[str], ref: Sequence[str], to: Path) -> None:
    """The first sentences with their translations, and what became of each source token."""
    from onepass.decoding.translator import Translator

    translator = Translator.load(student)
    lines = []
    for line, target in list(zip(src, ref, strict=True))[:SAMPLES]:
        [translation] = translator.translate([line])
        lines += [f"src  {line}", f"hyp  {translation.text}", f"ref  {target}"]
        if translation.fertilities is not None:
            became = explain(translation.src_pieces, translation.fertilities, translation.tgt_pieces)
            lines.append(f"     {became}")
        lines.append("")
    write_lines(to, lines)


def write_results(results: dict[str, Any], directory: Path) -> None:
    """Writes `results.json`, `table.md` and, where there are latencies, the figures."""
    write_json(directory / "results.json", results)
    write_text(directory / "table.md", render_markdown(results))
    if "latency" in results:
        if results["bleu_signature"]:
            bleu_against_latency(results, directory / "bleu-against-latency.png")
        latency_against_length(results, directory / "latency-against-length.png")


def summary(directory: Path) -> list[str]:
    """What `onepass run` prints below the table: the gain of distillation, samples, figures."""
    results = parse_results(json.loads((directory / "results.json").read_text(encoding="utf-8")))
    lines = _gain_of_distillation(results.systems)
    samples = directory / "samples.txt"
    lines += ["", *read_lines(samples)] if samples.exists() else []
    lines += [f"Figure: {path}" for path in sorted(directory.glob("*.png"))]
    return lines


def _gain_of_distillation(systems: Sequence[System]) -> list[str]:
    """What the main student gains by it, if it is the paper's and the run has one without; before any
    fine-tuning."""
    plain = [
        system
        for system in systems
        if system.traits.about_family.in_paper
        and not system.traits.finetuned
        and system.traits.engine == "torch"
        and system.traits.search == system.traits.about_family.usual_search
        and system.traits.candidates == 1
    ]
    distilled = next((s for s in plain if s.traits.distilled and not s.traits.variant), None)
    raw = next((s for s in plain if not s.traits.distilled), None)
    if distilled is None or raw is None or distilled.bleu is None or raw.bleu is None:
        return []
    gain = distilled.bleu - raw.bleu
    return [
        f"Distillation gains {gain:+.2f} BLEU: {distilled.name} {distilled.bleu:.2f} on the teacher's "
        f"translations, {raw.bleu:.2f} on the raw corpus."
    ]
