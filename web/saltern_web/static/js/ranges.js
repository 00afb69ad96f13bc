// The time picker: links that work by themselves become changes of the page's board; the URL says the range.

import {clock, duration, ofField} from "./times.js";

export function readRange(search = location.search, fallback = 3600) {
  const given = new URLSearchParams(search);
  const from = given.get("from") ?? "";
  const until = given.get("until") ?? "";
  const relative = /^-(\d+)(s|min|h|d|w)$/.exec(from);
  if (relative && (!until || until === "now")) {
    return {span: Number(relative[1]) * {s: 1, min: 60, h: 3600, d: 86400, w: 604800}[relative[2]]};
  }
  const [begin, end] = [Number(from), until && until !== "now" ? Number(until) : Math.floor(Date.now() / 1000)];
  if (from && Number.isFinite(begin) && Number.isFinite(end) && end > begin) return {from: begin, until: end};
  return {span: fallback};
}

export function rangeWords(range) {
  if (range.span !== undefined) return `the last ${duration(range.span)}, live`;
  return `${clock(range.from)} – ${clock(range.until)}`;
}

function asFields(range) {
  if (range.span === undefined) return {from: String(range.from), until: String(range.until)};
  const [unit, size] = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]].find(([, seconds]) => range.span % seconds === 0);
  return {from: `-${range.span / size}${unit}`};
}

function local(seconds) {
  const [day, time] = clock(seconds).split(" ");
  return `${day}T${time}`;
}

// *form*: the picker. Returns what to call when the range has changed in another way.
export function bindRange(board, form, fallback = null) {
  const words = form.querySelector(".range-words");
  const from = form.querySelector("[name=from-local]");
  const until = form.querySelector("[name=until-local]");
  const again = form.querySelector("[data-reset]");

  function show(range) {
    words.textContent = rangeWords(range);
    from.value = local(board.from);
    until.value = local(board.until);
    for (const link of form.querySelectorAll("a[data-span]")) {
      if (Number(link.dataset.span) === range.span) link.setAttribute("aria-current", "true"); else link.removeAttribute("aria-current");
    }
    again.hidden = range.span !== undefined;
  }

  function changed(range) {
    const url = new URL(location.href);
    url.searchParams.delete("until");
    for (const [name, value] of Object.entries(asFields(range))) url.searchParams.set(name, value);
    history.pushState(null, "", url);
    if (range.span !== undefined) board.first = range;
    show(range);
  }

  form.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-span]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    board.setRange({span: Number(link.dataset.span)});
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const [begin, end] = [from.value, until.value].map(ofField);
    const wrong = !(end > begin);
    until.setCustomValidity(wrong ? "The end must be after the beginning" : "");
    if (wrong) { until.reportValidity(); return; }
    form.querySelector("details")?.removeAttribute("open");
    board.setRange({from: Math.floor(begin), until: Math.ceil(end)});
  });
  until.addEventListener("input", () => until.setCustomValidity(""));
  again.addEventListener("click", () => board.reset());
  addEventListener("popstate", () => {
    board.apply(fallback && !new URLSearchParams(location.search).get("from") ? fallback : readRange());
    show(board.range);
    board.refresh();
  });
  board.changed = changed;
  show(board.range);
  return show;
}
