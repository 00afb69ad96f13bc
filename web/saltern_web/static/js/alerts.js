// Alerts as they change: what is on the page changes in its place; what is new is counted, and shown when asked for.
// Who has seen to what is asked for now and then: no event tells of it.

import {follow, soon} from "./live.js";
import {localise, now, timeElement} from "./times.js";

const WORDS = {ok: "ok", warn: "warning", crit: "critical", nodata: "no data"};
const EVERY_MS = 10000;
const fresh = new Set();
let looking = false;
const part = () => document.querySelector("[data-live]");

function rowOf(name, series) {
  return [...document.querySelectorAll("tr[data-alert]")].find((row) => row.dataset.alert === name && row.dataset.series === series);
}

function number(value) {
  if (typeof value !== "number") return "–";
  return Math.abs(value) >= 100 || Number.isInteger(value) ? Math.round(value).toLocaleString("en") : value.toFixed(2);
}

function change(row, data) {
  const state = document.createElement("span");
  state.className = `state s-${data.state}`;
  state.textContent = WORDS[data.state] ?? data.state;
  row.dataset.state = data.state;
  row.querySelector(".the-state").replaceChildren(state);
  row.querySelector(".the-value").textContent = number(data.value);
  const threshold = row.querySelector(".the-threshold");
  if (threshold) threshold.textContent = data.threshold ?? "";
  row.querySelector(".the-since").replaceChildren(timeElement(data.since ?? now()));
  row.classList.remove("flash");
  void row.offsetWidth;  // begins the animation anew
  row.classList.add("flash");
}

function tell() {
  const button = document.getElementById("fresh");
  if (!button) { if (fresh.size && part()) refresh(); return; }
  button.hidden = fresh.size === 0;
  button.textContent = `${fresh.size} new: show`;
}

function take({data}) {
  if (!data || typeof data.name !== "string") return;
  const only = part()?.dataset.only;
  if (only !== undefined && only !== data.name) return;
  const row = rowOf(data.name, String(data.series ?? ""));
  if (row) change(row, data); else later();
}

// The page as it would be now, for the same filter; null where that can't be known.
async function asNow() {
  let answer;
  try { answer = await fetch(location.href, {headers: {Accept: "text/html"}}); } catch { return null; }
  if (!answer.ok || answer.redirected) return null;
  return new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-live]");
}

async function look() {
  if (looking || document.hidden) return;
  looking = true;
  try {
    const found = await asNow();
    if (!found) return;
    localise(found);
    fresh.clear();
    for (const row of found.querySelectorAll("tr[data-alert]")) {
      const {alert, series} = row.dataset;
      const old = rowOf(alert, series);
      if (old) seenTo(old, row); else fresh.add(`${alert}:${series}`);
    }
    tell();
  } finally { looking = false; }
}

function seenTo(old, row) {
  const [was, is] = [old, row].map((one) => one.querySelector(".the-seen"));
  if (plain(was) === plain(is)) return;
  was.replaceChildren(...is.childNodes);
  old.classList.toggle("quiet", row.classList.contains("quiet"));
}

// What a cell says, but for ages, which count on by themselves.
function plain(cell) {
  const copy = cell.cloneNode(true);
  for (const time of copy.querySelectorAll("time.age")) time.remove();
  return copy.textContent.trim();
}

async function refresh() {
  const chosen = new Set([...document.querySelectorAll("[data-live] input[name=on]:checked")].map((box) => box.value));
  const found = await asNow();
  if (!found) return;
  for (const box of found.querySelectorAll("input[name=on]")) box.checked = chosen.has(box.value);
  part().replaceWith(found);
  fresh.clear();
  localise(found);
  begin();
}

function count() {
  const note = document.querySelector(".picked");
  const chosen = document.querySelectorAll("[data-live] input[name=on]:checked").length;
  if (note) note.textContent = chosen ? `${chosen} chosen` : "";
  for (const button of document.querySelectorAll(".actions .btn")) button.disabled = chosen === 0;
}

function begin() {
  document.getElementById("fresh")?.addEventListener("click", refresh);
  part()?.addEventListener("change", count);
  count();
}

const later = soon(look, 500);
begin();
document.addEventListener("saltern:back", soon(refresh));
document.addEventListener("visibilitychange", later);
setInterval(look, EVERY_MS);
follow(["salt/alert/*"], take);
