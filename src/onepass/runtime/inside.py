"""What a model does with one sentence: what it reads, and what all its slots write at once.

Graphs differ in what they say. One with placeholders names the label of each slot, blanks included, and the
place of the source that the slot reads. One with fertilities says how often each source token is copied. Of
any other only the words are known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from onepass.runtime.engine import OnnxEngine
from onepass.text.tokenizers import AnyTokenizer


class Slot(NamedTuple):
    """A place of the output.

    Attributes:
        piece: the subword that it writes, or the span that a placeholder stands for; empty for a blank.
        source: the number of the source subword that it reads; None where the graph does not say.
        written: it is part of the translation: no blank, and no repetition of the slot before.
    """

    piece: str
    source: int | None
    written: bool


class Inside(NamedTuple):
    """A sentence as the model sees it.

    Attributes:
        source: subwords that it reads.
        slots: all places of the output, in order; where `complete` is false those that write alone.
        complete: blanks and repetitions are known.
        fertilities: how often each source subword is copied; None for a model that copies nothing.
    """

    source: list[str]
    slots: list[Slot]
    complete: bool
    fertilities: list[int] | None


NOT_READ = Inside([], [], True, None)
"""Of what passes as it is."""


def inside(
    engine: OnnxEngine,
    tokenizer: AnyTokenizer,
    ids: Sequence[int],
    src_spans: Mapping[int, str],
    tgt_spans: Mapping[int, str],
) -> Inside:
    """How a model comes from one sentence to its translation, without candidates.

    Args:
        engine: of the model.
        tokenizer: of the model.
        ids: of the sentence, at least one.
        src_spans: what the ids of placeholders stand for in the source.
        tgt_spans: and in the translation.
    """

    def written(label: int) -> str:
        return tgt_spans.get(label) or tokenizer.tgt_pieces([label])[0]

    source = [src_spans.get(number) or tokenizer.src_pieces([number])[0] for number in ids]
    found = engine.slots(ids)
    if found is not None:
        blank = tokenizer.tgt_size
        pieces = ["" if label == blank else written(label) for label in found.labels]
        return Inside(source, list(map(Slot, pieces, found.sources, found.written)), True, None)
    hypothesis = engine([ids])
    pieces = list(map(written, hypothesis.ids[0]))
    if hypothesis.fertilities is None:
        return Inside(source, [Slot(piece, None, True) for piece in pieces], False, None)
    [counts] = hypothesis.fertilities
    copied = [number for number, count in enumerate(counts) for _ in range(count)]
    return Inside(source, [Slot(*slot, True) for slot in zip(pieces, copied, strict=True)], True, counts)
