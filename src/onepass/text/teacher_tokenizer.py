"""The tokenizer of a teacher that somebody else trained: its own sentencepiece models, as they are.

The interface is that of `onepass.text.tokenizer.Tokenizer`, and so are the special ids: padding 0, unknown 1,
<s> 2, </s> 3. The teacher's other subwords follow in its own order, and after them ids that are reserved.
Nothing is normalised but by the model itself. What a model has no subwords for becomes unknown, and an
unknown word is written as nothing. Where a teacher has several target languages, a source begins with the
mark of one, such as `>>por<<`. The placeholders of a masked text (`text.placeholders`) are the reserved ids.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import sentencepiece

from onepass.errors import ModelError
from onepass.files import write_bytes, write_json
from onepass.text.patterns import FIRST_MARK, LAST_MARK
from onepass.text.placeholders import SLOTS, placeholder
from onepass.text.tokenizer import BOS, EOS, PAD, UNK

VOCABULARY = "vocabulary.json"
"""What is known of a teacher's vocabulary beside its models; Onepass's own tokenizers have no such file."""
SPECIALS = ("<pad>", "<unk>", "<s>", "</s>")
_MARK = re.compile(r">>[^\s<>]{1,30}<<")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_PLACEHOLDER = re.compile(f"[{FIRST_MARK}-{LAST_MARK}]")
_BEFORE_WORD = re.compile(rf"(?<=[{FIRST_MARK}-{LAST_MARK}])(?=\w)")
_COPY_AGAIN = "copy the whole bundle or run directory again"


class Vocabulary:
    """One side: a sentencepiece model and the ids of its subwords.

    Args:
        model: the serialised model.
        subwords: by id, from 4 on; None: the model's own, in its order, without its <unk> and </s>.
        name: what to call the model in an error, usually its file.
        reserved: ids behind the subwords.

    Raises:
        ModelError: the model is damaged, or has no <unk> or no </s> where the subwords are its own.
    """

    def __init__(
        self, model: bytes, subwords: Sequence[str] | None, name: object, *, reserved: int = 0
    ) -> None:
        self.model, self.listed, self.reserved = model, subwords is not None, reserved
        self.processor = load_sentencepiece(model, name)
        self.own = list(own_subwords(self.processor, name) if subwords is None else subwords)
        self.pieces = [*SPECIALS, *self.own, *(f"<reserved{i}>" for i in range(reserved))]
        self._ids = {piece: i for i, piece in enumerate(self.own, len(SPECIALS))}
        # A placeholder is a word of its own, so it is written with a space before it.
        slots = SLOTS if self.has_placeholders else 0
        self._written = {self.first_placeholder + i: f"▁{placeholder(i)}" for i in range(slots)}

    @property
    def has_placeholders(self) -> bool:
        """Whether there is a reserved id for each slot."""
        return self.reserved >= SLOTS

    @property
    def first_placeholder(self) -> int:
        """The id of slot 0; the others follow."""
        return len(self.pieces) - self.reserved

    @property
    def marks(self) -> list[str]:
        """Those of the target languages, such as `>>por<<`; mostly none."""
        return sorted(piece for piece in self.own if _MARK.fullmatch(piece))

    def encode(self, text: str) -> list[int]:
        """Ids without <s> or </s>; none for a text without visible characters."""
        is_masked = self.has_placeholders and _PLACEHOLDER.search(text) is not None
        if is_masked:
            text = _BEFORE_WORD.sub(" ", text)
        # Half surrogates have no UTF-8.
        pieces = self.processor.encode(text.encode("utf-8", "replace").decode("utf-8"), out_type=str)
        if is_masked:
            return self._with_placeholders(pieces)
        return [self._ids.get(piece, UNK) for piece in pieces]

    def _with_placeholders(self, pieces: Sequence[str]) -> list[int]:
        """Placeholders come out of the model as unknown characters, several in one piece."""
        ids: list[int] = []
        for piece in pieces:
            if not _PLACEHOLDER.search(piece):
                ids.append(self._ids.get(piece, UNK))
                continue
            if ids and ids[-1] == self._ids.get("▁"):
                ids.pop()  # the space is the placeholder's own
            marked = (
                self.first_placeholder + ord(char) - ord(FIRST_MARK) if char >= FIRST_MARK else UNK
                for char in piece
                if char != "▁"
            )
            ids += marked
        return ids

    def encode_marked(self, text: str) -> list[int]:
        """`encode`, but a mark of a target language that the text begins with is one id."""
        mark = _MARK.match(text)
        if mark is None or mark[0] not in self._ids:
            return self.encode(text)
        return [self._ids[mark[0]], *self.encode(text[mark.end() :])]

    def decode(self, ids: Iterable[int]) -> str:
        """One line of text, the special ids left out."""
        pieces = [
            self._written.get(i) or self.pieces[i] for i in map(int, ids) if i not in (PAD, UNK, BOS, EOS)
        ]
        # A listed subword that the model does not know keeps its mark of a space.
        text = self.processor.decode_pieces(pieces).replace("▁", " ")
        # A model may spell any bytes, line ends among them: the text must still be one line.
        return _CONTROLS.sub(" ", text).strip()

    def spell(self, ids: Iterable[int]) -> list[str]:
        """The subword of each id."""
        return [self.pieces[int(i)] for i in ids]


class TeacherTokenizer:
    """The vocabularies of both sides; where they are one, source and target ids are the same.

    Args:
        src, tgt: the sides.
        mark: of the target language, put before every source that has none.

    Raises:
        ModelError: the source's vocabulary has no such mark.
    """

    def __init__(self, src: Vocabulary, tgt: Vocabulary, *, mark: str | None = None) -> None:
        self.src, self.tgt, self.mark = src, tgt, mark
        if mark is not None and mark not in src.marks:
            raise ModelError(
                "The teacher has no such mark of a target language",
                value=mark,
                allowed=", ".join(src.marks) or "none, it has one target language",
            )

    @property
    def joint(self) -> bool:
        """True when both sides share one vocabulary."""
        return self.src.pieces == self.tgt.pieces

    @property
    def src_size(self) -> int:
        """Number of source ids."""
        return len(self.src.pieces)

    @property
    def tgt_size(self) -> int:
        """Number of target ids."""
        return len(self.tgt.pieces)

    @property
    def file_names(self) -> list[str]:
        """What `save` writes."""
        one = self.src.model == self.tgt.model
        return [VOCABULARY, *(["joint.spm"] if one else ["source.spm", "target.spm"])]

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all that decides ids, in hexadecimal."""
        said = json.dumps(self._said(), sort_keys=True).encode()
        return hashlib.sha256(b"\0".join([said, self.src.model, self.tgt.model])).hexdigest()

    def _said(self) -> dict[str, Any]:
        listed = {
            side: vocabulary.own if vocabulary.listed else None
            for side, vocabulary in (("src", self.src), ("tgt", self.tgt))
        }
        if listed["tgt"] == listed["src"]:
            del listed["tgt"]
        return {"subwords": listed, "mark": self.mark, "reserved": self.src.reserved}

    def save(self, directory: Path) -> None:
        """Writes the files that `load` reads."""
        directory.mkdir(parents=True, exist_ok=True)
        names = self.file_names
        for stale in {"joint.spm", "source.spm", "target.spm"} - set(names):
            (directory / stale).unlink(missing_ok=True)
        for name, model in zip(names[1:], (self.src.model, self.tgt.model), strict=False):
            write_bytes(directory / name, model)
        write_json(directory / VOCABULARY, self._said())

    @classmethod
    def load(cls, directory: Path) -> TeacherTokenizer:
        """Reads what `save` wrote.

        Raises:
            ModelError: a file is missing or damaged.
        """
        path = directory / VOCABULARY
        try:
            said = json.loads(path.read_text(encoding="utf-8"))
            listed, reserved, mark = said["subwords"], int(said["reserved"]), said["mark"]
            src_subwords = listed["src"]
            subwords = (src_subwords, listed.get("tgt", src_subwords))
            joint = directory / "joint.spm"
            paths = [joint, joint] if joint.exists() else [directory / "source.spm", directory / "target.spm"]
            sides = [
                Vocabulary(p.read_bytes(), s, p, reserved=reserved)
                for p, s in zip(paths, subwords, strict=True)
            ]
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ModelError(
                f"Cannot read the teacher's tokenizer: {error!r}", where=path, fix=_COPY_AGAIN
            ) from None
        return cls(*sides, mark=mark)

    def reversed(self) -> TeacherTokenizer:
        """The same subwords for the other direction: source and target change places."""
        return TeacherTokenizer(self.tgt, self.src)

    def marked(self, mark: str) -> TeacherTokenizer:
        """This with a mark of the target language before every source."""
        return TeacherTokenizer(self.src, self.tgt, mark=mark)

    def extended(self, count: int) -> TeacherTokenizer:
        """This with `count` further reserved ids at the end of both sides."""
        src, tgt = (
            Vocabulary(v.model, v.own if v.listed else None, "the teacher's", reserved=v.reserved + count)
            for v in (self.src, self.tgt)
        )
        return TeacherTokenizer(src, tgt, mark=self.mark)

    def encode_src(self, text: str) -> list[int]:
        """The ids of a source text, without </s>; none for a text without visible characters."""
        ids = self.src.encode_marked(text)
        if self.mark is None or not ids or _MARK.match(text):
            return ids
        return [*self.src.encode_marked(self.mark), *ids]

    def encode_tgt(self, text: str) -> list[int]:
        """The ids of a target text, without </s>; none for a text without visible characters."""
        return self.tgt.encode(text)

    def encode_src_batch(self, texts: Iterable[str]) -> list[list[int]]:
        """`encode_src` of each text."""
        return [self.encode_src(text) for text in texts]

    def encode_tgt_batch(self, texts: Iterable[str]) -> list[list[int]]:
        """`encode_tgt` of each text."""
        return [self.encode_tgt(text) for text in texts]

    def decode_src(self, ids: Iterable[int]) -> str:
        """Source ids as one line of text, the special ids left out."""
        return self.src.decode(ids)

    def decode_tgt(self, ids: Iterable[int]) -> str:
        """Target ids as one line of text, the special ids left out."""
        return self.tgt.decode(ids)

    def decode_tgt_batch(self, rows: Iterable[Iterable[int]]) -> list[str]:
        """`decode_tgt` of each row."""
        return [self.tgt.decode(ids) for ids in rows]

    def src_pieces(self, ids: Iterable[int]) -> list[str]:
        """The subword of each source id, `▁` marking the start of a word."""
        return self.src.spell(ids)

    def tgt_pieces(self, ids: Iterable[int]) -> list[str]:
        """The subword of each target id, `▁` marking the start of a word."""
        return self.tgt.spell(ids)

    def src_vocabulary(self) -> list[str]:
        """All source subwords, in the order of their ids."""
        return list(self.src.pieces)

    def tgt_vocabulary(self) -> list[str]:
        """All target subwords, in the order of their ids."""
        return list(self.tgt.pieces)


