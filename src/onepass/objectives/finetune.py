"""Fine-tuning of students with fertilities on the teacher's word distributions (Gu et al. 2018, section 4.3).

L = λ (L_RL + L_BP) + (1 - λ) L_KD, where L_KD is what the student learnt before, and

    L_RKL(f) = -1/T Σ_t Σ_y p_NA(y_t | x, f) log p_AR(y | ŷ_<t, x),  ŷ the student's argmax  (equation 11)
    L_BP     = L_RKL under the aligner's fertilities, its gradient through p_NA
    L_RL     = REINFORCE: the gradient of E_f~p_F [L_RKL(f)], through log p_F alone

REINFORCE's reward of a sentence is measured against that of its average fertilities and then against the
mean of the *other* sentences of the batch, so that the gradient stays unbiased. The teacher is frozen
and scores the two or three outputs of every sentence in one pass.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from onepass.errors import ModelError
from onepass.models.autoregressive import PAD
from onepass.models.fertility import FertilityTransformer, average_fertilities, most_probable, usable
from onepass.models.one_pass import Decoded
from onepass.models.stepwise import WordByWord
from onepass.nn.output_layer import output_reverse_kl, reverse_kl_by_position
from onepass.nn.transformer import Memory
from onepass.objectives.fertility import FertilityObjective
from onepass.objectives.objective import Batch, LossTerm
from onepass.settings import FinetuneSettings


class _Output(NamedTuple):
    """What the student wrote under some fertilities, and the teacher's states before each token of it."""

    decoded: Decoded
    teacher_states: Tensor  # [N, D], of the real positions


class _OutputLayers(NamedTuple):
    """Of the student and of the teacher; a bias is None where there is none."""

    weight: Tensor
    bias: Tensor | None
    teacher_weight: Tensor
    teacher_bias: Tensor | None


def finetuning(settings: FinetuneSettings, teacher: WordByWord | None) -> FinetuneObjective:
    """Of a student with fertilities."""
    assert teacher is not None
    return FinetuneObjective(teacher, settings)


@dataclass(frozen=True)
class FinetuneObjective:
    """The weighted sum of the paper's three losses.

    Args:
        teacher: frozen; in eval mode.
        settings: λ and which terms take part.
    """

    teacher: WordByWord
    settings: FinetuneSettings

    def __post_init__(self) -> None:
        self.teacher.eval().requires_grad_(False)

    def counts(self, batch: Batch) -> dict[str, int]:
        counts = FertilityObjective().counts(batch)
        if self.settings.backprop:
            counts["backprop"] = counts["tokens"]
        if self.settings.reinforce:
            sentences = dict.fromkeys(("reinforce", "reward", "baseline"), batch.src_ids.size(0))
            counts.update(sentences, **dict.fromkeys(("entropy", "fertility_mean"), counts["fertilities"]))
        return counts

    def terms(self, model: torch.nn.Module, batch: Batch) -> dict[str, LossTerm]:
        """Terms `tokens`, `fertilities` (together L_KD), `backprop`, `reinforce`, and measurements.

        In eval mode nothing is sampled: `reinforce` is L_RKL of the average fertilities.
        """
        assert isinstance(model, FertilityTransformer)
        assert batch.fertilities is not None
        self.teacher.to(batch.src_ids.device)
        settings, counts = self.settings, self.counts(batch)
        memory = model.encode(batch.src_ids)
        fertility_logits, src_mask = model.fertility_logits(memory), model.src_mask(memory)
        own = FertilityObjective().from_memory(model, batch, memory)
        distilled = 1 - settings.weight if settings.distillation else 0.0
        terms = {name: replace(term, weight=distilled) for name, term in own.terms.items()}
        choices = [own.decoded] if settings.backprop else []
        sample = torch.zeros_like(batch.src_ids)
        if settings.reinforce:
            with torch.no_grad():
                fertilities = [average_fertilities(fertility_logits, src_mask)]
                if model.training:
                    sample = _sample(fertility_logits, src_mask)
                    fertilities.append(usable(sample, fertility_logits, src_mask))
                choices += [model.decode(batch.src_ids, chosen, memory) for chosen in fertilities]
        outputs = self._with_teacher(model, batch.src_ids, choices)
        layers = _OutputLayers(
            model.output_weight(),
            model.output_bias(),
            self.teacher.output_weight(),
            self.teacher.output_bias(),
        )
        if settings.backprop:
            (_, mask, _), teacher_states = outputs.pop(0)
            states = own.decoded.states[mask]
            loss = output_reverse_kl(
                states,
                layers.weight,
                teacher_states,
                layers.teacher_weight,
                bias=layers.bias,
                teacher_bias=layers.teacher_bias,
            )
            terms["backprop"] = LossTerm(loss, counts["backprop"], settings.weight)
        if settings.reinforce:
            baseline, *rest = [-_per_sentence(*output, layers) for output in outputs]  # [B]
            loss = -baseline.sum()
            for reward in rest:
                log_prob = _log_prob(fertility_logits, sample, src_mask)  # [B]
                loss = -(_centred(reward - baseline) * log_prob).sum()
                measured = {
                    "reward": reward.sum(),
                    "baseline": baseline.sum(),
                    "entropy": _entropy(fertility_logits[src_mask]),
                    "fertility_mean": sample.sum(),
                }
                terms.update({name: LossTerm(value, counts[name], 0.0) for name, value in measured.items()})
            of_reinforce = settings.weight * settings.reinforce_weight
            terms["reinforce"] = LossTerm(loss, counts["reinforce"], of_reinforce)
        return terms

    @torch.no_grad()
    def _with_teacher(
        self, model: FertilityTransformer, src_ids: Tensor, choices: list[Decoded]
    ) -> list[_Output]:
        """One pass of the teacher over the student's argmax under each choice of fertilities."""
        if not choices:
            return []
        hyps = [most_probable(model, decoded).ids for decoded in choices]
        longest = max(ids.size(1) for ids in hyps)
        padded = torch.cat([F.pad(ids, (0, longest - ids.size(1)), value=PAD) for ids in hyps])
        memory = self.teacher.encode(src_ids)
        copies = Memory(memory.states.repeat(1, len(hyps), 1, 1), memory.mask.repeat(len(hyps), 1))
        states = self.teacher.decode(padded, copies)[:, :-1].chunk(len(hyps))  # each [B, T, D]
        return [
            _Output(decoded, part[:, : decoded.mask.size(1)][decoded.mask])
            for decoded, part in zip(choices, states, strict=True)
        ]


