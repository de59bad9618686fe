// A table of many rows, of which it shows a page.

import { element, setText } from "./dom.js";
import { count } from "./text.js";

const PAGE = 25;
const COLLATOR = new Intl.Collator("en", { numeric: true });
const MOVES = { ArrowDown: 1, ArrowUp: -1 };
const TURNS = { PageDown: 1, PageUp: -1 };

export class PagedTable {
  #columns;
  #key;
  #sort;
  #rows = [];
  #sorted = [];
  #all = 0;
  #page = 0;
  #shown = new Map(); // table rows by the keys of what they show
  #focus = null; // where in the table the focus is, or was before a dialog opened
  #headers;
  #body = element("tbody");
  #empty = element("p", { class: "empty" });
  #position = element("span", { class: "position" });
  #pager;
  #before = element("button", { type: "button" }, "Previous");
  #after = element("button", { type: "button" }, "Next");

  // A column has an id, a label and fill(cell, row); with value(row), it can be sorted by.  The
  // first is the header of its row.  key(row) says which row is which; sort is the id of a
  // column, after a minus if the largest comes first.
  constructor(container, { caption, columns, key, sort }) {
    this.#columns = columns;
    this.#key = key;
    this.#sort = { id: sort.replace("-", ""), descending: sort.startsWith("-") };
    this.#headers = columns.map((column) => this.#header(column));
    const table = element(
      "table",
      {},
      element("caption", { class: "unseen" }, caption),
      element("thead", {}, element("tr", {}, ...this.#headers)),
      this.#body,
    );
    this.#pager = element("nav", { class: "pager", "aria-label": `Pages: ${caption}` });
    this.#pager.append(this.#position, this.#before, this.#after);
    container.append(table, this.#empty, this.#pager);
    this.#before.addEventListener("click", () => this.#turn(-1));
    this.#after.addEventListener("click", () => this.#turn(1));
    this.#body.addEventListener("keydown", (event) => this.#pressed(event));
    this.#body.addEventListener("focusin", (event) => this.#focused(event.target));
    this.#showSort();
  }

  // Show these rows, out of all that there are; empty says that there are none.
  show(rows, all, empty) {
    this.#rows = rows;
    this.#all = all;
    setText(this.#empty, rows.length ? "" : all ? "None fits the filter." : empty);
    this.#sortRows();
    this.#render();
  }

  // Show the first page.
  rewind() {
    this.#page = 0;
  }

  // Write the cells of the page anew, where time alone changes them.
  refresh() {
    for (const { row, cells } of this.#shown.values()) this.#fill(cells, row);
  }

  // Put the focus where it was in the table, or at what has taken the place of that.
  restoreFocus() {
    if (this.#focus === null || this.#body.contains(document.activeElement)) return;
    const { key, index, column } = this.#focus;
    const { rows } = this.#body;
    const row = this.#shown.get(key)?.node ?? rows[Math.min(index, rows.length - 1)];
    row?.cells[column].querySelector("button")?.focus();
  }

  #header(column) {
    const header = element("th", { scope: "col", class: column.id });
    if (column.value === undefined) {
      header.append(element("span", { class: "unseen" }, column.label));
      return header;
    }
    const button = element("button", { type: "button" }, column.label);
    button.addEventListener("click", () => {
      const again = this.#sort.id === column.id;
      this.#sort = { id: column.id, descending: again && !this.#sort.descending };
      this.#page = 0;
      this.#showSort();
      this.#sortRows();
      this.#render();
    });
    header.append(button);
    return header;
  }

  #showSort() {
    for (const [index, { id }] of this.#columns.entries()) {
      const header = this.#headers[index];
      if (id !== this.#sort.id) header.removeAttribute("aria-sort");
      else header.setAttribute("aria-sort", this.#sort.descending ? "descending" : "ascending");
    }
  }

  #sortRows() {
    const { value } = this.#columns.find(({ id }) => id === this.#sort.id);
    const sign = this.#sort.descending ? -1 : 1;
    const sorted = this.#rows.map((row) => ({ row, value: value(row) }));
    const compare =
      typeof sorted[0]?.value === "string" ? COLLATOR.compare : (one, other) => one - other;
    sorted.sort((one, other) => sign * compare(one.value, other.value));
    this.#sorted = sorted.map(({ row }) => row);
  }

  #turn(pages) {
    this.#page += pages;
    this.#render();
  }

  #render() {
    const total = this.#rows.length;
    this.#page = Math.max(0, Math.min(this.#page, Math.ceil(total / PAGE) - 1));
    const begin = this.#page * PAGE;
    const rows = this.#sorted.slice(begin, begin + PAGE);
    const hadFocus = this.#body.contains(document.activeElement);
    this.#place(rows);
    if (hadFocus) this.restoreFocus();
    const end = begin + rows.length;
    const filtered = this.#all > total ? `, out of ${count(this.#all)}` : "";
    setText(this.#position, `${count(begin + 1)} to ${count(end)} of ${count(total)}${filtered}`);
    this.#pager.hidden = !total || (total <= PAGE && !filtered);
    this.#before.disabled = begin === 0;
    this.#after.disabled = end === total;
  }

  // What stays on the page keeps its elements, and so the focus and what is selected.
  #place(rows) {
    const shown = new Map();
    let next = this.#body.firstChild;
    const kept = new Set(rows.map(this.#key));
    for (const [key, { node }] of this.#shown) {
      if (kept.has(key)) continue;
      if (node === next) next = next.nextSibling;
      node.remove();
    }
    for (const row of rows) {
      const key = this.#key(row);
      const { node, cells } = this.#shown.get(key) ?? this.#made(key);
      this.#fill(cells, row);
      if (node === next) next = next.nextSibling;
      else this.#body.insertBefore(node, next);
      shown.set(key, { node, cells, row });
    }
    this.#shown = shown;
  }

  #made(key) {
    const cells = this.#columns.map(({ id }, index) =>
      index ? element("td", { class: id }) : element("th", { scope: "row", class: id }),
    );
    const node = element("tr", {}, ...cells);
    node.rowKey = key;
    return { node, cells };
  }

  #fill(cells, row) {
    for (const [index, cell] of cells.entries()) this.#columns[index].fill(cell, row);
  }

  #focused(target) {
    const row = target.closest("tr");
    const column = target.closest("th, td").cellIndex;
    this.#focus = { key: row.rowKey, index: row.sectionRowIndex, column };
  }

  #pressed(event) {
    if (event.ctrlKey || event.altKey || event.metaKey || !this.#focus) return;
    if (event.key in MOVES) {
      const { column } = this.#focus;
      const row = event.target.closest("tr");
      const beside = this.#body.rows[row.sectionRowIndex + MOVES[event.key]];
      beside?.cells[column].querySelector("button")?.focus();
    } else if (event.key in TURNS) {
      this.#turn(TURNS[event.key]);
    } else {
      return;
    }
    event.preventDefault();
  }
}

// Addresses, which may be broken before the port.
export const addressColumn = {
  id: "peer",
  label: "Address",
  value: (row) => row.peer,
  fill: (cell, row) => {
    if (cell.textContent === row.peer) return;
    const port = row.peer.lastIndexOf(":");
    cell.replaceChildren(row.peer.slice(0, port), element("wbr"), row.peer.slice(port));
  },
};

// A column of one text.
export function textColumn(id, label, value, text) {
  return { id, label, value, fill: (cell, row) => setText(cell, text(row)) };
}
