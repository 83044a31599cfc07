"""Text to text around any engine that decodes batches of ids: lines in, translations out, in their order."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import NamedTuple
from weakref import WeakSet

from onepass.errors import UsageError
from onepass.runtime.alignment import AlignedWord, Link, Written, aligned_words, links_of
from onepass.runtime.alternatives import MOST_COMBINATIONS, Alternative, Scored, combinations
from onepass.runtime.capitals import CLEARLY, with_capitals
from onepass.runtime.doubts import Doubt, doubts
from onepass.runtime.readings import NOTHING, Part, Reading, in_capitals, mean_score, merit
from onepass.runtime.sentences import UNNAMED, Languages, LineReader, Passage
from onepass.runtime.windows import windows
from onepass.text.batches import batches_for_workers
from onepass.text.glossary import Glossary
from onepass.text.placeholder_ids import PlaceholderIds
from onepass.text.placeholders import SLOTS, placeholder
from onepass.text.segmentation import Segment
from onepass.text.tokenizers import AnyTokenizer
from onepass.text.validity import valid_output, with_end_marks

MAX_SRC_TOKENS = 256
"""A longer sentence is broken at clause marks, else at spaces, else anywhere."""


class Hypotheses(NamedTuple):
    """One translation of each source of a batch.

    Attributes:
        ids: target tokens, without specials.
        scores: mean log probability a token; of the student's tokens, or a teacher's where it wrote or chose.
        with_end: the scores are means over the tokens and </s>, which a student does not write.
        fertilities: how often each source token was copied; None where nothing is copied.
        sources: which source token each target token comes from; None where the engine does not say.
        others: further translations of each, other ones, the best first; None where nobody asked.
    """

    ids: list[list[int]]
    scores: list[float]
    with_end: bool
    fertilities: list[list[int]] | None = None
    sources: list[list[int]] | None = None
    others: list[list[Scored]] | None = None


Decode = Callable[[list[list[int]]], Hypotheses]
"""Source ids, rows of 1 to MAX_SRC_TOKENS, to translations."""
DecodeSeveral = Callable[[list[list[int]], int], Hypotheses]
"""The same with up to so many different translations of each row, which say where their words come from."""


_TRANSLATORS: WeakSet[TextTranslator] = WeakSet()
_PLACEHOLDERS = {slot: placeholder(slot) for slot in range(SLOTS)}


@dataclass(frozen=True)
class Translation:
    """One translated line.

    Attributes:
        text: the translation.
        src_pieces, tgt_pieces: the subwords that the model read and wrote, of all its sentences; of one in
            capitals they may be those in small letters, of what passed as it is there are none.
        fertilities: how often each source subword was copied; None for a text of the teacher or of a
            student that copies nothing.
        score: mean log probability a target token, over all sentences, </s> included where a teacher scores.
        model: fingerprint of the model that wrote it.
        alignment: the words of the text with the source words that each comes from; places are code points
            of the text and of the source line. None where nobody asked or the model does not say.
        links: the same token by token, where a word may be several tokens.
        alternatives: further translations, each another text, the best first; None where nobody asked.
    """

    text: str
    src_pieces: tuple[str, ...]
    tgt_pieces: tuple[str, ...]
    fertilities: tuple[int, ...] | None
    score: float
    model: str = ""
    alignment: tuple[AlignedWord, ...] | None = None
    links: tuple[Link, ...] | None = None
    alternatives: tuple[Alternative, ...] | None = None


def _check_lines(lines: Iterable[str]) -> None:
    if isinstance(lines, str):
        raise UsageError("One line is not a list of lines", where="lines", fix="give [line]")


def _listed(lines: Iterable[str]) -> list[str]:
    """The lines in their order, whatever they are indexed by."""
    _check_lines(lines)
    listed = list(lines)
    for number, line in enumerate(listed, 1):
        if not isinstance(line, str):
            raise UsageError(
                "A line is not a text",
                where=f"line {number}",
                value=line,
                fix="give texts; an empty one for what is missing",
            )
    return listed


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
        decode_aligned: the engine that also says which source token each target token comes from, where
            there is one.
        decode_several: the engine that gives several translations, where there is one.
        decode_few: the engine that chooses among candidates, for one or two words: a student mixes two
            translations of them more often than of sentences. None: they are decoded as all others.
        languages: of both sides.
        split: cut lines into sentences.
        placeholders: that the model has learnt: it reads protected spans as such.
        glossary: terms that must become what it says.

    Raises:
        UsageError: a glossary for a model that has learnt no placeholders.
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
        decode_aligned: Decode | None = None,
        decode_several: DecodeSeveral | None = None,
        decode_few: Decode | None = None,
        languages: Languages = UNNAMED,
        split: bool = False,
        placeholders: PlaceholderIds | None = None,
        glossary: Glossary | None = None,
    ) -> None:
        if glossary is not None and placeholders is None:
            raise UsageError(
                "This model cannot keep to a glossary: it has learnt no placeholders",
                where="glossary (--glossary)",
                allowed="a student of a run with distill.placeholders",
            )
        self.tokenizer, self.fingerprint = tokenizer, fingerprint
        self._placeholders = placeholders
        self._reader = LineReader(
            tokenizer,
            MAX_SRC_TOKENS,
            languages=languages,
            split=split,
            placeholders=placeholders,
            glossary=glossary,
        )
        self.batch_tokens, self.batch_size = batch_tokens, batch_size
        self.copies, self.aligns = copies, decode_aligned is not None
        self.has_alternatives = decode_several is not None
        self._decode, self._decode_aligned = decode, decode_aligned or decode
        self._decode_several, self._decode_few = decode_several, decode_few
        self._workers = workers
        self.renew()
        _TRANSLATORS.add(self)

    def renew(self) -> None:
        """Starts with new threads, as a process that was forked has to."""
        self._pool = ThreadPoolExecutor(self._workers, "onepass") if self._workers > 1 else None

    def translate(
        self, lines: Iterable[str], *, alignment: bool = False, n_best: int = 1
    ) -> list[Translation]:
        """Translates lines, whose white space stays; what has no letters passes as it is.

        A sentence in capitals, or with some, is read in small letters, too, which training has more of. The
        translation with the better score stays: VERY is read as very, NATO remains what it is.

        Args:
            lines: to translate.
            alignment: say of each word where it comes from, in `Translation.alignment`.
            n_best: translations of each line, `Translation.alternatives` among them; there may be fewer.

        Raises:
            UsageError: a text where a list of texts belongs, or something else in the list.
        """
        listed = _listed(lines)
        passages = [self.passages(line) for line in listed]
        every = [passage for line in passages for passage in line]
        readings = iter(self.read(every, alignment=alignment, n_best=n_best))
        found = []
        for line, parts in zip(listed, passages, strict=True):
            of_line = [next(readings) for _ in parts]
            translation = self.joined(parts, of_line, n_best=n_best)
            found.append(self.aligned(line, translation, parts, of_line) if alignment else translation)
        return found

    def passages(self, line: str) -> list[Passage]:
        """What is read of a line, sentence by sentence: the first of three steps of `translate`."""
        return self._reader.passages(line)

    def translate_as_written(self, lines: Sequence[str]) -> list[Translation]:
        """What the model itself makes of lines: each is read once, whole where it fits, as it is written."""
        passages = [list(self._reader.parts(Segment(0, line.strip(), ""))) for line in lines]
        readings = iter(self._written([passage.ids for line in passages for passage in line]))
        return [self.joined(line, [next(readings) for _ in line]) for line in passages]

    def translate_stream(
        self, lines: Iterable[str], *, alignment: bool = False, n_best: int = 1
    ) -> Iterator[Translation]:
        """Translates any number of lines in bounded memory; the translations come in their order."""
        _check_lines(lines)
        for window in windows(lines):
            yield from self.translate(window, alignment=alignment, n_best=n_best)

    def decode_chunks(
        self, chunks: Sequence[list[int]], *, alignment: bool = False, n_best: int = 1, few: bool = False
    ) -> list[Part]:
        """Translates source ids, rows of 1 to MAX_SRC_TOKENS, in batches of similar length.

        `few`: they are one or two words each.
        """
        batches = batches_for_workers(
            [len(chunk) for chunk in chunks],
            self.batch_tokens,
            most_rows=self.batch_size,
            workers=self._workers,
        )
        parts: dict[int, Part] = {}
        given = [[chunks[i] for i in rows] for rows in batches]
        decoded = self.decode_batches(given, alignment=alignment, n_best=n_best, few=few)
        for rows, hyps in zip(batches, decoded, strict=True):
            none: list[None] = [None] * len(rows)
            weights = [len(ids) + hyps.with_end for ids in hyps.ids]
            others = [
                tuple(Part(ids, score, None, len(ids) + hyps.with_end, None) for ids, score in of_row)
                for of_row in hyps.others or [[]] * len(rows)
            ]
            of_source = hyps.fertilities or none, weights, hyps.sources or none
            parts.update(zip(rows, map(Part, hyps.ids, hyps.scores, *of_source, others), strict=True))
        return [parts[i] for i in range(len(chunks))]

    def decode_batches(
        self,
        batches: Sequence[list[list[int]]],
        *,
        alignment: bool = False,
        n_best: int = 1,
        few: bool = False,
    ) -> Iterator[Hypotheses]:
        """What the engine makes of batches of source ids, in their order."""
        run = self._pool.map if self._pool is not None and len(batches) > 1 else map
        several = self._decode_several
        if n_best > 1 and several is not None:
            return run(lambda rows: several(rows, n_best), batches)
        if few and self._decode_few is not None:
            return run(self._decode_few, batches)
        return run(self._decode_aligned if alignment else self._decode, batches)

    def read(self, passages: Sequence[Passage], *, alignment: bool = False, n_best: int = 1) -> list[Reading]:
        """The better reading of each passage, its text without what no translation may have.

        The second step of `translate`: passages of any lines may be read together.
        """
        capitals = [i for i, passage in enumerate(passages) if passage.ids and passage.segment.text.isupper()]
        calm = [self._reader.calm(passages[i]) for i in capitals]
        few = [self._decode_few is not None and self._reader.has_few_words(each) for each in passages]
        few += [few[i] for i in capitals]
        readings = self._written([*(passage.ids for passage in passages), *calm], alignment, n_best, few)
        for i, other in zip(capitals, readings[len(passages) :], strict=True):
            # Words of usual subwords are no abbreviations; spelt by rare ones, they are only copied well.
            surely = bool(other.text) and len(other.ids) < len(readings[i].ids)
            readings[i] = in_capitals(other) if surely else max(readings[i], in_capitals(other), key=merit)
        if self.aligns:
            self._calm_down(passages, readings)
        return [self._finished(*each) for each in zip(passages, readings[: len(passages)], strict=True)]

    def _calm_down(self, passages: Sequence[Passage], readings: list[Reading]) -> None:
        """Puts the better reading in place of one of a passage with some words in capitals."""
        found = {i: self._reader.calm_words(passage) for i, passage in enumerate(passages) if passage.ids}
        calm = {i: each for i, each in found.items() if each is not None}
        others = self._written([each.ids for each in calm.values()], alignment=True)
        for (i, (source, _)), other in zip(calm.items(), others, strict=True):
            written = self._spelt_out(0, source.text, other, _PLACEHOLDERS, _PLACEHOLDERS)
            other = other._replace(text=with_capitals(source, written), others=readings[i].others)
            if merit(other) > (bool(readings[i].text), readings[i].part.score + CLEARLY):
                readings[i] = other

    def _finished(self, passage: Passage, reading: Reading) -> Reading:
        """A reading with the spans of its passage, and without what no translation may have."""
        text = passage.segment.text
        if not passage.ids:
            whole = text if passage.masked is None else self._reader.restored(passage, passage.masked.text)
            return reading._replace(text=whole)
        found = reading.text if passage.masked is None else self._reader.restored(passage, reading.text)
        found = self._reader.with_capitals(passage, with_end_marks(text, valid_output(text, found)))
        others = tuple(self._finished(passage, other) for other in reading.others)
        return (
            reading if found == reading.text and not others else reading._replace(text=found, others=others)
        )

    def _written(
        self,
        rows: Sequence[list[int]],
        alignment: bool = False,
        n_best: int = 1,
        few: Sequence[bool] | None = None,
    ) -> list[Reading]:
        """What the model writes for each row of source ids; nothing for one without ids."""
        few = few or [False] * len(rows)
        parts: dict[int, Part] = {}
        for kind in (False, True):
            numbers = [i for i, row in enumerate(rows) if row and few[i] == kind]
            given = [rows[i] for i in numbers]
            found = self.decode_chunks(given, alignment=alignment, n_best=n_best, few=kind)
            parts.update(zip(numbers, found, strict=True))
        return [self._reading(row, parts.get(i, NOTHING)) for i, row in enumerate(rows)]

    def _reading(self, row: list[int], part: Part) -> Reading:
        if self._placeholders is not None:
            part = part._replace(ids=self._placeholders.carried(row, part.ids))
        others = tuple(self._reading(row, other) for other in part.others)
        return Reading(row, part, self.tokenizer.decode_tgt(part.ids), others)

    def joined(
        self, passages: Sequence[Passage], readings: Sequence[Reading], *, n_best: int = 1
    ) -> Translation:
        """The translation of a line from those of its passages: the last step of `translate`."""
        text = self._reader.line(passages, [reading.text for reading in readings])
        parts = [reading.part for reading in readings]
        fertilities = [n for part in parts for n in part.fertilities or ()]
        return Translation(
            text=text,
            src_pieces=tuple(self.tokenizer.src_pieces(i for reading in readings for i in reading.ids)),
            tgt_pieces=tuple(self.tokenizer.tgt_pieces(i for part in parts for i in part.ids)),
            fertilities=tuple(fertilities) if self.copies else None,
            score=mean_score(readings),
            model=self.fingerprint,
            alternatives=None if n_best == 1 else self._alternatives(text, passages, readings, n_best - 1),
        )

    def _alternatives(
        self, text: str, passages: Sequence[Passage], readings: Sequence[Reading], count: int
    ) -> tuple[Alternative, ...]:
        """Up to `count` further translations of a line."""
        options = [(reading, *reading.others) for reading in readings]
        found: dict[str, float] = {}
        for chosen in combinations(
            [[option.part.score for option in of_passage] for of_passage in options],
            [[option.part.weight for option in of_passage] for of_passage in options],
            MOST_COMBINATIONS * (count + 1),
        ):
            made = [of_passage[number] for of_passage, number in zip(options, chosen, strict=True)]
            found.setdefault(self._reader.line(passages, [each.text for each in made]), mean_score(made))
        found.pop(text, None)
        return tuple(Alternative(*each) for each in list(found.items())[:count])

    def doubts(self, line: str, translation: str) -> list[Doubt]:
        """What is doubtful in the translation of a line."""
        return doubts(line, translation, self._reader)

    def aligned(
        self,
        line: str,
        translation: Translation,
        passages: Sequence[Passage],
        readings: Sequence[Reading],
    ) -> Translation:
        """A translation that says where its words come from, if the engine says it."""
        if not self.aligns:
            return translation
        written = [
            self._spelt_out(
                passage.segment.start, passage.segment.text, reading, *self._reader.spans_of(passage)
            )
            for passage, reading in zip(passages, readings, strict=True)
        ]
        links = links_of(line, translation.text, written)
        return replace(translation, alignment=aligned_words(line, translation.text, links), links=links)

    def _spelt_out(
        self,
        start: int,
        text: str,
        reading: Reading,
        src_spans: Mapping[int, str],
        tgt_spans: Mapping[int, str],
    ) -> Written:
        """What was read of a text, and written; spans by slot."""
        part, tokenizer = reading.part, self.tokenizer
        return Written(
            start,
            text,
            reading.text,
            self._spelt(tokenizer.src_pieces(reading.ids), reading.ids, src_spans),
            self._spelt(tokenizer.tgt_pieces(part.ids), part.ids, tgt_spans),
            part.sources or [],
        )

    def _spelt(self, pieces: list[str], ids: Sequence[int], spans: Mapping[int, str]) -> list[str]:
        """Subwords, with what stands for placeholders in their place; `spans`: by slot."""
        if not spans or self._placeholders is None:
            return pieces
        first = self._placeholders.first
        return [spans.get(token - first, piece) for piece, token in zip(pieces, ids, strict=True)]


def _renew_all() -> None:
    for translator in _TRANSLATORS:
        translator.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_all)
