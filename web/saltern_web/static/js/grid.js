// All hosts at once: a small mark for each, drawn on a canvas, in the order of their ids, so that none ever moves.
// Marks differ in shape or size as well as in colour. The pointer, or the arrow keys, tell which host one is.

import {duration, now} from "./times.js";

const NAMES = {c: "crit", a: "away", w: "warn", s: "stale", u: "unknown", o: "ok"};
const WORDS = {c: "critical", a: "away", w: "warning", s: "stale", u: "unknown", o: "ok"};
const SIZES = [26, 20, 16, 13, 11, 9, 8, 7, 6, 5];
const MAX_HEIGHT = 340;
const GAP_FROM = 9;  // marks of this size have room around them

export class Grid {
  constructor(element) {
    this.element = element;
    this.canvas = element.querySelector("canvas");
    this.tip = element.querySelector(".grid-tip");
    this.ids = [];
    this.states = "";
    this.since = [];
    this.known = "";
    this.at = -1;
    element.hidden = false;
    new ResizeObserver(() => this.draw()).observe(element);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    new MutationObserver(() => this.draw()).observe(document.documentElement, {attributeFilter: ["data-theme"]});
    element.addEventListener("pointermove", (event) => this.choose(this.under(event), event));
    element.addEventListener("pointerleave", () => this.choose(-1));
    element.addEventListener("click", (event) => { this.choose(this.under(event)); this.open(event); });
    element.addEventListener("keydown", (event) => this.key(event));
    element.addEventListener("blur", () => this.choose(-1));
  }

  async load() {
    const url = new URL(this.element.dataset.url, location.href);
    if (this.known) url.searchParams.set("known", this.known);
    const answer = await fetch(url, {headers: {Accept: "application/json"}});
    if (!answer.ok) return;
    const told = await answer.json();
    if (told.ids) this.ids = told.ids;
    this.known = told.known;
    this.states = told.states;
    this.since = told.since;
    this.draw();
    if (this.at >= 0) this.tell();
  }

  layout() {
    const width = this.element.clientWidth;
    this.size = SIZES.find((size) => Math.ceil(this.ids.length / Math.max(1, Math.floor(width / size))) * size <= MAX_HEIGHT)
      ?? SIZES.at(-1);
    this.columns = Math.max(1, Math.floor(width / this.size));
    return {width, height: Math.ceil(this.ids.length / this.columns) * this.size};
  }

  draw() {
    const {width, height} = this.layout();
    if (!width) return;
    const scale = devicePixelRatio || 1;
    const {canvas, size} = this;
    canvas.width = width * scale;
    canvas.height = height * scale;
    canvas.style.height = `${height}px`;
    const context = canvas.getContext("2d");
    context.scale(scale, scale);
    const style = getComputedStyle(this.element);
    const colours = Object.fromEntries(Object.entries(NAMES).map(([letter, name]) => [letter, colour(style, name)]));
    // One path a state: ten thousand fills of their own would take ten times as long.
    for (const letter of "ousawc") {
      context.fillStyle = context.strokeStyle = colours[letter];
      context.beginPath();
      for (let at = this.states.indexOf(letter); at >= 0; at = this.states.indexOf(letter, at + 1)) {
        mark(context, letter, (at % this.columns) * size, Math.floor(at / this.columns) * size, size);
      }
      context.globalAlpha = letter === "o" && size < GAP_FROM ? 0.55 : 1;  // what is well stands back
      context.fill("evenodd");
    }
    context.globalAlpha = 1;
    if (this.at >= 0) this.frame(context, style);
  }

  frame(context, style) {
    const x = (this.at % this.columns) * this.size;
    const y = Math.floor(this.at / this.columns) * this.size;
    context.strokeStyle = style.color;
    context.lineWidth = 2;
    context.strokeRect(x + 0.5, y + 0.5, this.size - 1, this.size - 1);
  }

  under(event) {
    const box = this.canvas.getBoundingClientRect();
    const column = Math.floor((event.clientX - box.left) / this.size);
    const at = Math.floor((event.clientY - box.top) / this.size) * this.columns + column;
    return column >= 0 && column < this.columns && at >= 0 && at < this.ids.length ? at : -1;
  }

  choose(at) {
    if (at === this.at) return;
    this.at = at;
    this.draw();
    this.tell();
    this.element.classList.toggle("over", at >= 0);
  }

  tell() {
    const {at} = this;
    if (at < 0) { this.tip.textContent = ""; return; }
    const state = this.states[at];
    const since = this.since[at] && "aou".includes(state) ? duration(Math.max(0, now() - this.since[at])) : "";
    const how = since && (state === "a" ? ` for ${since}` : `, connected for ${since}`);
    this.tip.textContent = `${this.ids[at]}: ${WORDS[state]}${how}`;
    const box = this.element.getBoundingClientRect();
    const x = ((at % this.columns) + 1) * this.size;
    const y = (Math.floor(at / this.columns) + 1) * this.size;
    const beside = Math.min(x, box.width - this.tip.offsetWidth - 2);
    this.tip.style.left = `${Math.max(0, beside)}px`;
    this.tip.style.top = `${y + 4}px`;
  }

  key(event) {
    const steps = {ArrowRight: 1, ArrowLeft: -1, ArrowDown: this.columns, ArrowUp: -this.columns};
    if (event.key in steps) {
      event.preventDefault();
      const next = this.at < 0 ? 0 : this.at + steps[event.key];
      if (next >= 0 && next < this.ids.length) this.choose(next);
    } else if (event.key === "Home" || event.key === "End") {
      event.preventDefault();
      this.choose(event.key === "Home" ? 0 : this.ids.length - 1);
    } else if (event.key === "Enter") {
      this.open(event);
    } else if (event.key === "Escape") {
      this.choose(-1);
    }
  }

  open(event) {
    if (this.at < 0) return;
    const url = `/hosts/${encodeURIComponent(this.ids[this.at])}`;
    if (event.ctrlKey || event.metaKey) window.open(url, "_blank", "noopener");
    else location.assign(url);
  }
}

// light-dark() in a custom property isn't resolved there; a colour that is used is.
function colour(style, name) {
  const probe = document.createElement("span");
  probe.className = `fill-probe probe-${name}`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found || style.color;
}

function mark(context, letter, x, y, size) {
  const side = size - (size >= GAP_FROM ? 2 : 1);
  const middle = side / 2;
  if (letter === "c" || size < GAP_FROM && "aw".includes(letter)) {
    context.rect(x, y, side, side);
  } else if (letter === "a") {
    polygon(context, [[x + middle, y - 0.5], [x + side + 0.5, y + middle], [x + middle, y + side + 0.5], [x - 0.5, y + middle]]);
  } else if (letter === "w") {
    polygon(context, [[x + middle, y], [x + side, y + side], [x, y + side]]);
  } else if (letter === "o") {
    const inset = size >= GAP_FROM ? side * 0.12 : 0.5;
    context.rect(x + inset, y + inset, side - 2 * inset, side - 2 * inset);
  } else {  // hollow; a stale one to the half
    const edge = size >= GAP_FROM ? 1.5 : 1;
    const width = letter === "s" ? middle - edge / 2 : side - 2 * edge;
    context.rect(x, y, side, side);
    context.rect(x + side - edge - width, y + edge, width, side - 2 * edge);
  }
}

function polygon(context, points) {
  context.moveTo(...points[0]);
  for (const point of points.slice(1)) context.lineTo(...point);
  context.closePath();
}
