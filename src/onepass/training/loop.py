"""The training loop: batches -> model -> objective -> one division -> update, and validation.

The loss trace depends on the recipe and the seed alone. N processes share the `accumulate` batches
of an update, and the default generator is seeded anew for each batch, so that they follow the trace
of one process and a resumed training that of the uninterrupted one.
"""

from __future__ import annotations

import contextlib
import ctypes
import math
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn

from onepass.decoding.weights import load_weights, save_weights
from onepass.errors import DataError, ModelError, UsageError
from onepass.objectives.objective import Batch, LossTerm, Objective, pad_ids
from onepass.settings import TrainingSettings
from onepass.text.batches import BatchPlan, IdPairs, Ragged, plan_batches
from onepass.training.checkpoint import (
    CHECKPOINT,
    Progress,
    average_kept,
    file_blake2b,
    forget_kept,
    kept_path,
    load_checkpoint,
    save_checkpoint,
)
from onepass.training.hooks import Hooks, Validation
from onepass.training.optimizer import make_optimizer, rate_factor
from onepass.training.schedule import cooling, inverse_square_root
from onepass.training.stopping import Stopped, StopRequest


def load_batch(pairs: IdPairs, rows: Any, device: torch.device) -> Batch:
    """The given rows as padded tensors."""

    def padded(column: Ragged) -> Tensor:
        return pad_ids([column[int(i)] for i in rows]).to(device)

    fertilities = None if pairs.fertilities is None else padded(pairs.fertilities)
    return Batch(padded(pairs.src), padded(pairs.tgt), fertilities)


