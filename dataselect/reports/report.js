// What the page does: draws its plots, follows the colour scheme, sorts tables, and opens everything for printing.
"use strict";

const PLOTS = JSON.parse(document.getElementById("plot-data").textContent);
const chosen = {};

function draw(key) {
  const theme = pageTheme(), { traces, layout } = DRAW[PLOTS[key].kind](PLOTS[key], theme, chosen[key]);
  drawChart(document.getElementById(key), traces, layout, theme);
}

function drawAll() {
  Object.keys(PLOTS).forEach(draw);
}

// A plot of many budgets, or of many tasks, shows one at a time, the first first.
function offerBudgets(key) {
  const items = PLOTS[key].series || PLOTS[key].bars;
  const amounts = [...new Set((items || []).map((item) => item.amount).filter(Boolean))];
  if (!amounts.length) return;
  chosen[key] = amounts[0];
  if (amounts.length === 1) return;
  const label = document.createElement("label");
  const select = document.createElement("select");
  label.className = "budget";
  label.append(`${PLOTS[key].choice || "Budget"} `, select);
  select.append(...amounts.map((amount) => new Option(amount)));
  select.addEventListener("change", () => { chosen[key] = select.value; draw(key); });
  document.getElementById(key).before(label);
}

function sortTable(header) {
  const table = header.closest("table"), body = table.tBodies[0];
  const column = header.cellIndex;
  const ascending = header.getAttribute("aria-sort") !== "ascending";
  const value = (row) => row.cells[column].dataset.sort;
  const numeric = header.classList.contains("number");
  const key = (row) => { const text = value(row); return text === "-inf" ? -Infinity : Number(text); };
  const rows = [...body.rows].sort((a, b) => numeric ? key(a) - key(b) || 0 : value(a).localeCompare(value(b)));
  table.querySelectorAll("th[aria-sort]").forEach((other) => other.removeAttribute("aria-sort"));
  header.setAttribute("aria-sort", ascending ? "ascending" : "descending");
  body.append(...(ascending ? rows : rows.reverse()));
}

document.querySelectorAll("table.sortable thead th").forEach((header) => {
  header.querySelector("button").addEventListener("click", () => sortTable(header));
});

addEventListener("beforeprint", () => {
  document.documentElement.classList.add("printing");
  document.querySelectorAll("details:not([open])").forEach((part) => { part.open = true; part.dataset.opened = ""; });
  drawAll();
});
addEventListener("afterprint", () => {
  document.documentElement.classList.remove("printing");
  document.querySelectorAll("details[data-opened]").forEach((part) => { part.open = false; delete part.dataset.opened; });
  drawAll();
});

Object.keys(PLOTS).forEach(offerBudgets);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);

// A plot is as wide as the page; a link into a folded part opens it.
let width = innerWidth;
addEventListener("resize", () => { if (width !== innerWidth) { width = innerWidth; drawAll(); } });
function openTarget() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (let part = target && target.closest("details"); part; part = part.parentElement.closest("details")) part.open = true;
  if (target) target.scrollIntoView();
}
addEventListener("hashchange", openTarget);
drawAll();
openTarget();
document.documentElement.dataset.drawn = "all";
