// Series as the render API gives them: kept regular, put beside each other, added to. A hole is null, and stays one.

// What a series' name carries before the "|": which panel, which of its targets, and what is compared.
const MARKED = /^(\d+)\.(\d+)\.(\d+)\|/;
const SHIFTED = /^timeShift\((.*), ?"?[-+]?\w+"?\)$/;

export function marked(target, panel, index, compared) {
  return `aliasSub(${target},"^","${panel}.${index}.${compared}|")`;
}

export function read(told) {
  const match = MARKED.exec(told.target);
  const name = match ? told.target.slice(match[0].length) : told.target;
  const points = told.datapoints;
  return {
    panel: match ? Number(match[1]) : 0,
    target: match ? Number(match[2]) : 0,
    compared: match ? Number(match[3]) : 0,
    label: SHIFTED.exec(name)?.[1] ?? name,
    start: points.length ? points[0][1] : 0,
    step: points.length > 1 ? points[1][1] - points[0][1] : 60,
    values: points.map(([value]) => value),
  };
}

export function keyOf(series) { return `${series.target}.${series.compared}|${series.label}`; }

// Adds the newest points. Says false when they are of another step: then all must be asked for anew.
export function merge(series, newer, from) {
  if (!newer.values.length) return true;
  if (!series.values.length) { Object.assign(series, {start: newer.start, step: newer.step, values: newer.values}); return true; }
  const at = (newer.start - series.start) / series.step;
  if (newer.values.length > 1 && newer.step !== series.step) return false;
  if (!Number.isInteger(at) || at < 0 || at > series.values.length) return false;
  newer.values.forEach((value, index) => {
    // what was there isn't taken away by an answer that is a moment older
    if (value !== null || at + index >= series.values.length) series.values[at + index] = value;
  });
  const old = Math.floor((from - series.start) / series.step) - 1;
  if (old > 0) {
    series.values.splice(0, old);
    series.start += old * series.step;
  }
  return true;
}

// Returns [times, values, values, …]. Where series have different steps, what a slow one doesn't have is undefined,
// which is no hole.
export function aligned(list) {
  if (!list.length) return [[]];
  const [first] = list;
  if (list.every((one) => one.start === first.start && one.step === first.step && one.values.length === first.values.length)) {
    return [first.values.map((_, index) => first.start + index * first.step), ...list.map((one) => one.values.slice())];
  }
  const times = new Set();
  for (const one of list) one.values.forEach((_, index) => times.add(one.start + index * one.step));
  const sorted = [...times].sort((a, b) => a - b);
  return [sorted, ...list.map((one) => sorted.map((at) => one.values[(at - one.start) / one.step]))];
}

// Returns the stretches [from, until] without any value, and when the last value was (null: never).
export function holes(table, step, from, until, now) {
  const [times, ...columns] = table;
  const found = [];
  const least = 2.5 * step;
  let last = null;
  times.forEach((at, index) => {
    if (!columns.some((column) => Number.isFinite(column[index]))) return;
    const since = last ?? from;
    if (at - since > least) found.push([last === null ? from : last + step / 2, at - step / 2]);
    last = at;
  });
  const end = Math.min(until, now);
  if (last === null) { if (end > from) found.push([from, end]); }
  else if (end - last > least + 10) found.push([last + step / 2, end]);
  return {found, last};
}

export function statistics(series) {
  let least = Infinity;
  let most = -Infinity;
  let sum = 0;
  let count = 0;
  let last = null;
  let at = null;
  series.values.forEach((value, index) => {
    if (!Number.isFinite(value)) return;
    least = Math.min(least, value);
    most = Math.max(most, value);
    sum += value;
    count += 1;
    last = value;
    at = series.start + index * series.step;
  });
  return count ? {least, mean: sum / count, most, last, at, count} : {least: null, mean: null, most: null, last: null, at: null, count: 0};
}

// Returns the table with each of its first *count* columns put on those behind it; *table* stays as it is.
export function stacked(table, count) {
  const [times, ...all] = table;
  const columns = all.slice(0, count);
  const summed = all.map((column) => column.slice());
  for (let row = 0; row < times.length; row += 1) {
    let sum = 0;
    for (let column = columns.length - 1; column >= 0; column -= 1) {
      const value = columns[column][row];
      if (Number.isFinite(value)) sum += value;
      summed[column][row] = Number.isFinite(value) ? sum : null;
    }
  }
  return [times, ...summed];
}
