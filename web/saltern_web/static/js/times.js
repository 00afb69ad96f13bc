// Instants in the reader's own zone, and ages that count on. The server wrote both in UTC, for who has no scripts.

const UTC = document.documentElement.dataset.zone === "UTC";
const format = new Intl.DateTimeFormat("en-GB", {
  timeZone: UTC ? "UTC" : undefined,
  year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false,
});

export function clock(seconds) {
  const part = Object.fromEntries(format.formatToParts(seconds * 1000).map(({type, value}) => [type, value]));
  return `${part.year}-${part.month}-${part.day} ${part.hour}:${part.minute}:${part.second}`;
}

// What a field of day and time means, in the zone that times are shown in: epoch seconds, NaN for none.
export function ofField(text) { return Date.parse(UTC && text ? `${text}Z` : text) / 1000; }

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
