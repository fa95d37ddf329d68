"use strict";

// What the server has told so far: the logs of epochs, and how far the run is.
let rows = [];
let status = {};
let connected = false;
let log = false;
const charts = new Map();

const byId = (id) => document.getElementById(id);

function element(parent, name, attributes = {}, text = "") {
  const svg = ["svg", "line", "path", "circle", "text", "g"].includes(name);
  const made = svg ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== "") made.textContent = text;
  parent.append(made);
  return made;
}

function number(value) {
  if (typeof value !== "number") return value === undefined ? "–" : String(value);
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) return value.toExponential(2);
  return Number(value.toPrecision(4)).toString();
}

function duration(seconds) {
  const s = Math.round(seconds);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${String(s % 60).padStart(2, "0")} s`;
  return `${Math.floor(s / 3600)} h ${String(Math.floor((s % 3600) / 60)).padStart(2, "0")} min`;
}

// Numbers to write at an axis: at most about `count`, and round.
function ticks(from, to, count) {
  const rough = (to - from) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough);
  const found = [];
  for (let i = Math.ceil(from / step - 1e-9); i * step <= to + step * 1e-9; i++) found.push(i * step);
  return found;
}

function logTicks(from, to) {
  const found = [];
  for (let power = Math.floor(from); power <= Math.ceil(to); power++)
    for (const m of to - from > 3 ? [1] : [1, 2, 5]) {
      const at = Math.log10(m) + power;
      if (at >= from - 1e-9 && at <= to + 1e-9) found.push(at);
    }
  return found.length > 1 ? found : [from, to];
}

// The points of a value: epoch, counted from 1, and number.
function points(name) {
  return rows
    .filter((row) => name in row.logs)
    .map((row) => ({ x: row.epoch + 1, y: row.logs[name] }));
}

// Where the epoch that is going on stands.
function now(name) {
  const value = status.running && status.running[name];
  if (typeof value !== "number") return null;
  const part = status.steps ? Math.min(status.batch / status.steps, 1) : 0.5;
  return { x: status.epoch + part, y: value };
}

function shown(point) {
  return typeof point.y === "number" && (!log || point.y > 0);
}

function card(name) {
  if (charts.has(name)) return charts.get(name);
  const main = byId("charts");
  main.querySelector(".empty")?.remove();
  const root = element(main, "section", { class: "card" });
  element(root, "h2", {}, name);
  const made = { name, root, values: element(root, "div", { class: "values" }), svg: element(root, "svg"), at: null };
  made.svg.setAttribute("role", "img");
  made.svg.addEventListener("pointermove", (event) => {
    made.at = event.clientX - made.svg.getBoundingClientRect().left;
    draw(made);
  });
  made.svg.addEventListener("pointerleave", () => {
    made.at = null;
    draw(made);
  });
  charts.set(name, made);
  return made;
}

function draw(chart) {
  const { name, svg, root } = chart;
  const series = [
    { kind: "train", label: "training", points: points(name), now: now(name) },
    { kind: "val", label: "validation", points: points(`val_${name}`), now: null },
  ].filter((s) => s.points.length > 0 || s.now);

  chart.values.replaceChildren();
  for (const s of series) {
    const item = element(chart.values, "span");
    element(item, "span", { class: `key ${s.kind}` });
    item.append(`${s.label} `);
    element(item, "b", {}, number(s.points.at(-1)?.y ?? s.now?.y));
  }

  const [width, height] = [svg.clientWidth || 360, 200];
  const [left, right, top, bottom] = [52, 10, 8, 22];
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.replaceChildren();
  root.querySelector(".tip")?.remove();

  const up = (y) => (log ? Math.log10(y) : y);
  const all = series.flatMap((s) => (s.now ? [...s.points, s.now] : s.points));
  const heights = all.filter(shown).map((p) => up(p.y));
  let [low, high] = heights.length ? [Math.min(...heights), Math.max(...heights)] : [0, 1];
  if (high - low < 1e-12) [low, high] = [low - (Math.abs(low) || 1) * 0.1, high + (Math.abs(high) || 1) * 0.1];
  const margin = (high - low) * 0.05;
  [low, high] = [low - margin, high + margin];
  const first = (status.first_epoch ?? 0) + 1;
  const xs = all.map((p) => p.x);
  const start = Math.min(first, ...xs);
  const end = Math.max(start + 1, ...xs);
  const x = (at) => left + ((at - start) / (end - start)) * (width - left - right);
  const y = (at) => height - bottom - ((up(at) - low) / (high - low)) * (height - top - bottom);

  for (const tick of log ? logTicks(low, high) : ticks(low, high, 4)) {
    const at = height - bottom - ((tick - low) / (high - low)) * (height - top - bottom);
    element(svg, "line", { class: "rule", x1: left, x2: width - right, y1: at, y2: at });
    element(svg, "text", { x: left - 6, y: at + 4, "text-anchor": "end" }, number(log ? 10 ** tick : tick));
  }
  for (const tick of ticks(start, end, Math.max(2, width / 70)).filter(Number.isInteger)) {
    element(svg, "text", { x: x(tick), y: height - 6, "text-anchor": "middle" }, tick);
  }

  for (const s of series) {
    let path = "";
    let pen = "M";
    for (const point of s.points) {
      if (shown(point)) path += `${pen}${x(point.x).toFixed(1)} ${y(point.y).toFixed(1)}`;
      pen = shown(point) ? "L" : "M";
    }
    element(svg, "path", { class: `${s.kind}-line`, d: path });
    const drawn = s.points.filter(shown);
    for (const point of drawn.length < 2 ? drawn : drawn.slice(-1))
      element(svg, "circle", { class: `${s.kind}-dot`, cx: x(point.x), cy: y(point.y), r: 3 });
    if (s.now && shown(s.now)) element(svg, "circle", { class: "now", cx: x(s.now.x), cy: y(s.now.y), r: 3 });
  }
  svg.setAttribute(
    "aria-label",
    `${name} over epochs; ${series.map((s) => `${s.label} ${number(s.points.at(-1)?.y)}`).join(", ")}`,
  );
  if (chart.at !== null) point(chart, series, x, y, { left, right, top, bottom, width, height });
}

// The values at the epoch nearest to the pointer.
function point(chart, series, x, y, box) {
  const known = [...new Set(series.flatMap((s) => s.points.map((p) => p.x)))];
  if (known.length === 0) return;
  const nearest = known.reduce((a, b) => (Math.abs(x(b) - chart.at) < Math.abs(x(a) - chart.at) ? b : a));
  const at = x(nearest);
  element(chart.svg, "line", { class: "cross", x1: at, x2: at, y1: box.top, y2: box.height - box.bottom });
  const tip = element(chart.root, "div", { class: "tip" });
  element(tip, "div", {}, `epoch ${nearest}`);
  for (const s of series) {
    const found = s.points.find((p) => p.x === nearest);
    if (!found) continue;
    if (shown(found)) element(chart.svg, "circle", { class: `${s.kind}-dot`, cx: at, cy: y(found.y), r: 4 });
    const line = element(tip, "div");
    element(line, "span", { class: `key ${s.kind}` });
    line.append(`${s.label} ${number(found.y)}`);
  }
  const [inner, outer] = [chart.svg.getBoundingClientRect(), chart.root.getBoundingClientRect()];
  const room = box.width - at > tip.offsetWidth + 24;
  tip.style.left = `${inner.left - outer.left + at + (room ? 12 : -12 - tip.offsetWidth)}px`;
  tip.style.top = `${inner.top - outer.top + box.top + 8}px`;
}

function render() {
  const pill = byId("state");
  const ended = status.outcome;
  const going = status.epochs !== undefined && status.epochs > 0 && !ended;
  const good = ended && (ended.startsWith("completed") || ended.startsWith("stopped"));
  pill.textContent = ended || (!connected ? "connection lost" : going ? "running" : "waiting");
  pill.className = `pill ${ended ? (good ? "done" : "failed") : connected && going ? "running" : ""}`;
  byId("model").textContent = status.model || "Training";
  document.title = status.model ? `${status.model} – epoch ${Math.min(status.epoch + (ended ? 0 : 1), status.epochs)}` : "Training";

  const first = status.first_epoch ?? 0;
  const part = status.steps ? status.batch / status.steps : 0;
  const done = status.epoch + (ended ? 0 : part) - first;
  const all = (status.epochs ?? 0) - first;
  byId("bar").style.width = `${all > 0 ? Math.min(100, (100 * done) / all) : 0}%`;
  const where = [];
  if (status.epochs) {
    where.push(`epoch ${Math.min(status.epoch + (ended ? 0 : 1), status.epochs)} of ${status.epochs}`);
    if (going && status.steps && status.batch) where.push(`batch ${status.batch} of ${status.steps}`);
    where.push(duration(status.elapsed));
    if (going && done > 0) where.push(`about ${duration((status.elapsed / done) * (all - done))} to go`);
  }
  byId("where").textContent = where.join(" · ");

  const names = [];
  const add = (name) => {
    const stem = name.replace(/^val_/, "");
    if (!names.includes(stem)) names.push(stem);
  };
  for (const row of rows) Object.keys(row.logs).forEach(add);
  Object.keys(status.running ?? {}).forEach(add);
  for (const [name, chart] of charts)
    if (!names.includes(name)) {
      chart.root.remove();
      charts.delete(name);
    }
  names.forEach((name) => draw(card(name)));
}

// Short epochs bring more news than anybody can see.
let waiting = false;
function soon() {
  if (waiting) return;
  waiting = true;
  setTimeout(() => {
    waiting = false;
    render();
  }, 100);
}

const source = new EventSource("events");
source.onmessage = (event) => {
  const news = JSON.parse(event.data);
  rows = news.reset ? news.rows : rows.concat(news.rows);
  status = news.status;
  connected = true;
  soon();
};
source.onopen = () => {
  connected = true;
  soon();
};
source.onerror = () => {
  connected = false;
  soon();
};
byId("scale").addEventListener("click", (event) => {
  log = !log;
  event.currentTarget.setAttribute("aria-pressed", log);
  soon();
});
addEventListener("resize", soon);
