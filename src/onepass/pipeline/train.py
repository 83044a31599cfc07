"""Training: the teachers, the students, and the students' fine-tunings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from onepass.bundle import MANIFEST, Bundle, weights_file
from onepass.decoding.options import DecodingOptions
from onepass.decoding.translator import Translator, make_decoder
from onepass.decoding.weights import build_model, load_model, load_weights, read_weights, save_bundle
from onepass.errors import DataError, UsageError
from onepass.evaluation.machine import machine_kind, versions
from onepass.evaluation.quality import measure
from onepass.families import AUTOREGRESSIVE, FAMILIES
from onepass.files import file_sha256, write_json
from onepass.models.from_teacher import alias_rows, deepen, start_from_marian
from onepass.models.marian import MarianTransformer
from onepass.models.one_pass import OnePassTransformer
from onepass.models.pruning import init_pruned
from onepass.models.slots import SlotTransformer
from onepass.objectives import finetune_objective, student_objective
from onepass.objectives.finetune import CollapseGuard
from onepass.objectives.objective import Objective
from onepass.objectives.teacher import TeacherObjective
from onepass.objectives.vocabulary import VocabularySample
from onepass.pipeline.inventory import OnePassModel, first_weights, larger_model
from onepass.pipeline.stage import Context, read_record
from onepass.runtime.sentences import Languages
from onepass.settings import StudentSettings, TrainingSettings, TransformerSettings, without_pace
from onepass.text.batches import IdPairs
from onepass.text.lines import read_lines
from onepass.text.placeholder_ids import PlaceholderIds
from onepass.text.tokenizers import AnyTokenizer, load_tokenizer
from onepass.training.checkpoint import Progress
from onepass.training.hooks import Hooks, Validation
from onepass.training.loop import Training
from onepass.training.optimizer import EMBEDDINGS


@dataclass(frozen=True)
class _Direction:
    """From which language into which: their names, the subwords, and the texts of the dev set."""

    src: str
    tgt: str
    tokenizer: AnyTokenizer
    dev_src: list[str]
    dev_tgt: list[str]

    @classmethod
    def of(cls, context: Context) -> _Direction:
        """The one of the run."""
        data, prepared = context.recipe.data, context.inputs["prepare"]
        dev = (read_lines(prepared / f"dev.{side}") for side in ("src", "tgt"))
        return cls(data.src, data.tgt, load_tokenizer(prepared), *dev)

    def reversed(self) -> _Direction:
        return _Direction(self.tgt, self.src, self.tokenizer.reversed(), self.dev_tgt, self.dev_src)


@dataclass(frozen=True)
class _Job:
    """What is trained.

    Attributes:
        model: fresh, or with the weights it starts from.
        family: its name.
        bundle_settings: what its bundle says of it.
        objective: what it learns.
        train, dev: ids.
        training: batches, schedule, stopping.
        origin: what its bundle says of where its first weights came from.
        remains: share of the first weights in a mean with the last ones.
    """

    model: Any
    family: str
    bundle_settings: dict[str, Any]
    objective: Objective
    train: IdPairs
    dev: IdPairs
    training: TrainingSettings
    origin: Mapping[str, Any] = field(default_factory=dict)
    remains: float = 0.0


def teach(context: Context, *, reverse: bool = False) -> None:
    """Trains the teacher, or one that translates targets into sources, and writes its bundle."""
    settings, corpus, direction = context.recipe.teacher, context.inputs["prepare"], _Direction.of(context)
    train, dev = (IdPairs.open(corpus, split) for split in ("train", "dev"))
    if reverse:
        train, dev, direction = train.reversed(), dev.reversed(), direction.reversed()
    torch.manual_seed(context.recipe.seed)
    job = _Job(
        build_model(AUTOREGRESSIVE.name, settings.model, None, direction.tokenizer),
        AUTOREGRESSIVE.name,
        {"sizes": settings.model.model_dump(mode="json")},
        TeacherObjective(settings.training.label_smoothing),
        train,
        dev,
        settings.training,
    )
    _train(context, job, direction)


def learn(context: Context, chosen: OnePassModel) -> None:
    """Trains a student and writes its bundle."""
    recipe, student, direction = context.recipe, chosen.settings, _Direction.of(context)
    torch.manual_seed(recipe.seed)
    sizes = student.sizes(_teacher_sizes(context))
    model: Any = build_model(student.family, sizes, student, direction.tokenizer)
    larger: Any = None
    if (larger_one := larger_model(recipe, student)) is not None:
        larger = load_model(Bundle.open(context.inputs[larger_one.stage]))
        init_pruned(model, larger)
    placeholders = _placeholders(context, direction.tokenizer)
    origin = {} if larger is not None else _start(context, model, student, placeholders)
    if placeholders is not None and larger is None:  # what `init` has may never have been written
        alias_rows(model, placeholders.ids, placeholders.aliases)
    sample = _sample(context, chosen, direction.tokenizer)
    teacher: Any = None
    if student.auxiliary is not None:
        teacher = load_model(Bundle.open(context.inputs["teacher"]))
    objective = student_objective(student, model, larger, sample, teacher)
    job = _student_job(context, chosen, model, objective)
    _train(context, replace(job, origin={**job.origin, **origin}), direction)


def _sample(context: Context, chosen: OnePassModel, tokenizer: AnyTokenizer) -> VocabularySample | None:
    """The words that its loss is over, if not all."""
    if chosen.training.vocabulary_sample is None:
        return None
    targets = IdPairs.open(context.inputs[chosen.corpora[-1].stage], "train").tgt
    return VocabularySample.of_targets(targets, tokenizer.tgt_size, *chosen.training.vocabulary_sample)


def _placeholders(context: Context, tokenizer: AnyTokenizer) -> PlaceholderIds | None:
    """What a student learns to carry, if it does."""
    return PlaceholderIds.of_tokenizer(tokenizer) if context.recipe.distill.placeholders else None


def _teacher_sizes(context: Context) -> TransformerSettings:
    """Those that the recipe gives, or those of the teacher that was read."""
    if not context.recipe.teacher.is_read:
        return context.recipe.teacher.model
    return TransformerSettings.model_validate(Bundle.open(context.inputs["teacher"]).settings["sizes"])


def _start(
    context: Context, model: Any, student: StudentSettings, placeholders: PlaceholderIds | None
) -> dict[str, Any]:
    """Puts a student's first weights into it; says where they came from."""
    taken = _take_from_teacher(context, model, student, placeholders)
    if student.init is not None:
        init = first_weights(student.init)
        path = weights_file(init)
        tensors, state = read_weights(path), model.state_dict()
        if student.training.embedding_rate == 0:
            theirs = {name for name in tensors if name.startswith(EMBEDDINGS) and _part_of(name, taken)}
            tensors = {name: tensors[name] for name in tensors.keys() - theirs}
        learnt = {name.split(".")[1] for name in tensors if name.startswith("decoder.")}
        new = {}  # of layers that the weights have not
        if learnt and isinstance(model, SlotTransformer):
            decoder = {name: tensor for name, tensor in state.items() if name.startswith("decoder.")}
            new = {name: tensor for name, tensor in decoder.items() if name.split(".")[1] not in learnt}
        missing = state.keys() - tensors.keys() - new.keys()
        left_out = {name: part for name in missing if (part := _part_of(name, taken))}
        load_weights(model, {**{name: state[name] for name in left_out}, **new, **tensors}, where=path)
        if new:
            deepen(model, len(learnt))
        context.say(f"  starts from {path}")
        started = {"weights": path.name, "sha256": file_sha256(path), **_trained_before(init)}
        rest = {part: taken[part] for part in sorted(set(left_out.values()))}
        return {"started_from": {**started, **({"teacher": rest} if rest else {})}}
    if not taken:
        return {}
    own = {name.rsplit(".", 1)[0] if name.startswith("decoder.") else name for name in taken}
    context.say(f"  starts from the teacher: {', '.join(sorted(own))}")
    return {"started_from": {"teacher": taken}}


