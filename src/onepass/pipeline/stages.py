"""The stages of a run: prepare -> teacher -> distill -> align -> student -> finetune -> evaluate.

What no student of the recipe needs is not there: without distillation no teacher, without fertilities no
alignment of the raw corpus.

Each imports what it needs when it runs, so that a machine without the aligner or CTranslate2 can
still run the trainings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain, islice, starmap
from pathlib import Path
from typing import Any

import numpy as np

from onepass.alignment.fertilities import read_pharaoh
from onepass.alignment.lexicon import CorpusFacts, build_lexicon
from onepass.corpora.augment import AugmentCounts, augment_pairs
from onepass.corpora.filters import FilterCounts, filter_pairs
from onepass.corpora.sources import corpus_files, read_pairs
from onepass.errors import DataError, UsageError
from onepass.files import write_json
from onepass.pipeline.stage import Context, Stage
from onepass.recipe import OnePassModel, Recipe
from onepass.runtime.text_translator import MAX_SRC_TOKENS
from onepass.settings import (
    OWN_SIZES,
    AugmentSettings,
    DataSettings,
    DistillSettings,
    StudentSettings,
    TrainingSettings,
)
from onepass.text.batches import IdPairs, RaggedWriter
from onepass.text.lines import chunks, read_lines, stream_lines, write_lines
from onepass.text.pair import Pair
from onepass.text.tokenizer import Tokenizer

SCRATCH = ("checkpoint.pt", "kept-*.safetensors", "shards", "ctranslate2", "exported", "*.partial")
"""Files of an interrupted attempt that a finished stage does not keep."""
SPLITS = ("train", "dev", "test")
PHRASES = "phrases"
"""A part of the training set that is in files of its own, too: `data.phrases`, repeated."""
LINKS = "train.pharaoh"
REVERSE_TEACHER = "reverse-teacher"
SAMPLED_AMONG = 10
"""Most probable tokens that each of a back-translation is drawn from (Edunov et al. 2018, "top 10")."""
EXAMPLES = 512
"""Sentences whose activations an export to int8 looks at."""


def plan(recipe: Recipe) -> list[Stage]:
    """The stages of a recipe in order: one aligned corpus a kind of target, one student a variant."""
    dump = recipe.model_dump(mode="json")
    data = dict(dump["data"])
    for corpus in data.keys() & set(DataSettings.CORPORA):
        # What the files are called on this machine does not matter, what is in them does.
        data[corpus] = [{**source, "path": Path(source["path"]).name} for source in data[corpus]]
    seed = {"seed": recipe.seed}
    preparing = {"data": data, "tokenizer": dump["tokenizer"], **seed}
    return [
        Stage("prepare", (), preparing, prepare, files=lambda: _files(recipe)),
        *_teachers(recipe),
        *_corpora(recipe),
        *_students(recipe),
        Stage("evaluate", evaluated_stages(recipe), {**dump["evaluate"], **seed}, evaluate),
    ]


def _teachers(recipe: Recipe) -> Iterator[Stage]:
    src, tgt = recipe.data.src, recipe.data.tgt
    teaching = {**recipe.teacher.model_dump(mode="json"), "seed": recipe.seed}
    if recipe.needs_teacher:
        yield Stage("teacher", ("prepare",), {**teaching, "src": src, "tgt": tgt}, teach, distributed=True)
    if any(student.back_translations for student in recipe.students().values()):
        run = partial(teach, reverse=True)
        yield Stage(
            REVERSE_TEACHER, ("prepare",), {**teaching, "src": tgt, "tgt": src}, run, distributed=True
        )


def _corpora(recipe: Recipe) -> Iterator[Stage]:
    """What students learn from: new sources, the teacher's translations, aligned ids."""
    students = {corpus_stage(student): student for student in recipe.students().values()}
    for count in sorted({student.back_translations for student in students.values()} - {0}):
        sampling = {"count": count, "among": SAMPLED_AMONG, "seed": recipe.seed}
        run = partial(back_translate, count=count)
        yield Stage(f"back-translate{count}", ("prepare", REVERSE_TEACHER), sampling, run)
    alignment = {**recipe.align.model_dump(mode="json"), "max_tokens": recipe.data.filters.max_tokens}
    for name, student in sorted(students.items()):
        if not student.distilled:
            continue
        count = student.back_translations
        needs = ("prepare", "teacher", *([f"back-translate{count}"] if count else []))
        beam = student.distill_beam or recipe.distill.beam_size
        settings = recipe.distill.model_copy(update={"beam_size": beam})
        of_teacher = name.replace("align", "distill")
        run = partial(distill, settings=settings)
        yield Stage(of_teacher, needs, settings.model_dump(mode="json"), run)
        yield Stage(name, ("prepare", of_teacher), alignment, align)
    if "align-raw" in students:
        yield Stage("align-raw", ("prepare",), alignment, align)


