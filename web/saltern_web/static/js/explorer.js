// The explorer: targets, a chart of them, and the statistics of each; all of it in the URL.

import {now, setServerTime} from "./times.js";
import {render} from "./ask.js";
import {Board, fill} from "./board.js";
import {complete} from "./complete.js";
import {el, MOST_SERIES} from "./panel.js";
import {bindRange, readRange} from "./ranges.js";
import {marked, read} from "./series.js";
import {unitOf} from "./units.js";

const WRAPPED = marked("limit(", 0, 0, 0).indexOf("limit(") + "limit(".length;
const EVERY_MS = 10000;
const data = JSON.parse(document.getElementById("explorer-data").textContent);
setServerTime(data.at);

const form = document.getElementById("targets");
const rows = form.querySelector(".target-rows");
const panelElement = document.querySelector("[data-panel]");

class OneByOne extends Board {
  // Each target by itself, so that a wrong one says what is wrong and the others are drawn.
  async load([panel]) {
    const {version} = this;
    const questions = panel.spec.targets.map((target, index) => this.one(target, index, panel.width));
    const answers = await Promise.allSettled(questions);
    if (version !== this.version) return;
    this.bad = new Set();
    answers.forEach(({reason}, index) => {
      if (reason && reason.name !== "AbortError") this.bad.add(index);
      tell(panel.spec.fields[index], reason ? place(reason.message) : "");
    });
    panel.take(answers.flatMap(({value}) => value ?? []));
    if (this.bad.size && this.bad.size === answers.length) panel.fail("none of the targets could be asked for");
  }

  async one(target, index, width) {
    const asked = marked(`limit(${target},${MOST_SERIES + 1})`, 0, index, 0);
    return (await render([asked], {from: this.from, until: this.until, most: width, signal: this.stop?.signal})).map(read);
  }

  targetsOf(panel, index) {
    return panel.spec.targets.flatMap((target, number) => this.bad?.has(number) ? [] : [marked(`limit(${fill(target, {})},${MOST_SERIES + 1})`, index, number, 0)]);
  }
}

// Columns are counted in what was typed.
function place(said) {
  return said.replace(/^target \d+, column (\d+): /, (_, column) => `column ${Math.max(1, Number(column) - WRAPPED)}: `);
}

function tell(field, said) {
  const row = field?.closest(".target-row");
  if (!row) return;
  const shown = row.querySelector(".field-error");
  shown.textContent = said;
  field.setAttribute("aria-invalid", String(Boolean(said)));
}

function spec() {
  const fields = [...form.querySelectorAll("[name=target]")].filter((field) => field.value.trim());
  return {title: "the targets", kind: "chart", height: 340, targets: fields.map((field) => field.value.trim()), fields,
    unit: unitOf(form.elements.unit.value.trim()), stacked: form.elements.stacked.checked};
}

const board = new OneByOne({range: readRange(location.search, data.range.span ?? 3600)});
bindRange(board, document.getElementById("range"));
const panel = board.add(panelElement, spec());

function draw() {
  Object.assign(panel.spec, spec());
  document.getElementById("nothing").hidden = panel.spec.targets.length > 0;
  panelElement.hidden = !panel.spec.targets.length;
  for (const field of form.querySelectorAll("[name=target]")) if (!field.value.trim()) tell(field, "");
  keepForSaving();
  board.refresh();
}

function keepForSaving() {
  const saving = document.getElementById("save-targets");
  saving.replaceChildren(...panel.spec.targets.map((value) => el("input", {type: "hidden", name: "target", value})));
  document.querySelector("#save [name=unit]").value = panel.spec.unit;
  document.querySelector("#save [name=stacked]").value = panel.spec.stacked ? "1" : "";
}

function toUrl() {
  const url = new URL(location.href);
  url.searchParams.delete("target");
  for (const target of panel.spec.targets) url.searchParams.append("target", target);
  for (const name of ["unit", "stacked"]) url.searchParams.delete(name);
  if (panel.spec.unit) url.searchParams.set("unit", panel.spec.unit);
  if (panel.spec.stacked) url.searchParams.set("stacked", "1");
  if (url.href !== location.href) history.pushState(null, "", url);
}

function addRow(value = "") {
  const row = document.getElementById("target-row").content.firstElementChild.cloneNode(true);
  rows.append(row);
  const field = row.querySelector("input");
  field.value = value;
  number();
  complete(field);
  return field;
}

function number() {
  [...rows.children].forEach((row, index) => row.querySelector("input").setAttribute("aria-label", `Target ${index + 1}`));
}

form.addEventListener("submit", (event) => { event.preventDefault(); draw(); toUrl(); });
form.addEventListener("change", (event) => { if (event.target.name === "stacked" || event.target.name === "unit") { draw(); toUrl(); } });
form.querySelector("[data-add]").addEventListener("click", () => addRow().focus());
rows.addEventListener("click", (event) => {
  if (!event.target.closest("[data-remove]")) return;
  event.target.closest(".target-row").remove();
  if (!rows.children.length) addRow();
  number();
  draw();
  toUrl();
});
addEventListener("popstate", () => {
  const given = new URLSearchParams(location.search);
  rows.replaceChildren();
  for (const target of given.getAll("target")) addRow(target);
  if (!rows.children.length) addRow();
  form.elements.unit.value = given.get("unit") ?? "";
  form.elements.stacked.checked = Boolean(given.get("stacked"));
  draw();
});
for (const field of form.querySelectorAll("[name=target]")) complete(field);
draw();

let before = now();
setInterval(() => {
  const step = Math.min(60, ...panel.series.map((one) => one.step));
  if (now() - before >= Math.min(step, 15)) { before = now(); board.append(); }
}, EVERY_MS);
