// Says when the server does not answer, what was not saved and what did not arrive; goes when it answers again and nothing was lost.
// It stands in the head, before the scripts it watches.
// Marks the page while the server works on what the reader did (app.css shows it if that takes long).
(function () {
  "use strict";

  const EVERY_MS = 2000;
  const GONE = [502, 503, 504];
  const plain = window.fetch.bind(window);
  let unsaved = false;
  let broken = false;
  let waiting = 0;
  let leaving = false;

  window.addEventListener("pagehide", function () { leaving = true; });

  function show(state) {
    const banner = document.getElementById("away");
    if (banner) {
      banner.hidden = state === "";
      banner.dataset.state = state;
    }
  }

  // Whether a request carries something the reader did: what a clock asks for by itself loses nothing.
  function wish(body) {
    try {
      return JSON.parse(body).changedPropIds.some(function (id) { return !id.endsWith(".n_intervals"); });
    } catch (_error) {
      return false;
    }
  }

  function look() {
    const path = (document.documentElement.dataset.prefix || "/") + "health";
    plain(path, { cache: "no-store" }).then(function (answer) {
      if (!answer.ok) {
        throw new Error("not well");
      }
      window.clearInterval(waiting);
      waiting = 0;
      show(broken ? "part" : unsaved ? "back" : "");
    }).catch(function () {
      show(unsaved ? "unsaved" : "away");
    });
  }

  function wait() {
    waiting = waiting || window.setInterval(look, EVERY_MS);
  }

  function away(body) {
    if (leaving) {
      return;
    }
    unsaved = unsaved || wish(body);
    show(unsaved ? "unsaved" : "away");
    wait();
  }

  // A script of the page that did not arrive: Dash asks nothing before its last part is there, so nothing else would tell.
  window.addEventListener("error", function (event) {
    if (event.target instanceof HTMLScriptElement && !broken && !leaving) {
      broken = true;
      wait();
      look();
    }
  }, true);

  let asked = 0;
  function busy(change) {
    asked += change;
    document.documentElement.toggleAttribute("data-busy", asked > 0);
  }

  window.fetch = function (input, options) {
    const counts = options && wish(options.body) ? 1 : 0;
    busy(counts);
    return plain(input, options).finally(function () {
      busy(-counts);
    }).then(function (answer) {
      if (GONE.includes(answer.status)) {
        away(options && options.body);
      }
      return answer;
    }, function (error) {
      if (error.name !== "AbortError") {
        away(options && options.body);
      }
      throw error;
    });
  };

  document.addEventListener("click", function (event) {
    if (event.target.closest && event.target.closest("#away button")) {
      window.location.reload();
    }
  });
})();