def _students(recipe: Recipe) -> Iterator[Stage]:
    fixed = {"src": recipe.data.src, "tgt": recipe.data.tgt, "seed": recipe.seed}
    teacher_sizes = recipe.teacher.model.model_dump(mode="json")
    for name, model in recipe.one_pass_models().items():
        student, base = model
        # Where its corpus comes from shows in the stages it needs.
        unused = {"distill_beam", "back_translations", *student.of_other_families()}
        own = student.model_dump(mode="json", exclude=unused if base else {*unused, "finetune"})
        own_sizes = {name: own.pop(name, None) or teacher_sizes[name] for name in OWN_SIZES}
        settings = {**own, "sizes": {**teacher_sizes, **own_sizes}, **fixed}
        needs = dict.fromkeys(["prepare", corpus_stages(model)[-1]])
        if base is not None:
            needs |= dict.fromkeys((["teacher"] if student.finetuned_by_teacher else []) + [base])
            yield Stage(name, tuple(needs), settings, finetune, distributed=True)
        else:
            larger = recipe.larger_stage(student)
            if larger is not None:
                needs |= {larger: None}
            elif student.init_from_teacher:
                needs |= {"teacher": None}
            yield Stage(name, tuple(needs), settings, learn, distributed=True)


def corpus_stage(student: StudentSettings) -> str:
    """The stage whose ids a student learns from: `prepare`, `align-raw`, `align[-beamN][-backN]`."""
    if not student.distilled:
        return "align-raw" if student.family == "fertility" else "prepare"
    beam = f"-beam{student.distill_beam}" if student.distill_beam else ""
    return f"align{beam}" + (f"-back{student.back_translations}" if student.back_translations else "")


def corpus_stages(model: OnePassModel) -> tuple[str, ...]:
    """All the stages whose ids a model has learnt from, the last one in its own training."""
    references = model.base is not None and not model.settings.finetuned_by_teacher
    return tuple(dict.fromkeys([corpus_stage(model.settings), *(["prepare"] if references else [])]))


def evaluated_stages(recipe: Recipe) -> tuple[str, ...]:
    """What an evaluation reads: the test set, the corpora that say which words students know, the models."""
    models = recipe.one_pass_models()
    corpora = sorted({corpus_stage(model.settings) for model in models.values()} - {"prepare"})
    return ("prepare", *corpora, *(["teacher"] if recipe.needs_teacher else []), *models)


