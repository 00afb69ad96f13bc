// The events of one host, the newest first. Rows never move under the cursor: new ones wait behind a button then.

import {follow} from "./live.js";
import {now, timeElement} from "./times.js";
import {el} from "./panel.js";

const MOST = 500;
const STEERS = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

function visible(text) {
  return text.replace(STEERS, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function words({tag, data}) {
  if (tag.includes("/ret/")) {
    const how = data.success === false || data.retcode ? "failed" : "done";
    const schedule = data.schedule ? `, schedule ${data.schedule}` : "";
    const took = data.duration_ms === undefined ? "" : ` in ${Math.round(data.duration_ms)} ms`;
    return `${data.fun} ${how}${took}${schedule}`;
  }
  const rest = Object.entries(data).filter(([name]) => !name.startsWith("_"));
  return JSON.stringify(Object.fromEntries(rest)).slice(0, 500);
}

export function followEvents(minion, also) {
  const table = document.getElementById("events");
  const body = table.tBodies[0];
  const button = document.getElementById("events-new");
  const state = document.getElementById("events-state");
  const waiting = [];

  function rowOf(event) {
    const at = Date.parse(event.data._stamp ?? "") / 1000 || now();
    return el("tr", {}, el("td", {}, timeElement(at, "instant")), el("td", {className: "mono", textContent: visible(event.tag)}),
      el("td", {textContent: visible(words(event))}));
  }

  function show() {
    table.hidden = false;
    body.prepend(...waiting.splice(0).reverse().map(rowOf));
    while (body.rows.length > MOST) body.deleteRow(-1);
    button.hidden = true;
    state.textContent = `The newest first; ${body.rows.length} since the page was opened.`;
  }

  button.addEventListener("click", show);
  follow([`salt/job/*/ret/${minion}`, `salt/minion/${minion}/*`, `salt/alert/*/${minion}`, "salt/presence/change"], (event) => {
    if (event.tag === "salt/presence/change" && ![...(event.data.new ?? []), ...(event.data.lost ?? [])].includes(minion)) return;
    also(event);
    waiting.push(event);
    if (waiting.length > MOST) waiting.shift();
    if (scrollY < 200 && !table.matches(":hover, :focus-within")) { show(); return; }
    button.textContent = `${waiting.length} new: show`;
    button.hidden = false;
  }, {brief: true});
}
