// What a model does not see of a text, and what a translation may have: `onepass.text.validity`.

import { PATTERNS } from "./patterns.js";

export const cleaned = (text) => text.replace(PATTERNS.unseen, " ");

// A translation without characters that nobody sees, but for those of its source.
export function validOutput(source, text) {
  if (text.search(PATTERNS.doubtful) < 0) return text;
  const without = text.replace(PATTERNS.doubtful, (one) => (source.includes(one) ? one : " "));
  return without.split(PATTERNS.spaces).filter(Boolean).join(" ");
}

// A translation with the run of "!" and "?" that its source ends with, where it ends with one of them.
export function withEndMarks(source, text) {
  const run = PATTERNS.endMarks.exec(source);
  const words = text.replace(/[!?]+$/, "");
  return run && words && words !== text ? words + run[0] : text;
}
