"""The families of models: what each is called and which settings mean something for it. No tensors here.

A further family is a record here, and a file of its name in `models`, `objectives`, `decoding` and `export`
with its line in the room's dict: `MODELS`, `OBJECTIVES`, `DECODERS`, `GRAPHS`. Nothing else asks which
family a model is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from onepass.errors import ModelError


@dataclass(frozen=True)
class Family:
    """A family of models.

    Attributes:
        name: in recipes and bundles.
        title: in tables.
        citation: where it comes from.
        mechanism: what lets it write all words at once, as in "a Transformer with ..."; empty for one that
            does not.
        settings: those of a student that mean something for it, beside the ones that all families share.
        one_pass: it writes all words at once; else one after another.
        aligned: it learns from fertilities, so from aligned pairs, and copies its source by them.
        finetuned_by_teacher: its fine-tuning asks the teacher for word distributions.
        searches: ways to find its words, the usual one last; none where there is only one way.
        most_candidates: that the teacher can choose among; None: any number.
        in_paper: the student of Gu et al. (2018). In a run its variants are the paper's own ablation, so the
            main one alone has all its ways of decoding measured.
        before: what settings were, in bundles that are older than the settings.
    """

    name: str
    title: str
    citation: str
    mechanism: str = ""
    settings: frozenset[str] = frozenset()
    one_pass: bool = True
    aligned: bool = False
    finetuned_by_teacher: bool = False
    searches: tuple[str, ...] = ()
    most_candidates: int | None = 1
    in_paper: bool = False
    before: Mapping[str, object] = field(default_factory=dict, hash=False)

    @property
    def usual_search(self) -> str:
        """How it finds its words unless told."""
        if self.searches:
            return self.searches[-1]
        return "argmax" if self.one_pass else "greedy"


AUTOREGRESSIVE = Family(
    "autoregressive",
    title="AR",
    citation="Vaswani et al. 2017, arXiv 1706.03762",
    one_pass=False,
)
FERTILITY = Family(
    "fertility",
    title="NAT",
    citation="Gu et al. 2018, arXiv 1711.02281",
    mechanism="fertilities",
    settings=frozenset({"copy_source", "positional_attention", "attend_to", "finetune"}),
    aligned=True,
    finetuned_by_teacher=True,
    most_candidates=None,
    in_paper=True,
)
CTC = Family(
    "ctc",
    title="CTC",
    citation="Libovický and Helcl 2018, arXiv 1811.04719",
    mechanism="latent alignments",
    settings=frozenset({"attend_to", "slots", "start", "glancing", "auxiliary", "compresses", "finetune"}),
    most_candidates=64,
)
DAG = Family(
    "dag",
    title="DAG",
    citation="Huang et al. 2022, arXiv 2205.07459",
    mechanism="a directed acyclic graph",
    settings=frozenset({"attend_to", "slots", "start", "soft_copy", "glancing", "finetune"}),
    searches=("greedy", "lookahead", "viterbi", "marginal"),
    most_candidates=64,
    before={"soft_copy": False},
)

FAMILIES = {family.name: family for family in (AUTOREGRESSIVE, FERTILITY, CTC, DAG)}
"""By name."""


def family_named(name: str, *, where: object) -> Family:
    """The family of a model's kind.

    Raises:
        ModelError: there is none of that name; `where` says what has it.
    """
    if name not in FAMILIES:
        raise ModelError(
            "This version does not know this kind of model",
            where=where,
            value=name,
            allowed=", ".join(FAMILIES),
            fix="upgrade onepass",
        )
    return FAMILIES[name]
