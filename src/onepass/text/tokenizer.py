"""The tokenizer: text to subword ids and back, with sentencepiece BPE.

Every model has the same four first ids and falls back to bytes, so no text ever becomes `<unk>`.
Text is normalised first: marks that only steer a display (soft hyphens, direction marks, byte order
marks) are removed, then sentencepiece's `nmt_nfkc` applies: NFKC, control characters removed, any run
of spaces, tabs, no-break and zero-width spaces made one space. Joiners inside emoji stay. So `…` becomes
`...` and `m²` becomes `m2`. Every digit is a token of its own. A model that has learnt the letters ș and ț
but not ş and ţ, as a Romanian corpus teaches it, reads the one for the other.
"""

from __future__ import annotations

import hashlib
import io
import random
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import sentencepiece

from onepass.errors import DataError, ModelError
from onepass.files import write_bytes
from onepass.text.romanian import with_comma_below

if TYPE_CHECKING:
    from onepass.settings import TokenizerSettings

PAD, UNK, BOS, EOS = 0, 1, 2, 3

CHARACTER_COVERAGE = 0.9999
"""Characters rarer than this share of the text are spelled as bytes instead of taking a place each."""

_DISPLAY_MARKS = re.compile("[\xad\u061c\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
_UNPRINTABLE = re.compile(r"[\s\x00-\x1f\x7f-\x9f▁]+")


class _Model(NamedTuple):
    processor: Any
    piece: Callable[[int], str]
    comma_below: bool


class Tokenizer:
    """One sentencepiece model for both sides (`joint`), or one a side.

    Args:
        models: the serialised models: one, or the source's and the target's.
        names: what to call each model in an error, usually its file.

    Raises:
        ModelError: a model is damaged or does not have this project's special ids.
    """

    def __init__(self, models: Sequence[bytes], names: Sequence[object]) -> None:
        self._models = tuple(models)
        loaded = [_load(m, n) for m, n in zip(models, names, strict=True)]
        self._src, self._tgt = loaded[0], loaded[-1]

    @property
    def joint(self) -> bool:
        """True when both sides share one vocabulary."""
        return len(self._models) == 1

    @property
    def src_size(self) -> int:
        """Number of source ids."""
        return len(self._src.processor)

    @property
    def tgt_size(self) -> int:
        """Number of target ids."""
        return len(self._tgt.processor)

    @property
    def file_names(self) -> list[str]:
        """What `save` writes."""
        return ["joint.model"] if self.joint else ["src.model", "tgt.model"]

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the models, in hexadecimal."""
        return hashlib.sha256(b"".join(self._models)).hexdigest()

    @classmethod
    def train(
        cls, src_lines: Iterable[str], tgt_lines: Iterable[str], settings: TokenizerSettings, *, seed: int
    ) -> Tokenizer:
        """Learns the subwords.

        `src_lines` is consumed before `tgt_lines`. Of each, at most `settings.max_training_lines` lines,
        drawn evenly from the whole, are held in memory at a time, and then only a count of every word.
        The same lines, settings and seed give the same bytes. A corpus too small for
        `settings.vocab_size` gives a smaller vocabulary: ask `src_size`.

        Raises:
            DataError: there is no text to learn from, or `vocab_size` has no room for its characters.
        """
        limit, size = settings.max_training_lines, settings.vocab_size
        src_words = _count_words(_sample(src_lines, limit, seed))
        tgt_words = _count_words(_sample(tgt_lines, limit, seed))
        if settings.joint:
            return cls([_train(src_words + tgt_words, size)], ["trained model"])
        models = [_train(src_words, size), _train(tgt_words, size)]
        return cls(models, ["trained source model", "trained target model"])

    @classmethod
    def load(cls, directory: Path) -> Tokenizer:
        """Reads `joint.model`, or `src.model` and `tgt.model`.

        Raises:
            ModelError: a file is missing or is not a model of ours.
        """
        joint = directory / "joint.model"
        paths = [joint] if joint.exists() else [directory / "src.model", directory / "tgt.model"]
        if not any(p.exists() for p in paths):
            raise ModelError(
                "There is no tokenizer",
                where=directory,
                allowed="joint.model, or src.model and tgt.model",
                fix="copy the whole bundle or run directory again",
            )
        models = []
        for path in paths:
            try:
                models.append(path.read_bytes())
            except OSError as error:
                raise ModelError(
                    f"Cannot read the tokenizer: {error.strerror}",
                    where=path,
                    fix="copy the whole bundle or run directory again",
                ) from None
        return cls(models, paths)

    def reversed(self) -> Tokenizer:
        """The same subwords for the other direction: source and target change places."""
        return Tokenizer(self._models[::-1], ["source model", "target model"][: len(self._models)])

    def save(self, directory: Path) -> None:
        """Writes the file or files that `load` reads, and removes those of the other kind."""
        directory.mkdir(parents=True, exist_ok=True)
        names = self.file_names
        for stale in {"joint.model", "src.model", "tgt.model"} - set(names):
            (directory / stale).unlink(missing_ok=True)
        for name, model in zip(names, self._models, strict=True):
            write_bytes(directory / name, model)

    def encode_src(self, text: str) -> list[int]:
        """The ids of a source text, without BOS or EOS; none for a text without visible characters."""
        return _encode(self._src, text)

    def encode_tgt(self, text: str) -> list[int]:
        """The ids of a target text, without BOS or EOS; none for a text without visible characters."""
        return _encode(self._tgt, text)

    def encode_src_batch(self, texts: Iterable[str]) -> list[list[int]]:
        """`encode_src` of each text."""
        return [_encode(self._src, text) for text in texts]

    def encode_tgt_batch(self, texts: Iterable[str]) -> list[list[int]]:
        """`encode_tgt` of each text."""
        return [_encode(self._tgt, text) for text in texts]

    def decode_src(self, ids: Iterable[int]) -> str:
        """Source ids as one clean line of text, PAD, BOS and EOS left out."""
        return _decode(self._src, ids)

    def decode_tgt(self, ids: Iterable[int]) -> str:
        """Target ids as one clean line of text, PAD, BOS and EOS left out."""
        return _decode(self._tgt, ids)

    def decode_tgt_batch(self, rows: Iterable[Iterable[int]]) -> list[str]:
        """`decode_tgt` of each row."""
        return [_decode(self._tgt, ids) for ids in rows]

    def src_pieces(self, ids: Iterable[int]) -> list[str]:
        """The subword of each source id, `▁` marking the start of a word."""
        return [self._src.piece(int(i)) for i in ids]

    def tgt_pieces(self, ids: Iterable[int]) -> list[str]:
        """The subword of each target id, `▁` marking the start of a word."""
        return [self._tgt.piece(int(i)) for i in ids]

    def src_vocabulary(self) -> list[str]:
        """All source subwords, in the order of their ids."""
        return self.src_pieces(range(self.src_size))

    def tgt_vocabulary(self) -> list[str]:
        """All target subwords, in the order of their ids."""
        return self.tgt_pieces(range(self.tgt_size))


def _load(model: bytes, name: object) -> _Model:
    """Loads one serialised model and checks its special ids."""
    fix = "copy the whole bundle or run directory again, or train the tokenizer again"
    processor = sentencepiece.SentencePieceProcessor()
    try:
        processor.LoadFromSerializedProto(model)
    except (RuntimeError, UnicodeDecodeError):
        raise ModelError("The tokenizer is not a sentencepiece model", where=name, fix=fix) from None
    found = (processor.pad_id(), processor.unk_id(), processor.bos_id(), processor.eos_id())
    if found != (PAD, UNK, BOS, EOS):
        raise ModelError(
            "The tokenizer has other ids for padding, unknown, start and end",
            where=name,
            value=found,
            allowed=(PAD, UNK, BOS, EOS),
            fix=fix,
        )
    has = {letter: processor.piece_to_id(letter) != UNK for letter in "șțşţ"}
    comma_below = (has["ș"] or has["ț"]) and not (has["ş"] or has["ţ"])
    return _Model(processor, cache(processor.id_to_piece), comma_below)


def _encode(model: _Model, text: str) -> list[int]:
    if model.comma_below:
        text = with_comma_below(text)
    ids: list[int] = model.processor.encode(_encodable(text))
    return ids


def _decode(model: _Model, ids: Iterable[int]) -> str:
    # A model may spell any bytes, line ends among them: the text must still be one line.
    text = model.processor.decode([i for i in map(int, ids) if i not in (PAD, BOS, EOS)])
    return _UNPRINTABLE.sub(" ", text).strip()


def _encodable(text: str) -> str:
    """Without display marks, and without half surrogates, which have no UTF-8."""
    return _DISPLAY_MARKS.sub("", text).encode("utf-8", "replace").decode("utf-8")


def _sample(lines: Iterable[str], limit: int, seed: int) -> Iterator[str]:
    """At most `limit` lines, every line as likely as any other (a reservoir)."""
    rng, kept = random.Random(seed), list[str]()
    for count, line in enumerate(lines, 1):
        if count <= limit:
            kept.append(line)
        elif (place := rng.randrange(count)) < limit:
            kept[place] = line
    kept.reverse()
    while kept:
        yield kept.pop()


def _count_words(lines: Iterable[str]) -> Counter[str]:
    words = Counter[str]()
    for line in lines:
        words.update(_encodable(line).split())
    return words


def _train(words: Counter[str], vocab_size: int) -> bytes:
    """Trains one model and returns its bytes. No subword crosses a space, so counted words are enough."""
    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=(f"{word}\t{count}" for word, count in words.items()),
            input_format="tsv",
            model_writer=model,
            model_type="bpe",
            vocab_size=vocab_size,
            hard_vocab_limit=False,
            character_coverage=CHARACTER_COVERAGE,
            byte_fallback=True,
            split_digits=True,
            pad_id=PAD,
            unk_id=UNK,
            bos_id=BOS,
            eos_id=EOS,
            num_threads=1,
            minloglevel=3,
        )
    except RuntimeError as error:
        raise _training_error(str(error), vocab_size) from None
    return model.getvalue()


def _training_error(message: str, vocab_size: int) -> DataError:
    if too_small := re.search(r"Vocabulary size is smaller than required_chars. \d+ vs (\d+)", message):
        return DataError(
            "The vocabulary has no room for every character of the text",
            where="tokenizer.vocab_size",
            value=vocab_size,
            allowed=f"at least {too_small[1]}",
            fix="use a larger vocab_size, or check that the text is in the languages you expect",
        )
    return DataError(
        f"The tokenizer found no text to learn from ({message})",
        where="the training corpus",
        fix="check the training corpus and its filters; words over 4,192 bytes are not learnt from",
    )
