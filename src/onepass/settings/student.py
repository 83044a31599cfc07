"""Settings of the students and their fine-tunings."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field, model_validator

from onepass.families import FAMILIES
from onepass.settings.base import Fraction, NonNegativeInt, PositiveInt, Settings, Share, unless_false
from onepass.settings.training import TrainingSettings, TransformerSettings


class FinetuneSettings(Settings):
    """Of fertility, with the teacher's word distributions, L = weight (L_RL + L_BP) + (1 - weight) L_KD; of
    ctc and dag, for the bigrams of their targets: they use `references`, `remains` and `training` alone."""

    weight: Annotated[float, Field(gt=0, le=1)] = 0.25
    """λ of the paper."""
    distillation: bool = True
    """L_KD: what the student learnt before."""
    backprop: bool = True
    """L_BP: the teacher's distributions under the aligner's fertilities."""
    reinforce: bool = True
    """L_RL: REINFORCE on sampled fertilities."""
    reinforce_weight: Annotated[float, Field(gt=0)] = 1.0
    """Of L_RL beside L_BP; the paper's released code had 0.1."""
    references: bool = True
    """Of ctc and dag: their targets are the references (False: the teacher's translations)."""
    remains: Share = 0.0
    """Share of the weights of before in a mean with those that were learnt (Wortsman et al. 2022): what was
    known before is forgotten less."""
    training: TrainingSettings = TrainingSettings(max_updates=2000, learning_rate=2e-4, warmup=100)

    OF_BIGRAMS: ClassVar[frozenset[str]] = frozenset({"references", "remains", "training"})
    LATER = frozenset({"references", "remains"})

    @model_validator(mode="after")
    def _something_is_learnt(self) -> FinetuneSettings:
        if not (self.distillation or self.backprop or self.reinforce):
            raise ValueError("distillation, backprop and reinforce are all off: there is nothing to learn")
        return self


class AuxiliarySettings(Settings):
    """Weights of losses beside CTC's own, which only training pays for; 0 leaves one out."""

    distributions: Annotated[float, Field(ge=0)] = 0.0
    """Weight of the teacher's word distributions, which the slots of the target's likeliest way learn too."""
    early: Annotated[float, Field(ge=0)] = 0.0
    """Weight of the same loss at the decoder's input (intermediate CTC)."""
    teacher_decoder: Annotated[float, Field(ge=0)] = 0.0
    """Weight of the teacher's decoder's loss on the student's encoder; it needs an encoder that learns."""

    @model_validator(mode="after")
    def _something_is_learnt(self) -> AuxiliarySettings:
        if not (self.distributions or self.early or self.teacher_decoder):
            raise ValueError("all weights are 0: leave the section out")
        return self


OWN_SIZES = ("encoder_layers", "decoder_layers", "ffn_width")
"""Sizes that a student may have of its own."""


