// htmx replaces the page's middle and says the notice beside it; the keyboard goes on where a new page would begin.
// Without scripts every form and link is a page of its own.
document.addEventListener("htmx:afterSettle", () => {
  if (document.activeElement === document.body) document.getElementById("content")?.focus({ preventScroll: true });
});
