// Protected spans of a text, and their placeholders: `onepass.text.spans` and `onepass.text.placeholders`.
// Places count the units of JavaScript's strings.

import { PATTERNS } from "./patterns.js";
import { FIRST_MARK } from "./tokenizer.js";

const [ONE, NUMBER, MARKUP, ADDRESS, CHARACTER] = ["one", "number", "markup", "address", "character"];
const KINDS = {
  ...Object.fromEntries(["emoji", "private"].map((name) => [name, CHARACTER])),
  ...Object.fromEntries(
    ["url", "email", "drive", "path", "file", "domain", "identifier", "phone", "version", "hashtag", "mention"]
      .map((name) => [name, ADDRESS]),
  ),
  ...Object.fromEntries(
    ["code", "tag", "entity", "braces", "printf", "link", "variable", "escape", "emphasis", "bullet"]
      .map((name) => [name, MARKUP]),
  ),
  ...Object.fromEntries(["timestamp", "date", "ticket", "number"].map((name) => [name, NUMBER])),
};
const OPEN_ENDED = ["url", "domain", "drive", "path"];
const OPENING = { ")": "(", "]": "[", "}": "{" };
const PUNCTUATION = ".,;:!?'’*…([{";
export const CAPACITY = { [ONE]: 4, [NUMBER]: 20, [MARKUP]: 20, [ADDRESS]: 10, [CHARACTER]: 10 };
export const SLOTS = Object.values(CAPACITY).reduce((a, b) => a + b);
export const IS_NUMBER = [ONE, NUMBER];
export const IS_CHARACTER = CHARACTER;
const FIRST_SLOT = Object.fromEntries(
  Object.keys(CAPACITY).map((kind, i) => [kind, Object.values(CAPACITY).slice(0, i).reduce((a, b) => a + b, 0)]),
);
const OPENERS = "([{<\"“„«‘¿¡";
const isAlphanumeric = (text) => /^[\p{L}\p{N}]+$/u.test(text);
export const hasLetters = (text) => /\p{L}/u.test(text);

// The value of a digit of any script; null of anything else.
export function digit(character) {
  const plain = character.normalize("NFKC");
  if (/^[0-9]$/.test(plain)) return Number(plain);
  if (!/^\p{Nd}$/u.test(character)) return null;
  let zero = character.codePointAt(0);
  while (/^\p{Nd}$/u.test(String.fromCodePoint(zero - 1))) zero -= 1;
  return character.codePointAt(0) - zero;
}

export function findSpans(text, knows) {
  const spans = PATTERNS.signsOfSpans.test(text) ? [...writtenSpans(text)] : [];
  const unknown = unknownCharacters(text, knows);
  if (!unknown.size) return spans;
  return united([...spans, ...unknownRuns(text, spans, unknown)].sort((a, b) => a.start - b.start), text);
}

// The spans of a text and its clock times in words: `onepass.text.clock`.
export function withTimes(text, spans, clock) {
  if (!clock) return spans;
  const times = [];
  for (const match of text.matchAll(new RegExp(clock.pattern, "dvgi"))) {
    const name = Object.keys(match.groups).find((one) => one[0] !== "_" && match.groups[one] !== undefined);
    const [start, end] = match.indices.groups[name];
    if (timeWritten(match.groups[name], clock) === undefined) continue;
    const touched = spans.filter((span) => span.start < end && start < span.end);
    if (touched.every((span) => start <= span.start && span.end <= end)) {
      times.push({ start, end, text: match.groups[name], kind: NUMBER });
    }
  }
  const kept = spans.filter((span) => !times.some((time) => time.start < span.end && span.start < time.end));
  return [...kept, ...times].sort((a, b) => a.start - b.start);
}

// What a clock time becomes, with its capitals; nothing where it is none.
export function timeWritten(text, clock) {
  const found = clock?.terms[text.replaceAll(/\s+/g, " ").toLowerCase()];
  if (found === undefined || text[0] === text[0].toLowerCase()) return found;
  return text === text.toUpperCase() ? found.toUpperCase() : found[0].toUpperCase() + found.slice(1);
}

function* writtenSpans(text) {
  const pattern = new RegExp(PATTERNS.anySpan, "dvg");
  for (let match = pattern.exec(text); match; match = pattern.exec(text)) {
    const name = Object.keys(match.groups).find((one) => one[0] !== "_" && match.groups[one] !== undefined);
    const start = match.indices.groups[name][0];
    let end = match.indices.groups[name][1];
    if (name !== "word") {
      if (OPEN_ENDED.includes(name)) end = start + closedLength(match.groups[name]);
      const found = text.slice(start, end);
      const isOne = name === "number" && [...found].length === 1 && digit(found) === 1;
      yield { start, end, text: found, kind: isOne ? ONE : KINDS[name] };
    }
    pattern.lastIndex = end;
  }
}

