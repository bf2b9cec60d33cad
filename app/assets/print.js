// The button of a page that is made to be printed, such as the brief.
document.addEventListener("click", function (event) {
  if (event.target.closest && event.target.closest("button.print")) {
    window.print();
  }
});
