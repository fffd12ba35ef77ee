// What a page does beyond its links and forms: keys, times in the viewer's zone, and a sign that something
// has changed. Everything can be read and decided without it.
"use strict";

const isTyping = (target) =>
  target instanceof HTMLElement && target.closest("input:not([type=checkbox]), textarea, select") !== null;

// Times: the page has them in UTC, and keeps that as the title.
function showLocalTimes(root) {
  const format = new Intl.DateTimeFormat(undefined, { dateStyle: "short", timeStyle: "short" });
  for (const time of root.querySelectorAll("time[datetime]:not([data-local])")) {
    const at = new Date(time.dateTime);
    if (!Number.isNaN(at.getTime())) {
      time.textContent = format.format(at);
      time.dataset.local = "";
    }
  }
}

// What scrolls by itself is reached with Tab, whatever the browser: a table may hold nothing else that is.
const scrolling = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
  }
});
function watchScrolling() {
  scrolling.disconnect();
  for (const wide of document.querySelectorAll(".wide")) scrolling.observe(wide);
}

// The row that the keys work on.
const rows = () =>
  [...document.querySelectorAll("[data-rows] tbody tr")].filter((row) => row.querySelector("[data-open]"));
const current = () => document.querySelector("[data-rows] tr.current");

function go(step) {
  const all = rows();
  if (all.length === 0) return;
  const at = all.indexOf(current());
  const next = all[Math.min(Math.max(at + step, 0), all.length - 1)];
  for (const row of all) row.classList.toggle("current", row === next);
  named = nameOf(next);
  const link = next.querySelector("[data-open]");
  if (link) link.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
}

// A list that is read again keeps its current row.
const nameOf = (row) =>
  row?.querySelector("input[type=checkbox]")?.value ?? row?.querySelector("[data-open]")?.textContent;
let named;

function keepCurrent() {
  if (named === undefined || current()) return;
  rows().find((row) => nameOf(row) === named)?.classList.add("current");
}

function select() {
  const box = current()?.querySelector("input[type=checkbox]");
  if (box) box.checked = !box.checked;
}

// A decision of a list concerns the selected rows; without any, the current one.
function selectCurrentIfNone() {
  if (document.querySelector("[data-rows] input:checked") === null) select();
}

function press(key) {
  const name = CSS.escape(key);
  const button =
    document.querySelector(`[data-key="${name}"]`) ?? current()?.querySelector(`[data-row-key="${name}"]`);
  if (!button) return false;
  const reason = button.form?.elements.reason;
  if (["i", "s"].includes(key) && reason && reason.value.trim() === "") {
    selectCurrentIfNone();
    reason.dataset.then = key;
    reason.focus();
    return true;
  }
  if (["a", "i", "s"].includes(key)) {
    selectCurrentIfNone();
    const isNothingChosen = document.querySelector("[data-rows] input:checked") === null;
    if (document.getElementById("selected") && isNothingChosen) return true;
  }
  button.click();
  return true;
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  const help = document.getElementById("help");
  // A key that is held decides nothing: the next case would be decided before anybody has seen it.
  if (event.repeat && !isTyping(event.target) && !["j", "k"].includes(event.key)) {
    if (event.key === "Enter") event.preventDefault();
    return;
  }
  if (isTyping(event.target)) {
    if (event.key === "Escape") event.target.blur();
    // The reason was asked for by a key: Enter does what was asked for.
    if (event.key === "Enter" && event.target.dataset.then) {
      event.preventDefault();
      press(event.target.dataset.then);
    }
    return;
  }
  if (help?.open) return;
  let done = true;
  switch (event.key) {
    case "j": go(1); break;
    case "k": go(-1); break;
    case "x": select(); break;
    case "/": document.querySelector("#search, [data-search]")?.focus(); break;
    case "?": help?.showModal(); break;
    case "Escape": document.querySelector("[data-back]")?.click(); break;
    case "Enter":
      // On a link or a button, Enter is that of the browser; on what was refused, nothing is sent again.
      done = event.target.closest?.("a, button, summary, input, [role=alert]") ? false : press("Enter");
      if (!done && current() && event.target === document.body) {
        current().querySelector("[data-open]")?.click();
        done = true;
      }
      break;
    default: done = event.key.length === 1 && press(event.key);
  }
  if (done) event.preventDefault();
}

// A form is sent once: a second click while the first is on its way would be a second decision.
function once(event) {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post") return;
  if (form.dataset.sent !== undefined) event.preventDefault();
  else form.dataset.sent = "";
}

function listen() {
  if (document.querySelector(".who") === null) return;
  // From what the page was made: what has changed since then, and before the stream opens, is not missed.
  const stream = new EventSource(`/live?since=${document.body.dataset.live}`);
  stream.addEventListener("changed", () => {
    const list = document.querySelector("form.filters[hx-get]");
    const isBusy = document.querySelector("[data-rows] input:checked") !== null;
    if (list && !isBusy && typeof htmx !== "undefined") htmx.trigger(list, "submit", { isLive: true });
    else document.getElementById("changed").hidden = false;
  });
  addEventListener("pagehide", () => stream.close());
  // What the page itself is about to change is no news to it: the page that follows shows it.
  document.addEventListener("submit", (event) => {
    if (!event.defaultPrevented && event.target.method === "post") stream.close();
  });
}

document.addEventListener("keydown", onKey);
document.addEventListener("submit", once);
// What the page asks by itself does not prolong a session.
document.addEventListener("htmx:configRequest", (event) => {
  if (event.detail.triggeringEvent?.detail?.isLive) event.detail.headers["X-Live"] = "true";
});
// A row may have been selected since a list asked for itself: it is not taken away.
document.addEventListener("htmx:beforeSwap", (event) => {
  const isLive = event.detail.requestConfig.triggeringEvent?.detail?.isLive;
  if (isLive && document.querySelector("[data-rows] input:checked") !== null) {
    event.detail.shouldSwap = false;
    document.getElementById("changed").hidden = false;
  }
});
// What the check next to a form says of an input marks it: the check has a link to each.
function markChecked() {
  for (const input of document.querySelectorAll("[data-checked]")) {
    input.removeAttribute("aria-invalid");
    input.removeAttribute("aria-describedby");
    delete input.dataset.checked;
  }
  for (const link of document.querySelectorAll('#check li[id] > a[href^="#"]')) {
    const input = document.getElementById(link.hash.slice(1));
    // What was refused when the form was sent stays marked until it is sent again.
    if (!input || input.ariaInvalid) continue;
    input.setAttribute("aria-invalid", "true");
    input.setAttribute("aria-describedby", link.parentElement.id);
    input.dataset.checked = "";
  }
}
document.addEventListener("htmx:afterSwap", () => {
  markChecked();
  showLocalTimes(document);
  watchScrolling();
  keepCurrent();
});
addEventListener("pageshow", (event) => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  if (event.persisted) listen();
});
showLocalTimes(document);
watchScrolling();
listen();
