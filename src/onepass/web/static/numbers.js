// Numbers with the separators of another language, as `onepass.text.numbers` writes them. A value is a text
// that is the same for equal values.

import { PATTERNS } from "./patterns.js";
import { digit } from "./spans.js";

const [SPACES, GROUPS_ONLY] = [" \u00a0\u202f\u2009", "'’ \u00a0\u202f\u2009"];
const ascii = (digits) => [...digits].map((character) => digit(character) ?? character).join("");
const unmarked = (text) => text.replace(PATTERNS.marks, "");
const all = (pattern, text) => [...text.matchAll(pattern)];

export function localised(number, reads, writes) {
  if (number.search(PATTERNS.literal) >= 0 || PATTERNS.clockOrDate.test(number)) return number;
  if (reads.decimal === writes.decimal && reads.group === writes.group) return number;
  const found = number.replace(PATTERNS.numeral, (numeral) => written(numeral, reads, writes));
  const [before, behind] = [values(number, reads), values(found, writes)].map((list) => list.join(" "));
  return before === behind ? found : number;
}

function values(text, places) {
  const found = [];
  let at = 0;
  for (const literal of all(PATTERNS.literal, text)) {
    found.push(...plainValues(text, at, literal.index, places));
    found.push(...(literal[0].match(/\p{Nd}+/gu) || []).map((part) => valueOf(ascii(part), "")));
    at = literal.index + literal[0].length;
  }
  return [...found, ...plainValues(text, at, text.length, places)];
}

function plainValues(text, start, end, places) {
  const found = [];
  const numeral = new RegExp(PATTERNS.numeral, "vg");
  // Where a search ends, Python sees nothing; where it begins, it looks behind.
  const within = text.slice(0, end);
  numeral.lastIndex = start;
  for (let match = numeral.exec(within); match; match = numeral.exec(within)) {
    let [number, place] = [match[0], match.index + match[0].length];
    if (number.includes(" ") && !SPACES.includes(places.group)) {
      place = match.index + number.indexOf(" ");
      number = number.slice(0, number.indexOf(" "));
    }
    const exponent = /^[eE]([-+]?\d{1,4})(?!\d)/.exec(within.slice(place));
    const sign = text.slice(0, match.index);
    found.push((PATTERNS.sign.test(sign) ? "-" : "") + value(number, places, exponent ? Number(exponent[1]) : 0));
    numeral.lastIndex = place + (exponent ? exponent[0].length : 0);
  }
  return found;
}

function value(numeral, places, exponent) {
  const last = numeral.at(-1);
  if (PATTERNS.fraction.test(last)) return `${valueOf(ascii(numeral.slice(0, -1)) || "0", "")}+${last}`;
  const at = decimalPlace(numeral, places);
  if (at === null) return valueOf(ascii(unmarked(numeral)), "", exponent);
  return valueOf(ascii(unmarked(numeral.slice(0, at))) || "0", ascii(numeral.slice(at + 1)), exponent);
}

function valueOf(whole, rest, exponent = 0) {
  const digits = (whole + rest).replace(/^0+/, "");
  const kept = digits.replace(/0+$/, "");
  return kept ? `${kept}e${exponent - rest.length + digits.length - kept.length}` : "0";
}

function decimalPlace(numeral, places) {
  const marks = all(PATTERNS.marks, numeral).map((mark) => mark.index);
  if (!marks.length || GROUPS_ONLY.includes(numeral[marks.at(-1)])) return null;
  const last = marks.at(-1);
  if (marks.length > 1) return numeral[marks[0]] === numeral[last] ? null : last;
  const [before, behind] = [[...numeral.slice(0, last)], [...numeral.slice(last + 1)]];
  if (behind.length !== 3 || before.length < 1 || before.length > 3 || ascii(before.join("")).startsWith("0")) return last;
  return numeral[last] === places.decimal ? last : null;
}

function written(numeral, reads, writes) {
  if (numeral.includes(" ") && !SPACES.includes(reads.group)) return numeral;
  const at = decimalPlace(numeral, reads);
  let whole = at === null ? numeral : numeral.slice(0, at);
  if (whole.search(PATTERNS.marks) >= 0) {
    const digits = [...unmarked(whole)];
    const first = digits.length % 3 || 3;
    const groups = [digits.slice(0, first)];
    for (let i = first; i < digits.length; i += 3) groups.push(digits.slice(i, i + 3));
    whole = groups.map((group) => group.join("")).join(writes.group);
  }
  return at === null ? whole : `${whole || "0"}${writes.decimal}${numeral.slice(at + 1)}`;
}
