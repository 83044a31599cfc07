"""Text to text around any engine that decodes batches of ids: lines in, translations out, in their order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import NamedTuple

from onepass.errors import UsageError
from onepass.text.batches import batches_for_workers
from onepass.text.tokenizer import split_to_fit
from onepass.text.tokenizers import AnyTokenizer

MAX_SRC_TOKENS = 256
"""A longer line is split at sentence ends, or cut with a warning."""
WINDOW = 1024
"""Lines of a stream that are sorted by length together."""
WINDOW_CHARACTERS = 1 << 18
"""A window that has so many ends early, so that long lines do not fill the memory."""


class Hypotheses(NamedTuple):
    """One translation of each source of a batch.

    Attributes:
        ids: target tokens, without specials.
        scores: mean log probability a token; of the student's tokens, or a teacher's where it wrote or chose.
        with_end: the scores are means over the tokens and </s>, which a student does not write.
        fertilities: how often each source token was copied; None where nothing is copied.
    """

    ids: list[list[int]]
    scores: list[float]
    with_end: bool
    fertilities: list[list[int]] | None = None


Decode = Callable[[list[list[int]]], Hypotheses]
"""Source ids, rows of 1 to MAX_SRC_TOKENS, to translations."""


class Part(NamedTuple):
    """What was written for a row of source ids; `weight`: how many tokens its score is the mean of."""

    ids: list[int]
    score: float
    fertilities: list[int] | None
    weight: int


@dataclass(frozen=True)
class Translation:
    """One translated line.

    Attributes:
        text: the translation.
        src_pieces, tgt_pieces: the subwords that the model read and wrote; of a line in capitals they may be
            those in small letters.
        fertilities: how often each source subword was copied; None for a text of the teacher or of a
            student that copies nothing.
        score: mean log probability a target token (over the parts of a line that was split), </s>
            included where a teacher scores.
        model: fingerprint of the model that wrote it.
    """

    text: str
    src_pieces: tuple[str, ...]
    tgt_pieces: tuple[str, ...]
    fertilities: tuple[int, ...] | None
    score: float
    model: str = ""


def _merit(found: Translation) -> tuple[bool, float]:
    return bool(found.text), found.score  # no words have the score 0


def _check_lines(lines: Iterable[str]) -> None:
    if isinstance(lines, str):
        raise UsageError("One line is not a list of lines", where="lines", fix="give [line]")


def windows(lines: Iterable[str]) -> Iterator[list[str]]:
    """Lists of 1 to WINDOW lines, fewer where they are long; what came before an error comes before it."""
    window: list[str] = []
    characters = 0
    try:
        for line in lines:
            window.append(line)
            characters += len(line)
            if len(window) == WINDOW or characters >= WINDOW_CHARACTERS:
                full, window, characters = window, [], 0
                yield full
    except Exception:
        if window:
            yield window
        raise
    if window:
        yield window


class TextTranslator:
    """Lines of text to translations, in batches of similar length, in input order.

    Args:
        tokenizer: of the bundle.
        decode: the engine.
        fingerprint: of the model.
        batch_tokens: most source tokens, padding included, in a batch.
        batch_size: most lines in a batch.
        workers: batches decoded side by side.
        copies: the engine says how often it copied each source token.
    """

    def __init__(
        self,
        tokenizer: AnyTokenizer,
        decode: Decode,
        *,
        fingerprint: str = "",
        batch_tokens: int = 2048,
        batch_size: int = 1024,
        workers: int = 1,
        copies: bool = False,
    ) -> None:
        self.tokenizer, self.fingerprint = tokenizer, fingerprint
        self.batch_tokens, self.batch_size = batch_tokens, batch_size
        self.copies = copies
        self._decode = decode
        self._workers = workers
        self._pool = ThreadPoolExecutor(workers, "onepass") if workers > 1 else None

    def translate(self, lines: Sequence[str]) -> list[Translation]:
        """Translates lines; one without visible characters gives an empty translation.

        A line in capitals is read in small letters, too, which training has more of; the translation with the
        better score stays ("HELP!" becomes "HILFE!", "NATO" remains what it is).

        Raises:
            UsageError: a text where a list of texts belongs.
        """
        _check_lines(lines)
        capitals = [i for i, line in enumerate(lines) if line.isupper()]
        found = self.translate_as_written([*lines, *(lines[i].capitalize() for i in capitals)])
        for i, calm in zip(capitals, found[len(lines) :], strict=True):
            found[i] = max(found[i], replace(calm, text=calm.text.upper()), key=_merit)
        return found[: len(lines)]

    def translate_as_written(self, lines: Sequence[str]) -> list[Translation]:
        """Translates lines, each read once, as it is written."""
        encode = self.tokenizer.encode_src
        parts = [split_to_fit(line, MAX_SRC_TOKENS, encode) for line in lines]
        chunks = [chunk for line in parts for chunk in line]
        outputs = iter(self.decode_chunks(chunks))
        return [self._join(line, [next(outputs) for _ in line]) for line in parts]

    def translate_stream(self, lines: Iterable[str]) -> Iterator[Translation]:
        """Translates any number of lines in bounded memory; the translations come in their order."""
        _check_lines(lines)
        for window in windows(lines):
            yield from self.translate(window)

    def decode_chunks(self, chunks: Sequence[list[int]]) -> list[Part]:
        """Translates source ids, rows of 1 to MAX_SRC_TOKENS, in batches of similar length."""
        batches = batches_for_workers(
            [len(chunk) for chunk in chunks],
            self.batch_tokens,
            most_rows=self.batch_size,
            workers=self._workers,
        )
        parts: dict[int, Part] = {}
        decoded = self.decode_batches([[chunks[i] for i in rows] for rows in batches])
        for rows, hyps in zip(batches, decoded, strict=True):
            fertilities: Sequence[list[int] | None] = hyps.fertilities or [None] * len(rows)
            weights = [len(ids) + hyps.with_end for ids in hyps.ids]
            parts.update(zip(rows, map(Part, hyps.ids, hyps.scores, fertilities, weights), strict=True))
        return [parts[i] for i in range(len(chunks))]

    def decode_batches(self, batches: Sequence[list[list[int]]]) -> Iterator[Hypotheses]:
        """What the engine makes of batches of source ids, in their order."""
        run = self._pool.map if self._pool is not None and len(batches) > 1 else map
        return run(self._decode, batches)

    def _join(self, src: list[list[int]], parts: list[Part]) -> Translation:
        ids = [i for part in parts for i in part.ids]
        texts = [self.tokenizer.decode_tgt(part.ids) for part in parts]
        fertilities = [n for part in parts for n in part.fertilities or ()]
        weight = sum(part.weight for part in parts)
        return Translation(
            text=" ".join(text for text in texts if text),
            src_pieces=tuple(self.tokenizer.src_pieces(i for chunk in src for i in chunk)),
            tgt_pieces=tuple(self.tokenizer.tgt_pieces(ids)),
            fertilities=tuple(fertilities) if self.copies else None,
            score=sum(part.score * part.weight for part in parts) / max(weight, 1),
            model=self.fingerprint,
        )
