// The page: asks for a translation at every key stroke, one request at a time, the newest text next.
"use strict";

const DEBOUNCE_MS = 20;
const ALTERNATIVES = 3;
const byId = (id) => document.getElementById(id);
const [text, mirror, translation, source, target, key, said, error, file, download] = [
  "text", "mirror", "translation", "source", "target", "key", "said", "error", "file", "download",
].map(byId);

let languages = [];
let details = [];
let timer = 0;
let isAsking = false;
let isStale = false;
// Of what is shown: the words of the translation as [start, end, [[start, end] of the text, ...]].
let shown = { text: "", translation: "", words: [], spans: { source: [], target: [] } };

// What the service says in code points, as the browser counts.
function places(string) {
  const found = [0];
  for (const character of string) found.push(found[found.length - 1] + character.length);
  return found;
}

async function ask(path, body) {
  const options = body === undefined ? {} : { method: "POST", body };
  if (typeof body === "string") options.headers = { "Content-Type": "application/json" };
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Error("The service does not answer.");
  }
  const found = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(found.error || `The service answers with ${answer.status}.`);
  return found;
}

function showError(problem) {
  error.textContent = problem ? problem.message : "";
  error.hidden = !problem;
}

function withKey(fields) {
  return key.value ? { ...fields, api_key: key.value } : fields;
}

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
  const asked = text.value;
  if (!asked.trim()) {
    show(asked, { translatedText: "" }, 0);
    return;
  }
  isAsking = true;
  translation.classList.add("stale");
  const begin = performance.now();
  try {
    const fields = { q: asked, source: source.value, target: target.value, details };
    const answer = await ask("translate", JSON.stringify(withKey({ ...fields, alternatives: ALTERNATIVES })));
    show(asked, answer, performance.now() - begin);
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

function show(asked, answer, took) {
  const of = answer.details || {};
  shown = {
    text: asked,
    translation: answer.translatedText,
    words: of.alignment || [],
    spans: of.spans || { source: [], target: [] },
  };
  drawTranslation();
  drawMirror([]);
  showAlternatives(answer.alternatives || []);
  const parts = [];
  if (answer.detectedLanguage) parts.push(nameOf(answer.detectedLanguage.language));
  if (of.milliseconds !== undefined) parts.push(`${of.milliseconds.toFixed(1)} ms in the service`);
  if (took) parts.push(`${took.toFixed(1)} ms here`);
  said.textContent = parts.join(" · ");
}

// Pieces of a string: each is in a range, or between two. Ranges are in order and do not overlap.
function* pieces(string, ranges) {
  const at = places(string);
  let place = 0;
  for (const [start, end] of ranges) {
    if (start > place) yield { text: string.slice(at[place], at[start]), range: null };
    yield { text: string.slice(at[start], at[end]), range: [start, end] };
    place = end;
  }
  yield { text: string.slice(at[place]), range: null };
}

function drawTranslation() {
  const isSpan = (range) => shown.spans.target.some(([start, end]) => start < range[1] && range[0] < end);
  const words = shown.words.length ? shown.words : shown.spans.target;
  translation.replaceChildren();
  translation.lang = target.value;
  let number = 0;
  for (const piece of pieces(shown.translation, words)) {
    if (piece.range === null) {
      translation.append(piece.text);
      continue;
    }
    const element = document.createElement(isSpan(piece.range) ? "mark" : "span");
    element.textContent = piece.text;
    if (shown.words.length) {
      const of = shown.words[number];
      element.classList.add("word");
      element.addEventListener("pointerenter", () => drawMirror(of[2]));
      element.addEventListener("pointerleave", () => drawMirror([]));
    }
    translation.append(element);
    number += 1;
  }
}

// Behind the text area, letter upon letter, the marks that a text area cannot have.
function drawMirror(linked) {
  const isCurrent = shown.text === text.value;
  mirror.replaceChildren();
  const ranges = linked.length ? linked : isCurrent ? shown.spans.source : [];
  const ordered = [...ranges].sort((a, b) => a[0] - b[0]);
  for (const piece of pieces(text.value, isCurrent ? ordered : [])) {
    if (piece.range === null) {
      mirror.append(piece.text);
    } else {
      const element = document.createElement("mark");
      if (linked.length) element.className = "linked";
      element.textContent = piece.text;
      mirror.append(element);
    }
  }
  mirror.append("\n");
}

// The words of the translation that come from the word at the caret.
function followCaret() {
  const at = places(shown.text);
  const elements = translation.querySelectorAll(".word");
  shown.words.forEach(([, , sources], number) => {
    const isLinked = shown.text === text.value && document.activeElement === text
      && sources.some(([start, end]) => at[start] <= text.selectionStart && text.selectionStart <= at[end]);
    elements[number].classList.toggle("linked", isLinked);
  });
}

function showAlternatives(others) {
  byId("others").hidden = others.length === 0;
  byId("alternatives").replaceChildren(...others.map((other) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = other;
    button.addEventListener("click", () => {
      shown = { ...shown, translation: other, words: [], spans: { source: [], target: [] } };
      drawTranslation();
    });
    const item = document.createElement("li");
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
  if (!languages.some((language) => language.code === to && language.targets.length > 1)) return;
  source.value = to;
  offerTargets();
  if (from !== "auto") target.value = from;
  text.value = shown.translation;
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
  else if (settings.source) source.value = settings.source;
  offerTargets();
  if ([...target.options].some((option) => option.value === last.target)) target.value = last.target;
  if (text.value) translate();
}

text.addEventListener("input", changed);
text.addEventListener("scroll", () => { mirror.scrollTop = text.scrollTop; });
document.addEventListener("selectionchange", followCaret);
source.addEventListener("change", () => { offerTargets(); changed(); });
target.addEventListener("change", changed);
key.addEventListener("change", changed);
byId("swap").addEventListener("click", swap);
byId("copy").addEventListener("click", async () => {
  await navigator.clipboard.writeText(shown.translation);
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
