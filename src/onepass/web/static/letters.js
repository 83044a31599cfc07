// The characters of a vocabulary, and the capitals that it lacks: `onepass.runtime.letters`.

import { isLower, isUpper } from "./capitals.js";
import { PATTERNS } from "./patterns.js";

const SHORTEST_NAME = 4;
const isAscii = (text) => /^[\x00-\x7f]*$/.test(text);

// The normal form of a character; a sign's own, if that has letters, as TM for ™: it would come out spelt.
function spelt(character) {
  const normal = character.normalize("NFKC");
  return /^\p{So}$/u.test(character) && /\p{L}/u.test(normal) ? character : normal;
}

export class Letters {
  constructor(pieces, encode) {
    this.encode = encode;
    this.known = new Set([...Array(128).keys()].map((code) => String.fromCharCode(code)));
    for (const piece of pieces) if (!piece.startsWith("<")) for (const one of piece) this.known.add(one);
    [this.small, this.plain] = [new Map(), new Map()];
    for (const small of this.known) {
      const capital = small.toUpperCase();
      if ([...capital].length === 1 && !this.known.has(capital) && capital.toLowerCase() === small) {
        const [plain] = capital.normalize("NFD");
        this.small.set(capital, small);
        this.plain.set(capital, this.known.has(plain) ? plain : small);
      }
    }
    this.lacking = new Set(this.small.values());
    for (const capital of this.small.keys()) this.known.add(capital);
    this.has = (character) => {
      return this.known.has(character) || /^\p{M}$/u.test(character)
        || [...spelt(character)].every((part) => this.known.has(part));
    };
  }

  // The text with other letters for capitals that the vocabulary lacks: small ones, or without marks.
  readable(text) {
    if (isAscii(text)) return text;
    const normal = text.normalize("NFC");
    if (![...normal].some((one) => this.small.has(one))) return normal;
    return normal.replace(PATTERNS.letters, (word) => {
      const [small, plain] = [this.small, this.plain].map((to) => [...word].map((one) => to.get(one) ?? one).join(""));
      return small !== plain && this.encode(plain).length < this.encode(small).length ? plain : small;
    });
  }
}

const capitalAt = (text, place) => {
  const [first] = text.slice(place);
  const capital = first.toUpperCase();
  return [...capital].length === 1 ? text.slice(0, place) + capital + text.slice(place + first.length) : text;
};

// A word but for its last letter, small and without marks; "" of one that is too short for a name.
function stem(word) {
  const letters = [...word.toLowerCase().normalize("NFD").replace(/\p{M}/gu, "")];
  return letters.length >= SHORTEST_NAME ? letters.slice(0, -1).join("") : "";
}

// A translation with capitals that the vocabulary lacks: of its first word, and of names.
export function withLackingCapitals(source, translation, letters) {
  if (isAscii(source) && isAscii(translation)) return translation;
  const words = source.match(PATTERNS.letters) ?? [];
  const capitals = words.filter(([first]) => isUpper(first));
  if (!capitals.length) return translation;
  let text = translation;
  const found = [...text.matchAll(PATTERNS.letters)][0];
  if (found && words[0] === capitals[0]) {
    const firsts = [[...words[0]][0].toLowerCase(), [...found[0]][0]];
    if (firsts.some((one) => letters.lacking.has(one)) && isLower(found[0])) text = capitalAt(text, found.index);
  }
  const names = new Set(capitals.filter((word) => word !== words[0]).map(stem));
  for (const { 0: word, index } of text.matchAll(PATTERNS.letters)) {
    if (letters.lacking.has([...word][0]) && stem(word) && names.has(stem(word))) text = capitalAt(text, index);
  }
  return text;
}
