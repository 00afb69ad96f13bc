// Devices as they come up and go down. Nothing moves under a pointer or the keyboard's focus: what changed is counted,
// and shown when asked for.

import {follow, soon} from "./live.js";
import {localise} from "./times.js";

const EVERY_MS = 2000;
const fresh = document.getElementById("fresh");
const part = () => document.querySelector("[data-live]");
const changed = new Set();
let pointed = false;

async function refresh() {
  let answer;
  try { answer = await fetch(location.href, {headers: {Accept: "text/html"}}); } catch { return; }
  if (!answer.ok || answer.redirected) return;
  const found = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-live]");
  if (!found) return;
  part().replaceWith(found);
  changed.clear();
  fresh.hidden = true;
  localise(found);
  begin();
}

function tell() {
  for (const row of document.querySelectorAll("tr[data-id]")) row.classList.toggle("moved", changed.has(row.dataset.id));
  if (!pointed && !part().contains(document.activeElement)) { refresh(); return; }
  fresh.hidden = false;
  fresh.textContent = `${changed.size} changed: show`;
}

function begin() {
  const shown = part();
  pointed = false;
  shown.addEventListener("pointerenter", (event) => { pointed = event.pointerType === "mouse"; });
  shown.addEventListener("pointerleave", () => { pointed = false; });
}

begin();
fresh.addEventListener("click", refresh);
document.addEventListener("saltern:back", soon(refresh));
const later = soon(tell, EVERY_MS);
follow(["salt/minion/*/device/*"], ({tag}) => {
  const minion = tag.split("/")[2];
  if (!minion) return;
  changed.add(minion);
  later();
});
