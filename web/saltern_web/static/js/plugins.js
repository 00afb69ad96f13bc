// A plugin's form: rows come and go without asking the server. A run's results: they grow while hosts answer.

import {follow, soon} from "./live.js";
import {localise} from "./times.js";

for (const set of document.querySelectorAll("[data-formset]")) rowsOf(set);

const job = document.getElementById("job");
if (job) watch(job);

function rowsOf(set) {
  const name = set.dataset.formset;
  const rows = set.querySelector("[data-rows]");
  const blank = set.querySelector("template");
  const total = set.querySelector(`[name="${CSS.escape(name)}-TOTAL_FORMS"]`);
  const initial = set.querySelector(`[name="${CSS.escape(name)}-INITIAL_FORMS"]`);
  const add = set.querySelector("[data-add]");
  const own = new RegExp(`(${name}-)(?:\\d+|__prefix__)(-)`);

  function number() {
    [...rows.children].forEach((row, at) => {
      for (const element of row.querySelectorAll("[name], [id], [for], [aria-describedby]")) {
        for (const attribute of ["name", "id", "for", "aria-describedby"]) {
          const value = element.getAttribute(attribute);
          if (value) element.setAttribute(attribute, value.replace(own, `$1${at}$2`));
        }
      }
      row.setAttribute("aria-label", row.getAttribute("aria-label").replace(/(?:\d+|__number__)$/, at + 1));
      const remove = row.querySelector("[data-remove]");
      if (remove) {
        remove.value = `remove:${name}:${at}`;
        remove.setAttribute("aria-label", `Remove row ${at + 1}`);
      }
    });
    total.value = rows.children.length;
    initial.value = Math.min(Number(initial.value), rows.children.length);
    add.disabled = rows.children.length >= Number(set.dataset.most);
  }

  add.addEventListener("click", (event) => {
    event.preventDefault();
    rows.append(blank.content.cloneNode(true));
    number();
    rows.lastElementChild.querySelector("input:not([type=hidden]), select, textarea")?.focus();
  });
  rows.addEventListener("click", (event) => {
    const button = event.target.closest("[data-remove]");
    if (!button) return;
    event.preventDefault();
    button.closest("[data-row]").remove();
    number();
    add.focus();
  });
}

function watch(place) {
  const shut = new Set();
  const opened = new Set();
  let over = false;
  let stop = () => {};

  async function load() {
    const answer = await fetch(location.href, {headers: {"HX-Request": "true", Accept: "text/html"}, cache: "no-store"});
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    take("summary", fresh);
    over = document.getElementById("summary").dataset.running === "0";
    // what somebody is reading stays where it is
    if (!over && isRead()) document.getElementById("more").hidden = false;
    else showRows(fresh);
    if (over) stop();
  }

  function take(id, fresh) {
    const old = document.getElementById(id);
    const one = fresh.getElementById(id);
    if (!one) return;
    old.replaceWith(document.adoptNode(one));
    localise(one);
  }

  function showRows(fresh) {
    if (isRead() && over) {
      document.getElementById("more").hidden = false;
      return;
    }
    take("rows", fresh);
    document.getElementById("more").hidden = true;
    for (const one of document.querySelectorAll("#rows details")) {
      if (shut.has(one.dataset.minion)) one.open = false;
      if (opened.has(one.dataset.minion)) one.open = true;
    }
  }

  function isRead() {
    const rows = document.getElementById("rows");
    return Boolean(rows.querySelector("details")) && (rows.matches(":hover") || rows.contains(document.activeElement));
  }

  place.addEventListener("toggle", (event) => {
    const minion = event.target.dataset?.minion;
    if (!minion) return;
    (event.target.open ? opened : shut).add(minion);
    (event.target.open ? shut : opened).delete(minion);
  }, true);
  place.addEventListener("click", async (event) => {
    if (!event.target.closest("#more button")) return;
    const answer = await fetch(location.href, {headers: {"HX-Request": "true", Accept: "text/html"}, cache: "no-store"});
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    take("summary", fresh);
    take("rows", fresh);
    document.getElementById("more").hidden = true;
  });

  if (document.getElementById("summary").dataset.running === "0") return;
  const many = Number(document.getElementById("summary").dataset.total) > 500;
  const again = soon(load, many ? 3000 : 500);
  stop = follow([`salt/job/${place.dataset.jid}/*`], again);
  document.addEventListener("saltern:back", again);
  again();
  const timer = setInterval(() => { if (over) clearInterval(timer); else again(); }, 5000);
}
