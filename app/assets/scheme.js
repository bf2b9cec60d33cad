// Before anything is drawn: what the system prefers is told to the server, and holds where the reader has chosen nothing.
(function () {
  "use strict";
  const root = document.documentElement;
  const wanted = window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  document.cookie = "scheme-system=" + wanted + ";path=" + (root.dataset.prefix || "/") + ";max-age=31536000;samesite=lax";
  if (!/(?:^|; )scheme=/.test(document.cookie)) {
    root.setAttribute("data-mantine-color-scheme", wanted);
    root.setAttribute("data-ag-theme-mode", wanted);
  }
})();