def has_bf16(device: torch.device) -> bool:
    """Whether the device computes in bfloat16 faster than in float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    probe = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(probe and probe())


def keep_freed_memory() -> None:
    """Tells glibc's allocator to keep what is freed, for the rest of the process.

    By default every large tensor is mapped anew and its pages faulted in again: a fifth of a step's
    time on a CPU (benchmarks/train_throughput.py). Other C libraries are left alone.
    """
    trim_threshold, mmap_threshold = -1, -3
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(mmap_threshold, 1 << 30)
        libc.mallopt(trim_threshold, (1 << 31) - 1)


class _Loss(nn.Module):
    """The objective as a module, so that it runs inside a distributed wrapper."""

    def __init__(self, model: nn.Module, objective: Objective) -> None:
        super().__init__()
        self.model = model
        self.objective = objective

    def forward(self, batch: Batch) -> dict[str, LossTerm]:
        return dict(self.objective.terms(self.model, batch))


def _batch_stream(plan_of: Callable[[int], BatchPlan], progress: Progress) -> Iterator[Any]:
    """Batches for ever, from where `progress` stands; keeps `progress` up to date.

    Args:
        plan_of: the batches of an epoch.
        progress: epoch and batch.
    """
    while True:
        batches = plan_of(progress.epoch)
        while progress.batch < len(batches):
            progress.batch += 1
            yield batches[progress.batch - 1]
        progress.epoch, progress.batch = progress.epoch + 1, 0


class Losses(NamedTuple):
    """The loss, and the mean of each of its terms before their weights."""

    total: float
    terms: dict[str, float]


def _weighted(means: Mapping[str, float], weights: Mapping[str, float]) -> float:
    return sum(weights[name] * mean for name, mean in means.items() if weights[name])


@torch.no_grad()
def dev_loss(
    model: nn.Module, objective: Objective, pairs: IdPairs, batch_tokens: int, device: torch.device
) -> Losses:
    """The loss and its terms over a data set; the model is put in eval mode."""
    model.eval()
    sums: dict[str, float] = {}
    counts: dict[str, int] = {}
    weights: dict[str, float] = {}
    for rows in plan_batches(pairs, batch_tokens):
        for name, term in objective.terms(model, load_batch(pairs, rows, device)).items():
            sums[name] = sums.get(name, 0.0) + float(term.sum)
            counts[name] = counts.get(name, 0) + term.count
            weights[name] = term.weight
    means = {name: sums[name] / counts[name] for name in sums}
    return Losses(_weighted(means, weights), means)


class Training:
    """One training of one model in one directory; `run` trains to the end, from a checkpoint if any.

    Args:
        model: fresh or initialised; holds the averaged weights when `run` returns.
        objective: what it learns.
        train, dev: ids.
        settings: batches, schedule, stopping.
        directory: for the checkpoint; must exist.
        seed: of batches and dropout.
        hooks: see Hooks.

    Raises:
        UsageError: the processes cannot share the batches of an update equally.
        DataError: a set has no pair with two sides.
        ModelError: the checkpoint is damaged.
    """

    def __init__(
        self,
        model: nn.Module,
        objective: Objective,
        train: IdPairs,
        dev: IdPairs,
        settings: TrainingSettings,
        directory: Path,
        *,
        seed: int,
        hooks: Hooks | None = None,
    ) -> None:
        # The loop casts by itself, as the settings say and not the launcher. On a CPU there is a process
        # group only where accelerate is told that it shall be one.
        self.accelerator = Accelerator(mixed_precision="no", cpu=not torch.accelerator.is_available())
        processes = self.accelerator.num_processes
        started = int(os.environ.get("WORLD_SIZE", processes))
        if started != processes:
            raise UsageError(
                "Processes cannot train together on this device",
                where=self.accelerator.device.type,
                value=f"{started} processes",
                fix="start one",
            )
        if settings.accumulate % processes:
            raise UsageError(
                "The batches of an update cannot be shared equally by the processes",
                where="training.accumulate",
                value=settings.accumulate,
                allowed=f"a multiple of {processes}",
            )
        if settings.select_by == "bleu" and (hooks is None or hooks.validate is None):
            raise ValueError("to select by BLEU, hooks.validate must compute it")
        self.device = self.accelerator.device
        if self.device.type == "cpu":
            keep_freed_memory()
        self.model = model.to(self.device)
        rates = settings.encoder_rate, settings.embedding_rate
        for name, parameter in self.model.named_parameters():
            if rate_factor(name, *rates) == 0:  # no gradient is computed for what stays as it is
                parameter.requires_grad_(False)
        self.objective = objective
        for name, pairs in (("train", train), ("dev", dev)):
            if not np.any((pairs.src.lengths > 0) & (pairs.tgt.lengths > 0)):
                raise DataError("There is no pair with two sides to learn from", where=f"the {name} set")
        self.train, self.dev = train, dev
        self.settings, self.directory, self.seed = settings, directory, seed
        self.hooks = hooks if hooks is not None and self.accelerator.is_main_process else Hooks()
        self.bf16 = settings.precision == "bf16" or (settings.precision == "auto" and has_bf16(self.device))
        self.optimizer, self.rate_factors = make_optimizer(
            self.model,
            *rates,
            kind=settings.optimizer,
            dtype=torch.bfloat16 if self.bf16 else torch.float32,
        )
        self.progress = Progress()
        self.checkpoint = directory / CHECKPOINT
        restored = load_checkpoint(self.checkpoint, self.model, self.optimizer)
        if restored is not None:
            self.progress = restored.progress
            self.progress.finished = self.progress.finished and self._is_over()
            if restored.damaged is not None:
                self.hooks.say(f"  {restored.damaged}: goes on from update {self.progress.update}, before it")
        self.stop = StopRequest()
        self._kept_before = {update for _, update in self.progress.kept}
        self.loss_module = self.accelerator.prepare(_Loss(self.model, objective))

    def run(self) -> Progress:
        """Trains until `max_updates` or until `patience` validations have brought nothing better.

        The averaged weights are in the main process's model alone. SIGINT or SIGTERM ends it after the
        checkpoint is written.

        Raises:
            DataError: the checkpoint cannot be written.
            ModelError: the loss is not finite, or kept weights are damaged.
            Stopped: a signal has come.
        """
        with StopRequest() as self.stop:
            self._train()
        if self.accelerator.is_main_process:
            averaged = average_kept(self.directory, self.progress)
            load_weights(self.model, averaged, where=self.directory)
            forget_kept(self.directory, {update for _, update in self.progress.kept})
        self.model.eval()
        return self.progress

    def _train(self) -> None:
        settings, progress = self.settings, self.progress
        self.hooks.rewind(progress.update)
        batches = _batch_stream(self._plan, progress)
        clock = saved = time.monotonic()
        since_log, tokens_logged = clock, progress.tokens
        stopped_in_it, untouched = progress.validated < progress.update, settings.max_updates == 0
        if self._is_due() and (stopped_in_it or (untouched and not progress.finished)):
            with self._saving_where_stopped():
                self._validate()
            clock = time.monotonic()
        while not progress.finished:
            self.model.train()
            with self._saving_where_stopped(since=clock):
                losses = self.update([next(batches) for _ in range(settings.accumulate)])
            self.hooks.progress(progress.update, settings.max_updates, f"loss {losses['loss']:.3f}")
            now = time.monotonic()
            rate = (progress.tokens - tokens_logged) / max(now - since_log, 1e-9)
            self.hooks.log({"update": progress.update, **losses, "tokens_per_second": round(rate)})
            since_log, tokens_logged = now, progress.tokens
            if self._is_due():
                progress.seconds += now - clock
                with self._saving_where_stopped():
                    self._validate()
                saved = since_log = clock = time.monotonic()
            elif now - saved >= 60 * settings.checkpoint_minutes:
                progress.seconds += now - clock
                self._save()
                saved = clock = time.monotonic()

    def _plan(self, epoch: int) -> BatchPlan:
        """The batches of an epoch; of several processes on a machine one makes them, and all map its file."""
        accelerator = self.accelerator

        def make() -> BatchPlan:
            return plan_batches(self.train, self.settings.batch_tokens, seed=self.seed, epoch=epoch)

        if accelerator.num_processes == 1:
            return make()
        first = accelerator.process_index - accelerator.local_process_index  # of this machine
        path = self.directory / f"batches-{first}.plan"
        if accelerator.is_local_main_process:
            make().write(path)
        accelerator.wait_for_everyone()
        batches = BatchPlan.open(path)
        accelerator.wait_for_everyone()
        if accelerator.is_local_main_process:
            path.unlink()  # the mappings stay
        return batches

    def _is_due(self) -> bool:
        """Whether a validation follows the last update."""
        settings, update = self.settings, self.progress.update
        return update >= settings.max_updates or update % settings.validate_every == 0

    def _is_over(self) -> bool:
        """Whether the training ends with the last validation."""
        settings, progress = self.settings, self.progress
        cooling_down = progress.update > settings.max_updates - settings.cooldown
        return progress.update >= settings.max_updates or (
            progress.stale >= settings.patience and not cooling_down
        )

    @contextlib.contextmanager
    def _saving_where_stopped(self, since: float | None = None) -> Iterator[None]:
        """Writes the state of before where something stops what is inside; `since` counts as training.

        That is a signal, or a collective that fails because another process has ended.
        """
        progress = self.progress
        update, epoch, batch = progress.update, progress.epoch, progress.batch
        try:
            yield
        except (Stopped, RuntimeError) as error:
            if isinstance(error, Stopped) or (
                self.accelerator.num_processes > 1 and progress.update == update
            ):
                progress.epoch, progress.batch = epoch, batch
                if since is not None:
                    progress.seconds += time.monotonic() - since
                self._save()
            if isinstance(error, RuntimeError):
                self.stop.raise_if_asked()
            raise

    def _save(self) -> None:
        """Writes the checkpoint, in the main process; weights that neither generation needs are removed."""
        if not self.accelerator.is_main_process:
            return
        self.hooks.sync()
        save_checkpoint(self.checkpoint, self.model, self.optimizer, self.progress)
        kept = {update for _, update in self.progress.kept}
        forget_kept(self.directory, kept | self._kept_before)
        self._kept_before = kept

    def update(self, groups: Sequence[Any]) -> dict[str, float]:
        """One update from `accumulate` batches of rows; returns the loss, its terms, norm and rate."""
        accelerator, settings, progress = self.accelerator, self.settings, self.progress
        own = groups[accelerator.process_index :: accelerator.num_processes]
        done = progress.update / settings.max_updates
        loaded = [replace(load_batch(self.train, rows, self.device), progress=done) for rows in own]
        counts = self._total_counts(loaded)
        means: dict[str, Tensor] = {}
        weights: dict[str, float] = {}
        for i, batch in enumerate(loaded):
            last = i == len(loaded) - 1
            if accelerator.num_processes == 1:
                self.stop.raise_if_asked()
            with contextlib.nullcontext() if last else accelerator.no_sync(self.loss_module):
                self._seed_dropout(accelerator.process_index + i * accelerator.num_processes)
                with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
                    terms = self.loss_module(batch)
                weights = {name: term.weight for name, term in terms.items()}
                parts = {name: term.sum / counts[name] for name, term in terms.items()}
                # Distributed gradients are averaged over the processes; ours are to be summed.
                loss_part = sum(weights[name] * part for name, part in parts.items() if weights[name])
                (loss_part * accelerator.num_processes).backward()
            for name, part in parts.items():
                means[name] = means.get(name, torch.zeros((), device=self.device)) + part.detach()
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), settings.clip_norm)
        values = {n: float(accelerator.reduce(v, "sum")) for n, v in means.items()}
        loss = _weighted(values, weights)
        if not math.isfinite(loss) or not math.isfinite(float(norm)):
            raise ModelError(
                "Training has diverged: the loss or its gradient is not finite",
                where=f"update {progress.update + 1}",
                value=values,
                fix="lower training.learning_rate or raise training.warmup, then run again",
            )
        progress.update += 1
        rate = inverse_square_root(progress.update, peak=settings.learning_rate, warmup=settings.warmup)
        rate *= cooling(progress.update, last=settings.max_updates, cooldown=settings.cooldown)
        for group, factor in zip(self.optimizer.param_groups, self.rate_factors, strict=True):
            group["lr"] = rate * factor
        self.optimizer.step()
        self.optimizer.zero_grad()
        progress.tokens += next(iter(counts.values()))
        return {"loss": loss, **values, "gradient_norm": float(norm), "learning_rate": rate}

    def _total_counts(self, batches: Sequence[Batch]) -> dict[str, int]:
        own = [self.objective.counts(batch) for batch in batches]
        totals = {name: sum(c[name] for c in own) for name in own[0]}
        if self.accelerator.num_processes == 1:
            return totals
        # All processes stop at the same update, whichever has got the signal.
        values = torch.tensor([*totals.values(), self.stop.number is not None], device=self.device)
        *summed, asked = self.accelerator.reduce(values, "sum").tolist()
        if asked:
            raise Stopped(self.stop.number or signal.SIGTERM)
        return dict(zip(totals, summed, strict=True))

    def _validate(self) -> None:
        """Dev loss, dev BLEU and samples; decides about stopping; writes the checkpoint."""
        settings, progress = self.settings, self.progress
        with self.stop.at_once():
            loss, losses = dev_loss(self.model, self.objective, self.dev, settings.batch_tokens, self.device)
        if not math.isfinite(loss):
            raise ModelError(
                "Training has diverged: the dev loss is not finite",
                where=f"update {progress.update}",
                value=losses,
                fix="lower training.learning_rate or raise training.warmup, then run again",
            )
        with self.stop.at_once():
            outcome = self.hooks.validate(self.model) if self.hooks.validate is not None else None
        value = loss if settings.select_by == "loss" else -self._of_main_process(outcome)
        progress.stale = 0 if value < progress.best else progress.stale + 1
        progress.best = min(progress.best, value)
        progress.kept = sorted([*progress.kept, (value, progress.update)])[: settings.average]
        progress.finished = self._is_over()
        progress.validated = progress.update
        if self.accelerator.is_main_process:
            weights = kept_path(self.directory, progress.update)
            save_weights(self.model, weights)
            digests = {**progress.digests, progress.update: file_blake2b(weights)}
            progress.digests = {update: digests[update] for _, update in progress.kept if update in digests}
            record: dict[str, Any] = {"update": progress.update, "epoch": progress.epoch}
            record.update({f"dev_{name}": value for name, value in losses.items()})
            if outcome is not None:
                record.update(dev_bleu=round(outcome.bleu, 2), samples=list(outcome.samples))
            record.update(seconds=round(progress.seconds, 1), tokens=progress.tokens)
            self.hooks.log(record)
        self._save()
        self.accelerator.wait_for_everyone()

    def _of_main_process(self, outcome: Validation | None) -> float:
        """The dev BLEU, which only the main process computes, in every process."""
        own = 0.0 if outcome is None else outcome.bleu
        return float(self.accelerator.reduce(torch.tensor(own, device=self.device), "sum"))

    def _seed_dropout(self, batch: int) -> None:
        """Makes the dropout masks of a batch of an update a function of seed, update and batch."""
        # Hashed, because torch's CPU generator looks at the lowest 32 bits of its seed only.
        words = np.random.SeedSequence((self.seed, self.progress.update, batch)).generate_state(1, np.uint64)
        torch.manual_seed(int(words[0]))
