// The master's events, as they come: one stream a page. Pages say which tags they want, and what to do with an event.
//
//   import {follow} from "./live.js";
//   const stop = follow(["salt/alert/*"], (event) => …, {brief: true});   // event = {tag, data}

const indicator = document.getElementById("connection");
let wasAway = false;

function show(state) {
  if (!indicator) return;
  const away = state !== "here";
  indicator.classList.toggle("lost", away);
  indicator.textContent = {here: "live", away: "no connection: what is shown may be old", over: "the login has ended"}[state];
  if (wasAway && !away) document.dispatchEvent(new CustomEvent("saltern:back"));
  wasAway = away;
  document.documentElement.classList.toggle("is-away", away);
}

export function follow(tags, take, {brief = true} = {}) {
  const url = new URL("/live", location.href);
  for (const tag of tags) url.searchParams.append("tag", tag);
  if (brief) url.searchParams.set("brief", "1");
  let source = null;
  let again = null;
  let stopped = false;

  function open() {
    source = new EventSource(url);
    source.addEventListener("message", (message) => {
      let event;
      try { event = JSON.parse(message.data); } catch { return; }
      if (event && event.tag) take(event);
    });
    source.addEventListener("api", (message) => {
      if (message.data === "logged-out") {
        stop();
        show("over");
        location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}&ended=1`);
        return;
      }
      show(message.data);
    });
    source.addEventListener("error", () => {
      show("away");
      if (source.readyState === EventSource.CLOSED && !stopped) {  // an answer that was no stream: ask again
        clearTimeout(again);
        again = setTimeout(open, 3000);
      }
    });
  }

  function stop() {
    stopped = true;
    clearTimeout(again);
    source?.close();
  }

  open();
  addEventListener("pagehide", stop, {once: true});
  return stop;
}

// Runs *work* soon after it was called, once for many calls.
export function soon(work, milliseconds = 300) {
  let timer = null;
  return () => {
    timer ??= setTimeout(() => { timer = null; work(); }, milliseconds);
  };
}