def _sample(logits: Tensor, src_mask: Tensor) -> Tensor:
    """One fertility a source token, drawn from its distribution; 0 at padding. -> int64 [B, S]."""
    probs = logits.float().softmax(-1).flatten(0, 1)
    return torch.multinomial(probs, 1).view_as(src_mask).masked_fill(~src_mask, 0)


def _per_sentence(decoded: Decoded, teacher_states: Tensor, layers: _OutputLayers) -> Tensor:
    """L_RKL a token of every sentence, [B]."""
    states, mask, _ = decoded
    by_position = reverse_kl_by_position(
        states[mask],
        layers.weight,
        teacher_states,
        layers.teacher_weight,
        bias=layers.bias,
        teacher_bias=layers.teacher_bias,
    )
    padded = by_position.new_zeros(mask.shape).masked_scatter_(mask, by_position)  # [B, T]
    return padded.sum(1) / mask.sum(1)


def _log_prob(logits: Tensor, fertilities: Tensor, src_mask: Tensor) -> Tensor:
    """log p_F(f | x) of each sentence, [B]."""
    exact = logits.to(torch.promote_types(logits.dtype, torch.float32))
    chosen = exact.log_softmax(-1).gather(-1, fertilities[..., None])[..., 0]  # [B, S]
    return chosen.masked_fill(~src_mask, 0.0).sum(1)


def _centred(advantage: Tensor) -> Tensor:
    """Each sentence's advantage less the mean of the others'; a single sentence's as it is."""
    count = len(advantage)
    return (advantage - advantage.mean()) * (count / (count - 1)) if count > 1 else advantage


def _entropy(logits: Tensor) -> Tensor:
    """Summed entropy of the fertility distributions, nats; logits [N, F]."""
    log_probs = logits.detach().float().log_softmax(-1)
    return -(log_probs.exp() * log_probs).sum()


class CollapseGuard:
    """Stops a fine-tuning whose sampled fertilities run away from the aligner's.

    Args:
        usual: the aligner's mean fertility, target tokens a source token.
    """

    def __init__(self, usual: float) -> None:
        self.usual = usual
        self.mean = usual

    def observe(self, fertility_mean: float) -> None:
        """Takes the mean sampled fertility of an update.

        Raises:
            ModelError: its running mean has left [usual / 2, 2 · usual].
        """
        self.mean += MOMENTUM * (fertility_mean - self.mean)
        if not self.usual / 2 <= self.mean <= 2 * self.usual:
            raise ModelError(
                "Fine-tuning has collapsed: the sampled fertilities run to "
                + ("zero" if self.mean < self.usual else "the cap"),
                where="finetune",
                value=f"mean fertility {self.mean:.2f}, the aligner's is {self.usual:.2f}",
                fix="lower finetune.weight, finetune.reinforce_weight or finetune.training.learning_rate",
            )


MOMENTUM = 0.05
"""Of the running mean of fertilities: about the last twenty updates count."""
