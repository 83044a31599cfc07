"""A Marian teacher's vocabularies: sentencepiece models, and for OPUS-MT the ids in YAML or JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from onepass.errors import ModelError
from onepass.teachers.flat_yaml import Value, read_flat_yaml
from onepass.teachers.hub import read_json
from onepass.text.teacher_tokenizer import TeacherTokenizer, Vocabulary, load_sentencepiece

_END, _UNKNOWN, _PADDING = "</s>", "<unk>", "<pad>"


class Words(NamedTuple):
    """One side's vocabulary, and where our ids are in the teacher's.

    Attributes:
        order: the teacher's id of each of ours, -1 for padding and <s>.
        special: the teacher's ids of </s>, <unk> and, where it has one, <pad>.
    """

    vocabulary: Vocabulary
    order: NDArray[np.int64]
    special: Mapping[str, int]


def read_words(model: Path, ids: Path | None) -> Words:
    """A side's vocabulary.

    Args:
        model: sentencepiece.
        ids: YAML or JSON with the id of each subword; None: the model's own.

    Raises:
        ModelError: a file cannot be read, is damaged, or lacks </s> or <unk>; JSON, <pad>.
    """
    serialised = _read(model)
    if ids is None:
        processor = load_sentencepiece(serialised, model)
        vocabulary = Vocabulary(serialised, None, model)
        unknown, end = processor.unk_id(), processor.eos_id()
        order = our_order(len(processor), unknown, end)
        return Words(vocabulary, order, {_UNKNOWN: unknown, _END: end})
    subwords = _listed_subwords(ids)
    named = (_UNKNOWN, _END, _PADDING) if ids.suffix == ".json" else (_UNKNOWN, _END)
    special = {piece: subwords.index(piece) for piece in named}
    order = our_order(len(subwords), *special.values())
    return Words(Vocabulary(serialised, [subwords[i] for i in order[4:]], model), order, special)


def read_tokenizer(models: Sequence[Path], ids: Sequence[Path]) -> tuple[TeacherTokenizer, Words, Words]:
    """The tokenizer of a teacher, and each side's words.

    Args:
        models: one for both sides, or the source's and the target's.
        ids: likewise, or none.
    """
    src = read_words(models[0], ids[0] if ids else None)
    one = models[0] == models[-1] and (not ids or ids[0] == ids[-1])
    tgt = src if one else read_words(models[-1], ids[-1] if ids else None)
    return TeacherTokenizer(src.vocabulary, tgt.vocabulary), src, tgt


def our_order(size: int, unknown: int, end: int, padding: int = -1) -> NDArray[np.int64]:
    """The teacher's id of each of ours: padding, unknown, <s>, </s>, then the others in its order."""
    others = [i for i in range(size) if i not in (unknown, end, padding)]
    return np.array([-1, unknown, -1, end, *others], dtype=np.int64)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"Cannot read the teacher's vocabulary: {error.strerror}", where=path) from None


def _listed_subwords(path: Path) -> list[str]:
    """Subwords by id."""
    in_json = path.suffix == ".json"
    listed = _read_json(path) if in_json else read_flat_yaml(_read(path), path)
    by_id: dict[int, str] = {}
    for subword, number in listed.items():
        if isinstance(number, list) or not (number.isascii() and number.isdigit() and len(number) < 10):
            raise _damaged(path, f"the id of {subword!r}", number, "a whole number")
        if int(number) in by_id:
            raise _damaged(path, f"{subword!r} and {by_id[int(number)]!r}", number, "an id each")
        by_id[int(number)] = subword
    gap = next((i for i in range(len(by_id)) if i not in by_id), None)
    if gap is not None:
        raise _damaged(path, "the ids", f"no subword has {gap}", f"0 to {len(by_id) - 1}")
    named = (_END, _UNKNOWN, _PADDING) if in_json else (_END, _UNKNOWN)
    if not all(special in listed for special in named):
        raise _damaged(path, "the subwords", None, f"{' and '.join(named)} are among them")
    return [by_id[i] for i in range(len(by_id))]


def _read_json(path: Path) -> dict[str, Value]:
    """Numbers as digits, as YAML has them; what is no number is refused later, by its subword."""
    return {subword: json.dumps(number) for subword, number in read_json(path).items()}


def _damaged(path: Path, what: str, value: object, allowed: str) -> ModelError:
    return ModelError(
        "The ids of the teacher's subwords are damaged",
        where=f"{path}, {what}",
        value=value,
        allowed=allowed,
        fix="get the file again",
    )
