"""One update: how batches add up, what is divided by what, and what a failed one leaves behind."""

import math
from pathlib import Path

import pytest
import torch
from accelerate.state import AcceleratorState
from tiny import KINDS, tiny_training

from onepass.errors import DataError, ModelError
from onepass.objectives.objective import Batch, LossTerm
from onepass.text.batches import IdPairs, Ragged, RaggedWriter
from onepass.training.hooks import Hooks
from onepass.training.loop import Training, load_batch
from onepass.training.schedule import inverse_square_root


def weights(training: Training) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in training.model.parameters()])


@pytest.fixture(params=KINDS)
def kind(request) -> str:
    return request.param


def test_batches_of_unequal_size_add_up_to_the_batch_of_both(tmp_path: Path, kind: str) -> None:
    both, apart = (tiny_training(tmp_path, kind, dropout=0.0) for _ in range(2))
    small, large = [3], list(range(10, 30))
    for _ in range(3):
        found, expected = apart.update([small, large]), both.update([[*small, *large]])
        assert found == pytest.approx(expected, rel=1e-4)
    # Weights whose gradient is only rounding noise may differ: Adam scales noise up.
    difference = (weights(apart) - weights(both)).abs()
    assert float((difference < 1e-5).float().mean()) > 0.95


def test_the_loss_is_each_terms_sum_divided_by_its_count_over_the_update(tmp_path: Path, kind: str) -> None:
    training = tiny_training(tmp_path, kind, dropout=0.0)
    training.model.train()
    groups, sums, counts = [[3], list(range(10, 30))], {}, {}
    for rows in groups:
        batch = load_batch(training.train, rows, torch.device("cpu"))
        for name, term in training.objective.terms(training.model, batch).items():
            sums[name] = sums.get(name, 0.0) + term.weight * term.sum.item()
            counts[name] = counts.get(name, 0) + term.count
    found = training.update(groups)
    assert found["loss"] == pytest.approx(sum(sums[name] / counts[name] for name in sums), rel=1e-5)
    assert {name: found[name] for name in sums} == pytest.approx({n: sums[n] / counts[n] for n in sums})
    assert training.progress.tokens == counts["tokens"]


def test_an_update_is_adam_on_the_clipped_gradient(tmp_path: Path) -> None:
    training = tiny_training(tmp_path, "teacher", dropout=0.0, clip_norm=0.5)
    theirs = tiny_training(tmp_path, "teacher", dropout=0.0).model.train()
    adam = torch.optim.Adam(theirs.parameters(), betas=(0.9, 0.98), eps=1e-9)
    for update in range(1, 4):
        rows = list(range(8 * update))
        training.model.train()
        found = training.update([rows])
        (term,) = training.objective.terms(theirs, load_batch(training.train, rows, "cpu")).values()
        adam.zero_grad()
        (term.sum / term.count).backward()
        norm = math.sqrt(sum(float(p.grad.square().sum()) for p in theirs.parameters()))
        assert found["gradient_norm"] == pytest.approx(norm, rel=1e-4)
        assert norm > 0.5  # clipping happens
        for p in theirs.parameters():
            p.grad *= 0.5 / norm
        adam.param_groups[0]["lr"] = inverse_square_root(update, peak=0.01, warmup=4)
        assert found["learning_rate"] == adam.param_groups[0]["lr"]
        adam.step()
    expected = torch.cat([p.detach().flatten() for p in theirs.parameters()])
    assert float(((weights(training) - expected).abs() < 1e-5).float().mean()) > 0.95


def test_the_rate_of_the_last_updates_cools_down(tmp_path: Path) -> None:
    training = tiny_training(tmp_path, "teacher", max_updates=5, cooldown=3)
    rates = [training.update([[1, 2, 3]])["learning_rate"] for _ in range(5)]
    factors = (1, 1, 0.75, 0.5, 0.25)
    expected = [f * inverse_square_root(u, peak=0.01, warmup=4) for u, f in enumerate(factors, 1)]
    assert rates == pytest.approx(expected)


def test_embeddings_and_encoder_may_have_a_rate_of_their_own(tmp_path: Path) -> None:
    for name in ("half", "whole"):
        (tmp_path / name).mkdir()
    training, same = (
        tiny_training(tmp_path / name, "student", dropout=0.0, encoder_rate=rate)
        for name, rate in (("half", 0.5), ("whole", 1.0))
    )
    before = {name: p.detach().clone() for name, p in training.model.named_parameters()}
    for each in (training, same):
        each.update([[1, 2, 3]])
    whole = dict(same.model.named_parameters())
    for name, parameter in training.model.named_parameters():
        factor = 0.5 if name.startswith(("src_embedding", "tgt_embedding", "encoder")) else 1.0
        moved = (parameter - before[name]).detach()
        torch.testing.assert_close(
            moved, factor * (whole[name] - before[name]).detach(), atol=1e-7, rtol=1e-3
        )


