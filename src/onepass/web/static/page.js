// The page: translates what is typed, sentence by sentence, the newest text next.

import { Translator } from "./translator.js";

const byId = (id) => document.getElementById(id);
const [text, translation, progress, said, error] = ["text", "translation", "progress", "said", "error"].map(byId);
const nameOf = (code) => new Intl.DisplayNames(["en"], { type: "language" }).of(code);
let waiting = null;

function showError(problem) {
  error.textContent = problem ? problem.message : "";
  error.hidden = !problem;
}

async function translate(translator) {
  waiting?.abort();
  const mine = waiting = new AbortController();
  const begin = performance.now();
  let found = "";
  try {
    for await (const part of translator.translateStreaming(text.value, { signal: mine.signal })) {
      found += part;
      if (mine === waiting) translation.textContent = found;
    }
    translation.textContent = found;
    said.textContent = found && `${(performance.now() - begin).toFixed(1)} ms`;
    showError(null);
  } catch (problem) {
    if (problem.name !== "AbortError") showError(problem);
  }
}

async function start() {
  const model = await (await fetch("model.json")).json();
  [byId("source").textContent, byId("target").textContent] = [nameOf(model.source), nameOf(model.target)];
  translation.lang = model.target;
  byId("credit").textContent = [model.name, model.licence, model.attribution].filter(Boolean).join(" · ");
  const translator = await Translator.create({
    sourceLanguage: model.source,
    targetLanguage: model.target,
    monitor: (m) => m.addEventListener("downloadprogress", (event) => { progress.value = event.loaded; }),
  });
  progress.hidden = true;
  text.addEventListener("input", () => translate(translator));
  globalThis.translator = translator;
  if (text.value) translate(translator);
}

globalThis.Onepass = { Translator };
start().catch(showError);
