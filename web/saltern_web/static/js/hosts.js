// The table of hosts: numbers, ages and states of the rows that are there follow the samples, in place; rows never
// move by themselves. Small charts show an hour. And what is ticked is counted.

import {follow} from "./live.js";
import {localise, setServerTime, timeElement} from "./times.js";

const NAMES = ["cpu", "memory", "disk", "load"];
const DIGITS = [1, 1, 1, 2];
const WORDS = {ok: "ok", warn: "warning", crit: "critical", away: "away", stale: "stale", unknown: "unknown"};
const MAX_TAGS = 200;  // that one page may follow
const ALSO = ["salt/presence/change", "salt/alert/*"];
const FIRST_MS = 250;  // what a sample takes from the master into the store
const EVERY_MS = 1000;
const ALL_EVERY_MS = 15000;
const SORTED_MS = 1000;  // when the order may be known that wasn't
const MAX_SORTED = 20;
const SPARKS_EVERY_MS = 60000;
const WIDTH = 48;
const HEIGHT = 18;

let rows = new Map();
let changed = new Set();
let asked = new Set();  // once more, as their sample wasn't in the store yet
let stop = () => {};
let timer = null;
let last = 0;
let sparksAt = 0;
let unsorted = 0;

function begin() {
  stop();
  const table = document.getElementById("table");
  rows = new Map([...table.querySelectorAll("tr[data-id]")].map((row) => [row.dataset.id, row]));
  changed.clear();
  choosing(table);
  for (const hidden of document.querySelectorAll("[data-query]")) if (hidden !== table) hidden.value = table.dataset.query;
  unsorted = "unsorted" in table.dataset ? unsorted + 1 : 0;
  if (unsorted && unsorted <= MAX_SORTED) setTimeout(() => sorted(table), SORTED_MS);
  if (!rows.size) { stop = () => {}; return; }
  const tags = [...rows.keys()].map((id) => `salt/job/*/ret/${id}`);
  if (tags.length + ALSO.length <= MAX_TAGS) tags.push(...ALSO);
  stop = follow(tags.slice(0, MAX_TAGS), take);
  all(true);
}

function sorted(table) {
  if (table.isConnected && !table.querySelector(":checked")) htmx.ajax("GET", location.href, {target: "#hosts"});
}

function take(event) {
  const at = event.tag.indexOf("/ret/");
  if (at > 0) changed.add(event.tag.slice(at + 5));
  else for (const id of rows.keys()) changed.add(id);  // whom it concerns the table of states says
  if (!timer) timer = setTimeout(some, Math.max(FIRST_MS, last + EVERY_MS - Date.now()));
}

async function some() {
  last = Date.now();
  const ids = [...changed].filter((id) => rows.has(id));
  changed = new Set();
  if (!document.hidden && ids.length) {
    const before = new Map(ids.map((id) => [id, sampleOf(id)]));
    await load(ids, false);
    const late = ids.filter((id) => sampleOf(id) === before.get(id) && !asked.has(id));
    for (const id of late) changed.add(id);
    asked = new Set(late);
  }
  timer = changed.size ? setTimeout(some, Math.max(FIRST_MS, last + EVERY_MS - Date.now())) : null;
}

function sampleOf(id) { return rows.get(id)?.querySelector(".c-sampled time")?.dataset.at; }

function all(sparks = false) {
  if (document.hidden || !rows.size) return;
  const withSparks = sparks || Date.now() - sparksAt > SPARKS_EVERY_MS;
  if (withSparks) sparksAt = Date.now();
  load([...rows.keys()], withSparks);
}

async function load(ids, sparks) {
  const body = new URLSearchParams(ids.map((id) => ["minion", id]));
  if (sparks) body.set("sparks", "1");
  let told;
  try {
    const headers = {Accept: "application/json", "X-CSRFToken": document.body.dataset.csrf};
    const answer = await fetch("/hosts/-/numbers", {method: "POST", body, headers});
    if (!answer.ok) return;
    told = await answer.json();
  } catch { return; }  // the frame says that nothing answers
  setServerTime(told.at);
  for (const [id, host] of Object.entries(told.hosts)) {
    const row = rows.get(id);
    if (row) update(row, host);
  }
}

