// The page: asks for a translation at every key stroke, one request at a time, the newest text next.

import { showInside } from "./inside.js";
import { drawMirror, show, showAnother, translated } from "./panes.js";
import { ask, byId, made, showError, withKey } from "./service.js";

const DEBOUNCE_MS = 20;
const REST_MS = 600;
const ALTERNATIVES = 4;
const DOUBTS = {
  numbers_differ: "the numbers differ",
  cut: "a sentence was too long and was cut",
  untranslated: "words are as they were",
};
const [text, translation, source, target, key, said, file, download] = [
  "text", "translation", "source", "target", "key", "said", "file", "download",
].map(byId);

let languages = [];
let details = [];
let timer = 0;
let rest = 0;
let isAsking = false;
let isStale = false;

function changed() {
  drawMirror([]);
  remember();
  clearTimeout(timer);
  timer = setTimeout(translate, DEBOUNCE_MS);
}

async function translate() {
  if (isAsking) {
    isStale = true;
    return;
  }
  isAsking = true;
  translation.classList.add("stale");
  try {
    await translateOnce();
    showError(null);
  } catch (problem) {
    showError(problem);
  } finally {
    isAsking = false;
    translation.classList.remove("stale");
  }
  if (isStale) {
    isStale = false;
    translate();
  }
}

async function translateOnce() {
  const asked = text.value;
  const pair = { source: source.value, target: target.value };
  if (!asked.trim()) {
    show(asked, { translatedText: asked });
    showAlternatives([], "");
    said.textContent = "";
    return;
  }
  const begin = performance.now();
  const fields = { q: asked, ...pair, details };
  const answer = await ask("translate", JSON.stringify(withKey(fields)));
  const took = performance.now() - begin;
  show(asked, answer);
  showAlternatives([], "");
  const of = answer.details || {};
  const parts = answer.detectedLanguage ? [nameOf(answer.detectedLanguage.language)] : [];
  if (of.milliseconds !== undefined) parts.push(`${of.milliseconds.toFixed(1)} ms in the service`);
  const doubts = (of.doubts || []).map((doubt) => DOUBTS[doubt] || doubt);
  said.textContent = [...parts, `${took.toFixed(1)} ms here`, ...doubts].join(" · ");
  clearTimeout(rest);
  rest = setTimeout(() => {
    // For who hears the page, once the text is at rest; not over what is said word by word.
    if (document.activeElement !== translation) byId("link").textContent = translated();
    showInside({ q: asked, ...pair });
    askAlternatives();
  }, REST_MS);
}

// Only where they are looked at: they take several times as long.
async function askAlternatives() {
  const asked = text.value;
  if (!byId("others").open || !asked.trim()) return;
  const fields = { q: asked, source: source.value, target: target.value, alternatives: ALTERNATIVES };
  try {
    const { alternatives } = await ask("translate", JSON.stringify(withKey(fields)));
    if (asked !== text.value) return;
    showAlternatives(alternatives, alternatives.length ? "" : "This model has no other translation.");
  } catch (problem) {
    showError(problem);
  }
}

function showAlternatives(others, note) {
  byId("others-said").textContent = note;
  byId("alternatives").lang = target.value;
  byId("alternatives").replaceChildren(...others.map((other) => {
    const button = made("button", other);
    button.type = "button";
    button.addEventListener("click", () => showAnother(other));
    const item = made("li", "");
    item.append(button);
    return item;
  }));
}

async function translateFile(chosen) {
  if (!chosen) return;
  download.hidden = true;
  const form = new FormData();
  for (const [name, value] of Object.entries(withKey({ source: source.value, target: target.value }))) {
    form.append(name, value);
  }
  form.append("file", chosen);
  said.textContent = `Translating ${chosen.name} …`;
  try {
    const found = await ask("translate_file", form);
    download.href = `download_file/${found.translatedFileUrl.split("/").pop()}`;
    download.download = chosen.name.replace(/(\.[^.]*)$/, `.${target.value}$1`);
    download.hidden = false;
    said.textContent = `${chosen.name} is translated.`;
    showError(null);
    download.focus();
  } catch (problem) {
    said.textContent = "";
    showError(problem);
  } finally {
    file.value = "";
  }
}

function nameOf(code) {
  const found = languages.find((language) => language.code === code);
  return found ? found.name : code;
}

function offerTargets() {
  const chosen = target.value;
  const from = languages.find((language) => language.code === source.value);
  const offered = from ? from.targets.filter((code) => code !== from.code) : languages.map((one) => one.code);
  target.replaceChildren(...offered.map((code) => new Option(nameOf(code), code)));
  if (offered.includes(chosen)) target.value = chosen;
}

function swap() {
  const [from, to] = [source.value, target.value];
  if (!languages.some((language) => language.code === to && language.targets.length > 1)) {
    showError(new Error(`No model here translates from ${nameOf(to)}.`));
    return;
  }
  source.value = to;
  offerTargets();
  if (from !== "auto") target.value = from;
  text.value = translated();
  changed();
}

function remember() {
  try {
    localStorage.setItem("onepass", JSON.stringify({ source: source.value, target: target.value }));
  } catch {
    // A browser that keeps nothing keeps no languages.
  }
}

function remembered() {
  try {
    return JSON.parse(localStorage.getItem("onepass")) || {};
  } catch {
    return {};
  }
}

async function start() {
  const settings = await ask("frontend/settings");
  languages = await ask("languages");
  details = settings.details;
  file.accept = settings.supportedFilesFormat.join(",");
  text.maxLength = settings.charLimit;
  for (const element of document.querySelectorAll(".of-key")) element.hidden = !settings.keyRequired;
  const sources = languages.filter((language) => language.targets.length > 1);
  source.replaceChildren(
    ...sources.map((language) => new Option(language.name, language.code)),
    new Option("Detect", "auto"),
  );
  const last = remembered();
  if ([...source.options].some((option) => option.value === last.source)) source.value = last.source;
  offerTargets();
  if ([...target.options].some((option) => option.value === last.target)) target.value = last.target;
  if (text.value) changed();
}

text.addEventListener("input", changed);
source.addEventListener("change", () => { offerTargets(); changed(); });
target.addEventListener("change", changed);
key.addEventListener("change", changed);
byId("others").addEventListener("toggle", askAlternatives);
byId("swap").addEventListener("click", swap);
byId("copy").addEventListener("click", async () => {
  await navigator.clipboard.writeText(translated());
  said.textContent = "Copied.";
});
file.addEventListener("change", () => translateFile(file.files[0]));
const pane = byId("drop");
pane.addEventListener("dragover", (event) => {
  event.preventDefault();
  pane.classList.add("over");
});
pane.addEventListener("dragleave", () => pane.classList.remove("over"));
pane.addEventListener("drop", (event) => {
  pane.classList.remove("over");
  if (!event.dataTransfer.files.length) return;
  event.preventDefault();
  translateFile(event.dataTransfer.files[0]);
});
start().catch(showError);
