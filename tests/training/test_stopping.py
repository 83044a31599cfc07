"""A training that is stopped by a signal, or loses a file, ends in the bytes of one that was left alone."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tiny import tiny_training

from onepass.decoding.weights import save_weights
from onepass.errors import ModelError
from onepass.training.checkpoint import kept_path, older_path, read_checkpoint
from onepass.training.hooks import Hooks, Validation
from onepass.training.loop import Training
from onepass.training.stopping import Stopped, StopRequest


class Killer:
    """Hooks that send a signal to this process at an update or in its validation."""

    def __init__(self, number: int, at: int, *, in_validation: bool = False) -> None:
        self.number, self.at, self.in_validation = number, at, in_validation
        self.updates: list[int] = []
        self.validations: list[dict[str, Any]] = []
        self.said: list[str] = []

    def progress(self, done: int, total: int, text: str) -> None:
        self.updates.append(done)
        if done == self.at and not self.in_validation:
            os.kill(os.getpid(), self.number)

    def validate(self, model: torch.nn.Module) -> Validation:
        if self.in_validation and self.updates[-1] == self.at:
            os.kill(os.getpid(), self.number)
            pytest.fail("a signal stops a validation at once")
        return Validation(bleu=1.0)

    def log(self, record: dict[str, Any]) -> None:
        if "dev_bleu" in record:
            self.validations.append(record)

    @property
    def hooks(self) -> Hooks:
        return Hooks(self.validate, self.log, progress=self.progress, say=self.said.append)


def weight_bytes(training: Training) -> bytes:
    path = training.directory / "final.safetensors"
    save_weights(training.model, path)
    return path.read_bytes()


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, list[int]]:
    left_alone = Killer(0, 0)
    training = tiny_training(tmp_path_factory.mktemp("whole"), "teacher", hooks=left_alone.hooks)
    training.run()
    return weight_bytes(training), [record["update"] for record in left_alone.validations]


@pytest.fixture(autouse=True)
def handlers_are_given_back() -> Iterator[None]:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    yield
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


@pytest.mark.parametrize(
    ("number", "at", "in_validation"),
    [
        (signal.SIGINT, 8, False),
        (signal.SIGTERM, 12, False),
        (signal.SIGTERM, 12, True),
        (signal.SIGTERM, 20, True),
    ],
)
def test_a_signal_writes_a_checkpoint_and_nothing_is_lost(
    number: int, at: int, in_validation: bool, tmp_path: Path, uninterrupted: tuple[bytes, list[int]]
) -> None:
    killer = Killer(number, at, in_validation=in_validation)
    with pytest.raises(Stopped) as stopped:
        tiny_training(tmp_path, "teacher", hooks=killer.hooks).run()
    assert stopped.value.number == number
    assert killer.updates == list(range(1, at + 1))
    after = Killer(0, 0)
    resumed = tiny_training(tmp_path, "teacher", hooks=after.hooks)
    assert resumed.progress.update == at
    resumed.run()
    assert after.updates == list(range(at + 1, 21))
    expected, validations = uninterrupted
    assert weight_bytes(resumed) == expected
    assert [record["update"] for record in killer.validations + after.validations] == validations


def test_a_second_signal_does_what_it_always_does() -> None:
    with StopRequest() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.number == signal.SIGINT
        with pytest.raises(KeyboardInterrupt) as found:
            os.kill(os.getpid(), signal.SIGINT)
    assert not isinstance(found.value, Stopped)


def test_a_signal_that_the_process_ignores_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with StopRequest() as stop:
            os.kill(os.getpid(), signal.SIGINT)
        assert stop.number is None
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_checkpoint_is_written_by_the_minute_too(
    tmp_path: Path, uninterrupted: tuple[bytes, list[int]]
) -> None:
    class Stop(Killer):
        def progress(self, done: int, total: int, text: str) -> None:
            if done == self.at:
                raise RuntimeError("the machine is gone")

    with pytest.raises(RuntimeError, match="gone"):
        tiny_training(tmp_path, "teacher", hooks=Stop(0, 9).hooks, checkpoint_minutes=1e-9).run()
    resumed = tiny_training(tmp_path, "teacher")
    assert resumed.progress.update == 8
    assert resumed.progress.seconds > 0
    resumed.run()
    assert weight_bytes(resumed) == uninterrupted[0]


# --- damage ------------------------------------------------------------------


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    "damage",
    [flip_a_byte, lambda path: path.write_bytes(b""), lambda path: path.write_bytes(path.read_bytes()[:-9])],
    ids=["a flipped byte", "empty", "cut"],
)
def test_a_damaged_checkpoint_is_said_and_the_older_one_is_taken(
    damage: Callable[[Path], None], tmp_path: Path, uninterrupted: tuple[bytes, list[int]]
) -> None:
    with pytest.raises(Stopped):
        tiny_training(tmp_path, "teacher", hooks=Killer(signal.SIGTERM, 13).hooks).run()
    damage(tmp_path / "checkpoint.pt")
    after = Killer(0, 0)
    resumed = tiny_training(tmp_path, "teacher", hooks=after.hooks)
    assert resumed.progress.update == 12
    assert len(after.said) == 1
    assert "checkpoint.pt" in after.said[0]
    resumed.run()
    assert weight_bytes(resumed) == uninterrupted[0]


def test_two_damaged_checkpoints_are_an_error(tmp_path: Path) -> None:
    tiny_training(tmp_path, "teacher").run()
    for path in (tmp_path / "checkpoint.pt", older_path(tmp_path / "checkpoint.pt")):
        flip_a_byte(path)
    with pytest.raises(ModelError, match=r"checkpoint\.pt.*checkpoint-older\.pt"):
        tiny_training(tmp_path, "teacher")


def test_what_a_checkpoint_needs_is_kept_as_long_as_it_is(tmp_path: Path) -> None:
    seen = []

    def look(record: dict[str, Any]) -> None:
        for path in tmp_path.glob("checkpoint*.pt"):
            needed = [update for _, update in read_checkpoint(path)["progress"]["kept"]]
            assert all(kept_path(tmp_path, update).exists() for update in needed)
            seen.append(path.name)

    tiny_training(tmp_path, "teacher", hooks=Hooks(log=look), validate_every=1, average=1).run()
    assert {"checkpoint.pt", "checkpoint-older.pt"} <= set(seen)


@pytest.mark.parametrize("damage", [flip_a_byte, Path.unlink], ids=["a flipped byte", "missing"])
def test_damaged_kept_weights_are_an_error_and_trained_again(
    damage: Callable[[Path], None], tmp_path: Path, uninterrupted: tuple[bytes, list[int]]
) -> None:
    tiny_training(tmp_path, "teacher").run()
    [*_, (_, update)] = sorted(tiny_training(tmp_path, "teacher").progress.kept)
    damage(kept_path(tmp_path, update))
    with pytest.raises(ModelError, match="cannot be read") as error:
        tiny_training(tmp_path, "teacher").run()
    assert error.value.where == kept_path(tmp_path, update)
    again = tiny_training(tmp_path, "teacher")
    assert again.progress.update < update
    again.run()
    assert weight_bytes(again) == uninterrupted[0]
    assert load_file(kept_path(tmp_path, update))


# --- going on ----------------------------------------------------------------


def test_a_finished_training_goes_on_where_it_may_be_longer(
    tmp_path: Path, uninterrupted: tuple[bytes, list[int]]
) -> None:
    tiny_training(tmp_path, "teacher", max_updates=12).run()
    after = Killer(0, 0)
    longer = tiny_training(tmp_path, "teacher", hooks=after.hooks)
    longer.run()
    assert after.updates == list(range(13, 21))
    assert weight_bytes(longer) == uninterrupted[0]


def test_a_training_that_ran_out_of_patience_goes_on_with_more_of_it(tmp_path: Path) -> None:
    settings = {"learning_rate": 1e-30, "validate_every": 2, "max_updates": 100}
    tiny_training(tmp_path, "teacher", patience=3, **settings).run()
    after = Killer(0, 0)
    tiny_training(tmp_path, "teacher", patience=5, hooks=after.hooks, **settings).run()
    assert after.updates == [9, 10, 11, 12]
