"""The trainings of a run: which model learns what, from which ids, with whose settings."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tiny_context import context_for, done_before

from onepass.bundle import WEIGHTS, Bundle
from onepass.decoding.weights import load_model
from onepass.errors import DataError, ModelError
from onepass.models.autoregressive import AutoregressiveTransformer
from onepass.objectives.bigrams import BigramObjective
from onepass.objectives.compression import CompressionObjective
from onepass.objectives.ctc import CTCObjective
from onepass.objectives.dag import DAGObjective
from onepass.objectives.fertility import FertilityObjective
from onepass.objectives.finetune import FinetuneObjective
from onepass.objectives.teacher import TeacherObjective
from onepass.pipeline import train as module
from onepass.pipeline.plan import plan
from onepass.recipe import Recipe
from onepass.settings import TrainingSettings
from onepass.text.batches import IdPairs
from onepass.text.lines import read_lines
from onepass.training.checkpoint import Progress
from tiny_export import random_student
from tiny_run import SIZES, finished_run, tiny_recipe

BIG = 'variants.big={family="ctc", slots=3, finetune={}, init_from_teacher=false}'
SMALL = 'variants.small={family="ctc", slots=3, ffn_width=8, compresses="big"}'


class FakeTraining:
    """Remembers what it was given, and trains nothing."""

    last: "FakeTraining"

    def __init__(
        self,
        model: Any,
        objective: Any,
        train: IdPairs,
        dev: IdPairs,
        settings: TrainingSettings,
        directory: Path,
        *,
        seed: int,
        hooks: Any,
    ) -> None:
        self.model, self.objective, self.train, self.dev = model, objective, train, dev
        self.settings, self.directory, self.seed, self.hooks = settings, directory, seed, hooks
        self.accelerator = SimpleNamespace(is_main_process=True)
        FakeTraining.last = self

    def run(self) -> Progress:
        return Progress(update=3, best=1.5, kept=[(1.5, 2)], tokens=70)


@pytest.fixture(autouse=True)
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "Training", FakeTraining)


def trained(
    recipe: Recipe,
    stage: str,
    to: Path,
    more: Mapping[str, Path] | None = None,
    records: list[dict[str, Any]] | None = None,
) -> FakeTraining:
    """What the training of a stage is given; `more` are stages that the finished run lacks."""
    [wanted] = (found for found in plan(recipe) if found.name == stage)
    stages = {**done_before(finished_run()), **(more or {})}
    inputs = {name: stages[name] for name in wanted.needs}
    wanted.run(context_for(recipe, to / stage, inputs, records))
    assert FakeTraining.last.directory == to / stage
    return FakeTraining.last


def assert_ids(found: IdPairs, expected: IdPairs) -> None:
    for name in ("src", "tgt", "fertilities"):
        own, theirs = getattr(found, name), getattr(expected, name)
        assert (own is None) == (theirs is None)
        if own is not None:
            assert len(own) == len(theirs)
            assert all(np.array_equal(own[row], theirs[row]) for row in range(len(own)))


def weights(stage: Path) -> dict[str, torch.Tensor]:
    return load_model(Bundle.open(stage)).state_dict()


def assert_weights(model: torch.nn.Module, expected: Mapping[str, torch.Tensor]) -> None:
    found = model.state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in found)


# --- the teachers ------------------------------------------------------------


def test_the_teacher_learns_the_corpus(tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path, "teacher.training.label_smoothing=0.3", "seed=5")
    training, prepared = trained(recipe, "teacher", tmp_path), finished_run() / "prepare"
    assert isinstance(training.objective, TeacherObjective)
    assert training.objective.label_smoothing == 0.3
    assert (training.settings, training.seed) == (recipe.teacher.training, 5)
    for split in ("train", "dev"):
        assert_ids(getattr(training, split), IdPairs.open(prepared, split))
    assert (Bundle.open(tmp_path / "teacher").src, Bundle.open(tmp_path / "teacher").tgt) == ("en", "de")


def test_the_seed_decides_the_weights_a_model_begins_with(tmp_path: Path) -> None:
    settings = ("student.init_from_teacher=false",)
    for stage in ("teacher", "student"):
        first, again, other = (
            trained(tiny_recipe(tmp_path, *settings, f"seed={seed}"), stage, tmp_path / name).model
            for name, seed in (("a", 1), ("b", 1), ("c", 2))
        )
        assert_weights(first, again.state_dict())
        assert not torch.equal(first.tgt_embedding.weight, other.tgt_embedding.weight)


@pytest.mark.parametrize("joint", ["true", "false"])
def test_the_reverse_teacher_learns_the_other_direction(joint: str, tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path, "variants.back.back_translations=1", f"tokenizer.joint={joint}")
    prepared = tmp_path / "prepare"
    plan(recipe)[0].run(context_for(recipe, prepared, {}))
    training = trained(recipe, "reverse-teacher", tmp_path, {"prepare": prepared})
    for split in ("train", "dev"):
        pairs = IdPairs.open(prepared, split)
        assert_ids(getattr(training, split), IdPairs(pairs.tgt, pairs.src))
    validation = training.hooks.validate(training.model.eval())
    pairs = zip(*(read_lines(prepared / f"dev.{side}") for side in ("tgt", "src")), strict=True)
    assert [(sample["src"], sample["ref"]) for sample in validation.samples] == list(pairs)[:3]
    bundle = Bundle.open(tmp_path / "reverse-teacher")
    assert (bundle.src, bundle.tgt) == ("de", "en")
    german = read_lines(prepared / "train.tgt")[0]
    assert bundle.tokenizer().encode_src(german) == IdPairs.open(prepared, "train").tgt[0].tolist()


# --- the students ------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "corpus", "aligned", "objective"),
    [
        ("student.dropout=0.2", "align", True, FertilityObjective),
        ("student.distilled=false", "align-raw", True, FertilityObjective),
        ('student={family="ctc"}', "align", False, CTCObjective),
        ('student={family="ctc", distilled=false}', "prepare", False, CTCObjective),
        ('student={family="autoregressive"}', "align", False, TeacherObjective),
    ],
)
def test_a_student_learns_its_own_corpus(
    settings: str, corpus: str, aligned: bool, objective: type, tmp_path: Path
) -> None:
    recipe = tiny_recipe(tmp_path, settings, "student.training.max_updates=9", "student.finetune=false")
    [raw] = [path for name, path in done_before(finished_run()).items() if name == "align"]
    training = trained(recipe, "student", tmp_path, {"align-raw": raw})
    assert type(training.objective) is objective
    assert training.settings == recipe.student.training
    place = raw if corpus == "align-raw" else finished_run() / corpus
    for split in ("train", "dev"):
        assert_ids(getattr(training, split), IdPairs.open(place, split, with_fertilities=aligned))
    bundle = Bundle.open(tmp_path / "student")
    assert (bundle.kind, bundle.src, bundle.tgt) == (recipe.student.family, "en", "de")
    assert bundle.settings["student"]["dropout"] == recipe.student.dropout
    assert {name: bundle.provenance[name] for name in ("recipe", "seed")} == {"recipe": "tiny", "seed": 1}
    assert (
        bundle.provenance["training"]["updates"]
        == json.loads((tmp_path / "student" / "training.json").read_text())["updates"]
    )
    assert corpus in bundle.provenance["inputs"]


def test_a_student_starts_from_what_the_teacher_has_unless_told(tmp_path: Path) -> None:
    teacher = weights(finished_run() / "teacher")
    for init in (True, False):
        recipe = tiny_recipe(tmp_path, f"student.init_from_teacher={str(init).lower()}")
        own = trained(recipe, "student", tmp_path / str(init)).model.state_dict()
        both = [name for name in own if name in teacher and own[name].std() > 0]
        assert {"src_embedding.weight", "encoder.layers.0.self_attention.output.weight"} <= set(both)
        assert {torch.equal(own[name], teacher[name]) for name in both} == {init}


def test_a_smaller_student_starts_from_the_larger_one_and_learns_what_it_does(tmp_path: Path) -> None:
    larger = random_student(tmp_path / "finetune-big", "ctc")
    for split in ("dev.src", "dev.tgt"):
        (larger / split).write_text("a\n", encoding="utf-8")
    sizes = [f"teacher.model.{name}={value}" for name, value in SIZES.items()]
    stages = {"finetune-big": larger, "prepare": larger}  # it has the tokenizer
    training = trained(tiny_recipe(tmp_path, *sizes, BIG, SMALL), "student-small", tmp_path, stages)
    assert isinstance(training.objective, CompressionObjective)
    assert_weights(training.objective.larger, weights(larger))
    own, theirs = training.model.state_dict(), weights(larger)
    assert torch.equal(own["tgt_embedding.weight"], theirs["tgt_embedding.weight"])
    inner = "decoder.0.ffn.inner.weight"
    assert len(own[inner]) == 8 < len(theirs[inner])
    assert all((row == theirs[inner]).all(1).any() for row in own[inner])


# --- their fine-tunings ------------------------------------------------------


def test_a_fine_tuning_goes_on_from_its_student_with_the_frozen_teacher(tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path, "student.finetune.weight=0.5", "student.finetune.reinforce_weight=0.1")
    training, tuned = trained(recipe, "finetune", tmp_path), recipe.student.finetune
    assert tuned is not None
    assert_weights(training.model, weights(finished_run() / "student"))
    assert isinstance(training.objective, FinetuneObjective)
    assert training.objective.settings == tuned
    assert isinstance(training.objective.teacher, AutoregressiveTransformer)
    assert_weights(training.objective.teacher, weights(finished_run() / "teacher"))
    assert training.settings == tuned.training != recipe.student.training
    for split in ("train", "dev"):
        expected = IdPairs.open(finished_run() / "align", split, with_fertilities=True)
        assert_ids(getattr(training, split), expected)


def tuned_for_bigrams(tmp_path: Path, *settings: str) -> tuple[FakeTraining, FakeTraining]:
    """The training of a student, and that of its fine-tuning."""
    recipe = tiny_recipe(tmp_path, BIG, *settings)
    first = trained(recipe, "student-big", tmp_path)
    return first, trained(recipe, "finetune-big", tmp_path, {"student-big": tmp_path / "student-big"})


@pytest.mark.parametrize(
    ("settings", "corpus"), [((), "prepare"), (("variants.big.finetune.references=false",), "align")]
)
def test_a_fine_tuning_without_the_teacher_learns_the_references_or_its_translations(
    settings: Sequence[str], corpus: str, tmp_path: Path
) -> None:
    first, training = tuned_for_bigrams(tmp_path, *settings)
    assert isinstance(training.objective, BigramObjective)
    assert training.objective.sample is None
    assert_weights(training.model, first.model.state_dict())
    for split in ("train", "dev"):
        assert_ids(getattr(training, split), IdPairs.open(finished_run() / corpus, split))


def test_a_fine_tuning_may_learn_over_a_sample_of_the_words(tmp_path: Path) -> None:
    _, tuned = tuned_for_bigrams(tmp_path, "variants.big.finetune.training.vocabulary_sample=[3, 2]")
    sample = tuned.objective.sample
    assert (len(sample.frequent), sample.drawn) == (3, 2)
    assert float(sample.counts.sum()) == IdPairs.open(finished_run() / "prepare", "train").tgt.lengths.sum()


def test_a_fine_tuning_stops_where_its_fertilities_leave_those_of_its_corpus(tmp_path: Path) -> None:
    records: list[dict[str, Any]] = []
    training = trained(tiny_recipe(tmp_path), "finetune", tmp_path, records=records)
    pairs = IdPairs.open(finished_run() / "align", "train")
    usual = float(pairs.tgt.lengths.sum() / pairs.src.lengths.sum())
    for _ in range(100):
        training.hooks.log({"update": 1, "fertility_mean": 1.9 * usual})
        training.hooks.log({"update": 1, "dev_loss": 2.0})
    assert len(records) == 200
    with pytest.raises(ModelError, match="collapsed"):
        any(training.hooks.log({"update": 1, "fertility_mean": 2.2 * usual}) for _ in range(100))
    plain = trained(tiny_recipe(tmp_path), "student", tmp_path)
    for _ in range(100):
        plain.hooks.log({"update": 1, "fertility_mean": 2.2 * usual})


# --- what they leave ---------------------------------------------------------


def test_the_bundle_has_what_the_training_ended_with(tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path, "student.training.select_by=bleu")
    for stage, best in (("teacher", "dev_loss"), ("student", "dev_bleu")):
        training = trained(recipe, stage, tmp_path)
        saved = load_file(tmp_path / stage / WEIGHTS)
        state = training.model.state_dict()
        assert all(torch.equal(saved[name], state[name]) for name in saved)
        record = (tmp_path / stage / "training.json").read_text(encoding="utf-8")
        assert f'"{best}"' in record
        assert '"averaged": [\n  2\n ]' in record
    assert (tmp_path / "student/joint.model").read_bytes() == (
        finished_run() / "prepare/joint.model"
    ).read_bytes()


def test_a_process_beside_the_first_writes_no_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(self: FakeTraining) -> Progress:
        self.accelerator.is_main_process = False
        return Progress()

    monkeypatch.setattr(FakeTraining, "run", run)
    trained(tiny_recipe(tmp_path), "teacher", tmp_path)
    assert not list((tmp_path / "teacher").iterdir())


@pytest.mark.parametrize("family", ["ctc", "dag"])
def test_pairs_that_do_not_fit_are_counted(
    family: str, make_slots: Callable[..., Any], make_pairs: Callable[..., IdPairs]
) -> None:
    chance, said = np.random.default_rng(3), list[str]()
    context: Any = SimpleNamespace(say=said.append)
    model = make_slots(family, slots=2)
    src, tgt = ([chance.integers(4, 6, n).tolist() for n in chance.integers(1, 8, 40)] for _ in range(2))
    objective = {"ctc": CTCObjective, "dag": DAGObjective}[family](2, None)
    fits = [
        bool(objective.fits(SimpleNamespace(src_ids=torch.tensor([s]), tgt_ids=torch.tensor([t]))))
        for s, t in zip(src, tgt, strict=True)
    ]
    misfits = fits.count(False)
    assert 3 < misfits < 37
    pairs = make_pairs("all", src=[*src, []], tgt=[*tgt, [5]])
    module._count_misfits(context, model, "train", pairs, distilled=True)
    assert said == [f"  {misfits} train pairs ({misfits / 40:.2%}) do not fit into the student's slots"]
    pairs = make_pairs("one", src=[[4, 5]], tgt=[[5, 4]])
    module._count_misfits(context, model, "dev", pairs, distilled=False)
    long = make_pairs("long", src=[[4], [5], []], tgt=[[6] * 9, [7, 8] * 9, [5]])
    with pytest.raises(DataError, match=r"(?s)No dev pair fits.*student\.slots"):
        module._count_misfits(context, model, "dev", long, distilled=False)
    assert len(said) == 1
    module._count_misfits(context, model, "dev", long, distilled=True)
    assert said[1] == "  2 dev pairs (100.00%) do not fit into the student's slots"