def _trained_before(init: Path) -> dict[str, Any]:
    """The provenance of the bundle that a training starts from, if it is one: so each names all before it."""
    return {"provenance": Bundle.open(init).provenance} if (init / MANIFEST).is_file() else {}


def _take_from_teacher(
    context: Context, model: Any, student: StudentSettings, placeholders: PlaceholderIds | None
) -> dict[str, str]:
    """Copies what the student has from the teacher; the parts of one that was read, by the student's."""
    if not student.init_from_teacher or (student.init is not None and not context.recipe.teacher.is_read):
        return {}
    teacher: Any = load_model(Bundle.open(context.inputs["teacher"]))
    if isinstance(teacher, MarianTransformer) and isinstance(model, OnePassTransformer):
        taken = start_from_marian(model, teacher)
        if placeholders is not None:
            alias_rows(model, placeholders.ids, placeholders.aliases)
        return taken
    _init_from_teacher(model, teacher)
    return {}


def _part_of(name: str, parts: Iterable[str]) -> str | None:
    """The part of a model that a parameter is in."""
    return next((part for part in parts if name == part or name.startswith(f"{part}.")), None)


def finetune(context: Context, chosen: OnePassModel) -> None:
    """Fine-tunes a student and writes its bundle."""
    student = chosen.settings
    assert chosen.base is not None
    assert student.finetune is not None
    model = load_model(Bundle.open(context.inputs[chosen.base.stage]))
    teacher: Any = None
    if student.finetuned_by_teacher:
        teacher = load_model(Bundle.open(context.inputs["teacher"]))
        context = replace(context, log=_guarded(context, chosen))
    direction = _Direction.of(context)
    objective = finetune_objective(student, teacher, _sample(context, chosen, direction.tokenizer))
    job = _student_job(context, chosen, model, objective)
    _train(context, replace(job, remains=student.finetune.remains), direction)


