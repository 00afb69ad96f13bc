// Completion for Graphite's targets: names by their dots, functions with their docs, tags and their values.

import {ask} from "./ask.js";
import {el} from "./panel.js";

const MOST = 60;
const WAIT_MS = 120;
let functions = null;

async function allFunctions() {
  functions ??= ask("/metrics/functions", {}, {method: "GET"}).catch(() => { functions = null; return {}; });
  return Object.values(await functions);
}

// Returns what is being typed at *caret*: its kind, where it begins, and its text.
export function wordAt(text, caret) {
  const before = text.slice(0, caret);
  const quote = openQuote(before);
  if (quote >= 0) {
    const inside = before.slice(quote + 1);
    if (!/seriesByTag\([^()]*$/.test(before.slice(0, quote))) return {kind: "", start: caret, text: ""};
    const match = /^([^=!]*?)(!?=~?)(.*)$/.exec(inside);
    if (!match) return {kind: "tag", start: quote + 1, text: inside};
    return {kind: "value", start: quote + 1 + match[1].length + match[2].length, text: match[3], tag: match[1]};
  }
  let start = caret;
  let braces = 0;
  while (start > 0) {
    const char = before[start - 1];
    if (char === "}") braces += 1;
    if (char === "{") braces -= 1;
    if (braces < 0) return {kind: "", start: caret, text: ""};
    if (!braces && /[\s(),"']/.test(char)) break;
    start -= 1;
  }
  if (start === caret && /[)"']\s*$/.test(before)) return {kind: "", start: caret, text: ""};
  return {kind: "name", start, text: before.slice(start)};
}

function openQuote(before) {
  let open = -1;
  for (let at = 0; at < before.length; at += 1) {
    const char = before[at];
    if (open < 0 && (char === "'" || char === '"')) open = at;
    else if (open >= 0 && char === before[open]) open = -1;
  }
  return open;
}

async function found(word) {
  if (word.kind === "tag") {
    const tags = await ask("/metrics/tags/autoComplete/tags", {tagPrefix: word.text, limit: MOST}, {method: "GET"});
    return tags.map((tag) => ({text: tag, insert: `${tag}=`, more: true, kind: "tag"}));
  }
  if (word.kind === "value") {
    const values = await ask("/metrics/tags/autoComplete/values", {tag: word.tag, valuePrefix: word.text, limit: MOST}, {method: "GET"});
    return values.map((value) => ({text: value, insert: value, kind: "value"}));
  }
  if (word.kind !== "name") return [];
  const [names, known] = await Promise.all([namesOf(word.text), word.text.includes(".") ? [] : functionsOf(word.text)]);
  return [...known, ...names].slice(0, MOST);
}

async function namesOf(text) {
  const dot = text.lastIndexOf(".") + 1;
  const nodes = await ask("/metrics/find", {query: `${text}*`}, {});
  return nodes.map((node) => ({
    text: node.text,
    insert: text.slice(0, dot) + node.text + (node.leaf ? "" : "."),
    more: !node.leaf,
    kind: node.leaf ? "series" : "",
  }));
}

async function functionsOf(text) {
  const wanted = text.toLowerCase();
  if (!wanted) return [];
  const all = await allFunctions();
  const fits = all.filter(({name}) => name.toLowerCase().includes(wanted));
  fits.sort((a, b) => Number(b.name.toLowerCase().startsWith(wanted)) - Number(a.name.toLowerCase().startsWith(wanted)) || a.name.localeCompare(b.name));
  return fits.slice(0, 20).map(({name, function: call, description}) => ({
    text: call, insert: `${name}(`, more: true, kind: "function", help: description.split("\n\n")[0],
  }));
}

let made = 0;

// *input*: a text field within a positioned element.
export function complete(input) {
  made += 1;
  const list = el("ul", {id: `complete-${made}`, role: "listbox", className: "complete", hidden: true});
  list.setAttribute("aria-label", "Completions");
  input.after(list);
  input.setAttribute("role", "combobox");
  input.setAttribute("aria-autocomplete", "list");
  input.setAttribute("aria-controls", list.id);
  let options = [];
  let chosen = -1;
  let word = null;
  let timer = null;
  let asked = 0;

  function close() {
    clearTimeout(timer);
    asked += 1;
    list.hidden = true;
    chosen = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  }

  function mark(index) {
    list.children[chosen]?.setAttribute("aria-selected", "false");
    chosen = index;
    const option = list.children[chosen];
    if (!option) { input.removeAttribute("aria-activedescendant"); return; }
    option.setAttribute("aria-selected", "true");
    option.scrollIntoView({block: "nearest"});
    input.setAttribute("aria-activedescendant", option.id);
  }

  function take(index) {
    const option = options[index];
    const caret = input.selectionStart;
    const text = input.value.slice(0, word.start) + option.insert;
    input.value = text + input.value.slice(caret);
    input.setSelectionRange(text.length, text.length);
    input.focus();
    close();
    if (option.more) later();
  }

  function show() {
    list.replaceChildren(...options.map((option, index) => {
      const item = el("li", {id: `${list.id}-${index}`, role: "option"},
        el("span", {className: "mono", textContent: option.text}), " ", el("span", {className: "muted small", textContent: option.kind}));
      item.setAttribute("aria-selected", "false");
      if (option.help) item.append(el("div", {className: "muted small", textContent: option.help}));
      item.addEventListener("mousedown", (event) => { event.preventDefault(); take(index); });
      return item;
    }));
    list.hidden = !options.length;
    chosen = -1;
    input.setAttribute("aria-expanded", String(!list.hidden));
  }

  async function look() {
    asked += 1;
    const mine = asked;
    word = wordAt(input.value, input.selectionStart);
    let told = [];
    try { told = await found(word); } catch { /* nothing to offer then */ }
    if (mine !== asked || document.activeElement !== input) return;
    options = told.filter((option) => option.insert !== word.text);
    show();
  }

  function later() {
    clearTimeout(timer);
    timer = setTimeout(look, WAIT_MS);
  }

  input.addEventListener("input", later);
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    if (event.key === " " && event.ctrlKey) { event.preventDefault(); look(); return; }
    if (list.hidden) {
      if (event.key === "ArrowDown") { event.preventDefault(); look(); }
      else if (event.key === "Enter" || event.key === "Escape") close();
      return;
    }
    const move = {ArrowDown: 1, ArrowUp: -1}[event.key];
    if (move) { event.preventDefault(); mark((chosen + move + options.length) % options.length); }
    else if (event.key === "Escape") { event.preventDefault(); close(); }
    else if ((event.key === "Enter" && chosen >= 0) || (event.key === "Tab" && !event.shiftKey && options.length)) { event.preventDefault(); take(Math.max(0, chosen)); }
    else if (event.key === "Enter") close();
  });
  close();
}
