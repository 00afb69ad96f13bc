// The values that a rule looks at, with its thresholds: on its page, and whenever a preview has come.

import {oneChart} from "./one_chart.js";

function draw() {
  for (const place of document.querySelectorAll("[data-chart]")) {
    if (place.hasChildNodes()) continue;
    const {targets, lines, span} = JSON.parse(document.getElementById(place.dataset.chart).textContent);
    oneChart(place, {title: place.dataset.title, targets, lines, span});
  }
}

document.addEventListener("htmx:afterSettle", draw);
draw();