def corpus_facts(corpora: Sequence[Path], tokenizer: Tokenizer) -> CorpusFacts:
    """What an export needs of a student's corpora.

    Args:
        corpora: directories of the stages that `corpus_stages` names.
        tokenizer: of the run.
    """
    pairs, *others = (IdPairs.open(corpus, "train") for corpus in corpora)
    links, lexicon = corpora[0] / LINKS, None
    if links.exists():
        lexicon = build_lexicon(pairs, read_pharaoh(links), tokenizer.src_size, joint=tokenizer.joint)
    rows = np.flatnonzero((pairs.src.lengths > 0) & (pairs.src.lengths <= MAX_SRC_TOKENS))
    rows = rows[np.linspace(0, len(rows) - 1, min(EXAMPLES, len(rows))).astype(np.int64)]
    vocabulary = np.unique(np.concatenate([some.tgt.distinct()[0] for some in (pairs, *others)]))
    return CorpusFacts([pairs.src[int(row)].tolist() for row in rows], vocabulary, lexicon)


def linked_corpus(stage: str, recipe: Recipe, directories: Mapping[str, Path]) -> str | None:
    """The stage whose links the lexicon of a model that writes word by word is made of, if there is one.

    The teacher's own corpus is not aligned: its lexicon is of its translations, from which students learn.

    Args:
        stage: the model's.
        recipe: of the run.
        directories: of finished stages, by name.
    """
    models = recipe.one_pass_models()
    learners = [models[stage]] if stage in models else models.values()
    corpora = (corpus_stage(model.settings) for model in learners)
    return next(
        (name for name in corpora if name in directories and (directories[name] / LINKS).exists()), None
    )


def _files(recipe: Recipe) -> list[Path]:
    """The corpus files, and the generator's own for the embedded corpus."""
    data = recipe.data
    corpora = [source for name in DataSettings.CORPORA for source in getattr(data, name)]
    files = corpus_files(corpora, src=data.src, tgt=data.tgt)
    if any(source.path == "phrasebook" for source in corpora):
        from onepass.phrasebook import source_files

        files += source_files()
    return files


# --- prepare -----------------------------------------------------------------


def prepare(context: Context) -> None:
    """Reads, filters and augments the corpora, trains the tokenizer, writes text and ids."""
    data, directory = context.recipe.data, context.directory
    counts = FilterCounts()
    for split in SPLITS:
        pairs = read_pairs(getattr(data, split), split=split, src=data.src, tgt=data.tgt)
        if split == "train":
            pairs = filter_pairs(pairs, data.filters, counts)
        _write_text(directory, split, pairs, context)
    _check_kept(counts)
    context.say(counts.summary())
    context.progress(0, 1, "learning subwords")
    src, tgt = (stream_lines(directory / f"train.{side}") for side in ("src", "tgt"))
    tokenizer = Tokenizer.train(src, tgt, context.recipe.tokenizer, seed=context.recipe.seed)
    tokenizer.save(directory)
    if data.phrases or data.augment != AugmentSettings():  # after the subwords: those of the corpus as it is
        _augment(context, counts.kept)
    too_long = write_ids(directory, "train", directory, tokenizer, data.filters.max_tokens)
    if too_long:
        counts.dropped["too many tokens"] = too_long
        _check_kept(counts)
        context.say(f"{too_long:,} pairs have more than {data.filters.max_tokens} subwords and are left out")
    write_ids(directory, "dev", directory, tokenizer, data.filters.max_tokens)
    write_json(directory / "filters.json", counts.to_dict())


def _check_kept(counts: FilterCounts) -> None:
    if not counts.kept:
        raise DataError(
            "No training pair is left after filtering",
            where="data.train",
            value=counts.summary(),
            fix="check the languages and the limits in data.filters",
        )


def _write_text(directory: Path, split: str, pairs: Iterable[Any], context: Context) -> None:
    written = 0
    with (
        open(directory / f"{split}.src", "w", encoding="utf-8", newline="\n") as src,
        open(directory / f"{split}.tgt", "w", encoding="utf-8", newline="\n") as tgt,
    ):
        for chunk in chunks(pairs):
            src.writelines(f"{pair.src}\n" for pair in chunk)
            tgt.writelines(f"{pair.tgt}\n" for pair in chunk)
            written += len(chunk)
            context.progress(0, 0, f"{split}: {written:,} pairs")
    if not written and split != "train":
        raise DataError(f"The {split} set is empty", where=f"data.{split}")


