// Keys as they come and go. Nothing moves while something is ticked or pointed at: what changed is counted, and shown
// when asked for. A key that changed under the reader's eyes is marked, and the master refuses it in any case.

import {follow, soon} from "./live.js";
import {localise} from "./times.js";

const fresh = document.getElementById("fresh");
const part = () => document.querySelector("[data-live]");
const changed = new Set();
let pointed = false;

const ticked = () => document.querySelectorAll("[data-live] input[name=key]:checked");

async function refresh() {
  const chosen = new Set([...ticked()].map((box) => box.value));
  let answer;
  try { answer = await fetch(location.href, {headers: {Accept: "text/html"}}); } catch { return; }
  if (!answer.ok || answer.redirected) return;
  const found = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-live]");
  if (!found) return;
  for (const box of found.querySelectorAll("input[name=key]")) box.checked = chosen.has(box.value);
  part().replaceWith(found);
  changed.clear();
  fresh.hidden = true;
  localise(found);
  begin();
}

function tell() {
  for (const row of document.querySelectorAll("tr[data-id]")) row.classList.toggle("moved", changed.has(row.dataset.id));
  if (!pointed && !ticked().length && !part().contains(document.activeElement)) { refresh(); return; }
  fresh.hidden = false;
  fresh.textContent = `${changed.size} changed: show`;
}

function count() {
  for (const form of document.querySelectorAll("[data-live] form")) {
    const boxes = form.querySelectorAll("input[name=key]");
    const chosen = [...boxes].filter((box) => box.checked).length;
    form.querySelector(".picked").textContent = chosen ? `${chosen} chosen` : "";
    for (const button of form.querySelectorAll("button")) button.disabled = chosen === 0;
    const every = form.querySelector(".every");
    every.checked = chosen > 0 && chosen === boxes.length;
    every.indeterminate = chosen > 0 && chosen < boxes.length;
  }
}

function begin() {
  const shown = part();
  for (const label of shown.querySelectorAll(".all")) label.hidden = false;
  shown.addEventListener("change", (event) => {
    if (event.target.classList.contains("every")) {
      for (const box of event.target.form.querySelectorAll("input[name=key]")) box.checked = event.target.checked;
    }
    count();
  });
  shown.addEventListener("pointerenter", (event) => { pointed = event.pointerType === "mouse"; });
  shown.addEventListener("pointerleave", () => { pointed = false; });
  if (shown.querySelector(".picked")) count();
}

begin();
fresh.addEventListener("click", refresh);
document.addEventListener("saltern:back", soon(refresh));
const later = soon(tell);
follow(["salt/auth", "salt/key"], ({data}) => {
  if (!data?.id) return;
  changed.add(data.id);
  later();
});