function update(row, host) {
  const state = row.querySelector(".c-state .state");
  if (!state.classList.contains(`s-${host.state}`)) {
    state.className = `state s-${host.state} flash`;
    state.textContent = WORDS[host.state] ?? host.state;
  }
  const sampled = row.querySelector(".c-sampled");
  const time = sampled.querySelector("time");
  if (host.sampled && (!time || Number(time.dataset.at) !== host.sampled)) sampled.replaceChildren(timeElement(host.sampled));
  say(row.querySelector(".c-completeness"), host.completeness === null ? "–" : `${trimmed(host.completeness, 1)} %`);
  NAMES.forEach((name, at) => {
    const cell = row.querySelector(`[data-n="${name}"]`);
    say(cell.querySelector(".value"), number(host.values[at], DIGITS[at]));
    if (host.sparks) draw(cell, host.sparks[at], name === "load" ? null : 100);
  });
}

function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function trimmed(value, digits) { return value.toFixed(digits).replace(/\.0$/, ""); }

// As the server writes numbers.
function number(value, digits) {
  if (value === null || value === undefined) return "–";
  return value.toLocaleString("en-US", {minimumFractionDigits: digits, maximumFractionDigits: digits});
}

// *top*: what is drawn at the top; without it the highest value is. What isn't known is a gap.
function draw(cell, values, top) {
  const svg = cell.querySelector("svg");
  const known = values.filter((value) => value !== null);
  const highest = top ?? Math.max(1, ...known);
  const step = WIDTH / Math.max(1, values.length - 1);
  const lines = [];
  let points = [];
  values.forEach((value, at) => {
    if (value === null) { if (points.length) lines.push(points); points = []; return; }
    const y = HEIGHT - 1 - Math.min(1, Math.max(0, value / highest)) * (HEIGHT - 2);
    points.push(`${(at * step).toFixed(1)},${y.toFixed(1)}`);
  });
  if (points.length) lines.push(points);
  svg.replaceChildren(...lines.map((line) => {
    const drawn = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
    drawn.setAttribute("points", (line.length === 1 ? [line[0], line[0].replace(/^[^,]*/, (x) => Number(x) + 1)] : line).join(" "));
    return drawn;
  }));
}

function choosing(table) {
  const form = table.querySelector("#chosen");
  const page = table.querySelector("[data-page]");
  const every = table.querySelector("[name=all]");
  const picked = table.querySelector(".picked");
  if (!page) return;
  page.hidden = false;
  const boxes = [...table.querySelectorAll("[name=minion]")];
  const buttons = [...table.querySelectorAll("[name=do]")];
  let before = -1;

  function count() {
    const chosen = boxes.filter((box) => box.checked).length;
    page.checked = chosen === boxes.length;
    page.indeterminate = chosen > 0 && chosen < boxes.length;
    for (const button of buttons) button.disabled = !chosen && !every.checked;
    say(picked, every.checked ? `all ${Number(table.dataset.total).toLocaleString("en-US")} that match` : chosen ? `${chosen} chosen` : "");
  }

  page.addEventListener("change", () => { for (const box of boxes) box.checked = page.checked; count(); });
  form.addEventListener("change", count);
  form.addEventListener("click", (event) => {  // with Shift: all from the last one to this one
    const at = boxes.indexOf(event.target);
    if (at < 0) return;
    if (event.shiftKey && before >= 0) {
      for (const box of boxes.slice(Math.min(at, before), Math.max(at, before) + 1)) box.checked = event.target.checked;
      count();
    }
    before = at;
  });
  count();
}

// Fields that say nothing stay out of the URL, so that it can be read and kept.
document.addEventListener("htmx:configRequest", (event) => {
  if (event.detail.elt.id !== "filter") return;
  const given = event.detail.parameters;
  for (const name of Object.keys(given)) if (!given[name] || name === "csrfmiddlewaretoken") delete given[name];
  if (!given.target) delete given.type;
});
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target?.id === "hosts") { localise(event.detail.target); begin(); }
});
document.addEventListener("saltern:back", () => all(true));
document.addEventListener("visibilitychange", () => { if (!document.hidden) all(); });
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });  // what was ticked is left
setInterval(all, ALL_EVERY_MS);
begin();
