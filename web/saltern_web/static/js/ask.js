// The store, asked through the console: series for panels, several targets at once.

import {localise} from "./times.js";

export class Refusal extends Error {
  constructor(said, status) { super(said); this.status = status; }
}

export async function ask(path, fields, {signal, method = "POST"} = {}) {
  const body = fields instanceof URLSearchParams ? fields : new URLSearchParams(fields);
  const headers = {Accept: "application/json"};
  let url = path;
  if (method === "POST") headers["X-CSRFToken"] = document.body.dataset.csrf;
  else if ([...body].length) url += `?${body}`;
  let answer;
  try {
    answer = await fetch(url, {method, headers, signal, ...(method === "POST" ? {body} : {})});
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal("the console can't be reached", 0);
  }
  const told = await answer.json().catch(() => null);
  if (answer.ok && told !== null) return told;
  if (answer.status === 401 && told?.login) location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}&ended=1`);
  throw new Refusal(told?.error ?? `the console answered with status ${answer.status}`, answer.status);
}

export function render(targets, {from, until, most, signal}) {
  const fields = new URLSearchParams(targets.map((target) => ["target", target]));
  fields.set("from", Math.floor(from));
  fields.set("until", Math.ceil(until));
  fields.set("maxDataPoints", Math.max(20, Math.floor(most)));
  return ask("/metrics/render", fields, {signal});
}

export async function part(url, place) {
  const answer = await fetch(url, {headers: {"HX-Request": "true"}, cache: "no-store"});
  if (!answer.ok) return false;
  const text = await answer.text();
  const page = new DOMParser().parseFromString(text, "text/html");  // the console's own template, escaped there
  place.replaceChildren(...page.body.childNodes);
  localise(place);
  return true;
}
