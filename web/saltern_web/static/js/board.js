// The panels of a page: one range and one cursor for all. Each is asked for when it comes into sight, several in one
// question; while the range ends now, the newest points are added as samples come.

import {now} from "./times.js";
import {render} from "./ask.js";
import {marked, read, statistics} from "./series.js";
import {MOST_SERIES} from "./panel.js";
import {makePanel} from "./panels.js";

const AT_ONCE = 3;
const TARGETS_EACH = 36;
const GATHER_MS = 30;
const FINE_S = 60;  // what has longer steps is asked for anew, once a step
const NEAR = "300px";
const SHIFTS = {"1d": "yesterday", "7d": "a week before"};

export class Board {
  // *range*: {span} in seconds, ending now, or {from, until} in epoch seconds. *compare*: "", "1d", "7d", or {name, variables}.
  constructor({range, variables = {}, compare = "", changed = () => {}, short = (name) => name}) {
    this.short = short;
    this.key = `board-${Math.random().toString(36).slice(2)}`;
    this.variables = variables;
    this.compare = compare;
    this.changed = changed;
    this.panels = [];
    this.version = 0;
    this.asking = 0;
    this.queue = new Set();
    this.visible = new Set();
    this.first = range;
    this.apply(range);
    this.sight = new IntersectionObserver((entries) => this.seen(entries), {rootMargin: NEAR});
    this.sizes = new ResizeObserver((entries) => { for (const {target} of entries) this.byElement.get(target)?.resized(); });
    this.byElement = new Map();
    document.addEventListener("saltern:back", () => this.refresh());
  }

  add(element, spec) {
    const panel = makePanel(element, spec, this);
    this.panels.push(panel);
    this.byElement.set(element, panel);
    this.sight.observe(element);
    this.sizes.observe(element);
    return panel;
  }

  clear() {
    for (const panel of this.panels) { this.sight.unobserve(panel.element); this.sizes.unobserve(panel.element); }
    this.panels = [];
    this.byElement.clear();
    this.visible.clear();
    this.queue.clear();
  }

  // When the newest value of what is in sight was (epoch s).
  get newest() {
    const ends = [...this.visible].flatMap((panel) => panel.series.map((one) => statistics(one).at ?? 0));
    return ends.length ? Math.max(...ends) : Infinity;
  }

  get live() { return this.range.span !== undefined; }

  apply(range) {
    this.range = range;
    this.until = this.live ? now() : range.until;
    this.from = this.live ? this.until - range.span : range.from;
  }

  setRange(range) {
    this.apply(range);
    this.changed(range);
    this.refresh();
  }

  reset() { this.setRange(this.first); }

  setCompare(compare) {
    this.compare = compare;
    this.refresh();
  }

  // Asks anew for all that is in sight, and for the rest once it comes into sight.
  refresh() {
    this.version += 1;
    this.stop?.abort();
    this.stop = new AbortController();
    this.apply(this.range);
    for (const panel of this.visible) this.want(panel);
  }

  seen(entries) {
    for (const {target, isIntersecting} of entries) {
      const panel = this.byElement.get(target);
      if (!panel) continue;
      if (!isIntersecting) { this.visible.delete(panel); continue; }
      this.visible.add(panel);
      if (panel.version !== this.version || panel.asleep) this.want(panel);
    }
  }

  want(panel) {
    if (panel.version !== this.version) panel.means = false;
    panel.version = this.version;
    panel.loaded = now();
    panel.element.classList.add("is-loading");
    this.queue.add(panel);
    this.timer ??= setTimeout(() => { this.timer = null; this.flush(); }, GATHER_MS);
  }

  flush() {
    while (this.queue.size && this.asking < AT_ONCE) {
      const batch = [];
      let targets = 0;
      for (const panel of this.queue) {
        const more = this.targetsOf(panel, 0).length;
        if (batch.length && targets + more > TARGETS_EACH) break;
        batch.push(panel);
        targets += more;
        this.queue.delete(panel);
      }
      this.asking += 1;
      this.load(batch).finally(() => { this.asking -= 1; this.flush(); });
    }
  }

