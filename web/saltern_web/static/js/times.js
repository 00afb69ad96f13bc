// Instants in the reader's own zone, and ages that count on. The server wrote both in UTC, for who has no scripts.

const UTC = document.documentElement.dataset.zone === "UTC";
const format = new Intl.DateTimeFormat("en-GB", {
  timeZone: UTC ? "UTC" : undefined,
  year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false,
  timeZoneName: "short",
});

export function clock(seconds) {
  const part = Object.fromEntries(format.formatToParts(seconds * 1000).map(({type, value}) => [type, value]));
  return `${part.year}-${part.month}-${part.day} ${part.hour}:${part.minute}:${part.second}`;
}

// What a field of day and time means, in the zone that times are shown in: epoch seconds, NaN for none.
export function ofField(text) {
  const whole = /^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00` : text;
  return Date.parse(UTC && text ? `${whole.replace(" ", "T")}Z` : whole) / 1000;
}

// Fields of day and time are shown in that zone, and sent in UTC.
export function localiseFields() {
  const name = UTC ? "UTC" : format.formatToParts().find(({type}) => type === "timeZoneName").value;
  for (const place of document.querySelectorAll(".zone")) place.textContent = name;
  const fields = document.querySelectorAll("input[data-zoned]");
  for (const field of fields) if (field.dataset.zoned) field.value = clock(Number(field.dataset.zoned)).replace(" ", "T");
  for (const form of new Set([...fields].map((field) => field.form))) {
    form.addEventListener("formdata", ({formData}) => {
      for (const field of form.querySelectorAll("input[data-zoned]")) {
        const at = ofField(field.value);
        if (/^\d{4}-/.test(field.value) && at) formData.set(field.name, new Date(at * 1000).toISOString().replace(/\.000/, ""));
      }
    });
  }
}

// A time as uPlot cuts its axes by, in that zone too.
export function ofAxis(seconds) {
  const date = new Date(seconds * 1000);
  return UTC ? window.uPlot.tzDate(date, "Etc/UTC") : date;
}

export function duration(seconds) {
  const size = Math.abs(seconds);
  if (size >= 2 * 86400) return `${Math.round(seconds / 86400)} d`;
  if (size >= 2 * 3600) return `${Math.round(seconds / 3600)} h`;
  if (size >= 120) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds)} s`;
}

// The server's clock counts, not this computer's: ages begin with what the server said.
let ahead = 0;
export function setServerTime(seconds) { ahead = Date.now() / 1000 - seconds; }
export function now() { return Date.now() / 1000 - ahead; }

function text(element) {
  const at = Number(element.dataset.at);
  return element.classList.contains("age") ? duration(Math.max(0, now() - at)) : clock(at);
}

export function localise(root = document) {
  for (const element of root.querySelectorAll("time[data-at]")) {
    element.textContent = text(element);
    element.title ||= element.classList.contains("age") ? clock(Number(element.dataset.at)) : element.dateTime;
  }
}

export function timeElement(seconds, kind = "age") {
  const element = document.createElement("time");
  element.className = kind;
  element.dataset.at = seconds;
  element.dateTime = new Date(seconds * 1000).toISOString();
  element.textContent = text(element);
  return element;
}

export function keepCounting() {
  setInterval(() => {
    for (const element of document.querySelectorAll("time.age[data-at]")) {
      const said = text(element);
      if (element.textContent !== said) element.textContent = said;
    }
  }, 1000);
}
