// Which words of a source each word of its translation comes from: `onepass.runtime.alignment` for one passage.
// Places count the units of JavaScript's strings; a link has those of a token on both sides.

import { PATTERNS } from "./patterns.js";

const NOBODY = -2;
const length = (text) => [...text].length;

// The words of a text, and which one stands where: -1 before the first.
class Words {
  constructor(text) {
    this.places = [...text.matchAll(PATTERNS.words)].map(({ 0: word, index }) => ({ start: index, end: index + word.length }));
  }

  at(place) {
    return this.places.findLastIndex(({ start }) => start <= place);
  }
}

// The links within a passage: `pieces` of its text, and those that were written, from the sources of these numbers.
export function passageLinks(text, pieces, translation, written, sources) {
  const src = piecePlaces(pieces, text);
  const links = piecePlaces(written, translation).map((place, i) => ({ src: src[sources[i]], tgt: place }));
  return links.filter(({ tgt }) => tgt.end > tgt.start);
}

// For each word of a translation, its place and those of the words that it comes from.
export function alignedWords(text, translation, links) {
  const [src, tgt] = [new Words(text), new Words(translation)];
  return sourceNumbers(links, translation, src, tgt).map((numbers, word) => ({
    ...tgt.places[word],
    sources: [...numbers].map((number) => src.places.at(number)),
  }));
}

// The numbers of each word's source words. A sign at a word, as a comma, counts where there are no letters.
function sourceNumbers(links, translation, src, tgt) {
  const found = links.filter(({ src: { start, end } }) => start < end);
  const hasLetters = ({ tgt: { start, end } }) => /[\p{L}\p{N}]/u.test(translation.slice(start, end));
  const lettered = new Set(found.filter(hasLetters).map((link) => tgt.at(link.tgt.start)));
  const numbers = tgt.places.map(() => new Set());
  for (const link of found) {
    const word = tgt.at(link.tgt.start);
    if (hasLetters(link) || !lettered.has(word)) numbers[word].add(src.at(link.src.start));
  }
  return numbers;
}

// The links, with words for source words that have none, of others that have several.
export function sharedOut(links, text, translation) {
  const [src, tgt] = [new Words(text), new Words(translation)];
  const given = givenAway(sourceNumbers(links, translation, src, tgt), src.places.length);
  return links.map((link) => {
    const number = given.get(tgt.at(link.tgt.start));
    return number === undefined ? link : { ...link, src: src.places[number] };
  });
}

function givenAway(numbers, count) {
  const owners = numbers.map((own) => (own.size === 1 ? [...own][0] : NOBODY));
  const wordsOf = (owner) => owners.flatMap((one, word) => (one === owner ? [word] : []));
  const left = new Map(owners.map((owner) => [owner, wordsOf(owner).length]));
  const linked = new Set(numbers.flatMap((own) => [...own]));
  const given = new Map();
  for (let number = 0; number < count; number++) {
    if (linked.has(number)) continue;
    const beside = [...wordsOf(number - 1).map((word) => word + 1), ...wordsOf(number + 1).map((word) => word - 1)];
    let best = { fit: 0, distance: 0, word: 0 };
    for (const word of beside) {
      const owner = owners[word];
      if (!(owner >= 0) || left.get(owner) < 2 || given.has(word)) continue;
      const one = { fit: beside.filter((other) => other === word).length, distance: Math.abs(owner - number), word };
      if ((one.fit - best.fit || best.distance - one.distance || one.word - best.word) > 0) best = one;
    }
    if (best.fit === 2 || best.distance === 1) {
      given.set(best.word, number);
      left.set(owners[best.word], left.get(owners[best.word]) - 1);
    }
  }
  return given;
}

// The places of subwords in the text that they spell; where it is not quite that, by counting characters.
export function piecePlaces(pieces, text) {
  const spelt = speltPlaces(pieces, text);
  if (spelt) return spelt;
  let words = new Words(text).places;
  let groups = [];
  for (const piece of pieces) {
    if (piece.startsWith("▁") || !groups.length) groups.push([]);
    groups.at(-1).push(piece);
  }
  if (groups.length !== words.length || groups.some((group) => !group.join(""))) {
    [groups, words] = [[pieces], [{ start: 0, end: text.length }]];
  }
  return groups.flatMap((group, number) => spread(group, text, words[number]));
}

function speltPlaces(pieces, text) {
  const found = [];
  let at = 0;
  for (const piece of pieces) {
    const part = piece.replace(/^▁+/, "");
    while (part && at < text.length && PATTERNS.space.test(text[at])) at += 1;
    if (!text.startsWith(part, at)) return null;
    found.push({ start: at, end: at + part.length });
    at += part.length;
  }
  return PATTERNS.visible.test(text.slice(at)) ? null : found;
}

// The places of the subwords of a stretch of a text, by their numbers of visible characters.
function spread(pieces, text, { start, end }) {
  const characters = [];
  let place = start;
  for (const character of text.slice(start, end)) {
    const own = { start: place, end: place + character.length };
    for (const part of character.normalize("NFKC")) if (!PATTERNS.space.test(part)) characters.push(own);
    place = own.end;
  }
  const count = characters.length;
  if (!count) return pieces.map(() => ({ start, end: start }));
  const sizes = pieces.map((piece) => length(piece.replaceAll("▁", "")));
  const total = Math.max(sizes.reduce((sum, size) => sum + size, 0), 1);
  let before = 0;
  return sizes.map((size) => {
    const first = characters[Math.min(Math.floor((before * count) / total), count - 1)];
    before += size;
    const last = characters[Math.max(Math.floor((before * count) / total) - 1, 0)];
    return { start: first.start, end: size ? Math.max(first.end, last.end) : first.start };
  });
}
