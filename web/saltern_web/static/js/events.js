// Events, newest first. What is looked at stays where it is: while the list is scrolled, pointed at or read, new ones
// wait, and are counted. The page holds the newest MOST, and of those no more than MOST_CHARS; what it lets go of,
// and what the master says it couldn't keep, is said.

import {follow} from "./live.js";
import {tree} from "./tree.js";
import {clock, now} from "./times.js";
import {visible} from "./visible.js";

const MOST = 500;
const MOST_CHARS = 16 * 1024 * 1024;
const SHOW_MS = 250;
const BRIEF_CHARS = 300;
const LOST = "salt/events/lost";
const LEFT_OUT = new Set(["_stamp", "from", "jid", "id", "tag", "cmd", "pretag", "fun", "success", "retcode"]);

const asked = JSON.parse(document.getElementById("follow").textContent);
const section = document.getElementById("live");
const box = document.getElementById("box");
const list = document.getElementById("events");
const nothing = document.getElementById("nothing");
const counted = document.getElementById("counted");
const waiting = document.getElementById("waiting");
const pauseButton = document.getElementById("pause");

const sizes = new Map();  // of the rows that are shown, in characters
let held = [];            // come, and not shown yet; oldest first
let heldChars = 0;
let paused = false;
let drawing = false;
let pointed = false;
let shownChars = 0;
const counts = {come: 0, gone: 0, scheduled: 0};

section.hidden = false;

function at(data) {
  const seconds = Date.parse(data?._stamp) / 1000;
  return Number.isFinite(seconds) ? seconds : now();
}

function words(data) {
  if (data === null || typeof data !== "object") return JSON.stringify(data) ?? "";
  const said = [];
  if (data.fun) said.push(Array.isArray(data.fun) ? data.fun.join(", ") : data.fun);
  if (data.success === false || (data.retcode ?? 0) !== 0) said.push("failed");
  for (const [name, value] of Object.entries(data)) {
    if (LEFT_OUT.has(name) || value === "" || value === null || (Array.isArray(value) && !value.length)) continue;
    said.push(`${name}: ${typeof value === "string" ? value : JSON.stringify(value).slice(0, BRIEF_CHARS)}`);
    if (said.join().length > BRIEF_CHARS) break;
  }
  return said.join(" · ");
}

function span(name, text) {
  const element = document.createElement("span");
  element.className = name;
  element.textContent = text;
  return element;
}

function said(text) {
  const row = document.createElement("li");
  row.className = "said";
  row.textContent = text;
  return row;
}

function row({tag, data}) {
  if (tag === LOST) return said(`${data.events ?? "Some"} events were lost here: the master could not keep them for this page.`);
  const element = document.createElement("li");
  const details = document.createElement("details");
  const summary = document.createElement("summary");
  const time = span("muted", clock(at(data)).slice(11));
  time.title = data?._stamp ?? "";
  summary.append(time, span("tag", visible(tag)), span("brief", visible(words(data)).slice(0, BRIEF_CHARS)));
  details.append(summary);
  details.addEventListener("toggle", () => {
    if (details.open && details.children.length === 1) details.append(tree(data));
  });
  element.append(details);
  return element;
}

function isRead() {
  return paused || pointed || box.scrollTop > 4 || list.contains(document.activeElement)
    || list.querySelector("details[open]") !== null || String(getSelection()) !== "";
}

function tell() {
  const hidden = asked.scheduled ? "" : `, ${counts.scheduled.toLocaleString()} returns of schedules left out`;
  const gone = counts.gone ? `, ${counts.gone.toLocaleString()} older ones let go` : "";
  counted.textContent = `${counts.come.toLocaleString()} since this page was opened${gone}${hidden}`;
  waiting.hidden = !held.length;
  waiting.textContent = `${held.length.toLocaleString()} new: show`;
}

function letGo() {
  while (list.children.length > MOST || shownChars > MOST_CHARS) {
    const last = list.lastElementChild;
    shownChars -= sizes.get(last) ?? 0;
    sizes.delete(last);
    last.remove();
    counts.gone += 1;
  }
}

function show() {
  const rows = document.createDocumentFragment();
  for (const {event, chars} of held.toReversed()) {
    const element = event.said ? said(event.said) : row(event);
    sizes.set(element, chars);
    shownChars += chars;
    rows.append(element);
  }
  held = [];
  heldChars = 0;
  list.prepend(rows);
  letGo();
  nothing.hidden = list.children.length > 0;
  tell();
}

function draw() {
  drawing = false;
  if (held.length && !isRead()) show(); else tell();
}

function take(event) {
  if (!asked.scheduled && event.data?.schedule && event.tag.includes("/ret/")) {
    counts.scheduled += 1;
  } else {
    if (!event.said) counts.come += 1;
    const chars = JSON.stringify(event).length;
    held.push({event, chars});
    heldChars += chars;
    while (held.length > MOST || (heldChars > MOST_CHARS && held.length > 1)) {
      heldChars -= held.shift().chars;
      counts.gone += 1;
    }
  }
  if (!drawing) { drawing = true; setTimeout(draw, SHOW_MS); }
}

box.addEventListener("pointerenter", (event) => { pointed = event.pointerType === "mouse"; });
box.addEventListener("pointerleave", () => { pointed = false; draw(); });
box.addEventListener("scroll", () => { if (box.scrollTop <= 4) draw(); }, {passive: true});
waiting.addEventListener("click", () => { show(); box.scrollTop = 0; });
document.getElementById("clear").addEventListener("click", () => {
  list.replaceChildren();
  sizes.clear();
  shownChars = 0;
  nothing.hidden = false;
  tell();
});
pauseButton.addEventListener("click", () => {
  paused = !paused;
  pauseButton.setAttribute("aria-pressed", String(paused));
  pauseButton.textContent = paused ? "Go on" : "Pause";
  if (!paused) show();
});
document.addEventListener("saltern:back", () => {
  take({said: `${clock(now()).slice(11)}: the connection is back; what came meanwhile follows, as far as the master has it.`});
});

tell();
follow(asked.tags, take, {brief: !asked.results});
