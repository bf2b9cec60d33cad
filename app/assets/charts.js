// Charts in the browser: pictures of a chart, linked brushing on the trade-off, the view's state in the address.
(function () {
  "use strict";

  function plotOf(id) {
    const holder = document.getElementById(id);
    return holder && holder.querySelector(".js-plotly-plot");
  }

  // A picture has the page's background and the chart's title: it must be readable outside the page.
  // A chart that is still being drawn is waited for: a click must not be lost.
  function picture(button, waited) {
    const plot = plotOf(button.dataset.chart);
    if (!plot || !window.Plotly || !plot.layout || !plot._context) {
      if ((waited || 0) < 20000) {
        window.setTimeout(() => picture(button, (waited || 0) + 200), 200);
      }
      return;
    }
    const margin = Object.assign({}, plot.layout.margin);
    margin.t = (margin.t || 40) + 36;
    const layout = Object.assign({}, plot.layout, {
      paper_bgcolor: window.getComputedStyle(document.body).backgroundColor,
      title: { text: button.dataset.title, x: 0.01, y: 0.985, yanchor: "top", font: { size: 16 } },
      margin: margin,
    });
    window.Plotly.downloadImage(
      { data: plot.data, layout: layout, config: { topojsonURL: plot._context.topojsonURL } },
      {
        format: button.dataset.format,
        filename: button.dataset.name,
        width: Math.max(plot.clientWidth, 900),
        height: plot.clientHeight + 40,
        scale: button.dataset.format === "png" ? 2 : 1,
      }
    );
  }

  document.addEventListener("click", function (event) {
    const button = event.target.closest && event.target.closest(".chart-picture");
    if (button) {
      picture(button);
    }
  });

  // Values equal to the defaults stay out of the address: an old link keeps its meaning when a view gains a setting.
  function keepState(state, defaults) {
    const query = new URLSearchParams();
    Object.keys(state || {}).forEach(function (key) {
      const value = state[key];
      const text = Array.isArray(value) ? value.join(",") : value === null || value === undefined ? "" : String(value);
      const usual = defaults ? defaults[key] : null;
      const usualText = Array.isArray(usual) ? usual.join(",") : usual === null || usual === undefined ? "" : String(usual);
      if (text !== "" && text !== usualText) {
        query.set(key, text);
      }
    });
    const search = query.toString().replace(/%2C/g, ",").replace(/%3A/g, ":").replace(/%7E/g, "~");
    const address = window.location.pathname + (search ? "?" + search : "");
    if (address !== window.location.pathname + window.location.search) {
      window.history.replaceState(window.history.state, "", address);
    }
    return window.dash_clientside.no_update;
  }

  function keepTradeoff(state, delay, control, defaults) {
    return keepState(Object.assign({}, state, { delay: delay, control: control }), defaults);
  }

  function positions(selectedData, key) {
    const found = new Set();
    selectedData.points.forEach(function (point) {
      found.add(point[key]);
    });
    return Array.from(found).sort(function (a, b) {
      return a - b;
    });
  }

  // One brush for all: what is selected in either chart, or picked by a click in chart or table.
  function brush(scatter, parallel, scatterClick, parallelClick, cell, _clear, _base, state, points) {
    const context = window.dash_clientside.callback_context;
    const no = window.dash_clientside.no_update;
    const next = Object.assign({}, state);
    const ids = points.map(function (row) {
      return row.point;
    });
    const asked = context.triggered.map(function (entry) {
      return entry.prop_id;
    });
    if (!asked.length) {
      return no;
    }
    const from = function (name, prop) {
      return asked.indexOf(name + "." + prop) >= 0;
    };
    const named = function (rows) {
      return rows.map(function (row) {
        return ids[row];
      });
    };
    if (from("tradeoff-scatter", "selectedData")) {
      next.sel = scatter && scatter.points && scatter.points.length
        ? named(positions({ points: scatter.points.filter(function (p) { return p.curveNumber === 0; }) }, "pointNumber"))
        : [];
    } else if (from("tradeoff-parallel", "selectedData")) {
      next.sel = parallel && parallel.points && parallel.points.length ? named(positions(parallel, "curveNumber")) : [];
    } else if (from("tradeoff-scatter", "clickData") && scatterClick && scatterClick.points[0].curveNumber === 0) {
      next.pick = ids[scatterClick.points[0].pointNumber];
    } else if (from("tradeoff-parallel", "clickData") && parallelClick) {
      next.pick = ids[parallelClick.points[0].curveNumber];
    } else if (from("tradeoff-grid", "cellClicked") && cell && cell.rowId !== undefined) {
      next.pick = ids.find(function (id) {
        return String(id) === String(cell.rowId);
      });
    } else if (from("tradeoff-set-base", "n_clicks")) {
      next.base = next.pick;
    } else if (from("tradeoff-clear", "n_clicks")) {
      next.sel = [];
      next.pick = null;
    } else {
      return no;
    }
    return JSON.stringify(next) === JSON.stringify(state) ? no : next;
  }

  function mark(figure, name, plan) {
    const trace = figure.data.find(function (t) {
      return t.meta === name;
    });
    if (!trace) {
      return;
    }
    const there = plan && plan.cost_npv_musd !== undefined && plan.cost_npv_musd !== null;
    trace.x = there ? [plan.delay_months] : [];
    trace.y = there ? [plan.cost_npv_musd] : [];
  }

  // Draws selection, pick, baseline and the live answer into both charts and the table; nothing goes to the server.
  function draw(state, live, points, scatter, parallel) {
    const ids = points.map(function (row) {
      return row.point;
    });
    const chosen = new Set((state.sel || []).map(String));
    const all = chosen.size === 0;
    const at = function (id) {
      return points.find(function (row) {
        return String(row.point) === String(id);
      });
    };
    const isIn = function (id) {
      return all || chosen.has(String(id));
    };
    const one = { data: scatter.data.map(function (t) { return Object.assign({}, t); }), layout: scatter.layout };
    if (one.data.length > 1) {
      one.data[0].selectedpoints = all ? null : ids.map(function (_, i) { return i; }).filter(function (i) { return isIn(ids[i]); });
      mark(one, "here", live);
      mark(one, "baseline", at(state.base));
      mark(one, "pick", at(state.pick));
    }
    const two = {
      data: parallel.data.map(function (trace, i) {
        const picked = String(ids[i]) === String(state.pick);
        return Object.assign({}, trace, {
          opacity: isIn(ids[i]) || picked ? 0.9 : 0.1,
          line: Object.assign({}, trace.line, { width: picked ? 5 : 1.8 }),
        });
      }),
      layout: parallel.layout,
    };
    const rows = all ? points : points.filter(function (row) { return isIn(row.point) || String(row.point) === String(state.pick); });
    const row = at(state.pick);
    const selected = row ? [row] : [];
    return [one, two, rows, selected];
  }

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.charts = { keepState: keepState, keepTradeoff: keepTradeoff, brush: brush, draw: draw };
})();
