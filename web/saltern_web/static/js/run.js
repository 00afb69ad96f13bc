// Run: whom a target means, and what a function takes, shown while they are typed. Without this the buttons do it.

const form = document.getElementById("run");

// One look-up at a time for each part, the newest question's answer counts.
function shows(part, url, read) {
  let timer = null;
  let asked = 0;
  let last = null;
  const look = async () => {
    const said = read();
    if (said === last) return;
    last = said;
    const number = ++asked;
    const target = document.getElementById(part);
    target.setAttribute("aria-busy", "true");
    try {
      const body = new URLSearchParams(new FormData(form));
      const answer = await fetch(url, {
        method: "POST", body, headers: {"X-CSRFToken": document.body.dataset.csrf, "HX-Request": "true"},
      });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (number === asked) target.replaceChildren(...document.adoptNode(page.body).childNodes);
    } catch {
      last = null;  // the next change asks again
    }
    if (number === asked) target.removeAttribute("aria-busy");
  };
  last = read();
  return (wait = 350) => {
    clearTimeout(timer);
    timer = setTimeout(look, wait);
  };
}

// A field that is needed more than once: the last row, once used, makes the next.
function growRows(event) {
  const rows = event.target.closest("[data-rows]");
  if (!rows || !rows.lastElementChild.contains(event.target) || rows.children.length >= 100) return;
  const next = rows.lastElementChild.cloneNode(true);
  for (const input of next.querySelectorAll("input")) {
    input.value = "";
    input.setAttribute("aria-label", input.getAttribute("aria-label").replace(/\d+$/, rows.children.length + 1));
  }
  rows.append(next);
}

if (form) {
  const kind = document.getElementById("tgt_type");
  const target = document.getElementById("tgt");
  const fun = document.getElementById("fun");
  const who = shows("who", "/run/who", () => `${kind.value} ${target.value}`);
  const what = shows("what", "/run/what", () => fun.value);

  const hint = () => { target.placeholder = kind.selectedOptions[0].dataset.hint; };
  kind.addEventListener("change", () => { hint(); who(0); });
  target.addEventListener("input", () => who());
  fun.addEventListener("input", () => what());
  fun.addEventListener("change", () => what(0));
  form.addEventListener("input", growRows);
  hint();

  // Enter in a field goes to the confirmation, once there is something to confirm.
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.target.tagName !== "INPUT") return;
    event.preventDefault();
    if (event.target === target) { who(0); fun.focus(); return; }
    if (target.value || fun.value.startsWith("runner.")) form.requestSubmit(form.querySelector("[formaction]"));
  });
}

for (const once of document.querySelectorAll("form[data-once]")) {
  once.addEventListener("submit", () => {
    setTimeout(() => { once.querySelector("button").disabled = true; });
  });
  addEventListener("pageshow", () => { once.querySelector("button").disabled = false; });
}
