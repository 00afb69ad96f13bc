// What every page does: times in the reader's zone, the search by "/", and coming back when the API does.

import {searchInFrame} from "./search.js";
import {keepCounting, localise, localiseFields} from "./times.js";

localise();
localiseFields();
keepCounting();
searchInFrame();
document.addEventListener("htmx:afterSettle", (event) => localise(event.target));

// htmx leaves errors where they are; their text is of use.
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.xhr.status >= 400 && event.detail.xhr.getResponseHeader("Content-Type")?.startsWith("text/html")) {
    event.detail.shouldSwap = true;
    event.detail.isError = false;
  }
});

if (document.querySelector("[data-reload-when-back]")) {
  const look = async () => {
    try {
      const answer = await fetch(location.href, {method: "HEAD", cache: "no-store"});
      if (answer.status !== 503) { location.reload(); return; }
    } catch { /* still away */ }
    setTimeout(look, 2000);
  };
  setTimeout(look, 2000);
}

document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select, [contenteditable]")) return;
  const search = document.getElementById("search");
  if (search) {
    event.preventDefault();
    search.focus();
    search.select();
  }
});

for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    button.textContent = "Copied";
  });
}

// Menus that open over the page close by Escape, and by a click elsewhere.
const menus = () => document.querySelectorAll("details.who[open], details.menu-small[open]");
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of menus()) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});
document.addEventListener("click", (event) => {
  for (const menu of menus()) if (!menu.contains(event.target)) menu.open = false;
});
