// A text into sentences (`onepass.text.segmentation`), and what is read of each (`onepass.runtime.sentences`).
// The browser proposes where sentences end; the rules take back what it cuts wrongly.

import { calmLine, calmText, isLower, isUpper } from "./capitals.js";
import { Letters } from "./letters.js";
import { FEW_WORDS, MOST_IDS_OF_FEW, PATTERNS } from "./patterns.js";
import {
  findSpans, hasLetters, IS_CHARACTER, masked, slotsOf, spansWithin, usualSlots, withTimes,
} from "./spans.js";
import { stripped } from "./tokenizer.js";
import { cleaned } from "./validity.js";

const MOST = 256;
// Where the browser sees no end: before a dash, and without white space.
const UNSEEN_ENDS = /[.!?…]["”»\)\]]*(?:\s+(?=[—–])|(?=\p{Lu}))/gv;
const CHARACTERS = new Intl.Segmenter("en", { granularity: "grapheme" });
const trimmedEnd = (text) => text.replace(PATTERNS.spaceAtEnd, "");

// Pieces of a text that begin at the cuts, in order, each with the white space behind it.
function cutAt(text, cuts) {
  const edges = [...new Set([0, ...cuts, text.length])];
  return edges.slice(1).map((end, i) => {
    const visible = trimmedEnd(text.slice(edges[i], end));
    return { start: edges[i], text: visible, space: text.slice(edges[i] + visible.length, end) };
  });
}

const around = (spans, place) => spans.find((span) => span.start < place && place < span.end);

export function segments(text, language, rules, spans) {
  if (PATTERNS.plain.test(text)) return [{ start: 0, text, space: "" }];
  const cuts = [];
  const hidden = withoutEnds(text, spans);
  for (const line of text.matchAll(PATTERNS.line)) {
    const end = line.index + line[0].length;
    const first = line.index + line[0].search(PATTERNS.visible);
    if (first < line.index) continue;
    cuts.push(first, ...sentenceStarts(text, hidden, spans, first, end, language, rules));
  }
  return text ? cutAt(text, cuts) : [];
}

// The text of the same length, with words for what looks like sentence ends in addresses and mark-up.
function withoutEnds(text, spans) {
  let found = text;
  for (const { start, end } of spans) {
    if (end - start > 2 && !/^[^\p{L}\p{N}_]{0,2}\p{Nd}/u.test(text.slice(start, end))) {
      found = `${found.slice(0, start)}X${"x".repeat(end - start - 1)}${found.slice(end)}`;
    }
  }
  return found;
}

function sentenceStarts(text, hidden, spans, start, end, language, rules) {
  const places = new Set();
  const proposed = new Intl.Segmenter(language, { granularity: "sentence" }).segment(hidden.slice(start, end));
  for (const { index } of proposed) if (index) places.add(start + index);
  for (const pattern of [PATTERNS.missed, UNSEEN_ENDS]) {
    for (const match of hidden.slice(start, end).matchAll(pattern)) places.add(start + match.index + match[0].length);
  }
  const found = [];
  let begun = start;
  const settled = [...places].map((place) => settledPlace(text, spans, start, end, place)).filter((place) => place !== null);
  for (const place of [...new Set(settled)].sort((a, b) => a - b)) {
    const hasWord = (from, to) => /[\p{L}\p{N}_]/u.test(hidden.slice(from, to));
    if (hasWord(begun, place) && hasWord(place, end) && isStart(hidden, begun, place, rules)) {
      found.push(place);
      begun = place;
    }
  }
  return found;
}

function settledPlace(text, spans, start, end, place) {
  let moved = false;
  for (;;) {
    const closing = spans.find((span) => span.start === place);
    if (place <= start || PATTERNS.space.test(text[place - 1]) || !closing) break;
    [place, moved] = [closing.end, true];
  }
  if (!moved && PATTERNS.openingQuote.test(text.slice(Math.max(start, place - 2), place))) place -= 1;
  const ahead = text.slice(place, end).search(PATTERNS.visible);
  if (ahead < 0 || around(spans, place + ahead) || (moved && ahead === 0)) return null;
  return place + ahead;
}

function isStart(hidden, begun, place, rules) {
  if (place - begun <= 10 && PATTERNS.enumeration.test(hidden.slice(begun, place))) return false;
  const left = hidden.slice(Math.max(begun, place - 40), place);
  const ended = trimmedEnd(left);
  if (ended.length === left.length) return isStartWithoutSpace(ended, hidden[place]);
  const core = ended.replace(PATTERNS.closingAtEnd, "");
  const opener = PATTERNS.opener.exec(hidden.slice(place, place + 30));
  const goesOn = opener && isLower(opener[1]);
  // The browser also proposes an end within a sentence: "Who?" he asked.
  if (!/[.…]$/.test(core)) return core === ended || !goesOn;
  if (goesOn && !isLower(hidden[begun])) return false;
  const word = PATTERNS.lastWord.exec(core)?.[1];
  if (!word) return true;
  if (rules.small.includes(word) || rules.any.includes(word.toLowerCase())) return false;
  return !rules.capital.includes(word) || rules.openers.includes(/^\p{L}+/u.exec(hidden.slice(place))?.[0]);
}

function isStartWithoutSpace(ended, first) {
  const core = ended.replace(PATTERNS.closingAtEnd, "");
  if (core !== ended && PATTERNS.wideEnd.test(core)) return "「『“（【《\"".includes(first);
  if (!/[.!?]$/.test(ended)) return true;
  if (isUpper(first)) return /\p{Lowercase}{2}.$/u.test(ended);
  return !ended.endsWith(".") && hasLetters(first) && !isLower(first);
}

// Parts of a text that fit: cut near the middle, at clause marks, else at spaces, else anywhere.
function breakLong(text, fits, spans, start = 0) {
  if (fits(text.slice(start)) || text.length - start < 2) return [start];
  for (let end = text.length; ; ) {
    const middle = start + Math.floor((end - start) / 2);
    const near = (pattern) => [...text.slice(start, end).matchAll(pattern)]
      .map((match) => start + match.index + match[0].length)
      .filter((place) => place > start && place < end && !around(spans, place))
      .sort((a, b) => Math.abs(a - middle) - Math.abs(b - middle))[0];
    const { index } = CHARACTERS.segment(text).containing(middle);
    const cut = near(PATTERNS.clauseEnd) ?? near(PATTERNS.spaces) ?? (index > start ? index : middle);
    if (fits(trimmedEnd(text.slice(start, cut))) || cut <= start + 1) {
      return [start, ...breakLong(text, fits, spans, cut)];
    }
    end = cut;
  }
}

export class LineReader {
  // `languages`: the codes of both sides, and their clock times; `rules`: abbreviations; `aliases`: the ids that placeholders stand as.
  constructor(tokenizer, languages, rules, aliases) {
    [this.tokenizer, this.languages, this.rules, this.aliases] = [tokenizer, languages, rules, aliases];
    const encode = (text) => tokenizer.encode(text);
    this.letters = new Letters(tokenizer.pieces, encode);
    this.encode = (text) => encode(this.letters.readable(text));
  }

  spans(text) {
    return withTimes(text, findSpans(text, this.letters.has), this.languages.clock);
  }

  passages(line) {
    const text = cleaned(line);
    const spans = this.spans(text);
    return segments(text, this.languages.source, this.rules, spans).flatMap((segment) => {
      return this.readable(segment, spansWithin(spans, segment.start, segment.start + segment.text.length));
    });
  }

  readable(segment, spans) {
    if (PATTERNS.label.test(segment.text) || !hasLettersOutside(segment.text, spans)) {
      return [{ ...segment, ids: [], masked: spans.length ? masked(segment.text, spans) : null }];
    }
    return withoutEdges(segment, spans).flatMap((part) => {
      if (!hasLetters(part.text)) return [{ ...part, ids: [], masked: null }];
      const start = part.start - segment.start;
      return this.parts(part, spansWithin(spans, start, start + part.text.length));
    });
  }

  parts(segment, spans) {
    const partOf = (start, end) => {
      const own = spansWithin(spans, start, end);
      const text = segment.text.slice(start, end);
      return own.length ? masked(text, own, this.slots(text, own)) : { text, spans: new Map(), unmasked: [] };
    };
    const fits = (part) => !part.unmasked.length && this.encode(part.text).length <= MOST;
    const idsOf = (part) => {
      return fits(part) && (!part.spans.size || hasLetters(part.text)) ? this.encode(part.text) : [];
    };
    const whole = partOf(0, segment.text.length);
    if (fits(whole)) return [{ ...segment, ids: idsOf(whole), masked: whole.spans.size ? whole : null }];
    const textFits = (text) => fits(masked(text, this.spans(text)));
    return cutAt(segment.text, breakLong(segment.text, textFits, spans)).map((part, number, all) => {
      const own = partOf(part.start, part.start + part.text.length);
      const ids = idsOf(own);
      const space = number === all.length - 1 ? segment.space : part.space;
      return { start: segment.start + part.start, text: part.text, space, ids, masked: spans.length ? own : null };
    });
  }

  // The slot of each span: the usual ones, but for those whose alias the text has for itself.
  slots(text, spans) {
    const slots = usualSlots(spans);
    const ids = new Set(this.encode(masked(text, spans, slots).text));
    if (!this.aliases.some((alias) => ids.has(alias))) return slots;
    const free = {};
    for (const { kind } of spans) free[kind] = slotsOf(kind).filter((slot) => !ids.has(this.aliases[slot]));
    return spans.map(({ kind }) => free[kind].shift() ?? null);
  }

  // Whether a passage is one or two words; a text without spaces is no word.
  hasFewWords(passage) {
    const text = passage.masked ? passage.masked.text : passage.text;
    return passage.ids.length <= MOST_IDS_OF_FEW && (text.match(PATTERNS.letters) ?? []).length <= FEW_WORDS;
  }

  // A passage in capitals, read in small letters; none where that is too long.
  calm(passage) {
    return this.ids(calmLine(passage.masked ? passage.masked.text : passage.text, this.encode));
  }

  // A passage with words in capitals, and what is read of it with these in small letters; null without such words.
  calmWords(passage) {
    const source = calmText(passage.masked ? passage.masked.text : passage.text, this.encode);
    const ids = source ? this.ids(source.text) : [];
    return ids.length ? { source, ids } : null;
  }

  // What the model reads of a text; none where that is too long.
  ids(text) {
    const ids = this.encode(text);
    return ids.length <= MOST ? ids : [];
  }

  // The translation of one of the passages of a line with the white space behind it.
  spaced(passages, number, translation) {
    const { text, space } = passages[number];
    if (!translation && text && space === " " && passages.length > 1) return "";
    const isPart = translation && !space && PATTERNS.ended.test(text) && hasLetters(passages[number + 1]?.text || "");
    return translation + (isPart ? " " : space);
  }
}

function hasLettersOutside(text, spans) {
  let place = 0;
  for (const { start, end } of spans) {
    if (hasLetters(text.slice(place, start))) return true;
    place = end;
  }
  return hasLetters(text.slice(place));
}

function isInWord(text, span) {
  if (!hasLetters(span.text)) return false;
  const [before, behind] = [[...text.slice(0, span.start)].at(-1), [...text.slice(span.end)][0]];
  return hasLetters(before || "") || hasLetters(behind || "");
}

// A sentence, and as parts of their own the list's mark, emoji and unknown characters before and behind it.
function withoutEdges(segment, spans) {
  const { text } = segment;
  const mark = PATTERNS.listMark.exec(text);
  if (!spans.length && !mark) return [segment];
  let [start, end] = [mark ? mark[0].length : 0, text.length];
  const signs = spans.filter((span) => span.kind === IS_CHARACTER && !isInWord(text, span));
  for (const sign of signs) {
    if (stripped(text.slice(start, sign.start))) break;
    start = Math.max(start, sign.end);
  }
  for (const sign of signs.toReversed()) {
    if (sign.start < start || stripped(text.slice(sign.end, end))) break;
    end = sign.start;
  }
  const ahead = text.slice(start, end).search(PATTERNS.visible);
  start = ahead < 0 ? end : start + ahead;
  if (start === 0 && end === text.length) return [segment];
  const parts = cutAt(text, [start, end].filter((place) => place < text.length));
  return parts.map((part, number) => ({
    start: segment.start + part.start,
    text: part.text,
    space: number === parts.length - 1 ? segment.space : part.space,
  }));
}
