"""How a model decodes: what may be chosen, and which choices mean something for its family."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from onepass.errors import UsageError
from onepass.families import Family
from onepass.models.stepwise import WordByWord
from onepass.runtime.candidates import check_candidates
from onepass.runtime.corrections import check_number_of_corrections
from onepass.runtime.text_translator import Hypotheses
from onepass.text.placeholder_ids import PlaceholderIds

Decoder = Callable[[Tensor], Hypotheses]
"""Source ids, int64 [B, S] padded with 0, to translations."""


@dataclass(frozen=True)
class DecodingOptions:
    """What may be chosen; at its default an option is left to the family.

    Attributes:
        teacher: chooses among the candidates, and corrects; in eval mode.
        num_candidates: how many there are: of a student with fertilities the argmax and samples (noisy
            parallel decoding), of CTC likely labellings, of a graph what a beam search over its words keeps.
        num_corrections: words of each translation of a student that the teacher may correct, one by one.
        average: of a student with fertilities: their averages instead of the most probable ones.
        search: how the words of a graph are found.
        seed: of what is drawn.
        beam_size: of a model that writes word by word; 1 is greedy.
        placeholders: that the model has learnt to carry; of CTC each is written once.
        n_best: translations of each sentence, the best first; then there are at least so many candidates, or
            beams.
    """

    teacher: WordByWord | None = None
    num_candidates: int = 1
    num_corrections: int = 0
    average: bool = False
    search: str | None = None
    seed: int = 1
    beam_size: int = 1
    placeholders: PlaceholderIds | None = None
    n_best: int = 1

    @property
    def several(self) -> bool:
        """There are candidates, to choose among or to give."""
        return max(self.num_candidates, self.n_best) > 1


def check_options(family: Family, options: DecodingOptions) -> None:
    """Raises UsageError for a number out of range, and for what means nothing for the family."""
    for name, number in (("beam_size", options.beam_size), ("num_candidates", options.num_candidates)):
        if number < 1:
            raise UsageError("There must be at least one", where=name, value=number)
    _check_meaning(family, options)
    _check_corrections(family, options)
    _check_search(family, options)
    _check_candidates(family, options)


def _check_meaning(family: Family, options: DecodingOptions) -> None:
    if options.beam_size > 1 and family.one_pass:
        problem = "Beam search belongs to a teacher; this is a student"
        raise UsageError(problem, where="beam_size", value=options.beam_size)
    candidates = options.num_candidates > 1 or (options.teacher is not None and options.num_corrections == 0)
    if candidates and not family.one_pass:
        problem = "Candidates belong to a student; this is a teacher"
        raise UsageError(problem, where="num_candidates", value=options.num_candidates)
    if options.average and not family.aligned:
        raise UsageError("Average fertilities belong to a student with fertilities", where="average")
    if options.search is not None and not family.searches:
        problem = "Only a student with a graph searches for a path"
        raise UsageError(problem, where="search", value=options.search)


def _check_corrections(family: Family, options: DecodingOptions) -> None:
    count = options.num_corrections
    check_number_of_corrections(count)
    if count > 0 and (options.teacher is None or not family.one_pass):
        raise UsageError(
            "Corrections are a teacher's, of what a student wrote",
            where="num_corrections",
            value=count,
            fix="give a student, and the teacher's bundle too",
        )


def _check_search(family: Family, options: DecodingOptions) -> None:
    if options.search is None:
        return
    if options.search not in family.searches:
        allowed = ", ".join(family.searches)
        raise UsageError("There is no such search", where="search", value=options.search, allowed=allowed)
    usual = family.searches[-1]
    if options.several and options.search != usual:
        raise UsageError(
            "A graph's candidates are found over all its paths",
            where="search",
            value=options.search,
            allowed=usual,
            fix="leave the search out, or ask for 1 candidate",
        )


def _check_candidates(family: Family, options: DecodingOptions) -> None:
    if not options.several or not family.one_pass:
        return
    if options.average or (options.teacher is None and options.num_candidates > 1):
        raise UsageError(
            "Several candidates need a teacher that chooses among them"
            if not options.average
            else "Average fertilities give one candidate",
            where="num_candidates",
            value=max(options.num_candidates, options.n_best),
            fix="give the teacher's bundle too, or ask for 1 candidate",
        )
    check_candidates(family, max(options.num_candidates, options.n_best))
