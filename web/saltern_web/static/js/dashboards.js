// One dashboard: its panels on a board, its variables filled with what the store has.

import {now, setServerTime} from "./times.js";
import {ask} from "./ask.js";
import {Board, fill} from "./board.js";
import {el} from "./panel.js";
import {bindRange, readRange} from "./ranges.js";

const LOOK_MS = 5000;
const MOST_OPTIONS = 2000;
const data = JSON.parse(document.getElementById("board-data").textContent);
setServerTime(data.at);
const form = document.getElementById("variables");

function one(values) { return values.length > 1 ? `{${values.join(",")}}` : values[0] ?? ""; }

function valuesNow() {
  return Object.fromEntries(data.variables.map((variable) => [variable.name, one(variable.values)]));
}

// A regular expression as Grafana has it, between slashes or bare; a group of it is what is taken.
function matcher(text) {
  if (!text) return (name) => name;
  const match = /^\/(.*)\/([a-z]*)$/s.exec(text);
  try {
    const expression = match ? new RegExp(match[1], match[2].replace("g", "")) : new RegExp(text);
    return (name) => { const found = expression.exec(name); return found ? found[1] ?? name : null; };
  } catch { return () => null; }
}

async function optionsOf(variable, known) {
  if (variable.kind === "choice") return variable.query.split(",").map((value) => value.trim()).filter(Boolean);
  const nodes = await ask("/metrics/find", {query: fill(variable.query, known)});
  const take = matcher(variable.regex);
  return [...new Set(nodes.map(({text}) => take(text)).filter((name) => name !== null))].sort().slice(0, MOST_OPTIONS);
}

// One after another, as one's query may name another.
async function fillVariables() {
  for (const variable of data.variables) {
    if (variable.kind === "text") continue;
    const select = form.elements[`var-${variable.name}`];
    let options = [];
    try { options = await optionsOf(variable, valuesNow()); } catch { /* what is chosen can be shown still */ }
    const every = variable.all ? [[variable.all, "all"]] : [];
    if (!variable.values.length && options.length) variable.values = [variable.all || options[0]];
    const missing = variable.values.filter((value) => value !== variable.all && !options.includes(value));
    const pairs = [...every, ...[...missing, ...options].map((value) => [value, value])];
    select.replaceChildren(...pairs.map(([value, textContent]) => el("option", {value, textContent, selected: variable.values.includes(value)})));
    if (variable.multi) select.size = Math.min(4, pairs.length || 1);
  }
}

function toUrl() {
  const url = new URL(location.href);
  for (const {name, values} of data.variables) {
    url.searchParams.delete(`var-${name}`);
    for (const value of values) url.searchParams.append(`var-${name}`, value);
  }
  url.searchParams.delete("imported");
  history.pushState(null, "", url);
}

async function start() {
  if (form) await fillVariables();
  const first = new Map(data.variables.map(({name, value, values}) => [name, value ? [value] : values]));
  const board = new Board({range: new URLSearchParams(location.search).get("from") ? readRange() : data.range, variables: valuesNow()});
  board.first = data.default;
  bindRange(board, document.getElementById("range"), data.default);
  for (const element of document.querySelectorAll("[data-panel]")) board.add(element, data.panels[Number(element.dataset.panel)]);
  const show = async () => {
    await fillVariables();
    board.variables = valuesNow();
    board.refresh();
  };
  form?.addEventListener("submit", (event) => event.preventDefault());
  form?.addEventListener("change", (event) => {
    const variable = data.variables.find(({name}) => `var-${name}` === event.target.name);
    if (!variable) return;
    variable.values = event.target.selectedOptions ? [...event.target.selectedOptions].map(({value}) => value) : [event.target.value.trim()];
    toUrl();
    show();
  });
  addEventListener("popstate", () => {
    const given = new URLSearchParams(location.search);
    for (const variable of data.variables) {
      const values = given.getAll(`var-${variable.name}`);
      variable.values = values.length ? values : first.get(variable.name);
    }
    if (form) show();
  });
  let before = now();
  setInterval(() => {
    const steps = board.panels.flatMap((panel) => panel.series.map((series) => series.step));
    if (now() - before < Math.min(15, ...steps)) return;
    before = now();
    board.append();
  }, LOOK_MS);
}

start();
