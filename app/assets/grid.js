// The grid is the largest library of all and most pages have none: it is read when the first grid is drawn.
(function () {
  "use strict";

  const library = document.documentElement.dataset.grid;
  let loading = null; // the promise of the component

  // The library names itself window.dash_ag_grid; what draws a grid stays the one below, or React would draw anew.
  function load() {
    loading = loading || new Promise(function (done, failed) {
      const script = document.createElement("script");
      Object.assign(script, { src: library, onerror: failed, onload: function () {
        const real = window.dash_ag_grid;
        window.dash_ag_grid = Object.assign({}, real, { AgGrid: AgGrid });
        done(real.AgGrid);
      } });
      document.head.appendChild(script);
    });
    return loading;
  }

  function AgGrid(props) {
    const [real, keep] = window.React.useState(null);
    window.React.useEffect(function () {
      load().then(function (found) { keep(function () { return found; }); });
    }, []);
    return real && window.React.createElement(real, props);
  }
  AgGrid.dashRenderType = true;

  window.dash_ag_grid = { AgGrid: AgGrid };
})();
