// A value as a tree that can be read: made of what is opened, and only then; bounded at every level.

import {visible} from "./visible.js";

const MOST = 200;  // members of one level
const OPEN = 12;   // a level with so few is open at once
const MAX_TEXT = 20000;

function leaf(value) {
  const element = document.createElement("span");
  element.className = `value ${typeof value === "string" ? "v-text" : typeof value === "number" ? "v-number" : "v-word"}`;
  const text = typeof value === "string" ? value : JSON.stringify(value);
  element.textContent = visible(text.slice(0, MAX_TEXT), true) + (text.length > MAX_TEXT ? ` … (${text.length} characters)` : "");
  return element;
}

function named(name) {
  const element = document.createElement("span");
  element.className = "name";
  element.textContent = `${visible(name)}: `;
  return element;
}

const size = (value) => (Array.isArray(value) ? value.length : Object.keys(value).length);
const isBranch = (value) => value !== null && typeof value === "object" && size(value) > 0;

function branch(name, value, depth) {
  const element = document.createElement("details");
  const summary = document.createElement("summary");
  const count = document.createElement("span");
  count.className = "muted";
  count.textContent = Array.isArray(value) ? `[${size(value)}]` : `{${size(value)}}`;
  summary.append(named(name), count);
  element.append(summary);
  const fill = () => { if (element.open && element.children.length === 1) element.append(tree(value, depth + 1)); };
  element.addEventListener("toggle", fill);
  if (depth < 2 && size(value) <= OPEN) { element.open = true; fill(); }
  return element;
}

export function tree(value, depth = 0) {
  const element = document.createElement("div");
  element.className = "tree";
  if (!isBranch(value)) { element.append(leaf(value)); return element; }
  const entries = Array.isArray(value) ? value.map((one, index) => [index, one]) : Object.entries(value);
  for (const [name, one] of entries.slice(0, MOST)) {
    if (isBranch(one)) { element.append(branch(name, one, depth)); continue; }
    const line = document.createElement("div");
    line.append(named(name), leaf(one));
    element.append(line);
  }
  if (entries.length > MOST) {
    const rest = document.createElement("div");
    rest.className = "muted";
    rest.textContent = `… and ${entries.length - MOST} more`;
    element.append(rest);
  }
  return element;
}
