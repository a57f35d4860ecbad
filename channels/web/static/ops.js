// htmx fetches the operations page's numbers again; here are the pause, what a reader had opened, and curves of the
// tables it shows. Without scripts the page is whole.
const live = document.getElementById("live");
const fresh = document.getElementById("fresh");
const pause = document.getElementById("pause");
const COLOURS = ["#0b6e86", "#b4570a", "#6b4fa3", "#4b5f69"];
const HEIGHT_PX = 190;
const SOFT = "#4b5f69";
let charts = [];

function series(name) {
  const rows = [...live.querySelectorAll("[data-hours] tbody tr")];
  const at = rows.map((row) => Number(row.dataset.at));
  const columns = [...live.querySelectorAll("[data-series]")].map((_, i) =>
    rows.map((row) => Number(row.querySelectorAll("[data-payments]")[i].dataset[name])));
  const seen = columns.map((column) => column.some((n) => n > 0));
  const stacked = [];
  columns.forEach((column, i) => {
    stacked.push(column.map((n, at_) => n + (i ? stacked[i - 1][at_] : 0)));
  });
  return { at, columns, stacked, seen };
}

// stacked bars: the tallest is drawn first, each channel before it hides its lower part
function draw(place) {
  const { at, columns, stacked, seen } = series(place.dataset.chart);
  const names = [...live.querySelectorAll("[data-series]")].map((cell) => cell.textContent);
  const order = names.map((_, i) => i).filter((i) => seen[i]).reverse();
  // hours as the table names them: a browser's own list of zones may be older than Morocco's clocks
  const hours = new Map([...live.querySelectorAll("[data-hours] tbody tr")].map((row) =>
    [Number(row.dataset.at), row.cells[0].textContent.replace(/[\u2066-\u2069]/g, "").trim()]));
  const clock = (s) => hours.get(s) ?? "";
  const axis = { stroke: SOFT, grid: { stroke: "#e6ecee", width: 1 }, ticks: { show: false }, font: "12px system-ui" };
  place.hidden = false;
  place.setAttribute("role", "img");
  place.setAttribute("aria-label", place.dataset.title);
  return new uPlot({
    width: place.clientWidth,
    height: HEIGHT_PX,
    tzDate: (s) => uPlot.tzDate(new Date(s * 1000), "Etc/UTC"), // ticks at whole hours, wherever the browser is
    title: place.dataset.title,
    cursor: { drag: { x: false, y: false }, points: { show: false }, y: false },
    legend: { show: false },
    scales: { x: { time: true, range: (_, low, high) => [low - 1800, high + 1800] },
      y: { range: (_, low, high) => [0, Math.max(1, high * 1.1)] } },
    axes: [
      { ...axis, grid: { show: false }, space: 60, values: (_, ticks) => ticks.map(clock) },
      { ...axis, size: 58, space: 28, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6],
        values: (_, ticks) => ticks.map((n) => n.toLocaleString("fr")) },
    ],
    series: [{}, ...order.map((i) => ({
      label: names[i], fill: COLOURS[i % COLOURS.length], stroke: COLOURS[i % COLOURS.length], width: 0,
      paths: uPlot.paths.bars({ size: [0.7, 40] }), points: { show: false },
    }))],
  }, [at, ...order.map((i) => stacked[i])], place);
}

function redraw() {
  charts.forEach((chart) => chart.destroy());
  charts = [...live.querySelectorAll("[data-chart]")].map(draw);
}

// what a reader had opened, scrolled to and stood on is so again in the fresh part
let kept = {};

function remember() {
  const on = document.activeElement;
  kept = {
    open: [...live.querySelectorAll("details[open]")].map((each) => each.id),
    scrolled: live.querySelector(".scroll")?.scrollTop ?? 0,
    href: live.contains(on) ? on.getAttribute("href") : null,
    summary: live.contains(on) && on.matches("summary") ? on.parentElement.id : null,
  };
  charts.forEach((chart) => chart.destroy());
  charts = [];
}

function restore() {
  kept.open.forEach((id) => { const each = document.getElementById(id); if (each) each.open = true; });
  const scroll = live.querySelector(".scroll");
  if (scroll) scroll.scrollTop = kept.scrolled;
  if (kept.href) live.querySelector(`a[href="${CSS.escape(kept.href)}"]`)?.focus({ preventScroll: true });
  if (kept.summary) document.getElementById(kept.summary)?.querySelector("summary").focus({ preventScroll: true });
  redraw();
}

function stale(is) {
  fresh.textContent = is ? fresh.dataset.stale : "";
  fresh.parentElement.classList.toggle("stale", is);
  document.body.classList.toggle("asleep", is);
}

const paused = () => document.hidden || pause.getAttribute("aria-pressed") === "true";
live.addEventListener("htmx:beforeRequest", (event) => { if (paused()) event.preventDefault(); });
live.addEventListener("htmx:beforeSwap", (event) => { if (event.detail.shouldSwap) remember(); });
live.addEventListener("htmx:afterSwap", restore);
live.addEventListener("htmx:afterRequest", (event) => stale(!event.detail.successful));

pause.hidden = false;
pause.addEventListener("click", () => {
  const pressed = pause.getAttribute("aria-pressed") !== "true";
  pause.setAttribute("aria-pressed", String(pressed));
  if (!pressed) htmx.trigger(live, "wanted");
});
document.addEventListener("visibilitychange", () => htmx.trigger(live, "wanted"));
new ResizeObserver(() => charts.forEach((chart) => chart.setSize({
  width: chart.root.parentElement.clientWidth, height: HEIGHT_PX,
}))).observe(live);
redraw();
