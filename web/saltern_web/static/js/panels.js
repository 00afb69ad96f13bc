// The kinds of panels beside charts: a number, bars, a table of last values.

import {clock, duration, now, timeElement} from "./times.js";
import {Chart} from "./chart.js";
import {Panel, el} from "./panel.js";
import {statistics} from "./series.js";
import {UNKNOWN, format} from "./units.js";

const RED = /red|crit/;
const ORANGE = /orange|yellow|warn/;
const MARKS = {crit: "■", warn: "▲", "": ""};

export function makePanel(element, spec, board) {
  const kinds = {chart: Chart, number: NumberPanel, bars: Bars, table: Values};
  const panel = new (kinds[spec.kind] ?? Chart)(element, spec, board);
  panel.kind = spec.kind ?? "chart";
  return panel;
}

function stateOf(value, steps) {
  if (value === null || !steps) return "";
  let found = "";
  for (const {value: least, color} of steps) if (least === null || value >= least) found = color ?? "";
  if (RED.test(found)) return "crit";
  return ORANGE.test(found) ? "warn" : "";
}

class Lasts extends Panel {
  draw() {
    super.draw();
    const rows = this.series.map((one) => ({name: this.board.nameOf(one), ...statistics(one)}));
    const seen = rows.filter((row) => row.at !== null);
    const step = Math.max(1, ...this.series.map((one) => one.step));
    const newest = Math.max(...seen.map((row) => row.at));
    if (!seen.length) this.say("no data in this range");
    else if (Math.min(this.board.until, now()) - newest > 2.5 * step + 10) this.say("no data since", "muted", newest);
    else this.say(this.dropped ? `the first ${this.series.length} series: name fewer` : "");
    this.show(rows);
  }

  words(value) {
    const word = value === null ? undefined : this.spec.words?.[String(value)];
    return word ?? format(value, this.spec.unit, {words: true});
  }

  marked(value, element) {
    const state = stateOf(value, this.spec.steps);
    element.classList.toggle("is-crit", state === "crit");
    element.classList.toggle("is-warn", state === "warn");
    element.textContent = `${MARKS[state]} ${this.words(value)}`.trim();
    return element;
  }
}

class NumberPanel extends Lasts {
  show(rows) {
    const shown = rows.length ? rows : [{name: "", last: null, at: null}];
    this.body.replaceChildren(...shown.slice(0, 8).map((row) => el("p", {className: "big-number"},
      this.marked(row.last, el("span", {className: row.last === null ? "muted" : ""})),
      el("span", {className: "muted small"}, rows.length > 1 ? `${row.name} ` : "", row.at === null ? "never" : timeElement(row.at, "age")))));
  }
}

class Bars extends Lasts {
  show(rows) {
    const top = this.spec.max ?? Math.max(0, ...rows.map((row) => row.last ?? 0));
    const sorted = rows.toSorted((a, b) => (b.last ?? -Infinity) - (a.last ?? -Infinity));
    this.body.replaceChildren(el("ul", {className: "bar-list"}, ...sorted.map((row) => {
      const bar = el("meter", {min: 0, max: top || 1, value: row.last ?? 0});
      bar.setAttribute("aria-label", `${row.name}: ${this.words(row.last)}`);
      const age = row.at === null ? "never" : `${duration(now() - row.at)} old, ${clock(row.at)}`;
      return el("li", {title: age}, el("span", {className: "bar-name", textContent: row.name}), bar,
        this.marked(row.last, el("span", {className: "num"})));
    })));
  }
}

class Values extends Lasts {
  show(rows) {
    if (!rows.length) { this.body.replaceChildren(el("p", {className: "muted", textContent: UNKNOWN})); return; }
    const head = el("tr", {}, ...["Series", "Last", "Age"].map((name, index) => el("th", {scope: "col", className: index ? "num" : "", textContent: name})));
    const lines = rows.map((row) => el("tr", {}, el("th", {scope: "row", textContent: row.name}),
      this.marked(row.last, el("td", {className: "num"})),
      el("td", {className: "num muted"}, row.at === null ? "never" : timeElement(row.at, "age"))));
    const scroll = this.body.firstChild?.scrollTop ?? 0;
    const box = el("div", {className: "scroll panel-scroll", tabIndex: 0, role: "region"},
      el("table", {}, el("caption", {className: "visually-hidden", textContent: this.spec.title}), el("thead", {}, head), el("tbody", {}, ...lines)));
    box.setAttribute("aria-label", this.spec.title);
    this.body.replaceChildren(box);
    box.scrollTop = scroll;
  }
}