def test_dropout_follows_the_seed_the_update_and_the_batch_in_it(tmp_path: Path, kind: str) -> None:
    rows, losses = [1, 2, 3], []
    for seed in (1, 1, 2):
        training = tiny_training(tmp_path, kind, seed=seed, learning_rate=1e-30)
        training.model.train()
        losses.append([training.update(groups)["loss"] for groups in ([rows], [rows], [rows, rows])])
    assert losses[0] == losses[1]
    assert len({*losses[0], *losses[2]}) == 6
    again = tiny_training(tmp_path, kind, learning_rate=1e-30)
    again.progress.update = 2
    again.model.train()
    assert again.update([rows])["loss"] != losses[0][2]  # the second batch had a mask of its own


def test_bfloat16_gives_the_loss_of_float32_rounded(tmp_path: Path, kind: str) -> None:
    losses = []
    for precision in ("fp32", "bf16"):
        training = tiny_training(tmp_path, kind, precision=precision)
        training.model.train()
        losses.append([training.update([list(range(20))])["loss"] for _ in range(3)])
        assert {p.dtype for p in training.model.parameters()} == {torch.float32}
    assert losses[1] == pytest.approx(losses[0], rel=0.02)
    assert losses[1] != losses[0]


def test_the_launcher_does_not_change_the_precision_of_the_settings(tmp_path: Path, monkeypatch) -> None:
    losses = []
    for launched in ("no", "bf16"):
        AcceleratorState._reset_state(reset_partial_state=True)
        monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", launched)  # accelerate launch --mixed_precision
        losses.append(tiny_training(tmp_path, "teacher").update([[1, 2, 3]])["loss"])
    AcceleratorState._reset_state(reset_partial_state=True)
    assert losses[0] == losses[1]


@pytest.mark.parametrize("poison", ["loss", "gradient"])
def test_a_loss_or_gradient_that_is_not_finite_stops_the_training_untouched(
    tmp_path: Path, poison: str
) -> None:
    class Poisoned:
        def counts(self, batch: Batch) -> dict[str, int]:
            return {"tokens": 1}

        def terms(self, model: torch.nn.Module, batch: Batch) -> dict[str, LossTerm]:
            total = sum(p.sum() for p in model.parameters())
            value = total * torch.nan if poison == "loss" else (total * 0).sqrt()  # infinite slope
            return {"tokens": LossTerm(value, 1)}

    training = tiny_training(tmp_path, "teacher")
    training.objective = Poisoned()
    training.loss_module.objective = Poisoned()
    before = weights(training)
    with pytest.raises(ModelError, match="diverged") as caught:
        training.run()
    assert caught.value.exit_code == 4
    assert torch.equal(weights(training), before)
    assert training.progress.update == 0
    assert not training.checkpoint.exists()


@pytest.mark.parametrize("split", ["train", "dev"])
def test_a_data_set_without_a_usable_pair_is_an_error(tmp_path: Path, split: str) -> None:
    for side in ("src", "tgt"):
        with RaggedWriter(tmp_path / f"none.{side}") as writer:
            writer.write([[5], []] if side == "src" else [[], [5]])
    empty = IdPairs(Ragged(tmp_path / "none.src"), Ragged(tmp_path / "none.tgt"))
    full = tiny_training(tmp_path, "teacher")
    data = {"train": full.train, "dev": full.dev, split: empty}
    with pytest.raises(DataError, match=split):
        Training(full.model, full.objective, *data.values(), full.settings, tmp_path, seed=1, hooks=Hooks())


EMBEDDINGS = ("src_embedding", "tgt_embedding")


@pytest.mark.parametrize(
    ("rates", "still"),
    [
        ({"encoder_rate": 0}, (*EMBEDDINGS, "encoder")),
        ({"encoder_rate": 0.5, "embedding_rate": 0}, EMBEDDINGS),
    ],
)
def test_no_gradient_is_computed_for_what_stays_as_it_is(
    tmp_path: Path, rates: dict[str, float], still: tuple[str, ...]
) -> None:
    training = tiny_training(tmp_path, "student", dropout=0.0, **rates)
    before = {name: p.detach().clone() for name, p in training.model.named_parameters()}
    training.update([[1, 2, 3]])
    for name, parameter in training.model.named_parameters():
        stays = name.startswith(still)
        assert parameter.requires_grad != stays, name
        assert torch.equal(parameter, before[name]) == stays, name
