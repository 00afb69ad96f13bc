// A host's pages: its charts, which follow its samples; its events; its state above them.

import {follow, soon} from "./live.js";
import {setServerTime} from "./times.js";
import {part} from "./ask.js";
import {Board} from "./board.js";
import {bindRange, readRange} from "./ranges.js";
import {followEvents} from "./host_events.js";

const STORED_MS = 150;   // until what came as an event is in the store, as a rule
const AGAIN_MS = 500;
const SILENT_MS = 20000;
const head = document.getElementById("host-head");
const minion = head.dataset.minion;

function readData(id) {
  const element = document.getElementById(id);
  return element ? JSON.parse(element.textContent) : null;
}

function compareOf(value, data) {
  if (!value) return "";
  if (/^\d+[dwh]$/.test(value)) return value;
  const place = value === data.compare && data.compare_place ? data.compare_place : value.replace(/[^\w\-:%#@+=]/g, "_");
  return {name: value, variables: {minion: place}};
}

// The unit stands beside each value: names needn't say it again.
function short(name) {
  return name.replace(/(_bytes|_kib)?_per_s$|_percent$|_duration_ms$/, "").replaceAll("_", " ");
}

function startBoard(data) {
  setServerTime(data.at);
  const fallback = data.range.span ?? 3600;
  const board = new Board({range: readRange(location.search, fallback), variables: data.variables, compare: compareOf(data.compare, data), short});
  bindRange(board, document.getElementById("range"));
  for (const element of document.querySelectorAll("[data-panel]")) board.add(element, data.panels[Number(element.dataset.panel)]);
  const form = document.getElementById("compare");
  if (!form) return board;
  const field = form.elements.compare;
  let shown = data.compare;
  function show(value) {
    if (value === shown) return false;
    shown = value;
    board.setCompare(compareOf(value, data));
    return true;
  }
  // What isn't among the offered may be no host at all: the server says so.
  const offered = new Set([...field.list.options].map((one) => one.value));
  function changed() {
    const value = field.value.trim();
    if (value === shown) return;
    const url = new URL(location.href);
    if (value) url.searchParams.set("compare", value); else url.searchParams.delete("compare");
    if (value && !offered.has(value)) { location.assign(url); return; }
    show(value);
    history.pushState(null, "", url);
  }
  form.addEventListener("submit", (event) => { event.preventDefault(); changed(); });
  field.addEventListener("change", changed);
  addEventListener("popstate", () => {
    field.value = new URLSearchParams(location.search).get("compare") ?? "";
    show(field.value);
  });
  return board;
}

const data = readData("board-data");
const board = data ? startBoard(data) : null;
let sampled = 0;
const refreshHead = soon(() => { if (!document.hidden) part(head.dataset.url, head); }, 500);

let appended = Date.now();

function append() {
  appended = Date.now();
  board.append();
}

// Time goes on when no sample comes: what is missing must be seen to be.
if (board) setInterval(() => { if (Date.now() - appended > SILENT_MS) append(); }, SILENT_MS / 2);

function take({tag, data: told}) {
  if (!tag.includes("/ret/")) { refreshHead(); return; }
  if (!told.metrics) return;
  if (told.slot > sampled) {
    sampled = told.slot;
    const shown = document.querySelector("#sampled time");
    if (shown) shown.dataset.at = told.slot; else refreshHead();
  }
  if (board) {
    setTimeout(append, STORED_MS);
    setTimeout(() => { if (board.newest < told.slot) append(); }, AGAIN_MS + STORED_MS);
  }
}

const events = readData("events-data");
if (events) followEvents(events.minion, take);
else follow([`salt/job/*/ret/${minion}`, "salt/presence/change", "salt/alert/*", `salt/minion/${minion}/*`], take, {brief: true});
document.addEventListener("saltern:back", refreshHead);
setInterval(refreshHead, 60000);