def _augment(context: Context, kept: int) -> None:
    """Replaces the `kept` training pairs by what `data.augment` makes of them and of `data.phrases`."""
    directory, data, counts = context.directory, context.recipe.data, AugmentCounts()
    corpus = starmap(Pair, _text_pairs(directory, "train"))
    phrases = (
        pair
        for _ in range(data.phrase_repeats if data.phrases else 0)
        for pair in filter_pairs(
            read_pairs(data.phrases, split="train", src=data.src, tgt=data.tgt), data.filters, FilterCounts()
        )
    )
    augmented = augment_pairs(chain(corpus, phrases), data.augment, counts, seed=context.recipe.seed)
    parts = {"augmented": islice(augmented, kept)} | ({PHRASES: augmented} if data.phrases else {})
    for part, pairs in parts.items():
        _write_text(directory, part, pairs, context)
    for side in ("src", "tgt"):
        lines = (stream_lines(directory / f"{part}.{side}") for part in parts)
        write_lines(directory / f"train.{side}", chain.from_iterable(lines))
        (directory / f"augmented.{side}").unlink()
    context.say(counts.summary())


def _text_pairs(directory: Path, split: str) -> Iterator[tuple[str, str]]:
    paths = (directory / f"{split}.{side}" for side in ("src", "tgt"))
    return zip(*map(stream_lines, paths), strict=True)


def write_ids(texts: Path, split: str, to: Path, tokenizer: Tokenizer, max_tokens: int) -> int:
    """Encodes `split`.src and `split`.tgt of a directory into ids.

    Args:
        texts: where the text files are.
        split: their name.
        to: where the ragged arrays go.
        tokenizer: of the run.
        max_tokens: pairs with a longer side become empty, so that they are in no batch.

    Returns:
        How many pairs were too long.
    """
    too_long = 0
    with RaggedWriter(to / f"{split}.src") as src, RaggedWriter(to / f"{split}.tgt") as tgt:
        for chunk in chunks(
            zip(stream_lines(texts / f"{split}.src"), stream_lines(texts / f"{split}.tgt"), strict=True)
        ):
            src_ids = tokenizer.encode_src_batch(s for s, _ in chunk)
            tgt_ids = tokenizer.encode_tgt_batch(t for _, t in chunk)
            for i, (s, t) in enumerate(zip(src_ids, tgt_ids, strict=True)):
                if max(len(s), len(t)) > max_tokens:
                    src_ids[i], tgt_ids[i] = [], []
                    too_long += 1
            src.write(src_ids)
            tgt.write(tgt_ids)
    return too_long


# --- teacher and students ----------------------------------------------------


def teach(context: Context, *, reverse: bool = False) -> None:
    """Trains the teacher, or one that translates targets into sources, and writes its bundle."""
    from onepass.decoding.translator import teacher_decoder
    from onepass.decoding.weights import TEACHER, build_model
    from onepass.objectives.cross_entropy import TeacherObjective

    settings = context.recipe.teacher
    corpus = context.inputs["prepare"]
    tokenizer = Tokenizer.load(corpus)
    train, dev = (IdPairs.open(corpus, split) for split in ("train", "dev"))
    if reverse:
        tokenizer, train, dev = tokenizer.reversed(), train.reversed(), dev.reversed()
    _seed(context.recipe.seed)
    model = build_model(TEACHER, settings.model, None, tokenizer)
    _train(
        context,
        model,
        TeacherObjective(settings.training.label_smoothing),
        train,
        dev,
        settings.training,
        tokenizer,
        kind=TEACHER,
        model_settings={"sizes": settings.model.model_dump(mode="json")},
        make_decoder=teacher_decoder,
        reverse=reverse,
    )


