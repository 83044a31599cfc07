// The view of how it works: what the model reads, all its slots, and a race against its teacher, slowed down.

import { ask, byId, made, showError, withKey } from "./service.js";

const RACE_MS = 4000;
const view = byId("inside");
let asked = null;
let found = null;
let timers = [];

// Shows the first sentence of a text, as soon as the view is open.
export async function showInside(fields) {
  asked = fields;
  if (!view.open) return;
  try {
    const answer = await ask("v1/inside", JSON.stringify(withKey(fields)));
    if (asked !== fields) return;
    found = answer;
    draw();
    race();
  } catch (problem) {
    showError(problem);
  }
}

const legible = (piece) => piece.replace(/▁/g, " ").trim() || "␣";

function item(piece, note, ...kinds) {
  const element = made("li", "", "piece", ...kinds);
  element.append(made("span", piece));
  if (note) element.append(made("small", note));
  return element;
}

function draw() {
  const { source, slots, complete, fertilities } = found;
  const blanks = slots.filter(([piece]) => !piece).length;
  byId("inside-said").textContent = slots.length
    ? `${source.length} subwords are read, and ${slots.length} ${complete ? "slots are" : "subwords are"} written in one step`
      + (complete ? `, ${blanks} of them blank.` : ". The graph of this model does not tell its blanks.")
    : "There is nothing to translate.";
  byId("read").replaceChildren(...source.map((piece, number) => {
    return item(legible(piece), fertilities ? `× ${fertilities[number]}` : "");
  }));
  const [inputs, outputs] = [byId("read").children, byId("slots").children];
  byId("slots").replaceChildren(...slots.map(([piece, from, written]) => {
    const note = from === null ? "" : `← ${legible(source[from])}`;
    const element = item(piece ? legible(piece) : "·", note, ...(piece ? (written ? [] : ["again"]) : ["blank"]));
    if (!piece) element.ariaLabel = `blank ${note}`;
    return element;
  }));
  const link = (number, is) => {
    inputs[number].classList.toggle("linked", is);
    slots.forEach(([, from], slot) => outputs[slot].classList.toggle("linked", is && from === number));
  };
  [...inputs].forEach((element, number) => onHover(element, (is) => link(number, is)));
  slots.forEach(([, from], slot) => from !== null && onHover(outputs[slot], (is) => link(from, is)));
  byId("slots").lang = byId("target").value;
}

function onHover(element, what) {
  element.addEventListener("pointerenter", () => what(true));
  element.addEventListener("pointerleave", () => what(false));
}

const ms = (racer) => `${racer.milliseconds.toFixed(1)} ms`;

function race() {
  const { student, teacher } = found;
  timers.forEach(clearTimeout);
  for (const id of ["teacher-name", "teacher", "again"]) byId(id).hidden = !teacher;
  byId("race").hidden = !student;
  byId("race-said").textContent = !student ? "" : teacher
    ? "The sentence alone, one thread each, the best of three. "
      + `Slowed down ${Math.round(RACE_MS / teacher.milliseconds)} times. The teacher's engine gives its text at its end, `
      + "so its words are shown evenly over the time that it took."
    : "No teacher of this model is installed here, so the student runs alone.";
  if (!student) return;
  byId("student-name").textContent = `${student.name}, all words at once`;
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const slow = still || !teacher ? 0 : RACE_MS / teacher.milliseconds;
  run("student", student, [student.text], slow);
  if (!teacher) return;
  byId("teacher-name").textContent = `${teacher.name}, word by word`;
  run("teacher", teacher, teacher.text.split(/(?<=\s)/), slow);
}

function run(who, racer, parts, slow) {
  const [lane, time] = [byId(`${who}-lane`), byId(`${who}-time`)];
  lane.textContent = time.textContent = "";
  lane.lang = byId("target").value;
  parts.forEach((part, number) => {
    const isLast = number === parts.length - 1;
    timers.push(setTimeout(() => {
      lane.append(part);
      if (isLast) time.textContent = ms(racer);
    }, (slow * racer.milliseconds * (number + 1)) / parts.length));
  });
}

view.addEventListener("toggle", () => view.open && asked && showInside(asked));
byId("again").addEventListener("click", race);