def load_sentencepiece(model: bytes, name: object) -> Any:
    """A sentencepiece processor.

    Raises:
        ModelError: the model is damaged.
    """
    processor = sentencepiece.SentencePieceProcessor()
    try:
        processor.LoadFromSerializedProto(model)
        size = len(processor)
    except (RuntimeError, UnicodeDecodeError):
        size = 0
    if not size:
        raise ModelError("The teacher's vocabulary is not a sentencepiece model", where=name, fix=_COPY_AGAIN)
    return processor


def own_subwords(processor: Any, name: object) -> list[str]:
    """A model's subwords in its order, without its <unk> and </s>.

    Raises:
        ModelError: it has no </s>, which a teacher ends a sentence with, or a subword that is no text.
    """
    unknown, end = processor.unk_id(), processor.eos_id()
    if min(unknown, end) < 0:
        raise ModelError(
            "The teacher's vocabulary has no <unk> or no </s>",
            where=name,
            value=(unknown, end),
            fix=_COPY_AGAIN,
        )
    try:
        return [processor.id_to_piece(i) for i in range(len(processor)) if i not in (unknown, end)]
    except UnicodeDecodeError:
        raise ModelError(
            "A subword of the teacher's vocabulary is no text", where=name, fix=_COPY_AGAIN
        ) from None