def learn(context: Context) -> None:
    """Trains the student (or a variant of it) and writes its bundle."""
    from onepass.bundle import Bundle
    from onepass.decoding.weights import build_model, load_model
    from onepass.models.pruning import init_pruned
    from onepass.objectives.student import student_objective

    recipe = context.recipe
    chosen = recipe.one_pass_models()[context.directory.name]
    student = chosen.settings
    tokenizer = Tokenizer.load(context.inputs["prepare"])
    _seed(recipe.seed)
    model: Any = build_model(student.family, student.sizes(recipe.teacher.model), student, tokenizer)
    larger: Any = None
    if (larger_stage := recipe.larger_stage(student)) is not None:
        larger = load_model(Bundle.open(context.inputs[larger_stage]))
        init_pruned(model, larger)
    elif student.init_from_teacher:
        _init_from_teacher(model, load_model(Bundle.open(context.inputs["teacher"])))
    _train_student(context, model, student_objective(student, larger), chosen, tokenizer)


def finetune(context: Context) -> None:
    """Fine-tunes a student and writes its bundle."""
    from onepass.bundle import Bundle
    from onepass.decoding.weights import load_model
    from onepass.objectives.student import finetune_objective

    chosen = context.recipe.one_pass_models()[context.directory.name]
    student, base = chosen
    assert base is not None
    model = load_model(Bundle.open(context.inputs[base]))
    teacher: Any = load_model(Bundle.open(context.inputs["teacher"])) if "teacher" in context.inputs else None
    _train_student(
        replace(context, log=_guarded(context, student)),
        model,
        finetune_objective(student, teacher),
        chosen,
        Tokenizer.load(context.inputs["prepare"]),
    )


def _guarded(context: Context, student: StudentSettings) -> Callable[[dict[str, Any]], None]:
    """The log of a fine-tuning, which stops it where the sampled fertilities run away."""
    from onepass.objectives.finetune import CollapseGuard

    if not student.finetuned_by_teacher:
        return context.log
    pairs = IdPairs.open(context.inputs[corpus_stage(student)], "train", with_fertilities=True)
    guard = CollapseGuard(float(pairs.tgt.lengths.sum() / pairs.src.lengths.sum()))

    def log(record: dict[str, Any]) -> None:
        context.log(record)
        if "fertility_mean" in record:
            guard.observe(record["fertility_mean"])

    return log


def _train_student(
    context: Context,
    model: Any,
    objective: Any,
    chosen: OnePassModel,
    tokenizer: Tokenizer,
) -> None:
    from onepass.decoding.translator import student_decoder, teacher_decoder
    from onepass.decoding.weights import TEACHER

    student = chosen.settings
    corpus = context.inputs[corpus_stages(chosen)[-1]]
    aligned = student.family == "fertility"
    _train(
        context,
        model,
        objective,
        IdPairs.open(corpus, "train", with_fertilities=aligned),
        IdPairs.open(corpus, "dev", with_fertilities=aligned),
        chosen.training,
        tokenizer,
        kind=student.family,
        model_settings={
            "sizes": student.sizes(context.recipe.teacher.model).model_dump(mode="json"),
            "student": student.model_dump(mode="json"),
        },
        make_decoder=teacher_decoder if student.family == TEACHER else student_decoder,
    )


def _seed(seed: int) -> None:
    import torch

    torch.manual_seed(seed)


def _init_from_teacher(student: Any, teacher: Any) -> None:
    """Copies every weight that both have under one name: embeddings, encoder, decoder sublayers."""
    own, theirs = student.state_dict(), teacher.state_dict()
    student.load_state_dict({n: t for n, t in theirs.items() if n in own}, strict=False)


