// The editor in the browser: a new row of a table stands at once, and is the server's when that has written it.
(function () {
  "use strict";

  // The id that the server gives to a blank entry: new, new-2, new-3.
  function free(rows) {
    const taken = new Set(rows.map(function (row) { return row.id; }));
    let n = 2;
    while (taken.has("new-" + n)) {
      n += 1;
    }
    return taken.has("new") ? "new-" + n : "new";
  }

  // Only of a list of its own: a row of a list within an entry stands in the middle of its table.
  function blankRow(clicks, rows, columns, id) {
    const names = columns.map(function (column) { return column.field; });
    if (!clicks || names[0] === "of") {
      return window.dash_clientside.no_update;
    }
    const n = rows.length;
    const row = { _row: id.table + "-" + n, of: null };
    names.forEach(function (name) { row[name] = null; });
    if (names.includes("id")) {
      row.id = free(rows);
    }
    row._path = id.table.replaceAll("-", ".") + "[" + (row.id || n) + "]";
    return { add: [row], async: false };
  }

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.editor = { blankRow: blankRow };
})();
