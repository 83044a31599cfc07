// Text to ids and back, as `onepass.text.teacher_tokenizer` does it for a vocabulary of both sides.

import { PATTERNS } from "./patterns.js";
import { SentencePiece } from "./sentencepiece.js";

export const [PAD, UNK, BOS, EOS] = [0, 1, 2, 3];
export const FIRST_MARK = 0xf0000;
const SPECIALS = ["<pad>", "<unk>", "<s>", "</s>"];

export const isMark = (character, slots) => {
  const slot = character.codePointAt(0) - FIRST_MARK;
  return slot >= 0 && slot < slots;
};

export class Tokenizer {
  // `file`: the bytes of the sentencepiece model; `slots`: placeholders, whose ids are the last.
  constructor(file, slots) {
    this.model = new SentencePiece(file);
    const own = this.model.pieces.filter((_, id) => id !== this.model.unknown && id !== this.#end());
    this.pieces = [...SPECIALS, ...own];
    this.ids = new Map(own.map((piece, i) => [piece, i + SPECIALS.length]));
    this.first = this.pieces.length;
    this.slots = slots;
    this.blank = this.first + slots;
  }

  #end() {
    return this.model.pieces.indexOf("</s>");
  }

  encode(text) {
    const isMasked = PATTERNS.placeholder.test(text);
    let spaced = isMasked ? text.replace(PATTERNS.beforeWord, " ") : text;
    spaced = spaced.replace(/\p{Surrogate}/gu, "?");
    const pieces = this.model.encode(spaced);
    const idOf = (piece) => this.ids.get(piece) ?? UNK;
    if (!isMasked) return pieces.map(idOf);
    const ids = [];
    for (const piece of pieces) {
      if (!PATTERNS.placeholder.test(piece)) {
        ids.push(idOf(piece));
        continue;
      }
      if (ids.length && ids.at(-1) === this.ids.get("▁")) ids.pop();
      for (const character of piece) {
        if (character === "▁") continue;
        const code = character.codePointAt(0);
        ids.push(code >= FIRST_MARK ? this.first + code - FIRST_MARK : UNK);
      }
    }
    return ids;
  }

  // The subword of each id, a placeholder as its character.
  spell(ids) {
    return ids.map((id) => (id < this.first ? this.pieces[id] : String.fromCodePoint(FIRST_MARK + id - this.first)));
  }

  decode(ids) {
    const visible = ids.filter((id) => ![PAD, UNK, BOS, EOS].includes(id));
    const written = this.spell(visible).map((piece, i) => (visible[i] < this.first ? piece : `▁${piece}`));
    const text = written.join("").replaceAll("▁", " ");
    return stripped(text.replace(PATTERNS.controls, " "));
  }
}

export const stripped = (text) => text.replace(PATTERNS.outerSpace, "");
