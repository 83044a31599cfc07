// The two panes: a text and its translation, with marks, and words that are linked with those they come from.
// Behind the text area lies a mirror with the same letters, which has the marks that a text area cannot have.

import { byId, made } from "./service.js";

const [text, mirror, translation, link] = ["text", "mirror", "translation", "link"].map(byId);
const NOTHING = { text: "", translation: "", words: [], spans: { source: [], target: [] } };

// Of what is shown: the words of the translation as [start, end, [[start, end] of the text, ...]].
let shown = NOTHING;
let elements = [];
let boxes = null;
let chosen = -1;

// What the service says in code points, as the browser counts.
function places(string) {
  const found = [0];
  for (const character of string) found.push(found[found.length - 1] + character.length);
  return found;
}

function inUnits(ranges, string) {
  const at = places(string);
  return ranges.map(([start, end]) => [at[start], at[end]]);
}

export function show(asked, answer) {
  const of = answer.details || {};
  const translated = answer.translatedText;
  const spans = of.spans || { source: [], target: [] };
  const words = of.alignment || [];
  const targets = inUnits(words, translated);
  shown = {
    text: asked,
    translation: translated,
    words: words.map(([, , sources], number) => [...targets[number], inUnits(sources, asked)]),
    spans: { source: inUnits(spans.source, asked), target: inUnits(spans.target, translated) },
  };
  drawTranslation();
  linkNothing();
}

export function showAnother(other) {
  shown = { ...shown, translation: other, words: [], spans: { ...shown.spans, target: [] } };
  drawTranslation();
  linkNothing();
}

export const translated = () => shown.translation;

// Pieces of a string between the edges of ranges.
function pieces(string, ranges) {
  const edges = [...new Set([0, ...ranges.flat(), string.length])].sort((a, b) => a - b);
  return edges.slice(1).map((end, number) => [edges[number], end, string.slice(edges[number], end)]);
}

const isWithin = (start, end, ranges) => ranges.some((range) => range[0] <= start && end <= range[1]);

function drawTranslation() {
  const { words, spans } = shown;
  const parts = words.map(() => made("span", "", "word"));
  translation.replaceChildren();
  translation.lang = byId("target").value;
  for (const [start, end, piece] of pieces(shown.translation, [...words.map((w) => w.slice(0, 2)), ...spans.target])) {
    const node = isWithin(start, end, spans.target) ? made("mark", piece) : document.createTextNode(piece);
    const number = words.findIndex((word) => word[0] <= start && end <= word[1]);
    if (number < 0) translation.append(node);
    else {
      parts[number].append(node);
      translation.append(parts[number]);
    }
  }
  elements = parts;
  elements.forEach((element, number) => element.addEventListener("pointerenter", () => linkWord(number)));
}

export function drawMirror(linked) {
  const isCurrent = shown.text === text.value;
  const spans = isCurrent ? shown.spans.source : [];
  mirror.replaceChildren();
  for (const [start, end, piece] of pieces(text.value, [...spans, ...linked])) {
    const kinds = isWithin(start, end, linked) ? ["linked"] : [];
    const isMarked = kinds.length || isWithin(start, end, spans);
    mirror.append(isMarked ? made("mark", piece, ...kinds) : piece);
  }
  mirror.append("\n");
}

function linkThese(numbers, sources) {
  elements.forEach((element, number) => element.classList.toggle("linked", numbers.includes(number)));
  drawMirror(shown.text === text.value ? sources : []);
}

function linkNothing() {
  boxes = null;
  chosen = -1;
  link.textContent = "";
  linkThese([], []);
}

function linkWord(number) {
  linkThese([number], shown.words[number][2]);
}

// The word of the text at a place, and what comes from it.
function linkPlace(place) {
  const numbers = [];
  let linked = [];
  shown.words.forEach(([, , sources], number) => {
    const here = sources.filter(([start, end]) => start <= place && place < end);
    if (here.length) numbers.push(number);
    linked = [...linked, ...here];
  });
  linkThese(numbers, linked);
}

// Where the words of the text that have a link are on the screen, within the mirror.
function boxesOfWords() {
  const nodes = [];
  const walker = document.createTreeWalker(mirror, NodeFilter.SHOW_TEXT);
  for (let place = 0, node = walker.nextNode(); node; node = walker.nextNode()) {
    nodes.push([place, node]);
    place += node.length;
  }
  const point = (place) => {
    const [first, node] = nodes.findLast(([first]) => first <= place);
    return [node, Math.min(place - first, node.length)];
  };
  const origin = mirror.getBoundingClientRect();
  const starts = new Map(shown.words.flatMap((word) => word[2]));
  return [...starts].flatMap(([start, end]) => {
    const range = document.createRange();
    range.setStart(...point(start));
    range.setEnd(...point(end));
    return [...range.getClientRects()].map((box) => ({
      start, left: box.left - origin.left, right: box.right - origin.left,
      top: box.top - origin.top, bottom: box.bottom - origin.top,
    }));
  });
}

function followPointer(event) {
  if (shown.text !== text.value || !shown.words.length) return;
  boxes = boxes || boxesOfWords();
  const origin = mirror.getBoundingClientRect();
  const [x, y] = [event.clientX - origin.left, event.clientY - origin.top];
  const box = boxes.find((one) => one.left <= x && x < one.right && one.top <= y && y < one.bottom);
  linkPlace(box ? box.start : -1);
}

function followCaret() {
  if (document.activeElement !== text || shown.text !== text.value || !shown.words.length) return;
  const place = text.selectionStart;
  const before = shown.words.some(([, , sources]) => sources.some(([, end]) => end === place));
  const at = shown.words.some(([, , sources]) => sources.some(([start, end]) => start <= place && place < end));
  linkPlace(at || !before ? place : place - 1);
}

function followKeys(event) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step || !elements.length) return;
  event.preventDefault();
  chosen = Math.min(Math.max(chosen + step, 0), elements.length - 1);
  linkWord(chosen);
  const [start, end, sources] = shown.words[chosen];
  const from = sources.map(([first, last]) => shown.text.slice(first, last)).join(" ");
  link.textContent = `${shown.translation.slice(start, end)} ${from ? `comes from ${from}` : "comes from no word"}`;
}

document.addEventListener("selectionchange", followCaret);
text.addEventListener("pointermove", followPointer);
text.addEventListener("pointerleave", () => linkThese([], []));
translation.addEventListener("pointerleave", () => linkThese([], []));
translation.addEventListener("keydown", followKeys);
translation.addEventListener("blur", linkNothing);
addEventListener("resize", () => { boxes = null; });