function closedLength(address) {
  const count = (mark) => address.split(mark).length - 1;
  const extra = Object.fromEntries(Object.entries(OPENING).map(([mark, opening]) => [mark, count(mark) - count(opening)]));
  let end = address.length;
  for (; end; end--) {
    const last = address[end - 1];
    if (last in OPENING && extra[last] > 0) extra[last] -= 1;
    else if (!PUNCTUATION.includes(last)) break;
  }
  return end;
}

function unknownCharacters(text, knows) {
  const isAsked = (character) => !/[\s\x1c-\x1f\x85\p{Cf}\p{Cc}]/u.test(character);
  return new Set([...new Set(text)].filter((character) => isAsked(character) && !knows(character)));
}

// What a reader takes for one character: marks, joiners, skin tones and flags stay together.
function* clusters(text) {
  for (const { segment } of new Intl.Segmenter("en", { granularity: "grapheme" }).segment(text)) yield segment;
}

function* unknownRuns(text, spans, unknown) {
  const edges = [0, ...spans.flatMap((span) => [span.start, span.end]), text.length];
  for (let i = 0; i < edges.length; i += 2) {
    let place = edges[i];
    for (const cluster of clusters(text.slice(edges[i], edges[i + 1]))) {
      const end = place + cluster.length;
      if ([...cluster].some((character) => unknown.has(character))) {
        yield { start: place, end, text: cluster, kind: CHARACTER };
      }
      place = end;
    }
  }
}

function united(spans, text) {
  const found = [];
  for (const span of spans) {
    const last = found.at(-1);
    if (last && last.end === span.start && last.kind === CHARACTER && span.kind === CHARACTER) {
      last.end = span.end;
      last.text = text.slice(last.start, last.end);
    } else found.push({ ...span });
  }
  return found;
}

export function spansWithin(spans, start, end) {
  return spans
    .filter((span) => span.start >= start && span.end <= end)
    .map((span) => ({ ...span, start: span.start - start, end: span.end - start }));
}

export function usualSlots(spans) {
  const used = {};
  return spans.map(({ kind }) => {
    used[kind] = (used[kind] || 0) + 1;
    return used[kind] <= CAPACITY[kind] ? FIRST_SLOT[kind] + used[kind] - 1 : null;
  });
}

export const slotsOf = (kind) => Array.from({ length: CAPACITY[kind] }, (_, i) => FIRST_SLOT[kind] + i);
const placeholder = (slot) => String.fromCodePoint(FIRST_MARK + slot);
const slotOf = (mark) => mark.codePointAt(0) - FIRST_MARK;

// A text with a placeholder for each span: `spans` by slot, and those that have none.
export function masked(text, spans, slots = usualSlots(spans)) {
  const found = { text: "", spans: new Map(), unmasked: [] };
  let place = 0;
  spans.forEach((span, number) => {
    found.text += text.slice(place, span.start);
    place = span.end;
    const slot = slots[number];
    if (slot === null) found.unmasked.push(span);
    else found.spans.set(slot, span);
    found.text += slot === null ? span.text : placeholder(slot);
  });
  found.text += text.slice(place);
  return found;
}

function seamsOf(source) {
  const characters = [" ", ...source.text, " "];
  const seams = new Map();
  characters.forEach((character, i) => {
    if (PATTERNS.placeholder.test(character)) {
      seams.set(slotOf(character), { before: characters[i - 1].trim(), behind: characters[i + 1].trim() });
    }
  });
  return seams;
}

// A translation with the spans of its source for their placeholders; those that it lacks stand at its end.
export function restored(translation, source, written) {
  if (source.text.search(PATTERNS.glued) < 0) translation = translation.replace(PATTERNS.glued, "");
  const [left, seams] = [new Map(source.spans), seamsOf(source)];
  let [text, last] = ["", null];
  for (const piece of translation.split(PATTERNS.placeholderApart)) {
    if (!piece) continue;
    if (!PATTERNS.placeholder.test(piece)) {
      text += last === null ? piece : after(piece, seams.get(last));
      if (piece.trim()) last = null;
      continue;
    }
    const slot = slotOf(piece);
    if (left.has(slot)) {
      const { before } = seams.get(slot);
      const touches = last === null ? touch(before, [...text.trimEnd()].at(-1) || "") : before === placeholder(last);
      if (touches) text = text.replace(/ +$/, "");
      text += written(left.get(slot));
      left.delete(slot);
      last = slot;
    } else if (source.unmasked.some((span) => span.text === piece)) {
      text += piece;
      last = null;
    }
  }
  if (left.size) text = [text, ...[...left.values()].map(written)].join(" ").trim();
  return text;
}

function touch(before, end) {
  if (!before || !end) return false;
  return before === end || OPENERS.includes(end) || (isAlphanumeric(before) && isAlphanumeric(end));
}

function after(text, seam) {
  const behind = text.replace(/^ +/, "");
  const first = [...behind][0] || "";
  if (seam.behind && (first === seam.behind || (isAlphanumeric(first) && isAlphanumeric(seam.behind)))) return behind;
  const own = [...text][0] || "";
  return !seam.behind && /\p{L}/u.test(own) && !"ªº".includes(own) ? ` ${text}` : text;
}
