// The front page, kept up to date: the server renders the parts anew, and what differs is put in its place. A list
// that somebody looks at keeps its rows where they are; what is new for it is announced, and shown when asked for.

import {Grid} from "./grid.js";
import {follow, soon} from "./live.js";
import {localise, setServerTime} from "./times.js";

const EVERY_MS = 15000;  // ages of samples grow old without any event
const front = document.getElementById("front");
const gridElement = document.getElementById("grid");
const grid = gridElement ? new Grid(gridElement) : null;
let waiting = null;  // the newest problems, while those on the page are looked at
let asking = false;

setServerTime(Number(front.dataset.at));

async function refresh() {
  if (asking || document.hidden) return;
  asking = true;
  try {
    grid?.load().catch(() => {});
    const answer = await fetch("/front/parts", {headers: {Accept: "text/html"}});
    if (!answer.ok || answer.redirected) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    setServerTime(Number(fresh.querySelector("[data-at]").dataset.at));
    for (const part of fresh.querySelectorAll("[data-part]")) {
      const old = front.querySelector(`[data-part="${part.dataset.part}"]`);
      if (!old) { location.reload(); return; }  // the first host is here
      localise(part);
      if (part.dataset.part === "problems") problems(old, part);
      else if (isLookedAt(old)) keyed(old, part);
      else replace(old, part);
    }
  } catch { /* the indicator in the frame says that nothing answers */ } finally {
    asking = false;
  }
}

function isLookedAt(element) {
  return element.matches(":hover") || element.contains(document.activeElement);
}

function replace(old, part) {
  if (plain(old) === plain(part)) return;
  const scrolled = [...old.querySelectorAll(".list")].map((list) => list.scrollTop);
  old.replaceChildren(...part.childNodes);
  old.querySelectorAll(".list").forEach((list, at) => { list.scrollTop = scrolled[at] ?? 0; });
}

// What a part says, but for ages, which count on by themselves.
function plain(element) {
  const copy = element.cloneNode(true);
  for (const time of copy.querySelectorAll("time.age")) { time.textContent = ""; time.removeAttribute("title"); }
  return copy.innerHTML;
}

// Bring those entries up to date that are on the page already, without moving any.
function keyed(old, part) {
  const fresh = new Map([...part.querySelectorAll("[data-key]")].map((entry) => [entry.dataset.key, entry]));
  const before = [...old.querySelectorAll("[data-key]")];
  for (const entry of before) {
    const next = fresh.get(entry.dataset.key);
    entry.classList.toggle("gone", !next);
    if (next && plain(entry) !== plain(next)) {
      entry.className = next.className;
      entry.replaceChildren(...next.cloneNode(true).childNodes);
    }
    fresh.delete(entry.dataset.key);
  }
  return {fresh: fresh.size, gone: before.filter((entry) => entry.classList.contains("gone")).length};
}

function problems(old, part) {
  const list = old.querySelector(".list");
  const looked = list && (isLookedAt(old) || list.scrollTop > 0);
  if (!looked) { waiting = null; replace(old, part); return; }
  const {fresh, gone} = keyed(old, part);
  waiting = fresh || gone ? part : null;
  const news = old.querySelector(".news");
  const said = [fresh && `${fresh} new`, gone && `${gone} over`].filter(Boolean).join(", ");
  if (!waiting) { news.replaceChildren(); return; }
  let button = news.querySelector("button");
  if (!button) {
    button = document.createElement("button");
    button.className = "btn small primary";
    button.addEventListener("click", showNew);
    news.replaceChildren(button);
  }
  if (button.textContent !== `${said}: show`) button.textContent = `${said}: show`;
}

function showNew() {
  const old = front.querySelector('[data-part="problems"]');
  if (!waiting) return;
  const title = old.querySelector("h2");
  replace(old, waiting);
  waiting = null;
  const list = old.querySelector(".list");
  if (list) { list.scrollTop = 0; list.focus({preventScroll: true}); } else title.focus?.();
}

const later = soon(refresh, 400);
follow(["salt/alert/*", "salt/presence/change", "salt/minion/*/start", "salt/key", "salt/job/*/new"], later);
document.addEventListener("saltern:back", refresh);
document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
setInterval(refresh, EVERY_MS);
grid?.load().catch(() => {});
if ("late" in front.dataset) refresh();
