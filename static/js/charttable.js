// A chart's numbers as a table, the newest first.

import { momentWord, UNITS } from "./chartlook.js";

function heads(table, names) {
  const head = table.createTHead().insertRow();
  for (const name of ["Time", ...names]) {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.textContent = name;
    if (head.cells.length > 0) cell.className = "number";
    head.append(cell);
  }
}

/** A table of all lines: `names` by id, from a History. */
export function numbersTable(names, history, { unit, since, until }) {
  const table = document.createElement("table");
  heads(table, names.values());
  const body = table.createTBody();
  for (let index = history.at.length - 1; index >= 0; index -= 1) {
    const row = body.insertRow();
    row.insertCell().textContent = momentWord(history.at[index], until - since);
    for (const id of names.keys()) {
      const cell = row.insertCell();
      cell.className = "number";
      cell.textContent = UNITS[unit](history.columns.get(id)[index]);
    }
  }
  return table;
}
