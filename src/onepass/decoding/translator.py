"""Text to text with the torch models: the reference engine of every bundle."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from onepass.bundle import Bundle
from onepass.decoding.autoregressive import beam_search, greedy
from onepass.decoding.candidates import best_labelling, best_spelling
from onepass.decoding.parallel import (
    Search,
    decode_graph,
    decode_once,
    decode_slots,
    noisy_parallel,
)
from onepass.decoding.weights import load_model
from onepass.errors import ModelError, UsageError
from onepass.models.autoregressive import AutoregressiveTransformer
from onepass.models.ctc import CTCTransformer
from onepass.models.dag import DAGTransformer
from onepass.models.fertility import FertilityTransformer
from onepass.models.one_pass import OnePassTransformer
from onepass.objectives.cross_entropy import pad_ids
from onepass.runtime.candidates import candidate_numbers, check_labellings
from onepass.runtime.text_translator import Output, TextTranslator
from onepass.text.tokenizer import Tokenizer

Decoder = Callable[[Tensor], Output]
"""Source ids, int64 [B, S] padded with 0, to translations."""


def teacher_decoder(model: AutoregressiveTransformer, *, beam_size: int = 1) -> Decoder:
    """Greedy (beam size 1) or beam search."""

    def decode(src_ids: Tensor) -> Output:
        if beam_size == 1:
            return Output(*greedy(model, src_ids), None, with_end=True)
        return Output(*beam_search(model, src_ids, beam_size=beam_size), None, with_end=True)

    return decode


def student_decoder(
    model: OnePassTransformer,
    *,
    average: bool = False,
    teacher: AutoregressiveTransformer | None = None,
    num_candidates: int = 1,
    seed: int = 1,
    search: Search | None = None,
) -> Decoder:
    """The decoder of a student, whatever its family.

    Args:
        model: in eval mode.
        average: of the fertility student: average instead of argmax fertilities.
        teacher, num_candidates: the teacher chooses among so many: of a student with fertilities by noisy
            parallel decoding, of CTC likely labellings, of a graph what a beam search over its words keeps.
        seed: of noisy parallel decoding.
        search: of the DAG student: how its words are found [marginal].

    Raises:
        UsageError: candidates without a teacher to choose, with average fertilities, or more than CTC has;
            an option of another family.
    """
    if not isinstance(model, FertilityTransformer) and average:
        raise UsageError("Average fertilities belong to a student with fertilities", where="average")
    if not isinstance(model, DAGTransformer) and search is not None:
        raise UsageError("Only a student with a graph searches for a path", where="search", value=search)
    if num_candidates > 1 and search not in (None, "marginal"):
        raise UsageError(
            "A graph's candidates are found over all its paths",
            where="search",
            value=search,
            allowed="marginal",
            fix="leave the search out, or ask for 1 candidate",
        )
    if num_candidates > 1 and (teacher is None or average):
        raise UsageError(
            "Several candidates need a teacher that chooses among them"
            if teacher is None
            else "Average fertilities give one candidate",
            where="num_candidates",
            value=num_candidates,
            fix="give the teacher's bundle too, or ask for 1 candidate",
        )
    if isinstance(model, DAGTransformer):
        if num_candidates == 1:
            return lambda src_ids: Output(*decode_graph(model, src_ids, search or "marginal"), with_end=False)
        assert teacher is not None
        return lambda src_ids: Output(*best_spelling(model, teacher, src_ids, num_candidates), with_end=True)
    if isinstance(model, CTCTransformer):
        if num_candidates == 1:
            return lambda src_ids: Output(*decode_slots(model, src_ids), with_end=False)
        assert teacher is not None
        check_labellings(num_candidates)
        return lambda src_ids: Output(*best_labelling(model, teacher, src_ids, num_candidates), with_end=True)
    assert isinstance(model, FertilityTransformer)
    if num_candidates == 1:
        return lambda src_ids: Output(*decode_once(model, src_ids, average=average), with_end=False)
    assert teacher is not None
    device = next(model.parameters()).device
    uniform = torch.from_numpy(candidate_numbers(num_candidates, seed=seed)).to(device)
    return lambda src_ids: Output(*noisy_parallel(model, teacher, src_ids, uniform), with_end=True)


def _teacher(model: nn.Module, where: Path) -> AutoregressiveTransformer:
    if not isinstance(model, AutoregressiveTransformer):
        raise ModelError("Only a teacher can choose among candidates; this is a student", where=where)
    return model


class Translator(TextTranslator):
    """Lines of text to translations with a torch model.

    Args:
        tokenizer: of the bundle.
        decode: from a decoder factory above.
        device: where the model is.
        fingerprint: of the bundle.
        copies: the model copies its source, so that there are fertilities.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        decode: Decoder,
        *,
        device: torch.device | str = "cpu",
        fingerprint: str = "",
        copies: bool = False,
    ) -> None:
        super().__init__(
            tokenizer,
            lambda rows: decode(pad_ids(rows).to(device)),
            fingerprint=fingerprint,
            copies=copies,
        )

    @classmethod
    def load(
        cls,
        directory: Path,
        *,
        teacher: Path | None = None,
        beam_size: int = 1,
        average: bool = False,
        num_candidates: int = 1,
        seed: int = 1,
        search: Search | None = None,
        device: torch.device | str = "cpu",
    ) -> Translator:
        """A translator of any bundle.

        Args:
            directory: the bundle.
            teacher: the bundle of the teacher that chooses among candidates.
            beam_size: of a teacher.
            average, num_candidates, seed, search: of a student, see `student_decoder`.
            device: to run on.

        Raises:
            ModelError: a bundle is unusable, or the teacher has another tokenizer.
            UsageError: settings that are out of range or that the model would ignore.
        """
        for name, value in (("beam_size", beam_size), ("num_candidates", num_candidates)):
            if value < 1:
                raise UsageError("There must be at least one", where=name, value=value)
        bundle = Bundle.open(directory)
        model = load_model(bundle, device=device)
        tokenizer = bundle.tokenizer()
        if isinstance(model, AutoregressiveTransformer):
            if average or num_candidates > 1 or teacher is not None or search is not None:
                raise UsageError(
                    "Candidates, average fertilities and paths belong to a student; this is a teacher",
                    where=directory,
                )
            decode = teacher_decoder(model, beam_size=beam_size)
            return cls(tokenizer, decode, device=device, fingerprint=bundle.fingerprint)
        assert isinstance(model, OnePassTransformer)
        if beam_size > 1:
            raise UsageError("Beam search belongs to a teacher; this is a student", where=directory)
        judge: AutoregressiveTransformer | None = None
        if teacher is not None:
            judge_bundle = Bundle.open(teacher)
            if judge_bundle.tokenizer().fingerprint != tokenizer.fingerprint:
                raise ModelError("Teacher and student have different tokenizers", where=teacher)
            judge = _teacher(load_model(judge_bundle, device=device), teacher)
        decode = student_decoder(
            model, average=average, teacher=judge, num_candidates=num_candidates, seed=seed, search=search
        )
        copies = isinstance(model, FertilityTransformer)
        return cls(tokenizer, decode, device=device, fingerprint=bundle.fingerprint, copies=copies)
