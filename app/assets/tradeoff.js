// The trade-off in the browser: one brush for both charts and the table, marks that follow the view, its address.
// Nothing here asks the server, and charts are changed in place: a whole figure would take ten times as long.
(function () {
  "use strict";

  const SCATTER = "tradeoff-scatter";
  const PARALLEL = "tradeoff-parallel";
  const MARKS = ["baseline", "pick", "here"];
  const charts = window.dash_clientside.charts;
  const no = function () {
    return window.dash_clientside.no_update;
  };

  function asked(name, prop) {
    return window.dash_clientside.callback_context.triggered.some(function (entry) {
      return entry.prop_id === name + "." + prop;
    });
  }

  // The points of a brush by their names; ``key`` says where plotly keeps the row of a point.
  function brushed(selection, key, points) {
    const rows = new Set();
    ((selection && selection.points) || []).forEach(function (point) {
      if (key === "curveNumber" || point.curveNumber === 0) {
        rows.add(point[key]);
      }
    });
    return points.filter(function (_, i) { return rows.has(i); }).map(function (row) { return row.point; });
  }

  // The chart that the brush was drawn in. A box in the other one goes: plotly would select by it again; and what
  // plotly tells of that is no wish of the reader.
  let owner = "";
  function owned(name, selection) {
    const was = owner;
    const some = Boolean(selection && selection.points && selection.points.length);
    owner = some ? name : was === name ? "" : was;
    return some || was === name;
  }

  function boxes(plot, name) {
    return owner !== name && plot.layout.selections && plot.layout.selections.length ? { selections: [] } : null;
  }

  // A changed view; the charts are drawn before the rest of the page hears of it.
  function changed(state, change, live, points) {
    const next = Object.assign({}, state, change);
    if (JSON.stringify(next) === JSON.stringify(state)) {
      return no();
    }
    show({ state: next, live: live, points: points });
    return next;
  }

  function fromScatter(selection, click, _clear, _base, state, live, points) {
    if (asked(SCATTER, "selectedData")) {
      return !owned(SCATTER, selection) ? no() : changed(state, { sel: brushed(selection, KEY[SCATTER], points) }, live, points);
    }
    if (asked(SCATTER, "clickData") && click && click.points[0].curveNumber === 0) {
      return changed(state, { pick: points[click.points[0].pointNumber].point }, live, points);
    }
    if (asked("tradeoff-set-base", "n_clicks")) {
      return changed(state, { base: state.pick }, live, points);
    }
    if (asked("tradeoff-clear", "n_clicks")) {
      owner = "";
      return changed(state, { sel: [], pick: "" }, live, points);
    }
    return no();
  }

  function fromParallel(selection, click, state, live, points) {
    if (asked(PARALLEL, "selectedData")) {
      return !owned(PARALLEL, selection) ? no() : changed(state, { sel: brushed(selection, KEY[PARALLEL], points) }, live, points);
    }
    return click ? changed(state, { pick: points[click.points[0].curveNumber].point }, live, points) : no();
  }

  function fromTable(cell, state, live, points) {
    const row = cell && points.find(function (one) { return one.point === String(cell.rowId); });
    return row ? changed(state, { pick: row.point }, live, points) : no();
  }

  function drawn(plot) {
    return plot && window.Plotly && plot.data && plot._fullData && plot._fullLayout;
  }

  function drawScatter(plot, view, chosen) {
    if (plot.data.length < 2) {
      return; // no points
    }
    const rows = view.points.map(function (_, i) { return i; });
    const wanted = chosen.size ? rows.filter(function (i) { return chosen.has(view.points[i].point); }) : null;
    const now = plot.data[0].selectedpoints;
    const same = wanted ? now && JSON.stringify(Array.from(now).sort(function (a, b) { return a - b; })) === JSON.stringify(wanted) : !now;
    const gone = boxes(plot, SCATTER);
    if (!same || gone) {
      window.Plotly.update(plot, { selectedpoints: [wanted] }, gone || {}, [0]);
    }
    const moved = { x: [], y: [] };
    const traces = [];
    MARKS.forEach(function (name) {
      const i = plot.data.findIndex(function (trace) { return trace.meta === name; });
      const plan = name === "here" ? view.live : view.points.find(function (row) { return row.point === view.state[name === "pick" ? "pick" : "base"]; });
      const there = plan && plan.cost_npv_musd !== undefined && plan.cost_npv_musd !== null;
      const x = there ? [plan.delay_months] : [];
      const y = there ? [plan.cost_npv_musd] : [];
      const has = plot.data[i];
      if (String(Array.from(has.x || [])) !== String(x) || String(Array.from(has.y || [])) !== String(y)) {
        traces.push(i);
        moved.x.push(x);
        moved.y.push(y);
      }
    });
    if (traces.length) {
      window.Plotly.restyle(plot, moved, traces);
    }
  }

  // A line is dimmed where it stands: plotly would look through the whole chart again before it did.
  function dim(plot, i, opacity) {
    const line = plot.querySelector(".trace" + plot._fullData[i].uid);
    if (plot.data[i].opacity !== opacity && line) {
      plot.data[i].opacity = plot._fullData[i].opacity = opacity;
      line.style.opacity = opacity;
    }
  }

  function drawParallel(plot, view, chosen) {
    if (plot.data.length !== view.points.length) {
      return; // no points
    }
    const width = [];
    const traces = [];
    view.points.forEach(function (row, i) {
      const picked = row.point === view.state.pick;
      const strong = picked || !chosen.size || chosen.has(row.point) ? 0.9 : 0.12;
      const thick = picked ? 5 : 1.8;
      dim(plot, i, strong);
      if (plot.data[i].line.width !== thick) {
        traces.push(i);
        width.push(thick);
      }
    });
    if (traces.length) {
      window.Plotly.restyle(plot, { "line.width": width }, traces);
    }
    const gone = boxes(plot, PARALLEL);
    if (gone) {
      window.Plotly.relayout(plot, gone);
    }
  }

  // What was brushed in one chart shows in the other at once; the view itself hears of it from the page, a moment later.
  const DRAW = { [SCATTER]: drawScatter, [PARALLEL]: drawParallel };
  const OTHER = { [SCATTER]: PARALLEL, [PARALLEL]: SCATTER };
  const KEY = { [SCATTER]: "pointNumber", [PARALLEL]: "curveNumber" };
  function echoes(plot, name) {
    if (plot.echoes) {
      return;
    }
    plot.echoes = true;
    plot.on("plotly_selected", function (selection) {
      const other = charts.plotOf(OTHER[name]);
      const chosen = brushed(selection, KEY[name], newest.points);
      if ((chosen.length || owner === name) && drawn(other)) {
        owner = name;
        DRAW[OTHER[name]](other, newest, new Set(chosen));
      }
    });
  }

  // Draws a view into the charts that are there; one still being drawn gets the newest view when it stands.
  let newest = null;
  function show(view, waited) {
    newest = view;
    const chosen = new Set(view.state.sel || []);
    let missing = false;
    Object.keys(DRAW).forEach(function (name) {
      const plot = charts.plotOf(name);
      if (drawn(plot)) {
        echoes(plot, name);
        DRAW[name](plot, view, chosen);
      } else {
        missing = true;
      }
    });
    if (missing && (waited || 0) < 30000) {
      window.setTimeout(function () {
        if (newest === view) {
          show(view, (waited || 0) + 150);
        }
      }, 150);
    }
  }

  // Whoever has left the page in the meantime has no store to fill, and Dash raises on one that is not there.
  function tell(store, data) {
    if (document.getElementById(SCATTER)) {
      window.dash_clientside.set_props(store, { data: data });
    }
  }

  // What is out of sight is asked for when the chart in sight stands, so that it is not waited for.
  const LATEST_MS = 10000;
  let visits = 0;
  function below(ref) {
    const visit = (visits += 1);
    const began = Date.now();
    (function wait() {
      if (visit !== visits) {
        return;
      }
      if (!drawn(charts.plotOf(SCATTER)) && Date.now() - began < LATEST_MS) {
        window.setTimeout(wait, 30);
        return;
      }
      window.requestAnimationFrame(function () { // the frame with the chart, and then the next
        window.requestAnimationFrame(function () {
          tell("tradeoff-below", ref);
        });
      });
    })();
    return no();
  }

  function draw(state, live, _lower, points) {
    show({ state: state, live: live, points: points });
    return no();
  }

  // The prices of an answer take two more solves: they are asked for when the sliders rest, not between two moves.
  const REST_MS = 600;
  let resting = 0;
  function settle(live) {
    window.clearTimeout(resting);
    resting = window.setTimeout(function () {
      tell("tradeoff-settled", live);
    }, live ? REST_MS : 0);
    return no();
  }

  function table(state, points) {
    const chosen = new Set(state.sel || []);
    const rows = points.filter(function (row) {
      return !chosen.size || chosen.has(row.point) || row.point === state.pick;
    });
    return [rows, rows.filter(function (row) { return row.point === state.pick; })];
  }

  // What the card of the picked plan depends on: a brush alone does not ask the server.
  function plans(state, before) {
    const next = { pick: state.pick, base: state.base };
    return JSON.stringify(next) === JSON.stringify(before) ? no() : next;
  }

  function keep(state, delay, control, defaults) {
    return charts.keepState(Object.assign({}, state, { delay: delay, control: control }), defaults);
  }

  window.dash_clientside.tradeoff = {
    fromScatter: fromScatter, fromParallel: fromParallel, fromTable: fromTable, draw: draw, below: below,
    settle: settle, table: table, plans: plans, keep: keep,
  };
})();
