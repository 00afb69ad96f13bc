// Numbers with their units, short enough for an axis. Units are those of collectors ("B", "%", "packets/s") and of
// Grafana's dashboards ("bytes", "Bps", "percentunit").

const SAME = {
  bytes: "B", decbytes: "B", Bps: "B/s", binBps: "B/s", KiBs: "KiB/s", kbytes: "KiB", percent: "%", celsius: "°C", "µs": "us", "μs": "us",
  ops: "/s", iops: "/s", pps: "packets/s", cps: "/s", reqps: "/s", short: "", none: "", watt: "W", rpm: "1/min",
};
const BINARY = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
const DECIMAL = ["", "k", "M", "G", "T", "P", "E"];
const SECONDS = {us: 1e-6, ms: 1e-3, s: 1, min: 60, h: 3600, d: 86400};
const SHORT = new Set(["", "%", "°C", "W", "B", "B/s", "/s", ...Object.keys(SECONDS)]);

export const UNKNOWN = "–";

export function unitOf(name) { return SAME[name] ?? name ?? ""; }

// What stands behind a chart's title: a unit that its numbers don't carry themselves.
export function unitWords(name) {
  const unit = unitOf(name);
  return SHORT.has(unit) || unit.startsWith("KiB") || unit === "percentunit" ? "" : unit;
}

export function isBinary(name) { return /^(KiB|B)(\/s)?$/.test(unitOf(name)); }

export function format(value, name, {words = false} = {}) {
  if (value === null || value === undefined || !Number.isFinite(value)) return UNKNOWN;
  const unit = unitOf(name);
  if (unit === "B" || unit === "B/s") return scaled(value, BINARY, 1024, unit, 0);
  if (unit === "KiB" || unit === "KiB/s") return scaled(value * 1024, BINARY, 1024, unit.slice(2), 0);
  if (unit === "%") return `${plain(value)} %`;
  if (unit === "percentunit") return `${plain(value * 100)} %`;
  if (unit in SECONDS) return time(value * SECONDS[unit]);
  const number = scaled(value, DECIMAL, 1000, "", 10000);
  if (unit === "/s") return `${number}/s`;
  return unit && (words || SHORT.has(unit)) ? `${number} ${unit}` : number;
}

// Units come with their power once it is reached; plain numbers are written out up to *from*.
function scaled(value, names, base, unit, from) {
  let size = value;
  let power = 0;
  if (Math.abs(value) >= from) {
    while (Math.abs(size) >= base && power < names.length - 1) { size /= base; power += 1; }
  }
  return `${plain(size)} ${names[power]}${unit}`.trimEnd();
}

function plain(value) {
  const size = Math.abs(value);
  if (size >= 100 || Number.isInteger(value)) return String(Math.round(value));
  if (size >= 10) return trimmed(value.toFixed(1));
  if (size >= 0.01 || size === 0) return trimmed(value.toFixed(2));
  return trimmed(value.toPrecision(2));
}

function trimmed(text) { return text.includes("e") ? text : text.replace(/\.?0+$/, ""); }

function time(seconds) {
  const size = Math.abs(seconds);
  if (size === 0) return "0 s";
  if (size < 0.001) return `${plain(seconds * 1e6)} µs`;
  if (size < 1) return `${plain(seconds * 1e3)} ms`;
  if (size < 120) return `${plain(seconds)} s`;
  if (size < 2 * 3600) return `${plain(seconds / 60)} min`;
  if (size < 2 * 86400) return `${plain(seconds / 3600)} h`;
  return `${plain(seconds / 86400)} d`;
}