class StudentSettings(Settings):
    """The student, as wide as the teacher: the paper's switches (Table 2), and other families."""

    family: Literal["fertility", "ctc", "dag", "autoregressive"] = "fertility"
    """Fertilities (Gu et al. 2018), latent alignments (CTC), a directed acyclic graph (DAG); or a rival of
    these: autoregressive writes word by word, fastest with a single decoder layer."""
    encoder_layers: PositiveInt | None = None
    """Depth of the encoder [the teacher's]."""
    decoder_layers: PositiveInt | None = None
    """Depth of the decoder [the teacher's]."""
    ffn_width: PositiveInt | None = None
    """Hidden units of every layer [the teacher's]."""
    distilled: bool = True
    """Learn from the teacher's translations (False: from the references)."""
    distill_beam: PositiveInt | None = None
    """Beam size of those translations [distill.beam_size]; another one adds stages of its own."""
    back_translations: NonNegativeInt = 0
    """Also learn from new sources, this many samples of a teacher in the other direction for each training
    target, and the teacher's translations of them; adds stages of its own."""
    copy_source: Literal["fertility", "uniform", "none"] = "fertility"
    """What the decoder starts from: repeated by fertility, evenly spread, or positions alone."""
    positional_attention: bool = True
    """A second self-attention whose queries and keys are positions."""
    attend_to: Literal["top", "layerwise"] = "top"
    """The encoder's last layer, or decoder layer i to encoder layer i."""
    init_from_teacher: bool = True
    """Start from every weight that the teacher has, too."""
    init: str | None = None
    """Weights to start from instead, of a student of this shape or, for ctc and dag, with fewer layers in its
    decoder: a bundle, a `.safetensors` file, a shipped model's name, or `hf:OWNER/NAME`. What a file leaves
    out is taken from the teacher, if that was read."""
    compresses: Annotated[str | None, BeforeValidator(unless_false)] = None
    """Of ctc: the variant before this one that it makes smaller. It starts from that one's first layers and
    weightiest hidden units, and learns its distribution in every slot, not the teacher's translations."""
    slots: PositiveInt = 2
    """Of ctc and dag: places in the decoder a source token (2 or 3; 4 to 8)."""
    start: Literal["states", "embeddings"] = "embeddings"
    """Of ctc and dag: what slots start from: the encoder's states, mapped, with a vector for each slot of a
    token; or the source's embeddings."""
    soft_copy: bool = True
    """Of dag: its slots start from the source, stretched to their number, as those of ctc always do (False:
    from their positions alone, as in Huang et al. 2022, which takes far longer to learn)."""
    glancing: Annotated[tuple[Share, Share] | None, Field(strict=False), BeforeValidator(unless_false)] = None
    """Of ctc and dag: tell the decoder this share of what it gets wrong, at the first and the last update."""
    auxiliary: Annotated[AuxiliarySettings | None, BeforeValidator(unless_false)] = None
    """Of ctc: a section for losses beside its own; left out or false, there are none."""
    dropout: Fraction = 0.1
    """Share of the numbers that training leaves out at random."""
    training: TrainingSettings = TrainingSettings()
    finetune: Annotated[FinetuneSettings | None, BeforeValidator(unless_false)] = None
    """Of fertility, ctc and dag: a section for the fine-tuning behind the training; left out or false, there
    is none."""

    LATER = frozenset({"ffn_width", "compresses", "init", "start", "auxiliary"})

    @model_validator(mode="after")
    def _settings_are_of_the_family(self) -> StudentSettings:
        for name in sorted(self.of_other_families()):
            if getattr(self, name) != type(self).model_fields[name].default:
                raise ValueError(f"{name} means nothing for the family {self.family}")
        if self.finetune is not None:
            used = FinetuneSettings.OF_BIGRAMS
            if self.finetuned_by_teacher:
                used = frozenset(FinetuneSettings.model_fields) - {"references"}
            for name, field in FinetuneSettings.model_fields.items():
                if name not in used and getattr(self.finetune, name) != field.default:
                    raise ValueError(f"finetune.{name} means nothing for the family {self.family}")
        if self.compresses is not None:
            sampled = self.training.vocabulary_sample is not None
            for name, given in (
                ("glancing", self.glancing is not None),
                ("init", self.init is not None),
                ("auxiliary", self.auxiliary is not None),
                ("training.vocabulary_sample", sampled),
            ):
                if given:
                    raise ValueError(f"{name} means nothing for a student that compresses another one")
        if "slots" not in FAMILIES[self.family].settings:
            finetuned = () if self.finetune is None else (("finetune.training", self.finetune.training),)
            for name, training in (("training", self.training), *finetuned):
                if training.vocabulary_sample is not None:
                    raise ValueError(f"{name}.vocabulary_sample means nothing for the family {self.family}")
        if self.auxiliary is not None and self.auxiliary.teacher_decoder and not self.training.encoder_rate:
            raise ValueError("auxiliary.teacher_decoder teaches the encoder, and training.encoder_rate is 0")
        if self.start == "states" and not self.soft_copy:
            raise ValueError("soft_copy = false starts from positions alone, and start = 'states' does not")
        if self.back_translations and not self.distilled:
            raise ValueError("back_translations are for a teacher to translate: they need distilled = true")
        return self

    @property
    def learns_from_teacher_model(self) -> bool:
        """Whether its training needs the teacher itself, not its translations alone."""
        return self.init_from_teacher or self.auxiliary is not None

    @property
    def finetuned_by_teacher(self) -> bool:
        """Whether its fine-tuning asks the teacher for its word distributions."""
        return self.finetune is not None and FAMILIES[self.family].finetuned_by_teacher

    @property
    def finetuned_by_references(self) -> bool:
        """Whether the targets of its fine-tuning are the references."""
        return self.finetune is not None and not self.finetuned_by_teacher and self.finetune.references

    def sizes(self, teacher: TransformerSettings) -> TransformerSettings:
        """The student's sizes: the teacher's, but for its own and the dropout."""
        own = {name: size for name in OWN_SIZES if (size := getattr(self, name)) is not None}
        return teacher.model_copy(update={**own, "dropout": self.dropout})

    def of_other_families(self) -> set[str]:
        """The settings that have no meaning for this student."""
        of_some = frozenset[str]().union(*(family.settings for family in FAMILIES.values()))
        return set(of_some - FAMILIES[self.family].settings)
