"use strict";
// The page is whole without this: it only filters and sorts rows that are there, and writes no markup.
const form = document.getElementById("filter");
const table = document.getElementById("findings");
if (form && table) {
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const texts = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
  const count = document.getElementById("count");
  const field = (name) => form.elements.namedItem(name);

  const filter = () => {
    const words = field("text").value.toLowerCase().split(/\s+/).filter(Boolean);
    const host = field("host").value;
    const kind = field("kind").value;
    const least = Number(field("severity").value);
    const failing = field("fails").checked;
    let shown = 0;
    for (const row of rows) {
      const fits =
        (!host || row.dataset.host === host) &&
        (!kind || row.dataset.kind === kind) &&
        Number(row.dataset.severity) >= least &&
        (!failing || row.dataset.fails === "yes") &&
        words.every((word) => texts.get(row).includes(word));
      row.hidden = !fits;
      shown += fits ? 1 : 0;
    }
    count.textContent = `${shown} of ${rows.length} findings shown`;
  };

  const key = (row, column) => row.cells[column].dataset.sort ?? row.cells[column].textContent;
  const sort = (heading) => {
    const column = heading.cellIndex;
    const up = heading.getAttribute("aria-sort") !== "ascending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", up ? "ascending" : "descending");
    const order = new Intl.Collator("en", { numeric: true }).compare;
    const sorted = [...rows].sort((a, b) => order(key(a, column), key(b, column)) * (up ? 1 : -1));
    body.append(...sorted);
  };

  for (const heading of table.tHead.rows[0].cells) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = heading.textContent;
    button.addEventListener("click", () => sort(heading));
    heading.replaceChildren(button);
  }
  form.addEventListener("input", filter);
  form.addEventListener("change", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(filter));
  form.hidden = false;
  filter();
}
