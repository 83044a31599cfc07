"""A whole training: it learns, validates, stops, averages; stopped and resumed it ends the same."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tiny import KINDS, records, tiny_training, write_pairs

from onepass.decoding.weights import load_weights, save_weights
from onepass.errors import ModelError
from onepass.training.checkpoint import average_weights, kept_path
from onepass.training.hooks import Hooks, Validation
from onepass.training.loop import Training, dev_loss


class Recorder:
    """Hooks that record, and stop the training at an update or inside a validation."""

    def __init__(self, stop_at: int = 0, *, stop_in_validation: bool = False) -> None:
        self.stop_at, self.stop_in_validation = stop_at, stop_in_validation
        self.updates: list[int] = []
        self.validations: list[dict[str, Any]] = []

    def progress(self, done: int, total: int, text: str) -> None:
        self.updates.append(done)
        if done == self.stop_at and not self.stop_in_validation:
            raise KeyboardInterrupt

    def validate(self, model: torch.nn.Module) -> Validation:
        assert not model.training
        torch.rand(7)  # a validation may use random numbers
        if self.updates[-1] == self.stop_at:
            raise KeyboardInterrupt
        return Validation(bleu=1.0)

    def log(self, record: dict[str, Any]) -> None:
        if "dev_bleu" in record:
            self.validations.append(record)

    @property
    def hooks(self) -> Hooks:
        return Hooks(self.validate, self.log, progress=self.progress)


def weight_bytes(training: Training) -> bytes:
    path = training.directory / "final.safetensors"
    save_weights(training.model, path)
    return path.read_bytes()


@pytest.fixture(scope="module", params=[("teacher", "fp32"), ("student", "fp32"), ("student", "bf16")])
def uninterrupted(request, tmp_path_factory) -> tuple[dict[str, str], bytes, list[dict[str, Any]]]:
    kind, precision = request.param
    recorder, case = Recorder(), {"kind": kind, "precision": precision}
    training = tiny_training(tmp_path_factory.mktemp("whole"), hooks=recorder.hooks, accumulate=2, **case)
    training.run()
    assert recorder.updates == list(range(1, 21))
    assert training.progress.epoch > 1
    return case, weight_bytes(training), recorder.validations


@pytest.mark.parametrize(
    "stops",
    [
        [Recorder(1)],
        [Recorder(6)],
        [Recorder(7), Recorder(11), Recorder(17)],
        [Recorder(12, stop_in_validation=True)],
        [Recorder(20)],
        [Recorder(20, stop_in_validation=True)],
    ],
    ids=[
        "at the start",
        "before a validation",
        "three times",
        "in a validation",
        "at the end",
        "in the last",
    ],
)
def test_a_stopped_and_resumed_training_ends_in_the_same_bytes(
    uninterrupted, tmp_path: Path, stops: list[Recorder]
) -> None:
    case, expected, validations = uninterrupted
    for recorder in stops:
        stopped = tiny_training(tmp_path, hooks=recorder.hooks, accumulate=2, **case)
        with pytest.raises(KeyboardInterrupt):
            stopped.run()
    last = Recorder()
    resumed = tiny_training(tmp_path, hooks=last.hooks, accumulate=2, **case)
    assert resumed.progress.update == (stops[-1].stop_at - 1) // 6 * 6
    resumed.run()
    assert weight_bytes(resumed) == expected
    for found, wanted in zip(last.validations[::-1], validations[::-1], strict=False):
        assert {**found, "seconds": 0} == {**wanted, "seconds": 0}


def test_a_finished_training_is_not_continued(tmp_path: Path) -> None:
    first = tiny_training(tmp_path, "teacher")
    first.run()
    again = Recorder()
    second = tiny_training(tmp_path, "teacher", hooks=again.hooks)
    second.run()
    assert again.updates == []
    assert weight_bytes(second) == weight_bytes(first)


@pytest.mark.parametrize("kind", KINDS)
def test_one_batch_is_learnt_by_heart(tmp_path: Path, kind: str) -> None:
    training = tiny_training(
        tmp_path, kind, dropout=0.0, max_updates=150, warmup=20, validate_every=50, average=1
    )
    training.train = training.dev = write_pairs(tmp_path, "few", 8)
    training.objective.__dict__.update(label_smoothing=0.0)
    recorder = Recorder()
    training.hooks = recorder.hooks
    training.settings = training.settings.model_copy(update={"batch_tokens": 1000})
    training.run()
    losses = [value for name, value in recorder.validations[-1].items() if name in LOSSES]
    assert losses
    assert max(losses) < 0.05


LOSSES = ("dev_tokens", "dev_fertilities")


def test_validations_come_as_often_as_asked_and_at_the_end(tmp_path: Path) -> None:
    recorder = Recorder()
    tiny_training(tmp_path, "student", hooks=recorder.hooks).run()
    assert [record["update"] for record in recorder.validations] == [6, 12, 18, 20]
    assert all(record[name] > 0 for record in recorder.validations for name in LOSSES)


def test_the_dev_loss_is_the_mean_over_all_dev_tokens(tmp_path: Path) -> None:
    recorder = Recorder()
    training = tiny_training(tmp_path, "teacher", hooks=recorder.hooks, average=1, max_updates=6)
    training.run()
    total, count = 0.0, 0
    with torch.no_grad():
        for src, tgt in zip(training.dev.src, training.dev.tgt, strict=True):
            memory = training.model.encode(torch.tensor(src)[None])
            states = training.model.decode(torch.tensor(tgt)[None], memory)[0]
            log_probs = training.model.logits(states).log_softmax(-1)
            total -= sum(float(log_probs[t, i]) for t, i in enumerate([*tgt, 3]))
            count += len(tgt) + 1
    assert recorder.validations[-1]["dev_tokens"] == pytest.approx(total / count, rel=1e-5)


@pytest.mark.parametrize("kind", [*KINDS, "ctc", "dag"])
def test_a_validation_is_of_the_weights_it_keeps(tmp_path: Path, kind: str) -> None:
    """Whatever a model remembers of the updates before."""
    logged = {record["update"]: record for record in records(tmp_path, kind) if "dev_tokens" in record}
    training = tiny_training(tmp_path, kind)
    assert len(training.progress.kept) == 2
    for _, update in training.progress.kept:
        (tmp_path / str(update)).mkdir()
        fresh = tiny_training(tmp_path / str(update), kind)
        load_weights(fresh.model, load_file(kept_path(tmp_path, update)), where=tmp_path)
        loss = dev_loss(fresh.model, fresh.objective, fresh.dev, 80, torch.device("cpu"))
        assert loss.terms["tokens"] == pytest.approx(logged[update]["dev_tokens"], rel=1e-5)


def test_the_weights_at_the_end_are_the_mean_of_the_best_validations(tmp_path: Path) -> None:
    recorder, kept = Recorder(), {}

    def validate(model: torch.nn.Module) -> Validation:
        kept[recorder.updates[-1]] = {name: w.clone() for name, w in model.state_dict().items()}
        return Validation(bleu=0.0)

    hooks = Hooks(validate, recorder.log, progress=recorder.progress)
    training = tiny_training(
        tmp_path, "teacher", hooks=hooks, validate_every=2, learning_rate=0.05, average=3
    )
    training.run()
    best = sorted(recorder.validations, key=lambda record: record["dev_tokens"])[:3]
    updates = [record["update"] for record in best]
    assert updates != [20, 18, 16]  # the best are not just the last
    for name, weight in training.model.state_dict().items():
        mean = torch.stack([kept[update][name] for update in updates]).double().mean(0)
        torch.testing.assert_close(weight, mean.float())
    assert sorted(tmp_path.glob("kept-*")) == sorted(kept_path(tmp_path, update) for update in updates)
    assert not training.model.training


def test_validations_may_be_judged_by_bleu(tmp_path: Path) -> None:
    scores = iter([1.0, 5.0, 4.0, 2.0, 3.0, 9.0])
    hooks = Hooks(lambda _: Validation(bleu=next(scores)))
    settings = {"select_by": "bleu", "patience": 3, "average": 2, "validate_every": 2, "max_updates": 100}
    training = tiny_training(tmp_path, "student", hooks=hooks, **settings)
    training.run()
    assert training.progress.kept == [(-5.0, 4), (-4.0, 6)]
    assert (training.progress.update, training.progress.best) == (10, -5.0)
    with pytest.raises(ValueError, match="must compute it"):
        tiny_training(tmp_path, "student", **settings)


def test_training_stops_when_dev_loss_has_not_improved_for_a_while(tmp_path: Path) -> None:
    recorder = Recorder()
    settings = {"learning_rate": 1e-30, "patience": 3, "validate_every": 2, "max_updates": 100}
    training = tiny_training(tmp_path, "teacher", hooks=recorder.hooks, **settings)
    training.run()
    assert [record["update"] for record in recorder.validations] == [2, 4, 6, 8]
    assert training.progress.finished


def test_a_training_that_cools_down_goes_on_to_its_end(tmp_path: Path) -> None:
    recorder = Recorder()
    settings = {"learning_rate": 1e-30, "patience": 3, "validate_every": 2, "max_updates": 14, "cooldown": 7}
    tiny_training(tmp_path, "teacher", hooks=recorder.hooks, **settings).run()
    assert [record["update"] for record in recorder.validations] == [2, 4, 6, 8, 10, 12, 14]


def test_tied_weights_are_written_once_and_read_back_into_both(tmp_path: Path) -> None:
    training = tiny_training(tmp_path, "teacher")
    save_weights(training.model, tmp_path / "weights.safetensors")
    names = load_file(tmp_path / "weights.safetensors").keys()
    assert len([name for name in names if "embedding" in name]) == 1
    assert average_weights([tmp_path / "weights.safetensors"] * 3).keys() == names


def test_of_validations_with_equal_loss_the_earliest_are_kept(tmp_path: Path) -> None:
    training = tiny_training(
        tmp_path, "teacher", learning_rate=1e-30, validate_every=2, max_updates=8, average=2
    )
    training.run()
    assert [update for _, update in training.progress.kept] == [2, 4]


DAMAGE = {
    "cut": lambda data: data[: len(data) // 2],
    "cut at the end": lambda data: data[:-30],
    "empty": lambda data: b"",
    "text": lambda data: b"version https://example.org/lfs\n" * 9,
    "zeros": lambda data: bytes(len(data)),
    "a pickle": lambda data: b"\x80\x02cos\nsystem\nX\x04\x00\x00\x00true\x85R.",
    "bytes in the middle": lambda data: data[:4000] + b"damage" * 50 + data[4300:],
}


@pytest.fixture
def started(tmp_path: Path) -> Path:
    tiny_training(tmp_path, "teacher", max_updates=6).run()
    return tmp_path


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_checkpoint_is_an_error_that_names_it(started: Path, damage) -> None:
    path = started / "checkpoint.pt"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ModelError, match=r"checkpoint\.pt"):
        tiny_training(started, "teacher")


@pytest.mark.parametrize("state", [{}, [], {"model": {}, "optimizer": {}, "progress": {}}])
def test_a_checkpoint_of_something_else_is_an_error(started: Path, state: Any) -> None:
    torch.save(state, started / "checkpoint.pt")
    with pytest.raises(ModelError, match=r"checkpoint\.pt"):
        tiny_training(started, "teacher")


def test_a_checkpoint_of_another_model_is_an_error(started: Path) -> None:
    with pytest.raises(ModelError, match=r"checkpoint\.pt"):
        tiny_training(started, "student")


@pytest.mark.parametrize("damage", ["missing", "cut"])
def test_damaged_kept_weights_are_an_error_that_names_them(started: Path, damage: str) -> None:
    path = kept_path(started, 6)
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ModelError, match="kept-00000006"):
        tiny_training(started, "teacher", max_updates=6).run()


@pytest.mark.parametrize("change", ["one less", "one more", "another shape"])
def test_weights_that_do_not_fit_are_an_error(started: Path, change: str) -> None:
    tensors = load_file(kept_path(started, 6))
    name = "decoder_norm.weight"
    changed = {"one less": None, "one more": tensors[name], "another shape": tensors[name][:3]}[change]
    tensors[name + ".2" if change == "one more" else name] = changed
    with pytest.raises(ModelError, match="do not fit"):
        load_weights(
            tiny_training(started, "teacher").model,
            {n: t for n, t in tensors.items() if t is not None},
            where="here",
        )
