// Functions of the browser side. No inline script and no eval: a strict content-security policy allows neither.
(function () {
  "use strict";

  const THIN = "\u202f";

  // The same as `fixed` of planner/facts/numbers.py, which writes numbers everywhere else.
  function apart(value, digits) {
    if (value === null || value === undefined || value === "" || Number.isNaN(Number(value))) {
      return "\u2013";
    }
    const size = Math.abs(Number(value));
    const parts = size.toFixed(digits).split(".");
    parts[0] = parts[0].replace(/\B(?=(\d{3})+(?!\d))/g, THIN);
    let text = parts.join(".");
    if (!/[1-9]/.test(text) && size >= 5e-4 * 10 ** -digits) {
      text = size.toFixed(Math.min(6, 1 - Math.floor(Math.log10(size)))).replace(/\.?0+$/, "");
    }
    return Number(value) < 0 && /[1-9]/.test(text) ? "\u2212" + text : text;
  }

  function recolour(templates, scheme) {
    document.querySelectorAll(".dash-graph").forEach(function (holder) {
      const plot = holder.querySelector(".js-plotly-plot");
      if (!plot || !plot.layout || !holder.id) {
        return;
      }
      const id = holder.id.startsWith("{") ? JSON.parse(holder.id) : holder.id;
      const figure = {
        data: plot.data,
        layout: Object.assign({}, plot.layout, { template: templates[scheme] }),
      };
      window.dash_clientside.set_props(id, { figure: figure });
    });
  }

  // Dash would load the whole of plotly.js; this app brings the part that it draws with (assets/plotly).
  const library = document.documentElement.dataset.plotly;
  Object.defineProperty(window, "_dashPlotlyJSURL", {
    get: function () {
      return library;
    },
    set: function () {},
  });

  // A page without charts or grids fetches their libraries when it has come to rest: the next page will want them.
  window.addEventListener("load", function () {
    window.setTimeout(function () {
      [!window.Plotly && library, document.documentElement.dataset.grid].filter(Boolean).forEach(function (wanted) {
        const link = document.createElement("link");
        Object.assign(link, { rel: "prefetch", as: "script", href: wanted });
        document.head.appendChild(link);
      });
    }, 1500);
  });

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.planner = Object.assign(window.dash_clientside.planner || {}, {
    toggleScheme: function (clicks, scheme, templates) {
      const next = scheme === "dark" ? "light" : "dark";
      const path = document.documentElement.dataset.prefix || "/";
      document.cookie = "scheme=" + next + ";path=" + path + ";max-age=31536000;samesite=lax";
      document.documentElement.setAttribute("data-ag-theme-mode", next);
      document.documentElement.setAttribute("data-mantine-color-scheme", next);
      recolour(templates, next);
      return next;
    },
    collapse: function (opened, pathname, navbar) {
      const byLink = window.dash_clientside.callback_context.triggered_id !== "burger";
      const open = byLink ? false : opened;
      if (byLink && !window.location.hash) {
        window.scrollTo(0, 0); // a page is read from its top; a part of it that was asked for scrolls itself into sight
      }
      return [Object.assign({}, navbar, { collapsed: { mobile: !open } }), open];
    },
  });

  Object.assign(window.dash_clientside.planner, {
    // A choice that has just been drawn reports its value too: only another run than the one shown is opened.
    openRun: function (run, now) {
      if (!run || run === now) {
        return window.dash_clientside.no_update;
      }
      const prefix = document.documentElement.dataset.prefix || "/";
      const page = window.location.pathname.slice(prefix.length).split("/")[0];
      return prefix + page + "/" + encodeURIComponent(run);
    },
    // What the form of a new country is made for; the same again is no wish for a new form.
    where: function (country, sites, now) {
      const asked = [country || "", (sites || "").trim()];
      return JSON.stringify(asked) === JSON.stringify(now) ? window.dash_clientside.no_update : asked;
    },
    // The address follows the view without a new page: a link or a reload shows the same.
    replaceQuery: function (query) {
      const url = window.location.pathname + (query || "");
      if (url !== window.location.pathname + window.location.search) {
        window.history.replaceState(window.history.state, "", url);
      }
    },
  });

  const grid = (window.dashAgGridFunctions = window.dashAgGridFunctions || {});
  grid.plannerNumber = apart;
  // A field for one of hundreds of names: the browser lists those that hold what is typed, as id or as name.
  grid.PlannerPicker = class {
    init(params) {
      this.box = document.createElement("div");
      this.field = document.createElement("input");
      const list = document.createElement("datalist");
      list.id = "picker-" + params.column.getColId();
      params.options.forEach(function (option) {
        const entry = document.createElement("option");
        Object.assign(entry, { value: option.value, label: option.label });
        list.appendChild(entry);
      });
      this.field.setAttribute("list", list.id);
      this.field.setAttribute("aria-label", params.colDef.headerName);
      this.field.className = "ag-input-field-input ag-text-field-input";
      this.field.value = params.value === null || params.value === undefined ? "" : params.value;
      this.box.append(this.field, list);
    }
    getGui() {
      return this.box;
    }
    afterGuiAttached() {
      this.field.focus();
      this.field.select();
    }
    getValue() {
      return this.field.value.trim();
    }
  };
  // Numbers as they are: nothing rounded away, years and ids without gaps.
  grid.plannerPlain = function (value, name) {
    if (value === null || value === undefined || value === "" || Number.isNaN(Number(value))) {
      return value === null || value === undefined ? "" : String(value);
    }
    const text = String(value);
    const plain = /^(?!.*per_).*year$|^seed$/.test(name) || /e/.test(text);
    return plain ? text : text.replace(/^(-?\d+)/, function (whole) {
      return whole.replace(/\B(?=(\d{3})+(?!\d))/g, THIN);
    });
  };
  grid.plannerProblem = function (data, name) {
    return (data && data._problems && data._problems[name]) || null;
  };
  grid.plannerFlag = function (value, byDefault) {
    return value === null || value === undefined ? byDefault : Boolean(value);
  };
  grid.plannerSet = function (params, name) {
    params.data[name] = params.newValue;
    return true;
  };
  grid.plannerDate = function (value) {
    return value ? String(value).slice(0, 10) : "\u2013";
  };

  // An empty cell shows in grey what is taken for it: of its own row by the catalog, else one value for all rows.
  function blank(value) {
    return value === null || value === undefined || value === "";
  }
  function taken(data, name) {
    return (data && data._taken && data._taken[name]) || null;
  }
  grid.plannerText = function (value, byDefault, data, name) {
    const own = taken(data, name);
    return !blank(value) ? String(value) : own ? String(own.value) : byDefault;
  };
  grid.plannerAmount = function (value, name, byDefault, data) {
    const own = taken(data, name);
    return !blank(value) ? grid.plannerPlain(value, name) : own ? grid.plannerPlain(own.value, name) : byDefault;
  };
  grid.plannerTold = function (data, name) {
    const own = taken(data, name);
    return grid.plannerProblem(data, name) || (own && blank(data[name]) ? own.why : null);
  };

  // Rows and columns pasted from a spreadsheet into a grid that is edited: they go from the focused cell to the right
  // and down, below the last row into new ones; one value goes into the cell as ever.
  document.addEventListener("paste", function (event) {
    const holder = event.target.closest && event.target.closest(".ag-root-wrapper");
    const text = event.clipboardData ? event.clipboardData.getData("text/plain") : "";
    const owner = holder && holder.closest("[id*='scenario-grid']");
    if (!owner || !/[\t\n]/.test(text.replace(/\r?\n$/, ""))) {
      return;
    }
    const id = JSON.parse(owner.id);
    const api = window.dash_ag_grid.getApi(id);
    const at = api.getFocusedCell();
    if (!at) {
      return;
    }
    event.preventDefault();
    api.stopEditing(true);
    const shown = api.getAllDisplayedColumns();
    const first = shown.indexOf(at.column);
    const edits = [];
    text.replace(/\r?\n$/, "").split(/\r?\n/).forEach(function (line, down) {
      const row = api.getDisplayedRowAtIndex(at.rowIndex + down);
      line.split("\t").forEach(function (cell, right) {
        const column = shown[first + right];
        if (column && (row ? column.isCellEditable(row) : column.getColDef().editable)) {
          const plain = cell.trim().replace(/(\d)[\s\u202f\u00a0'](?=\d{3}\b)/g, "$1");
          const place = row ? { _path: row.data._path } : { _new: down };
          edits.push({ data: place, colId: column.getColId(), value: plain });
        }
      });
    });
    window.dash_clientside.set_props("ed-pasted", { data: { table: id.table, edits: edits, at: Date.now() } });
  }, true);

  // Cells of at most so many characters (ids, quarters) stay on one line where there is room, dates always; sentences wrap.
  const SHORT = 22;
  const DATE = /^\d{4}-\d{2}(-\d{2})?$/;

  function element(name, text, look) {
    const made = document.createElement(name);
    made.textContent = text;
    made.className = look || "";
    return made;
  }

  // A table that came as data (components/table.py); one in a closed fold is built when it opens.
  function build(holder) {
    const content = holder.dataset.table;
    const fold = holder.closest("details");
    if ((fold && !fold.open) || holder.built === content) {
      return;
    }
    holder.built = content;
    const told = JSON.parse(content);
    const table = element("table", "", "plain");
    if (told.caption) {
      table.appendChild(element("caption", told.caption, "sr-only"));
    }
    const line = table.createTHead().insertRow();
    told.head.forEach(function (text, i) {
      const cell = element("th", text, told.numeric[i] ? "num" : "");
      cell.scope = "col";
      line.appendChild(cell);
    });
    const body = table.createTBody();
    told.rows.forEach(function (row) {
      const shown = body.insertRow();
      row.forEach(function (text, i) {
        const look = told.numeric[i] ? "num" : DATE.test(text) ? "date" : text.length <= SHORT ? "short" : "";
        shown.appendChild(element("td", text, look));
      });
    });
    holder.replaceChildren(table);
  }

  document.addEventListener("toggle", function (event) {
    event.target.querySelectorAll("[data-table]").forEach(build);
  }, true);

  // dcc.Upload gives its file input no name; a screen reader needs one.
  new MutationObserver(function () {
    document.querySelectorAll("[data-table]").forEach(build);
    document.querySelectorAll("[data-scroll]").forEach(function (place) {
      if (!place.seen) {
        place.seen = true;
        place.scrollIntoView({ block: "center" });
      }
    });
    document.querySelectorAll("[data-upload] input[type=file]:not([aria-label])").forEach(function (input) {
      input.setAttribute("aria-label", input.closest("[data-upload]").dataset.upload);
    });
  }).observe(document.documentElement, {
    childList: true, subtree: true, attributes: true, attributeFilter: ["data-table"],
  });

  document.addEventListener("click", function (event) {
    const button = event.target.closest && event.target.closest(".copy-link");
    if (!button) {
      return;
    }
    const label = button.querySelector(".copy-label");
    const before = label.textContent;
    const done = function () {
      label.textContent = button.dataset.copied;
      window.setTimeout(function () {
        label.textContent = before;
      }, 1600);
    };
    if (navigator.clipboard) {
      navigator.clipboard.writeText(window.location.href).then(done, function () {});
    }
  });
})();
