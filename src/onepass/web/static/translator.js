// Translates in the browser alone, with the names of the browsers' Translator API.
// What is done with a line is that of `onepass.runtime.text_translator`.

import * as ort from "./ort.wasm.bundle.min.mjs";
import { isUpper, withCapitals } from "./capitals.js";
import { Engine } from "./engine.js";
import { withLackingCapitals } from "./letters.js";
import { localised } from "./numbers.js";
import { CLEARLY } from "./patterns.js";
import { LineReader } from "./sentences.js";
import { IS_NUMBER, restored, timeWritten } from "./spans.js";
import { Tokenizer } from "./tokenizer.js";
import { validOutput, withEndMarks } from "./validity.js";

const here = new URL(".", import.meta.url);
ort.env.wasm.numThreads = 1;
ort.env.wasm.wasmPaths = { wasm: new URL("ort-wasm-simd-threaded.wasm", here).href };

const serves = (said, { sourceLanguage, targetLanguage }) => {
  const base = (code) => String(code).toLowerCase().split("-")[0];
  return base(sourceLanguage) === said.source && base(targetLanguage) === said.target;
};

async function fetched(name, onProgress = () => {}) {
  const answer = await fetch(new URL(name, here));
  if (!answer.ok) throw new DOMException(`${name} cannot be read (${answer.status}).`, "NetworkError");
  const parts = [];
  for (const reader = answer.body.getReader(); ;) {
    const { done, value } = await reader.read();
    if (done) break;
    parts.push(value);
    onProgress(value.length);
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

// What has words is better than what has none.
const isBetter = (one, other, by = 0) => {
  return Boolean(one.text) === Boolean(other.text) ? one.score > other.score + by : Boolean(one.text);
};

const described = async () => JSON.parse(new TextDecoder().decode(await fetched("model.json")));

export class Translator {
  #said;
  #engine;
  #reader;
  #tokenizer;

  // "available" where the model of this page is of these languages, else "unavailable".
  static async availability(options) {
    return serves(await described(), options) ? "available" : "unavailable";
  }

  // Loads the model; `monitor` is given an event target that has "downloadprogress" events.
  static async create(options) {
    const said = await described();
    if (!serves(said, options)) throw new DOMException("There is no model of these languages here.", "NotSupportedError");
    const target = new EventTarget();
    options.monitor?.(target);
    const total = said.files.reduce((sum, file) => sum + file.bytes, 0);
    let loaded = 0;
    const progress = (bytes) => {
      loaded += bytes;
      target.dispatchEvent(Object.assign(new Event("downloadprogress"), { loaded: loaded / total, total: 1 }));
    };
    const files = await Promise.all(said.files.map(async ({ name, role }) => ({ name, role, data: await fetched(name, progress) })));
    options.signal?.throwIfAborted();
    const one = (role) => files.find((file) => file.role === role).data;
    const tokenizer = new Tokenizer(one("tokenizer"), said.placeholders.aliases.length);
    const engine = await Engine.load(ort, one("graph"), files.filter(({ role }) => role === "weights"), tokenizer);
    return new Translator(said, engine, tokenizer);
  }

  constructor(said, engine, tokenizer) {
    [this.#said, this.#engine, this.#tokenizer] = [said, engine, tokenizer];
    this.sourceLanguage = said.source;
    this.targetLanguage = said.target;
    this.inputQuota = Infinity;
    this.#reader = new LineReader(tokenizer, said, said.abbreviations, said.placeholders.aliases);
  }

  async measureInputUsage() {
    return 0;
  }

  async translate(text, { signal } = {}) {
    let found = "";
    for await (const part of this.#parts(String(text), signal)) found += part;
    return found;
  }

  // The translation sentence by sentence.
  translateStreaming(text, { signal } = {}) {
    const parts = this.#parts(String(text), signal);
    return new ReadableStream({
      async pull(controller) {
        try {
          const { done, value } = await parts.next();
          if (done) controller.close();
          else controller.enqueue(value);
        } catch (problem) {
          controller.error(problem);
        }
      },
    });
  }

  destroy() {
    this.#engine?.session.release();
    this.#engine = null;
  }

  #check() {
    if (!this.#engine) throw new DOMException("The translator was destroyed.", "InvalidStateError");
  }

  async* #parts(text, signal) {
    for (const line of text.split(/(?<=\n)/)) {
      const passages = this.#reader.passages(line);
      for (let i = 0; i < passages.length; i++) {
        signal?.throwIfAborted();
        this.#check();
        yield this.#reader.spaced(passages, i, await this.#written(passages[i]));
      }
    }
  }

  async #written(passage) {
    if (!passage.ids.length) {
      return passage.masked ? restored(passage.masked.text, passage.masked, this.#asWritten) : passage.text;
    }
    const few = this.#reader.hasFewWords(passage);
    let best = await this.#reading(passage.ids, false, few);
    const calm = isUpper(passage.text) ? this.#reader.calm(passage) : [];
    if (calm.length) {
      const other = await this.#reading(calm, false, few);
      other.text = other.text.toUpperCase();
      // Words of usual subwords are no abbreviations; spelt by rare ones, they are only copied well.
      if ((other.text && calm.length < passage.ids.length) || isBetter(other, best)) best = other;
    }
    const words = this.#engine?.aligns ? this.#reader.calmWords(passage) : null;
    if (words) {
      const { text, ids, score, sources } = await this.#reading(words.ids, true);
      const [read, written] = [words.ids, ids].map((own) => this.#tokenizer.spell(own));
      const other = { text: withCapitals(words.source, read, text, written, sources), score };
      if (isBetter(other, best, CLEARLY)) best = other;
    }
    const text = passage.masked ? restored(best.text, passage.masked, this.#asWritten) : best.text;
    const ended = withEndMarks(passage.text, validOutput(passage.text, text));
    return withLackingCapitals(passage.text, ended, this.#reader.letters);
  }

  async #reading(row, aligned = false, few = false) {
    this.#check();
    const found = await this.#engine.translate(row, aligned, few);
    const ids = this.#carried(row, found.ids);
    return { ...found, ids, text: this.#tokenizer.decode(ids) };
  }

  // What was written, with the source's placeholders for their aliases, each at most once.
  #carried(source, written) {
    const { first, blank } = this.#tokenizer;
    const alias = (id) => (id >= first && id < blank ? this.#said.placeholders.aliases[id - first] : id);
    const left = new Map(source.filter((id) => id >= first && id < blank).map((id) => [alias(id), id]));
    if (!left.size && !written.some((id) => id >= first)) return written;
    const ofSource = new Set(left.keys());
    return written.map(alias).flatMap((id) => {
      if (!ofSource.has(id)) return [id];
      if (!left.has(id)) return [];
      const found = left.get(id);
      left.delete(id);
      return [found];
    });
  }

  #asWritten = (span) => {
    const time = timeWritten(span.text, this.#said.clock);
    if (time !== undefined) return time;
    const { source, target } = this.#said.separators;
    return IS_NUMBER.includes(span.kind) ? localised(span.text, source, target) : span.text;
  };
}
