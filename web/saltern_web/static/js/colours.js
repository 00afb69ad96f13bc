// The theme's colours, as a canvas needs them: the sheet says them by variables, once for light and dark.

const LINES = 9;
const wanting = new Set();

export function colours(element) {
  const probe = document.createElement("span");
  probe.hidden = true;
  element.append(probe);
  const of = (name) => { probe.style.color = `var(${name})`; return getComputedStyle(probe).color; };
  const lines = Array.from({length: LINES}, (_, index) => of(`--chart-${index + 1}`));
  const found = {lines, line: of("--line"), muted: of("--muted"), text: of("--text"), unknown: of("--unknown")};
  probe.remove();
  return found;
}

export function tint(colour, share) {
  const [red, green, blue] = colour.match(/[\d.]+/g).map(Number);
  return colour.startsWith("color(") ? colour : `rgba(${red}, ${green}, ${blue}, ${share})`;
}

export function onTheme(work) { wanting.add(work); }

function changed() { for (const work of wanting) work(); }

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
new MutationObserver(changed).observe(document.documentElement, {attributes: true, attributeFilter: ["data-theme"]});
