// The list of jobs: how many run now, and how many came since; nothing is put above what is looked at.

import {follow, soon} from "./live.js";

const LOOKUPS = /^(sys\.|saltutil\.find_job$)/;
const news = document.getElementById("news");
const running = document.getElementById("running");
let came = 0;

function show() {
  const link = document.createElement("a");
  link.className = "btn small";
  link.href = location.href;
  link.textContent = `${came} new: show`;
  news.replaceChildren(link);
}

const count = soon(async () => {
  try {
    const answer = await fetch("/jobs/active", {headers: {Accept: "application/json"}, cache: "no-store"});
    if (answer.ok) running.textContent = (await answer.json()).running;
  } catch { /* the indicator says so */ }
}, 1000);

follow(["salt/job/*/new"], ({data}) => {
  if (data?.metadata?.["saltern-web"] === "look" || LOOKUPS.test(String(data?.fun ?? ""))) return;
  came += 1;
  show();
  count();
}, {brief: true});
document.addEventListener("saltern:back", count);
count();
