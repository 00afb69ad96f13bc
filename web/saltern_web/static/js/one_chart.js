// One chart by itself, on a page that has no board of panels.

import {Board} from "./board.js";
import {el} from "./panel.js";

// *place* gets the chart of *targets*, of which the last *lines* are thresholds, over the last *span* seconds; returns
// its board: ``refresh()`` asks anew.
export function oneChart(place, {title, targets, lines = 0, span, unit = "", short = (name) => name, heading = "h3"}) {
  const figure = el("figure", {className: "panel is-loading w-24 k-chart"},
    el("figcaption", {className: "panel-head"},
      el(heading, {className: "panel-title", textContent: title}),
      el("span", {className: "panel-note muted"})),
    el("div", {className: "panel-body"}),
    el("details", {className: "panel-table"}, el("summary", {className: "muted small", textContent: "Table"})));
  place.append(figure);
  const board = new Board({range: {span}, short});
  board.add(figure, {title, targets, lines, unit, kind: "chart", width: 24});
  return board;
}
