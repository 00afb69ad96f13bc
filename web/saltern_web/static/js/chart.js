// One chart over uPlot: lines with their holes, a legend of last values and ages, a cursor that all charts share.

import {clock, duration, now, ofAxis, timeElement} from "./times.js";
import {colours, onTheme, tint} from "./colours.js";
import {Panel, el} from "./panel.js";
import {aligned, holes, keyOf, stacked, statistics} from "./series.js";
import {format, isBinary} from "./units.js";

const HEIGHT = 190;
const BINARY_STEPS = Array.from({length: 60}, (_, power) => 2 ** power);

export class Chart extends Panel {
  constructor(element, spec, board) {
    super(element, spec, board);
    this.hidden = new Set();
    this.plotBox = el("div", {className: "plot"});
    this.plotBox.setAttribute("role", "img");
    this.plotBox.setAttribute("aria-label", `Chart of ${spec.title}; its table holds the numbers`);
    this.legend = el("ul", {className: "chart-legend"});
    this.body.replaceChildren(this.plotBox, this.legend);
    onTheme(() => { if (this.plot) this.draw({fresh: true}); });
  }

  // Of a stack the largest is at its foot.
  take(list) {
    if (this.spec.stacked) {
      const means = new Map(list.map((one) => [one, statistics(one).mean ?? 0]));
      list.sort((a, b) => a.compared - b.compared || means.get(a) - means.get(b));
    }
    super.take(list);
  }

  get height() { return this.spec.height ?? HEIGHT; }

  draw({fresh}) {
    super.draw();
    const shown = this.series.filter((one) => !this.hidden.has(keyOf(one)));
    this.raw = aligned(shown);
    // Where nothing is measured is a hole, whatever thresholds and others that are compared have there.
    const isMeasured = (one) => !one.compared && one.target < this.spec.targets.length - (this.spec.lines ?? 0);
    const measured = shown.filter(isMeasured);
    const step = Math.max(1, ...measured.map((one) => one.step));
    const {from, until} = this.board;
    const areHidden = !measured.length && this.series.some(isMeasured);
    const found = areHidden ? {found: [], last: now()} : holes(aligned(measured), step, from, until, now());
    this.gaps = found.found;
    this.tell(found.last, step);
    const own = shown.filter((one) => !one.compared).length;
    const data = this.spec.stacked ? stacked(this.raw, own) : this.raw;
    const shape = shown.map(keyOf).join("\n");
    if (fresh || !this.plot || shape !== this.shape) this.build(shown, data, shape);
    else this.plot.setData(data);
    this.drawLegend();
  }

  tell(last, step) {
    if (!this.series.length || last === null) { this.say("no data in this range"); return; }
    const end = Math.min(this.board.until, now());
    if (end - last > 2.5 * step + 10) this.say("no data since", "muted", last);
    else this.say(this.dropped ? `the first ${this.series.length} series: name fewer` : "");
  }

  build(shown, data, shape) {
    this.shape = shape;
    this.top = null;
    this.theme = colours(this.element);
    this.plot?.destroy();
    this.plot = new window.uPlot(this.options(shown), data.length > 1 ? data : [[], []], this.plotBox);
  }

  options(shown) {
    const {line, muted} = this.theme;
    const axis = {stroke: muted, font: "11px system-ui, sans-serif", grid: {stroke: line, width: 1}, ticks: {stroke: line, width: 1, size: 4}};
    const series = shown.map((one) => this.lineOf(one));
    const own = shown.filter((one) => !one.compared).length;
    const bands = this.spec.stacked ? series.slice(1, own).map((_, index) => ({series: [index + 1, index + 2]})) : [];
    return {
      width: this.width,
      height: this.height,
      tzDate: ofAxis,
      legend: {show: false},
      padding: [8, 8, 0, 0],
      cursor: {
        drag: {x: true, y: false, setScale: false},
        points: {size: 6},
        y: false,
        sync: {key: this.board.key, scales: ["x", null], filters: {pub: (type) => type === "mousemove" || type === "mouseleave"}},
      },
      scales: {x: {time: true, range: () => [this.board.from, this.board.until]}, y: {range: (_, least, most) => this.limits(least, most)}},
      axes: [
        {...axis, space: 64, size: 26, gap: 3, values: (plot, splits, _, __, step) => splits.map((at) => timeLabel(at, step))},
        {...axis, space: 34, size: 62, ...(isBinary(this.spec.unit) ? {incrs: BINARY_STEPS} : {}), values: (_, splits) => splits.map((value) => format(value, this.spec.unit))},
      ],
      series: [{}, ...(series.length ? series : [{}])],
      bands,
      hooks: {
        drawClear: [(plot) => this.hatch(plot)],
        setSelect: [(plot) => this.zoom(plot)],
        setCursor: [(plot) => this.point(plot)],
        ready: [(plot) => plot.over.addEventListener("dblclick", () => this.board.reset())],
      },
    };
  }

  lineOf(one) {
    const colour = this.colourOf(one);
    const compared = one.compared > 0;
    const filled = !compared && (this.spec.stacked || this.series.length === 1);
    return {
      label: one.label,
      stroke: compared ? tint(colour, 0.75) : colour,
      width: compared ? 1 : 1.5,
      dash: compared ? [5, 4] : undefined,
      fill: filled ? tint(colour, this.spec.stacked ? 0.35 : 0.12) : undefined,
      spanGaps: false,
      points: {size: 4, filter: alone},
    };
  }

  // What is compared has the colour of what it is compared with.
  colourOf(one) {
    const names = [...new Set(this.series.map((each) => `${each.target}|${each.label}`))].sort();
    return this.theme.lines[names.indexOf(`${one.target}|${one.label}`) % this.theme.lines.length];
  }

