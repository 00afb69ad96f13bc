// The search in the frame: what is typed is looked up, arrows choose, Enter goes there. Without it the form works.

const input = document.getElementById("search");
const list = document.getElementById("found");
const WAIT_MS = 120;
let timer = null;
let asked = 0;
let chosen = -1;

function close() {
  list.hidden = true;
  chosen = -1;
  input.setAttribute("aria-expanded", "false");
  input.removeAttribute("aria-activedescendant");
}

function choose(index) {
  const entries = [...list.querySelectorAll("a")];
  chosen = entries.length ? (index + entries.length) % entries.length : -1;
  entries.forEach((entry, at) => entry.setAttribute("aria-selected", String(at === chosen)));
  if (chosen >= 0) {
    input.setAttribute("aria-activedescendant", entries[chosen].id);
    entries[chosen].scrollIntoView({block: "nearest"});
  }
}

function show(found) {
  list.replaceChildren(...found.map((one, index) => {
    const entry = document.createElement("a");
    entry.href = one.url;
    entry.id = `found-${index}`;
    entry.role = "option";
    entry.tabIndex = -1;
    const name = document.createElement("span");
    name.textContent = one.name;
    const kind = document.createElement("span");
    kind.className = "muted small";
    kind.textContent = one.kind;
    entry.append(name, kind);
    return entry;
  }));
  list.hidden = !found.length;
  input.setAttribute("aria-expanded", String(found.length > 0));
  chosen = -1;
}

async function look() {
  const text = input.value.trim();
  const number = ++asked;
  if (!text) { close(); return; }
  try {
    const answer = await fetch(`/search?q=${encodeURIComponent(text)}`, {headers: {Accept: "application/json"}});
    if (answer.ok && number === asked) show((await answer.json()).found);
  } catch { close(); }
}

export function searchInFrame() {
  if (!input || !list) return;
  list.role = "listbox";
  list.setAttribute("aria-label", "Found");
  input.role = "combobox";
  input.setAttribute("aria-expanded", "false");
  input.setAttribute("aria-controls", "found");
  input.setAttribute("aria-autocomplete", "list");
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(look, WAIT_MS);
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { close(); input.blur(); }
    if (list.hidden) return;
    if (event.key === "ArrowDown") { event.preventDefault(); choose(chosen + 1); }
    if (event.key === "ArrowUp") { event.preventDefault(); choose(chosen - 1); }
    if (event.key === "Enter" && chosen >= 0) {
      event.preventDefault();
      list.querySelectorAll("a")[chosen].click();
    }
  });
  document.addEventListener("click", (event) => {
    if (!event.target.closest(".search")) close();
  });
}
