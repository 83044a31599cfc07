"""What a model reads of a line: its sentences, or parts of them, and what passes as it is.

A model that has learnt placeholders reads each protected span of a sentence as one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from onepass.runtime.capitals import CalmText, calm_line, calm_text
from onepass.runtime.letters import WORD as LETTERS
from onepass.runtime.letters import Letters, with_lacking_capitals
from onepass.text.clock import clock_terms
from onepass.text.glossary import Glossary
from onepass.text.numbers import localised
from onepass.text.placeholder_ids import PlaceholderIds
from onepass.text.placeholders import MaskedText, masked, restored, slots_of, usual_slots
from onepass.text.segmentation import Segment, break_long, cut_at, joined, segments
from onepass.text.spans import Span, SpanKind, find_spans, spans_within
from onepass.text.tokenizers import AnyTokenizer
from onepass.text.validity import cleaned, has_letters


class Languages(NamedTuple):
    """The codes of both sides."""

    src: str
    tgt: str


UNNAMED = Languages("", "")
FEW_WORDS = 2
MOST_IDS_OF_FEW = 12
NUMBERS = (SpanKind.ONE, SpanKind.NUMBER)

_LIST_MARK = re.compile(r"(?:[-*+•‣·–—]|[(\[]?(?:\d{1,3}|[a-z])[)\]]|\d{1,3}\.)\s+(?=\S)")
_LABEL = re.compile(r"[A-Z]{1,3}-?\d+[a-z]?|[(\[]?[A-Za-z][)\]]")
"""What numbers a thing, as A1 or b)."""
_LETTERS = re.compile(r"[^\W\d_]{2,}")


class Passage(NamedTuple):
    """A stretch of a line.

    Attributes:
        segment: its text and the white space behind it.
        ids: what the model reads; none for what passes as it is.
        masked: its text with placeholders; None where it has none.
    """

    segment: Segment
    ids: list[int]
    masked: MaskedText | None = None


class CalmPassage(NamedTuple):
    """What a model reads of a passage with its words in capitals in small letters."""

    source: CalmText
    ids: list[int]


class LineReader:
    """Lines into passages, and their translations into lines.

    Args:
        tokenizer: of the model.
        most: ids that the model reads at once.
        languages: of both sides.
        split: cut lines into sentences; else only what is too long is cut.
        placeholders: that the model has learnt; None: it reads spans as they are.
        glossary: terms that are spans, too; for models with placeholders.
    """

    def __init__(
        self,
        tokenizer: AnyTokenizer,
        most: int,
        *,
        languages: Languages = UNNAMED,
        split: bool = False,
        placeholders: PlaceholderIds | None = None,
        glossary: Glossary | None = None,
    ) -> None:
        self._most = most
        self._placeholders, self._glossary = placeholders, glossary
        self._clock = None if placeholders is None else clock_terms(*languages)
        self.languages, self.split = languages, split
        self._tokenizer = tokenizer
        self._vocabulary = self._written = Letters(tokenizer.src_vocabulary, tokenizer.encode_src)
        if not tokenizer.joint:
            self._written = Letters(tokenizer.tgt_vocabulary, tokenizer.encode_tgt)

    def _encode(self, text: str) -> list[int]:
        return self._tokenizer.encode_src(self._vocabulary.readable(text))

    def passages(self, line: str) -> list[Passage]:
        """The passages of a line: `segment.text + segment.space` of all, joined, is the cleaned line."""
        text = cleaned(line)
        spans, found = self._spans(text), list[Passage]()
        for segment in segments(text, self.languages.src, spans) if self.split else _one_segment(text):
            found += self._readable(segment, _spans_of(segment, spans))
        return found

    def breaks(self, line: str) -> bool:
        """Whether a sentence of the line is too long for the model, which then reads its parts."""
        text = cleaned(line)
        spans = self._spans(text)
        sentences = segments(text, self.languages.src, spans) if self.split else _one_segment(text)
        return any(
            sum(1 for _ in self.parts(part, _spans_of(part, spans, sentence.start))) > 1
            for sentence in sentences
            for part in _without_edges(sentence, _spans_of(sentence, spans))
            if len(part.text) > self._most and has_letters(part.text)
        )

    def passes(self, line: str) -> bool:
        """Whether the line has words of which the vocabulary has no letter, and which so pass as they are."""
        words = _LETTERS.findall("" if self._vocabulary.has_all(line) else cleaned(line))
        return any(not any(map(self._vocabulary.has, word)) for word in words)

    def _spans(self, text: str) -> list[Span]:
        """What the text has of protected spans, clock times and terms."""
        spans = find_spans(text, None if self._vocabulary.has_all(text) else self._vocabulary.has)
        if self._clock is not None:
            spans = self._clock.with_times(text, spans)
        return spans if self._glossary is None else self._glossary.with_terms(text, spans)

    def _readable(self, segment: Segment, spans: Sequence[Span]) -> Iterator[Passage]:
        """What to read of a sentence, with what passes as it is before and behind."""
        if _LABEL.fullmatch(segment.text) or not _has_letters_outside(segment.text, spans):
            is_masked = spans and self._placeholders is not None
            yield Passage(segment, [], masked(segment.text, spans) if is_masked else None)
            return
        for part in _without_edges(segment, spans):
            if has_letters(part.text):
                yield from self.parts(part, _spans_of(part, spans, segment.start))
            else:
                yield Passage(part, [])

    def parts(self, segment: Segment, spans: Sequence[Span] = ()) -> Iterator[Passage]:
        """A segment in parts that the model can read at once."""
        if self._placeholders is not None and spans:
            yield from self._masked_parts(segment, spans)
            return
        if ids := self._ids(segment.text):
            yield Passage(segment, ids)
            return
        broken = break_long(segment.text, lambda text: len(self._encode(text)) <= self._most, spans)
        for part in _within(segment, broken):
            yield Passage(part, self._ids(part.text))

    def _masked_parts(self, segment: Segment, spans: Sequence[Span]) -> Iterator[Passage]:
        """A segment with spans in parts that the model can read at once, with placeholders for all."""

        def masked_part(start: int, text: str) -> MaskedText:
            within = spans_within(spans, start, start + len(text))
            return masked(text, within, self._slots(text, within))

        def fits(part: MaskedText) -> bool:
            return not part.unmasked and len(self._encode(part.text)) <= self._most

        whole = masked_part(0, segment.text)
        if fits(whole):
            yield self._masked_passage(segment, whole)
            return
        broken = break_long(segment.text, lambda text: fits(masked(text, self._spans(text))), spans)
        for part, placed in zip(broken, _within(segment, broken), strict=True):
            yield self._masked_passage(placed, masked_part(part.start, part.text))

    def _masked_passage(self, segment: Segment, text: MaskedText) -> Passage:
        """What has no letters beside its placeholders, or is too long, passes as it is."""
        ids = self._encode(text.text)
        readable = not text.unmasked and len(ids) <= self._most and has_letters(text.text)
        return Passage(segment, ids if readable else [], text)

    def _slots(self, text: str, spans: Sequence[Span]) -> list[int | None]:
        """The slot of each span: the usual ones, but for those whose alias the text has for itself."""
        assert self._placeholders is not None
        slots = usual_slots(spans)
        ids = set(self._encode(masked(text, spans, slots).text))
        if ids.isdisjoint(self._placeholders.aliases):
            return slots
        free = {
            kind: [slot for slot in slots_of(kind) if self._placeholders.aliases[slot] not in ids]
            for kind in {span.kind for span in spans}
        }
        return [free[span.kind].pop(0) if free[span.kind] else None for span in spans]

    def has_few_words(self, passage: Passage) -> bool:
        """Whether a passage is one or two words; a text without spaces is no word."""
        return len(passage.ids) <= MOST_IDS_OF_FEW and len(LETTERS.findall(self._text(passage))) <= FEW_WORDS

    def calm(self, passage: Passage) -> list[int]:
        """A passage in capitals, read in small letters; none where that is too long."""
        return self._ids(calm_line(self._text(passage), self._encode))

    def calm_words(self, passage: Passage) -> CalmPassage | None:
        """A passage with words in capitals, read with these in small letters, if there are any."""
        found = calm_text(self._text(passage), self._encode)
        ids = [] if found is None else self._ids(found.text)
        return CalmPassage(found, ids) if found is not None and ids else None

    def _text(self, passage: Passage) -> str:
        return passage.segment.text if passage.masked is None else passage.masked.text

    def with_capitals(self, passage: Passage, translation: str) -> str:
        """The translation of a passage with the capitals that a vocabulary lacks."""
        return with_lacking_capitals(passage.segment.text, translation, self._vocabulary, self._written)

    def restored(self, passage: Passage, translation: str) -> str:
        """The translation of a passage with the spans of its source, numbers as the target writes them."""
        if passage.masked is None:
            return translation
        return restored(translation, passage.masked, self._as_written).text

    def spans_of(self, passage: Passage) -> tuple[dict[int, str], dict[int, str]]:
        """What placeholders of a passage stand for, by slot: in the source, and in the translation."""
        spans = {} if passage.masked is None else passage.masked.spans
        return (
            {slot: span.text for slot, span in spans.items()},
            {slot: self._as_written(span) for slot, span in spans.items()},
        )

    def _as_written(self, span: Span) -> str:
        term = None if self._glossary is None else self._glossary.translation(span.text)
        if term is None and self._clock is not None:
            term = self._clock.translation(span.text)
        if term is not None:
            return term
        return localised(span.text, *self.languages) if span.kind in NUMBERS else span.text

    def _ids(self, text: str) -> list[int]:
        """What the model reads of a text; none where that is too long."""
        ids = self._encode(text)
        return ids if len(ids) <= self._most else []

    def line(self, passages: Sequence[Passage], translations: Sequence[str]) -> str:
        """The translations of passages with the white space that the passages had."""
        if len(passages) == 1:
            return translations[0] + passages[0].segment.space
        return joined([passage.segment for passage in passages], translations, *self.languages)


def _one_segment(text: str) -> list[Segment]:
    """The whole text as one segment, behind an empty one where it begins with white space."""
    return cut_at(text, [len(text) - len(text.lstrip())])


def _within(segment: Segment, parts: Sequence[Segment]) -> Iterator[Segment]:
    """The parts of a segment's text with their places in the line; the last has the segment's space."""
    for number, part in enumerate(parts, 1):
        space = part.space if number < len(parts) else segment.space
        yield Segment(segment.start + part.start, part.text, space)


def _spans_of(segment: Segment, spans: Sequence[Span], start: int = 0) -> Sequence[Span]:
    """Those within a segment; `start`: where the text that the spans are of begins in the line."""
    if not spans:
        return spans
    return spans_within(spans, segment.start - start, segment.start - start + len(segment.text))


def _is_in_word(text: str, span: Span) -> bool:
    if not has_letters(span.text):
        return False
    return text[span.start - 1 : span.start].isalpha() or text[span.end : span.end + 1].isalpha()


def _has_letters_outside(text: str, spans: Sequence[Span]) -> bool:
    place = 0
    for span in spans:
        if has_letters(text[place : span.start]):
            return True
        place = span.end
    return has_letters(text[place:])


def _without_edges(segment: Segment, spans: Sequence[Span]) -> Iterator[Segment]:
    """A sentence, and as segments of their own what stands before and behind it.

    These are a list's marks, emoji, and unknown characters that are no part of a word.
    """
    text, start, end = segment.text, 0, len(segment.text)
    mark = _LIST_MARK.match(text)
    if not spans and not mark:
        yield segment
        return
    signs = [span for span in spans if span.kind is SpanKind.CHARACTER and not _is_in_word(text, span)]
    if mark:
        start = mark.end()
    for sign in signs:
        if text[start : sign.start].strip():
            break
        start = max(start, sign.end)
    for sign in reversed(signs):
        if sign.start < start or text[sign.end : end].strip():
            break
        end = sign.start
    start = end - len(text[start:end].lstrip())
    if start == 0 and end == len(text):
        yield segment
        return
    yield from _within(segment, cut_at(text, sorted({start, end} - {len(text)})))
