// The model's graph in ONNX Runtime: the ids of one sentence in, those of its translation out, with its score.
// Of `few` words, what the teacher in the graph chooses among candidates. Where `aligned`, also `sources`: the number of the source id that each comes from.

import { FEW_CANDIDATES } from "./patterns.js";
import { placed } from "./placing.js";
import { PAD } from "./tokenizer.js";

const numbers = (ort, values, ...shape) => new ort.Tensor("int64", BigInt64Array.from(values, BigInt), shape);

export class Engine {
  // `ort`: the package onnxruntime-web; `first`, `blank`: the ids of the first placeholder and of the blank.
  constructor(ort, session, { first, blank }) {
    [this.ort, this.session, this.first, this.blank] = [ort, session, first, blank];
    this.aligns = session.outputNames.includes("sources");
    this.chooses = session.inputNames.includes("window");
    this.last = Promise.resolve();
  }

  static async load(ort, graph, beside, ids) {
    const externalData = beside.map(({ name, data }) => ({ path: name, data }));
    const session = await ort.InferenceSession.create(graph, { executionProviders: ["wasm"], externalData });
    return new Engine(ort, session, ids);
  }

  // One after the other: a session runs once at a time.
  translate(row, aligned = false, few = false) {
    const mine = this.last.then(() => this.#translated(row, aligned, few && this.chooses));
    this.last = mine.catch(() => {});
    return mine;
  }

  async #translated(row, aligned, few) {
    const spans = [...new Set(row.filter((id) => id >= this.first && id < this.blank))];
    const feeds = {
      src_ids: numbers(this.ort, row, 1, row.length),
      window: numbers(this.ort, [0, few && !spans.length ? FEW_CANDIDATES : 0], 2),
      spans: numbers(this.ort, spans, 1, spans.length),
      forced: numbers(this.ort, [0], 1, 1),
    };
    for (const name of Object.keys(feeds)) if (!this.session.inputNames.includes(name)) delete feeds[name];
    if (!spans.length) return this.#chosen(feeds, aligned);
    const found = await this.session.run(feeds, ["labels", "log_probs", "span_log_probs", ...(aligned ? ["attended"] : [])]);
    const carried = this.#carried(spans, found);
    if (!few) return carried;
    feeds.window = numbers(this.ort, [0, FEW_CANDIDATES], 2);
    feeds.forced = numbers(this.ort, carried.forced, 1, carried.forced.length);
    return this.#chosen(feeds, aligned);
  }

  async #chosen(feeds, aligned) {
    const found = await this.session.run(feeds, ["ids", "scores", ...(aligned ? ["sources"] : [])]);
    const ids = Array.from(found.ids.data, Number).filter((id) => id !== PAD);
    const sources = aligned && Array.from(found.sources.data, Number).slice(0, ids.length);
    return { ids, score: found.scores.data[0], sources };
  }

  // Each placeholder is written once, where the model gives it most.
  #carried(spans, { labels, log_probs: logProbs, span_log_probs: spanLogProbs, attended }) {
    const own = Array.from(logProbs.data);
    const of = spans.map((_, number) => own.map((__, slot) => spanLogProbs.data[slot * spans.length + number]));
    const held = placed(own, of);
    const chosen = Array.from(labels.data, Number).map((label, slot) => (held[slot] >= 0 ? spans[held[slot]] : label));
    const isWritten = (label, slot) => label !== chosen[slot - 1] && label !== this.blank && label !== PAD;
    const ids = chosen.filter(isWritten);
    const sources = attended && Array.from(attended.data, Number).filter((_, slot) => isWritten(chosen[slot], slot));
    const sum = own.reduce((total, one, slot) => total + (held[slot] >= 0 ? of[held[slot]][slot] : one), 0);
    const forced = held.map((number) => (number >= 0 ? spans[number] : 0));
    return { ids, score: sum / Math.max(ids.length, 1), sources, forced };
  }
}
