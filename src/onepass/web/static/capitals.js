// Words in capitals within a sentence, and capitals for what is written of them: `onepass.runtime.capitals`.

import { alignedWords, passageLinks, sharedOut } from "./alignment.js";
import { PATTERNS, TITLES } from "./patterns.js";
import { stripped } from "./tokenizer.js";

export const isUpper = (text) => /\p{Uppercase}/u.test(text) && !/[\p{Lowercase}\p{Lt}]/u.test(text);

export const isLower = (text) => /\p{Lowercase}/u.test(text) && !/[\p{Uppercase}\p{Lt}]/u.test(text);

// Small letters behind a first one as in a title. What a small "Σ" is depends on the letters around it.
export function capitalized(text) {
  const [first = ""] = text;
  return (TITLES[first] ?? first.toUpperCase()) + text.toLowerCase().slice(first.toLowerCase().length);
}

// A text in capitals, in small letters behind its first one; words that have more subwords so stay.
export function calmLine(text, encode) {
  return text.replace(PATTERNS.wordsOfLine, (word, start) => {
    if (word === "I" || encode(word.toLowerCase()).length > encode(word).length) return word;
    return stripped(text.slice(0, start)) ? word.toLowerCase() : capitalized(word);
  });
}

// The text with words in small letters that have no more subwords so, and their places; null where there are none.
export function calmText(text, encode) {
  if (isUpper(text)) return null;
  const isCalmer = (word) => isUpper(word) && encode(word.toLowerCase()).length <= encode(word).length;
  const words = [...text.matchAll(PATTERNS.wordsAlone)].filter(([word]) => isCalmer(word));
  const places = words.map(({ 0: word, index }) => ({ start: index, end: index + word.length }));
  let calm = text;
  for (const { start, end } of places) {
    const lower = text.slice(start, end).toLowerCase();
    const small = stripped(text.slice(0, start)) ? lower : capitalized(lower);
    if (small.length !== end - start) return null; // "İ" has two letters when small
    calm = calm.slice(0, start) + small + calm.slice(end);
  }
  return places.length ? { text: calm, places } : null;
}

// A translation with capitals for the words that come from those of the source alone.
export function withCapitals({ text, places }, pieces, translation, written, sources) {
  const links = passageLinks(text, pieces, translation, written, sources);
  // Small words often seem to come from their neighbours, and words that are shared out from other ones.
  const ways = [links, sharedOut(links, text, translation)].map((way) => alignedWords(text, translation, way));
  const isOf = (word) => word.sources.length > 0
    && word.sources.every(({ start, end }) => places.some((place) => start <= place.start && place.start < end));
  let found = translation;
  ways[0].forEach((word, number) => {
    const capitals = translation.slice(word.start, word.end).toUpperCase();
    if (isOf(word) && isOf(ways[1][number]) && capitals.length === word.end - word.start) {
      found = found.slice(0, word.start) + capitals + found.slice(word.end);
    }
  });
  return found;
}
