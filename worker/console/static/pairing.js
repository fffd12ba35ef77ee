// Labels without an outcome are put into the table at once: by the choice next to each, or by dragging it.
// Without this file the choices are sent with the form.
"use strict";

const table = () => document.querySelector("#editor table.grid tbody");

// The field of a row for the labels of one bookmaker; a new row is the first one that is empty.
function fieldOf(place, column) {
  const all = [...table().rows];
  const isEmpty = (row) => [...row.querySelectorAll("input:not([type=hidden])")].every((one) => one.value === "");
  const row = place === "new" ? all.find(isEmpty) : all[Number(place)];
  return row?.querySelector(`input[name="${CSS.escape(column)}_label"]`) ?? null;
}

// A field holds one label: where there is one already, the label stays where it is.
function put(item, field) {
  if (!field || field.value !== "") return false;
  field.value = item.dataset.label;
  const outcome = field.closest("tr").querySelector("input[name=outcome]");
  if (outcome.value === "") {
    outcome.value = item.dataset.label.toLowerCase().replace(/[^a-z0-9]+/g, "_").replace(/^_+|_+$/g, "");
  }
  const next = item.nextElementSibling ?? item.previousElementSibling;
  item.remove();
  (next?.querySelector("select") ?? field).focus();
  field.dispatchEvent(new Event("change", { bubbles: true }));
  return true;
}

const pairing = document.getElementById("pairing");
let dragged = null;

pairing?.addEventListener("change", (event) => {
  const item = event.target.closest("li");
  if (!item || event.target.name !== "pair" || event.target.value === "") return;
  if (put(item, fieldOf(event.target.value, item.dataset.column))) event.stopPropagation();
});
pairing?.addEventListener("dragstart", (event) => {
  dragged = event.target.closest("li");
  event.dataTransfer.effectAllowed = "move";
  event.dataTransfer.setData("text/plain", dragged.dataset.label);
});
pairing?.addEventListener("dragend", () => { dragged = null; });

// It fits into an empty field of its own bookmaker; a row of any field takes it into that one.
const target = (event) =>
  dragged && event.target.closest?.("tr")?.querySelector(`input[name="${CSS.escape(dragged.dataset.column)}_label"]`);
for (const name of ["dragenter", "dragover"]) {
  table()?.addEventListener(name, (event) => {
    if (target(event)?.value === "") event.preventDefault();
  });
}
table()?.addEventListener("drop", (event) => {
  const field = target(event);
  if (!field) return;
  event.preventDefault();
  put(dragged, field);
});