  // The upper end stays where it is while points come, unless one would be outside, or half of it is empty.
  limits(least, most) {
    const {min, max} = this.spec;
    if (least === null || !Number.isFinite(least)) return [min ?? 0, max ?? 1];
    let low = min ?? (least >= 0 ? 0 : least * 1.1);
    let high = max !== undefined && max !== null ? Math.max(max, most) : most > 0 ? most * 1.1 : most * 0.9;
    if (high <= low) high = low + (Math.abs(low) || 1);
    if (this.top !== null && this.top >= high && high > this.top * 0.5 && low >= 0) high = this.top;
    this.top = high;
    if (low > high) [low, high] = [high, low];
    return [low, high];
  }

  hatch(plot) {
    if (!this.gaps?.length) return;
    const {ctx} = plot;
    const {left, top, width, height} = plot.bbox;
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, top, width, height);
    ctx.clip();
    for (const [from, until] of this.gaps) {
      const begin = Math.max(left, plot.valToPos(from, "x", true));
      const end = Math.min(left + width, plot.valToPos(until, "x", true));
      if (end <= begin) continue;
      ctx.fillStyle = tint(this.theme.unknown, 0.1);
      ctx.fillRect(begin, top, end - begin, height);
      ctx.strokeStyle = tint(this.theme.unknown, 0.35);
      ctx.lineWidth = devicePixelRatio;
      ctx.save();
      ctx.beginPath();
      ctx.rect(begin, top, end - begin, height);
      ctx.clip();
      ctx.beginPath();
      for (let x = begin - height - (begin % 10); x < end; x += 10 * devicePixelRatio) {
        ctx.moveTo(x, top + height);
        ctx.lineTo(x + height, top);
      }
      ctx.stroke();
      ctx.restore();
    }
    ctx.restore();
  }

  zoom(plot) {
    const {left, width} = plot.select;
    if (width < 5) return;
    const [from, until] = [plot.posToVal(left, "x"), plot.posToVal(left + width, "x")];
    plot.setSelect({left: 0, width: 0, top: 0, height: 0}, false);
    this.board.setRange({from: Math.floor(from), until: Math.ceil(until)});
  }

  // Under the cursor the legend tells that time's values, else the last ones.
  point(plot) {
    const index = plot.cursor.idx;
    const here = plot.cursor.left >= 0 && index !== null && index !== undefined;
    if (!here && !this.pointed) return;
    this.pointed = here;
    this.legend.classList.toggle("at-cursor", here);
    const at = here ? this.raw[0][index] : null;
    let column = 0;
    for (const {series, value, when} of this.rows) {
      const shown = !this.hidden.has(keyOf(series));
      if (shown) column += 1;
      const told = here ? (shown ? this.raw[column][index] : null) : statistics(series).last;
      value.textContent = format(told, this.spec.unit);
      if (here) when.textContent = at === undefined || at === null ? "" : clock(at).slice(11);
      else this.ageOf(when, statistics(series).at);
    }
  }

  drawLegend() {
    const keys = this.series.map(keyOf).join("\n");
    if (keys !== this.legendShape) this.buildLegend(keys);
    if (this.pointed) return;
    for (const {series, value, when, button} of this.rows) {
      const {last, at} = statistics(series);
      value.textContent = format(last, this.spec.unit);
      this.ageOf(when, at);
      button.setAttribute("aria-pressed", String(!this.hidden.has(keyOf(series))));
    }
  }

  ageOf(when, at) {
    if (at === null) { when.textContent = "never"; return; }
    const time = when.firstChild;
    if (time instanceof HTMLTimeElement) { if (Number(time.dataset.at) !== at) { time.dataset.at = at; time.textContent = duration(Math.max(0, now() - at)); } }
    else when.replaceChildren(timeElement(at, "age"));
  }

  buildLegend(keys) {
    this.legendShape = keys;
    this.rows = this.series.map((series) => {
      const swatch = el("span", {className: `swatch${series.compared ? " dashed" : ""}`, "aria-hidden": "true"});
      swatch.style.setProperty("--line-colour", this.colourOf(series));
      const value = el("span", {className: "legend-value"});
      const when = el("span", {className: "legend-age muted"});
      const button = el("button", {type: "button", className: "legend-item"},
        swatch, el("span", {className: "legend-name", textContent: this.board.nameOf(series)}), value, when);
      button.addEventListener("click", (event) => this.toggle(series, event));
      return {series, value, when, button};
    });
    this.legend.replaceChildren(...this.rows.map(({button}) => el("li", {}, button)));
  }

  // A click hides one, with Ctrl or ⌘ all others.
  toggle(series, event) {
    const key = keyOf(series);
    const others = this.series.map(keyOf).filter((one) => one !== key);
    if (event.ctrlKey || event.metaKey) this.hidden = new Set(others.every((one) => this.hidden.has(one)) ? [] : others);
    else if (!this.hidden.delete(key)) this.hidden.add(key);
    this.draw({fresh: true});
  }

  resized() {
    if (this.plot && this.plot.width !== this.width) this.plot.setSize({width: this.width, height: this.height});
  }
}

// Points are drawn only where a line can't be: between two holes.
function alone(plot, index) {
  const values = plot.data[index];
  const found = [];
  values.forEach((value, at) => {
    if (Number.isFinite(value) && !Number.isFinite(values[at - 1]) && !Number.isFinite(values[at + 1])) found.push(at);
  });
  return found;
}

function timeLabel(at, step) {
  const said = clock(at);
  if (step >= 86400 || said.endsWith(" 00:00:00")) return said.slice(5, 10);
  return said.slice(11, step >= 60 ? 16 : 19);
}
