// Charts in the browser: pictures of a chart, the view's state in the address.
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

  // A name that is longer than its field is told whole where the pointer rests on it.
  document.addEventListener("mouseover", function (event) {
    const field = event.target.closest && event.target.closest(".run-choice input");
    if (field) {
      field.title = field.value || field.placeholder;
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

  // The map at the end of a year: the traces of other years are hidden, each of which has its year as meta.
  function showYear(year) {
    const plot = plotOf("plan-map");
    if (plot && window.Plotly && plot._fullData) {
      window.Plotly.restyle(plot, { visible: plot.data.map(function (trace) { return trace.meta === year; }) });
    }
  }

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.charts = { keepState: keepState, plotOf: plotOf, showYear: showYear };
})();
