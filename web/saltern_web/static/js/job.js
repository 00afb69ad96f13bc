// A job's page while it runs: what changed is fetched, once for many events, and put in place; nothing moves.

import {follow, soon} from "./live.js";
import {localise} from "./times.js";

const LOOK_MS = 400;
const AGAIN_MS = 10000;
const MOST_GROUPS = 60;

const job = document.getElementById("job");
const groups = () => document.getElementById("groups");
const isRunning = () => document.getElementById("progress").dataset.state === "running";

function replace(id, page) {
  const old = document.getElementById(id);
  const fresh = page.getElementById(id);
  if (!old || !fresh || old.innerHTML === fresh.innerHTML) return;
  const open = [...old.querySelectorAll("details[open][id]")].map((one) => one.id);
  old.replaceWith(document.adoptNode(fresh));
  for (const name of open) document.getElementById(name)?.setAttribute("open", "");
}

// The same answer with more hosts: their names alone change, so that what is open stays open and scrolled.
function patch(old, fresh) {
  old.dataset.version = fresh.dataset.version;
  for (const part of [".count", ".names"]) {
    const [before, after] = [old.querySelector(part), fresh.querySelector(part)];
    if (before && after) before.replaceWith(document.adoptNode(after));
  }
}

function put(page) {
  for (const fresh of page.querySelectorAll("#groups > article")) {
    const old = document.getElementById(fresh.id);
    if ("same" in fresh.dataset) continue;
    if (old) {
      patch(old, fresh);
    } else if (groups().children.length < MOST_GROUPS) {
      document.getElementById("nothing")?.remove();
      const added = document.adoptNode(fresh);
      groups().append(added);
      window.htmx?.process(added);
    }
  }
  for (const id of ["progress", "pager", "waiting"]) replace(id, page);
  document.getElementById("stop").hidden = !isRunning() || document.getElementById("stop").dataset.never === "1";
  localise(job);
}

let stop = null;
let timer = null;

async function look() {
  const url = new URL(`/jobs/${job.dataset.jid}/part`, location.href);
  url.search = location.search;
  for (const one of groups().querySelectorAll("article")) url.searchParams.append("have", one.dataset.version);
  try {
    const answer = await fetch(url, {headers: {"HX-Request": "true"}, cache: "no-store"});
    if (!answer.ok) return;
    put(new DOMParser().parseFromString(await answer.text(), "text/html"));
  } catch { return; }
  if (!isRunning() && !document.querySelector("#waiting details")) end();
}

function end() {
  stop?.();
  clearInterval(timer);
}

if (job && (isRunning() || document.querySelector("#waiting details"))) {
  const refresh = soon(look, LOOK_MS);
  const {jid} = job.dataset;
  stop = follow([`salt/job/${jid}/*`, `salt/run/${jid}/*`], refresh, {brief: true});
  timer = setInterval(refresh, AGAIN_MS);
  document.addEventListener("saltern:back", refresh);
  refresh();
}