def _train(
    context: Context,
    model: Any,
    objective: Any,
    train: IdPairs,
    dev: IdPairs,
    settings: TrainingSettings,
    tokenizer: Tokenizer,
    *,
    kind: str,
    model_settings: dict[str, Any],
    make_decoder: Any,
    reverse: bool = False,
) -> None:
    from onepass.decoding.translator import Translator
    from onepass.decoding.weights import save_bundle
    from onepass.evaluation.quality import measure
    from onepass.evaluation.table import machine_kind, versions
    from onepass.training.loop import Hooks, Training, Validation

    dev_src, dev_tgt = (read_lines(context.inputs["prepare"] / f"dev.{side}") for side in ("src", "tgt"))
    src, tgt = context.recipe.data.src, context.recipe.data.tgt
    if reverse:
        dev_src, dev_tgt, src, tgt = dev_tgt, dev_src, tgt, src

    def validate(trained: Any) -> Validation:
        device = next(trained.parameters()).device
        translator = Translator(tokenizer, make_decoder(trained), device=device)
        hyp = [t.text for t in translator.translate(dev_src)]
        bleu = measure(hyp, dev_tgt, bootstrap_samples=0).bleu
        samples = zip(dev_src, dev_tgt, hyp, strict=True)
        named = [dict(zip(("src", "ref", "hyp"), s, strict=True)) for s in islice(samples, 3)]
        context.say(f"  dev BLEU {bleu:.2f}   {named[0]['src'][:50]} -> {named[0]['hyp'][:50]}")
        return Validation(bleu, named)

    training = Training(
        model,
        objective,
        train,
        dev,
        settings,
        context.directory,
        seed=context.recipe.seed,
        hooks=Hooks(validate, _logger(context, settings), context.rewind, context.progress),
    )
    progress = training.run()
    if not training.accelerator.is_main_process:
        return
    save_bundle(
        context.directory,
        training.model,
        tokenizer,
        kind=kind,
        src=src,
        tgt=tgt,
        settings=model_settings,
        provenance={"recipe": context.recipe.name, "seed": context.recipe.seed},
    )
    by_bleu = settings.select_by == "bleu"
    write_json(
        context.directory / "training.json",
        {
            "updates": progress.update,
            "seconds": round(progress.seconds, 1),
            "machine": machine_kind(),
            "versions": versions(),
            "tokens": progress.tokens,
            "epochs": progress.epoch + 1,
            **({"dev_bleu": -progress.best} if by_bleu else {"dev_loss": round(progress.best, 4)}),
            "averaged": [update for _, update in progress.kept],
            "parameters": sum(p.numel() for p in training.model.parameters()),
        },
    )


def _logger(context: Context, settings: TrainingSettings) -> Callable[[dict[str, Any]], None]:
    """Writes to `metrics.jsonl`, and every number to TensorBoard where the settings ask for it."""
    if not settings.tensorboard:
        return context.log
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise UsageError(
            "TensorBoard is not installed",
            where="training.tensorboard",
            fix="pip install 'onepass[tensorboard]'",
        ) from None
    writer = SummaryWriter(context.directory.parents[1] / "tensorboard" / context.directory.name)

    def log(record: dict[str, Any]) -> None:
        context.log(record)
        for name, value in record.items():
            if isinstance(value, int | float) and name != "update":
                writer.add_scalar(name, value, record["update"])

    return log


# --- distill and align -------------------------------------------------------


def back_translate(context: Context, count: int) -> None:
    """Samples new sources for each distinct training target; those of any split are left out."""
    from onepass.pipeline.distillation import sample_lines

    prepared = context.inputs["prepare"]
    targets = list(dict.fromkeys(stream_lines(prepared / "train.tgt")))
    known = {line for split in SPLITS for line in stream_lines(prepared / f"{split}.src")}
    sampled = sample_lines(
        targets * count,
        context.inputs[REVERSE_TEACHER],
        context.directory / "shards",
        shard_lines=context.recipe.distill.shard_lines,
        among=SAMPLED_AMONG,
        seed=context.recipe.seed,
        progress=context.progress,
    )
    new = [line for line in dict.fromkeys(sampled) if line and line not in known]
    write_lines(context.directory / "train.src", new)
    context.say(f"  {len(new):,} new sources from {len(sampled):,} samples")


