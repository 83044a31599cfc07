// A sentencepiece model of the kind unigram, read from its own file: normalisation and the likeliest pieces.
// Scores are added in single precision, as sentencepiece does, so that ties are decided as there.

const SPACE = "▁";
const [NORMAL, UNKNOWN, USER_DEFINED, UNUSED] = [1, 2, 4, 5];
const UNKNOWN_PENALTY = 10;
const decoder = new TextDecoder();
const encoder = new TextEncoder();

// The fields of a message of protocol buffers, as [number, value].
function* fields(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const varint = () => {
    let [value, scale] = [0, 1];
    for (;;) {
      const byte = bytes[at++];
      value += (byte & 127) * scale;
      if (byte < 128) return value;
      scale *= 128;
    }
  };
  while (at < bytes.length) {
    const key = varint();
    const kind = key % 8;
    if (kind === 0) yield [key >> 3, varint()];
    else if (kind === 2) {
      const length = varint();
      yield [key >> 3, bytes.subarray(at, at += length)];
    } else {
      const size = { 1: 8, 5: 4 }[kind];
      if (!size) throw new Error("The tokenizer is not a sentencepiece model.");
      yield [key >> 3, kind === 5 ? view.getFloat32(at, true) : null];
      at += size;
    }
  }
}

// What `nmt_nfkc` and its like do: the longest match in a double array of tries becomes another text.
class Normalizer {
  constructor(bytes) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const size = view.getUint32(0, true);
    this.units = Array.from({ length: size / 4 }, (_, i) => view.getUint32(4 + 4 * i, true));
    this.texts = bytes.subarray(4 + size);
  }

  // The text for the longest match at a place, and its length; null where there is none.
  match(bytes, at) {
    const { units } = this;
    const offset = (unit) => (unit >>> 10) << ((unit & 512) >>> 6);
    let [node, found, length] = [offset(units[0]), -1, 0];
    for (let i = at; i < bytes.length; i++) {
      node ^= bytes[i];
      const unit = units[node];
      if ((unit & 0x800000ff) >>> 0 !== bytes[i]) break;
      node ^= offset(unit);
      if ((unit >>> 8) & 1) [found, length] = [units[node] & 0x7fffffff, i - at + 1];
    }
    if (!length) return null;
    return { text: decoder.decode(this.texts.subarray(found, this.texts.indexOf(0, found))), length };
  }
}

const widthOf = (byte) => (byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4);

export class SentencePiece {
  constructor(bytes) {
    this.pieces = [];
    this.scores = [];
    this.ids = new Map();
    this.longest = 0;
    this.least = Infinity;
    this.normalizer = null;
    let [model, dummy, squeezed] = [1, true, true];
    for (const [number, value] of fields(bytes)) {
      if (number === 1) this.#add(value);
      else if (number === 2) for (const [field, said] of fields(value)) model = field === 3 ? said : model;
      else if (number === 3) {
        for (const [field, said] of fields(value)) {
          if (field === 2 && said.length) this.normalizer = new Normalizer(said);
          if (field === 3) dummy = Boolean(said);
          if (field === 4) squeezed = Boolean(said);
        }
      }
    }
    if (model !== 1 || !dummy || !squeezed || !this.pieces.length) {
      throw new Error("The tokenizer is not a unigram model with the usual white space.");
    }
  }

  #add(bytes) {
    let [piece, score, kind] = ["", 0, NORMAL];
    for (const [field, value] of fields(bytes)) {
      if (field === 1) piece = decoder.decode(value);
      else if (field === 2) score = value;
      else if (field === 3) kind = value;
    }
    if (kind === USER_DEFINED) throw new Error("The tokenizer has pieces of its user.");
    const id = this.pieces.push(piece) - 1;
    this.scores.push(score);
    if (kind === UNKNOWN) this.unknown = id;
    if (kind !== NORMAL && kind !== UNUSED) return;
    if (kind === NORMAL) this.ids.set(piece, id);
    this.longest = Math.max(this.longest, [...piece].length);
    this.least = Math.min(this.least, score);
  }

  normalized(text) {
    const bytes = encoder.encode(text);
    let [found, at, afterSpace] = ["", 0, true];
    while (at < bytes.length) {
      const match = this.normalizer && this.normalizer.match(bytes, at);
      const length = match ? match.length : widthOf(bytes[at]);
      let part = match ? match.text : decoder.decode(bytes.subarray(at, at + length));
      at += length;
      if (afterSpace) part = part.replace(/^ +/, "");
      if (!part) continue;
      found += part;
      afterSpace = part.endsWith(" ");
    }
    found = found.replace(/ +$/, "");
    return found && (SPACE + found).replaceAll(" ", SPACE);
  }

  // The pieces of a text, an unknown stretch as it is.
  encode(text) {
    const characters = [...this.normalized(text)];
    const count = characters.length;
    const best = Array.from({ length: count + 1 }, () => ({ score: 0, start: -1, known: true }));
    const penalty = Math.fround(this.least - UNKNOWN_PENALTY);
    const offer = (end, score, start, known) => {
      if (best[end].start === -1 || score > best[end].score) best[end] = { score, start, known };
    };
    for (let start = 0; start < count; start++) {
      const before = best[start].score;
      let [piece, single] = ["", false];
      for (let end = start + 1; end <= Math.min(count, start + this.longest); end++) {
        piece += characters[end - 1];
        const id = this.ids.get(piece);
        if (id === undefined) continue;
        offer(end, Math.fround(this.scores[id] + before), start, true);
        if (end === start + 1) single = true;
      }
      if (!single) offer(start + 1, Math.fround(penalty + before), start, false);
    }
    const pieces = [];
    for (let end = count; end > 0; end = best[end].start) {
      const { start, known } = best[end];
      pieces.push({ text: characters.slice(start, end).join(""), known });
    }
    const merged = [];
    for (const piece of pieces.reverse()) {
      const last = merged.at(-1);
      if (!piece.known && last && !last.known) last.text += piece.text;
      else merged.push(piece);
    }
    return merged.map((piece) => piece.text);
  }
}
