// What every panel of a board is: a place on the page, what it asks for, the series it has, and its table in words.

import {clock, timeElement} from "./times.js";
import {keyOf, merge, statistics} from "./series.js";
import {format, unitWords} from "./units.js";

export const MOST_SERIES = 60;

export function el(name, given = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(given)) {
    if (key in element) element[key] = value; else element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}

export class Panel {
  constructor(element, spec, board) {
    this.element = element;
    this.spec = spec;
    this.board = board;
    this.series = [];
    this.fault = "";
    this.note = element.querySelector(".panel-note");
    this.body = element.querySelector(".panel-body");
    this.version = -1;   // the board's, when it was asked last
    this.asleep = false; // something came while it was out of sight
    const words = unitWords(spec.unit);
    const title = element.querySelector(".panel-title");
    if (words && title) title.append(" ", el("span", {className: "muted small", textContent: words}));
    this.details = element.querySelector(".panel-table");
    this.details?.addEventListener("toggle", () => this.drawTable());
  }

  get width() { return Math.max(120, Math.floor(this.body.clientWidth)); }

  take(list) {
    this.fault = "";
    this.dropped = list.length > MOST_SERIES;
    this.series = list.slice(0, MOST_SERIES);
    this.asleep = false;
    this.draw({fresh: true});
    this.drawTable();
  }

  // Returns whether it could; else all has to be asked for.
  add(list) {
    const known = new Map(this.series.map((one) => [keyOf(one), one]));
    for (const newer of list) {
      const series = known.get(keyOf(newer));
      if (!series) { if (this.dropped || newer.values.every((value) => value === null)) continue; return false; }
      if (!merge(series, newer, this.board.from)) return false;
    }
    this.draw({fresh: false});
    this.drawTable();
    return true;
  }

  fail(said) {
    this.fault = said;
    this.say(said, "field-error");
    this.drawTable();
    this.element.classList.remove("is-loading");
  }

  say(text, kind = "muted", at = null) {
    if (!this.note) return;
    this.note.className = `panel-note ${kind}`;
    const said = at === null ? text : `${text} ${clock(at)}`;
    if (this.note.textContent !== said) this.note.textContent = said;
  }

  draw() { this.element.classList.remove("is-loading"); }

  resized() {}

  drawTable() {
    if (!this.details?.open) return;
    const rows = this.series.map((one) => {
      const told = statistics(one);
      const number = (value) => el("td", {className: "num", textContent: format(value, this.spec.unit, {words: true})});
      const age = el("td", {className: "num"}, told.at === null ? "–" : timeElement(told.at, "age"));
      return el("tr", {}, el("th", {scope: "row", textContent: this.board.nameOf(one)}),
        number(told.least), number(told.mean), number(told.most), number(told.last), age);
    });
    const head = el("tr", {}, ...["Series", "Min", "Mean", "Max", "Last", "Age"].map(
      (name, index) => el("th", {scope: "col", className: index ? "num" : "", textContent: name})));
    const table = el("table", {}, el("caption", {className: "visually-hidden", textContent: this.spec.title}),
      el("thead", {}, head), el("tbody", {}, ...rows));
    const box = el("div", {className: "scroll", tabIndex: 0, role: "region", "aria-label": `Table of ${this.spec.title}`}, table);
    const shown = rows.length ? box : el("p", {className: "muted", textContent: this.fault ? "Not known." : "No data."});
    if (this.shownTable) this.shownTable.replaceWith(shown); else this.details.append(shown);
    this.shownTable = shown;
  }
}