  async load(batch, fallback = true) {
    const {version} = this;
    const most = Math.max(...batch.map((panel) => panel.width));
    const targets = batch.flatMap((panel, index) => this.targetsOf(panel, index));
    let told;
    try {
      told = targets.length ? await this.ask(targets, this.from, this.until, most) : [];
    } catch (error) {
      if (error.name === "AbortError" || version !== this.version) return;
      // one bad target refuses them all: each by itself then, so that each says what is wrong with it
      if (fallback && batch.length > 1 && error.status === 400) { for (const panel of batch) await this.load([panel]); return; }
      batch.forEach((panel) => panel.fail(error.message));
      return;
    }
    if (version === this.version) batch.forEach((panel, index) => panel.take(told.filter((one) => one.panel === index)));
  }

  async ask(targets, from, until, most) {
    const told = await render(targets, {from, until, most, signal: this.stop?.signal});
    return told.map(read);
  }

  targetsOf(panel, index) {
    const found = [];
    panel.spec.targets.forEach((target, number) => {
      const plain = `limit(${fill(target, this.variables)},${MOST_SERIES + 1})`;
      found.push(marked(plain, index, number, 0));
      if (!this.compare || panel.kind !== "chart") return;
      if (typeof this.compare === "string") found.push(marked(`timeShift(${plain},"${this.compare}")`, index, number, 1));
      else found.push(marked(`limit(${fill(target, {...this.variables, ...this.compare.variables})},${MOST_SERIES + 1})`, index, number, 1));
    });
    return found;
  }

  nameOf(series) {
    const name = this.short(series.label);
    if (!series.compared) return name;
    return `${name}, ${typeof this.compare === "string" ? SHIFTS[this.compare] ?? this.compare : this.compare.name}`;
  }

  // Adds what came since; what is out of sight is asked for when it comes into sight.
  async append() {
    if (!this.live || document.hidden) { for (const panel of this.panels) panel.asleep = true; return; }
    for (const panel of this.panels) if (!this.visible.has(panel)) panel.asleep = true;
    for (const panel of this.visible) if (panel.fault && panel.version === this.version) this.want(panel);
    const ready = [...this.visible].filter((panel) => panel.version === this.version && !this.queue.has(panel) && panel.series.length);
    if (!ready.length) return;
    const {version} = this;
    const span = this.range.span;
    this.until = now();
    this.from = this.until - span;
    const coarse = ready.filter((panel) => panel.means || stepOf(panel) > FINE_S);
    const fine = ready.filter((panel) => !coarse.includes(panel));
    for (const panel of coarse) if (this.until - panel.loaded >= stepOf(panel)) this.want(panel);
    const step = Math.max(1, ...fine.map(stepOf));
    for (let at = 0; at < fine.length; at += 12) {
      const batch = fine.slice(at, at + 12);
      const targets = batch.flatMap((panel, index) => this.targetsOf(panel, index));
      try {
        const told = await this.ask(targets, this.until - 4 * step - 30, this.until, 1000);
        if (version !== this.version) return;
        batch.forEach((panel, index) => {
          if (panel.add(told.filter((one) => one.panel === index))) return;
          panel.means = panel.series.every((one) => one.values.length > 8);  // each of its points is one of several
          this.want(panel);
        });
      } catch (error) {  // the next sample asks again
        if (error.name !== "AbortError" && error.status !== 400) batch.forEach((panel) => panel.say(error.message, "field-error"));
        return;
      }
    }
  }
}

function stepOf(panel) { return Math.max(1, ...panel.series.map((one) => one.step)); }

export function fill(target, variables) {
  return target.replace(/\$\{(\w+)(?::\w+)?\}|\$(\w+)|\[\[(\w+)\]\]/g, (whole, braced, bare, square) => {
    const value = variables[braced ?? bare ?? square];
    return value === undefined ? whole : value;
  });
}