def _guarded(context: Context, chosen: OnePassModel) -> Callable[[dict[str, Any]], None]:
    """The log of a fine-tuning, which stops it where the sampled fertilities run away."""
    pairs = IdPairs.open(context.inputs[chosen.corpora[-1].stage], "train", with_fertilities=True)
    guard = CollapseGuard(float(pairs.tgt.lengths.sum() / pairs.src.lengths.sum()))

    def log(record: dict[str, Any]) -> None:
        context.log(record)
        if "fertility_mean" in record:
            guard.observe(record["fertility_mean"])

    return log


def _init_from_teacher(student: Any, teacher: Any) -> None:
    """Copies every weight that both have under one name: embeddings, encoder, decoder sublayers."""
    own, theirs = student.state_dict(), teacher.state_dict()
    student.load_state_dict({n: t for n, t in theirs.items() if n in own}, strict=False)


def _student_job(context: Context, chosen: OnePassModel, model: Any, objective: Objective) -> _Job:
    student, corpus = chosen.settings, context.inputs[chosen.corpora[-1].stage]
    aligned = FAMILIES[student.family].aligned
    train, dev = (IdPairs.open(corpus, split, with_fertilities=aligned) for split in ("train", "dev"))
    if isinstance(model, SlotTransformer):
        for split, pairs in (("train", train), ("dev", dev)):
            _count_misfits(context, model, split, pairs, distilled=student.distilled)
    placeholders = _placeholders(context, load_tokenizer(context.inputs["prepare"]))
    return _Job(
        model,
        student.family,
        {
            "sizes": student.sizes(_teacher_sizes(context)).model_dump(mode="json"),
            "student": without_pace(student.model_dump(mode="json", exclude={"init"})),
            **({} if placeholders is None else placeholders.settings()),
        },
        objective,
        train,
        dev,
        chosen.training,
        _origin_of_teacher(context),
    )


def _count_misfits(
    context: Context, model: SlotTransformer, split: str, pairs: IdPairs, *, distilled: bool
) -> None:
    """Says how many pairs have more target tokens than the student has slots: nothing is learnt from them.

    Of CTC, equal neighbours need a slot more, for the blank between them.

    Raises:
        DataError: no pair of the user's fits; of what a teacher writes that has learnt little, none may.
    """
    src, needed = pairs.src.lengths.astype(np.int64), pairs.tgt.lengths.astype(np.int64)
    real = (src > 0) & (needed > 0)
    if model.separates:
        needed = needed + pairs.tgt.repeats()
    misfits = int((needed > (src + model.ends) * model.slots)[real].sum())
    if misfits and misfits == real.sum() and not distilled:
        raise DataError(
            f"No {split} pair fits into the student's slots",
            where=f"{split} pairs",
            value=f"{needed[real].sum() / src[real].sum():.1f} target tokens, blanks between equal ones "
            f"included, for each source token; {model.slots} slots",
            allowed="at most as many target tokens as slots",
            fix="set student.slots higher, or check that the corpus has its sides the right way round",
        )
    if misfits:
        share = misfits / real.sum()
        context.say(f"  {misfits:,} {split} pairs ({share:.2%}) do not fit into the student's slots")


