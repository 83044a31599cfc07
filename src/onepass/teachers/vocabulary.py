"""A Marian teacher's vocabularies: sentencepiece models, and for OPUS-MT their subwords' ids in YAML."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from onepass.errors import ModelError
from onepass.teachers.flat_yaml import read_flat_yaml
from onepass.text.teacher_tokenizer import TeacherTokenizer, Vocabulary, load_sentencepiece

_END, _UNKNOWN = "</s>", "<unk>"


class Words(NamedTuple):
    """One side's vocabulary, and where our ids are in the teacher's.

    Attributes:
        order: the teacher's id of each of ours, -1 for padding and <s>, which it does not have.
    """

    vocabulary: Vocabulary
    order: NDArray[np.int64]


def read_words(model: Path, ids: Path | None) -> Words:
    """A side's vocabulary.

    Args:
        model: sentencepiece.
        ids: YAML with the id of each subword; None: the model's own.

    Raises:
        ModelError: a file cannot be read, is damaged, or lacks </s> or <unk>.
    """
    serialised = _read(model)
    if ids is None:
        processor = load_sentencepiece(serialised, model)
        vocabulary = Vocabulary(serialised, None, model)
        return Words(vocabulary, our_order(len(processor), processor.unk_id(), processor.eos_id()))
    subwords = _listed_subwords(ids)
    order = our_order(len(subwords), subwords.index(_UNKNOWN), subwords.index(_END))
    return Words(Vocabulary(serialised, [subwords[i] for i in order[4:]], model), order)


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


def our_order(size: int, unknown: int, end: int) -> NDArray[np.int64]:
    """The teacher's id of each of ours: padding, unknown, <s>, </s>, then the others in its order."""
    others = [i for i in range(size) if i not in (unknown, end)]
    return np.array([-1, unknown, -1, end, *others], dtype=np.int64)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"Cannot read the teacher's vocabulary: {error.strerror}", where=path) from None


def _listed_subwords(path: Path) -> list[str]:
    """Subwords by id."""
    listed = read_flat_yaml(_read(path), path)
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
    for special in (_END, _UNKNOWN):
        if special not in listed:
            raise _damaged(path, "the subwords", None, f"{_END} and {_UNKNOWN} are among them")
    return [by_id[i] for i in range(len(by_id))]


def _damaged(path: Path, what: str, value: object, allowed: str) -> ModelError:
    return ModelError(
        "The ids of the teacher's subwords are damaged",
        where=f"{path}, {what}",
        value=value,
        allowed=allowed,
        fix="get the file again",
    )
