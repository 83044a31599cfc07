// What the parts of the page share: elements by their ids, and requests to the service.

export const byId = (id) => document.getElementById(id);

export async function ask(path, body) {
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

export function withKey(fields) {
  const key = byId("key").value;
  return key ? { ...fields, api_key: key } : fields;
}

export function showError(problem) {
  byId("error").textContent = problem ? problem.message : "";
  byId("error").hidden = !problem;
}

export function made(name, text, ...kinds) {
  const element = document.createElement(name);
  element.textContent = text;
  element.classList.add(...kinds);
  return element;
}