def _origin_of_teacher(context: Context) -> dict[str, Any]:
    """The record of a teacher that was read: its licence holds for what it taught."""
    if not context.recipe.teacher.is_read:
        return {}
    return {"teacher": Bundle.open(context.inputs["teacher"]).provenance["teacher"]}


def _digests(context: Context) -> dict[str, str]:
    """SHA-256 of what a training reads, by stage."""
    records = {stage: read_record(directory) for stage, directory in context.inputs.items()}
    return {stage: record["output"] for stage, record in records.items() if record is not None}


def _hub_datasets(context: Context) -> dict[str, Any]:
    """What the corpora are of the hub, each with the commit that was read."""
    record = read_record(context.inputs["prepare"]) or {}
    datasets = record.get("reads", {}).get("revisions")
    return {"datasets": datasets} if datasets else {}


def _train(context: Context, job: _Job, direction: _Direction) -> None:
    hooks = Hooks(
        lambda model: _validate(context, model, direction),
        _logger(context, job.training),
        context.rewind,
        context.progress,
        context.sync,
        context.say,
    )
    first = {name: tensor.clone() for name, tensor in job.model.state_dict().items()} if job.remains else {}
    training = Training(
        job.model,
        job.objective,
        job.train,
        job.dev,
        job.training,
        context.directory,
        seed=context.recipe.seed,
        hooks=hooks,
    )
    progress = training.run()
    if not training.accelerator.is_main_process:
        return
    if job.remains:
        learnt = training.model.state_dict()
        training.model.load_state_dict(
            {name: now.lerp(first[name].to(now.device), job.remains) for name, now in learnt.items()}
        )
    save_bundle(
        context.directory,
        training.model,
        direction.tokenizer,
        kind=job.family,
        src=direction.src,
        tgt=direction.tgt,
        settings=job.bundle_settings,
        provenance={
            "recipe": context.recipe.name,
            "seed": context.recipe.seed,
            **job.origin,
            **_hub_datasets(context),
            "training": {"updates": progress.update, "target_tokens": progress.tokens},
            "inputs": _digests(context),
        },
    )
    parameters = sum(p.numel() for p in training.model.parameters())
    _write_record(context.directory / "training.json", progress, job.training, parameters)


def _validate(context: Context, model: Any, direction: _Direction) -> Validation:
    """Translates the dev set."""
    placeholders = _placeholders(context, direction.tokenizer) if model.family.one_pass else None
    translator = Translator(
        direction.tokenizer,
        make_decoder(model, DecodingOptions(placeholders=placeholders)),
        device=next(model.parameters()).device,
        languages=Languages(direction.src, direction.tgt),
        placeholders=placeholders,
    )
    hyp = [t.text for t in translator.translate(direction.dev_src)]
    bleu = measure(hyp, direction.dev_tgt, language=direction.tgt, bootstrap_samples=0).bleu
    samples = zip(direction.dev_src, direction.dev_tgt, hyp, strict=True)
    named = [dict(zip(("src", "ref", "hyp"), s, strict=True)) for s in islice(samples, 3)]
    context.say(f"  dev BLEU {bleu:.2f}   {named[0]['src'][:50]} -> {named[0]['hyp'][:50]}")
    return Validation(bleu, named)


def _write_record(path: Path, progress: Progress, settings: TrainingSettings, parameters: int) -> None:
    by_bleu = settings.select_by == "bleu"
    write_json(
        path,
        {
            "updates": progress.update,
            "seconds": round(progress.seconds, 1),
            "machine": machine_kind(),
            "versions": versions(),
            "tokens": progress.tokens,
            "epochs": progress.epoch + 1,
            **({"dev_bleu": -progress.best} if by_bleu else {"dev_loss": round(progress.best, 4)}),
            "averaged": [update for _, update in progress.kept],
            "parameters": parameters,
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