def distill(context: Context, settings: DistillSettings) -> None:
    """Translates each distinct source of train and dev, and what was back-translated, with the teacher.

    But for phrases: they keep the translations they came with, which the teacher may not have learnt.
    """
    from onepass.pipeline.distillation import distill_lines

    prepared = context.inputs["prepare"]
    texts = {split: [prepared / f"{split}.src"] for split in ("train", "dev")}
    texts["train"] += [path / "train.src" for name, path in context.inputs.items() if name.startswith("back")]
    sources = {
        split: list(dict.fromkeys(line for path in paths for line in stream_lines(path)))
        for split, paths in texts.items()
    }
    phrases = list(_text_pairs(prepared, PHRASES)) if context.recipe.data.phrases else []
    known = {src for src, _ in phrases}
    sources["train"] = [line for line in sources["train"] if line not in known]
    hyp = distill_lines(
        [line for lines in sources.values() for line in lines],
        context.inputs["teacher"],
        settings,
        context.directory / "shards",
        progress=context.progress,
    )
    remaining = iter(hyp)
    for split, lines in sources.items():
        own = phrases if split == "train" else []
        write_lines(context.directory / f"{split}.src", chain(lines, (src for src, _ in own)))
        hyps = chain(islice(remaining, len(lines)), (tgt for _, tgt in own))
        write_lines(context.directory / f"{split}.tgt", hyps)


def align(context: Context) -> None:
    """Aligns the training and dev pairs and writes ids with fertilities."""
    from onepass.alignment.aligner import align as fast_align
    from onepass.alignment.fertilities import MAX_FERTILITY, fertilities, write_pharaoh

    texts = list(context.inputs.values())[-1]  # of the teacher, or of the references
    tokenizer = Tokenizer.load(context.inputs["prepare"])
    max_tokens = context.recipe.data.filters.max_tokens
    src: list[list[int]] = []
    tgt: list[list[int]] = []
    sizes = {}
    for split in ("train", "dev"):
        before = len(src)
        for chunk in chunks(_text_pairs(texts, split)):
            src_ids = tokenizer.encode_src_batch(s for s, _ in chunk)
            tgt_ids = tokenizer.encode_tgt_batch(t for _, t in chunk)
            for s, t in zip(src_ids, tgt_ids, strict=True):
                if s and t and max(len(s), len(t)) <= max_tokens and len(t) <= MAX_FERTILITY * len(s):
                    src.append(s)
                    tgt.append(t)
        sizes[split] = len(src) - before
        if not sizes[split]:
            raise DataError(f"No {split} pair is left to align", where=texts)
    aligned = fast_align(
        src,
        tgt,
        iterations=context.recipe.align.iterations,
        progress=lambda done, total: context.progress(done, total, "aligning"),
    )
    first = 0
    for split, size in sizes.items():
        rows = range(first, first + size)
        with (
            RaggedWriter(context.directory / f"{split}.src") as src_file,
            RaggedWriter(context.directory / f"{split}.tgt") as tgt_file,
            RaggedWriter(context.directory / f"{split}.fertilities") as fertility_file,
        ):
            src_file.write(src[i] for i in rows)
            tgt_file.write(tgt[i] for i in rows)
            fertility_file.write(fertilities(aligned.src_positions[i], len(src[i])).tolist() for i in rows)
        write_pharaoh(context.directory / f"{split}.pharaoh", (aligned.pharaoh[i] for i in rows))
        first += size


# --- evaluate ----------------------------------------------------------------


def evaluate(context: Context) -> None:
    """Translates the test set with every system, times them, writes the table and the figures."""
    from onepass.pipeline.evaluation import evaluate_run

    evaluate_run(context)
