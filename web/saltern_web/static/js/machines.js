// A new machine on its way in: its key is judged, its agent connects, its first sample comes, its chart moves.
// An invitation for one id is fulfilled by that id alone; one for any id by whoever is taken in meanwhile.

import {copyButtons} from "./copy.js";
import {follow} from "./live.js";
import {el} from "./panel.js";
import {oneChart} from "./one_chart.js";
import {visible} from "./visible.js";

const MOST = 50;
const MAX_SEGMENT = 200; // of a name of a metric: longer ids are cut
const STORED_MS = 400;  // until what came as an event is in the store, as a rule
const SPAN_S = 180;
const asked = JSON.parse(document.getElementById("follow").textContent);
const list = document.getElementById("arrived");
const arrivals = new Map();
const STEPS = {key: "key accepted", agent: "agent connected", sample: "first sample"};

document.getElementById("arrivals").hidden = false;
copyButtons();

const short = (name) => name.split(".").at(-1);
const placeOf = (id) => `saltern.${id.replace(/[^A-Za-z0-9_\-:%#@+=]/g, "_").slice(0, MAX_SEGMENT)}`;

class Arrival {
  constructor(id) {
    this.id = id;
    this.done = new Set();
    this.said = el("p", {className: "said"});
    this.steps = el("ul", {className: "steps"});
    this.chart = el("div", {className: "chart"});
    this.heading = el("h3", {}, el("a", {href: `/hosts/${encodeURIComponent(id)}`, textContent: visible(id)}));
    this.element = el("li", {className: "arrival"}, this.heading, this.steps, this.said, this.chart);
    list.prepend(this.element);
    document.getElementById("nobody").hidden = true;
    this.draw();
  }

  step(...names) {
    for (const name of names) this.done.add(name);
    this.element.classList.remove("waits", "refused");
    this.said.replaceChildren();
    this.draw();
  }

  draw() {
    this.steps.replaceChildren(...Object.entries(STEPS).map(([name, words]) => {
      const done = this.done.has(name);
      return el("li", {className: `state ${done ? "s-ok" : "s-unknown"}`, textContent: done ? words : `${words}: waiting`});
    }));
  }

  waits(words) {
    this.element.classList.add("waits");
    this.said.replaceChildren(words, " ", el("a", {href: "/keys", textContent: "Look at its key"}));
  }

  refused(reason) {
    this.element.classList.add("refused");
    this.said.textContent = `refused: ${visible(reason)}`;
  }

  sampled() {
    this.step("key", "agent", "sample");
    if (!this.board) {
      this.element.classList.add("here");
      this.heading.append(" is here");
      this.board = oneChart(this.chart, {title: "Load", targets: [`${placeOf(this.id)}.stats.load.*`], span: SPAN_S, short, heading: "h4"});
      document.title = `${this.id} is here · Saltern`;
    }
    setTimeout(() => this.board.refresh(), STORED_MS);
  }
}

function arrival(id) {
  if (asked.id && id !== asked.id) return null;
  if (!arrivals.has(id)) {
    if (arrivals.size >= MOST) return null;
    arrivals.set(id, new Arrival(id));
  }
  return arrivals.get(id);
}

function judged({act, id, result, reason}) {
  if (act === "delete") return;
  const found = arrival(id);
  if (!found) { if (!result && asked.id) tell(id, reason); return; }
  if (act === "accept") found.step("key");
  else if (act === "pend") found.waits("waits for its key to be accepted.");
  else found.refused(reason || act);
}

// Another host came with something wrong: as like as not it is the one that is waited for, by a wrong name.
function tell(id, reason) {
  const said = document.getElementById("said");
  said.hidden = false;
  said.textContent = `A host that calls itself ${visible(id)} was refused: ${visible(reason || "no reason was told")}`;
}

function take({tag, data}) {
  if (!data) return;
  if (tag === "salt/auth" || tag === "salt/key") { if (data.id) judged(data); return; }
  const [, kind, second, what, minion] = tag.split("/");
  if (kind === "minion" && what === "start") arrival(second)?.step("key", "agent");
  else if (kind === "job" && data.metrics && (arrivals.has(minion) || minion === asked.id)) arrival(minion)?.sampled();
}

follow(["salt/auth", "salt/key", "salt/minion/*/start", asked.id ? `salt/job/*/ret/${asked.id}` : "salt/job/*/ret/*"], take, {brief: true});
