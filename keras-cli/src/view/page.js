"use strict";
(() => {
  const $ = id => document.getElementById(id);
  const svg = (name, attributes, parent, text) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const key in attributes) node.setAttribute(key, attributes[key]);
    if (text !== undefined) node.textContent = text;
    parent.appendChild(node);
    return node;
  };
  const html = (name, cls, parent, text) => {
    const node = document.createElement(name);
    if (cls) node.className = cls;
    if (text !== undefined) node.textContent = text;
    parent.appendChild(node);
    return node;
  };
  const finite = v => typeof v === "number" && isFinite(v);
  const short = v => {
    if (typeof v !== "number") return String(v);
    const size = Math.abs(v);
    return v === 0 || (size >= 1e-3 && size < 1e5) ? String(+v.toPrecision(4)) : v.toExponential(2);
  };
  const ticks = (low, high, count) => {
    const rough = (high - low) / count || 1;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map(k => k * power).find(s => s >= rough * 0.999);
    const out = [];
    for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++) out.push(+(k * step).toPrecision(12));
    return out;
  };

  // Training is a line, validation a line of dashes.
  const key = (parent, s) => html("i", `key ${s.cls}`, parent);

  // Curves over epochs. What is not finite leaves a gap, and a mark where it was: × for NaN, ▲ and ▼ for infinity.
  const chart = (parent, title, series) => {
    const points = series.flatMap(s => s.points), known = points.filter(p => finite(p[1]));
    const figure = html("figure", "", parent);
    html("figcaption", "", figure, title);
    const W = 420, H = 230, L = 52, R = 10, T = 12, B = 24;
    const root = svg("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": title }, figure);
    const legend = html("div", "legend", figure);
    let low = Infinity, high = -Infinity, last = 1;
    for (const [, y] of known) { low = Math.min(low, y); high = Math.max(high, y); }
    for (const [x] of points) last = Math.max(last, x);
    if (!known.length) { low = 0; high = 1; }
    if (low === high) { const pad = Math.abs(low) * 0.1 || 1; low -= pad; high += pad; }
    const pad = (high - low) * 0.04; low -= pad; high += pad;
    const x = v => L + (last > 1 ? (v - 1) / (last - 1) : 0.5) * (W - L - R);
    const y = v => T + (high - v) / (high - low) * (H - T - B);
    if (known.length) for (const t of ticks(low, high, 5)) {
      svg("line", { x1: L, x2: W - R, y1: y(t), y2: y(t), class: "grid" }, root);
      svg("text", { x: L - 6, y: y(t) + 4, "text-anchor": "end" }, root, short(t));
    } else svg("text", { x: W / 2, y: H / 2, "text-anchor": "middle" }, root, "no finite value");
    for (const t of ticks(1, last, Math.min(8, last)).filter(t => Number.isInteger(t)))
      svg("text", { x: x(t), y: H - 6, "text-anchor": "middle" }, root, t);
    for (const s of series) {
      let path = "", pen = "M";
      const near = (at, by) => finite((s.points[at + by] || [])[1]);
      for (const [at, v] of s.points) {
        if (v === null) continue;
        if (!finite(v)) { pen = "M"; continue; }
        path += `${pen}${x(at).toFixed(1)} ${y(v).toFixed(1)}`; pen = "L";
      }
      svg("path", { d: path, class: `curve ${s.cls}` }, root);
      const few = s.points.filter(p => finite(p[1])).length < 25;
      s.points.forEach(([at, v], i) => {
        if (v === null) return;
        // A point between two gaps has no line.
        if (finite(v)) { if (few || !(near(i, -1) || near(i, 1))) svg("circle", { cx: x(at), cy: y(v), r: 2, class: s.cls }, root); return; }
        const [sign, place] = v === "NaN" ? ["×", H - B + 3] : v === "Infinity" ? ["▲", T] : ["▼", H - B];
        const mark = svg("text", { x: x(at), y: place, "text-anchor": "middle", class: `mark ${s.cls}` }, root, sign);
        svg("title", {}, mark, `${s.name}: ${v} in epoch ${at}`);
      });
    }
    const mark = svg("line", { y1: T, y2: H - B, class: "grid", visibility: "hidden" }, root);
    const tell = epoch => {
      legend.textContent = "";
      if (epoch) html("span", "", legend, `epoch ${epoch}`);
      for (const s of series.slice(0, 12)) {
        const told = s.points.filter(p => p[1] !== null && (!epoch || p[0] <= epoch));
        const item = html("span", "", legend);
        key(item, s);
        item.append(`${s.name} ${told.length ? short(told[told.length - 1][1]) : "-"}`);
      }
      if (series.length > 12) html("span", "", legend, `and ${series.length - 12} more`);
    };
    root.addEventListener("mousemove", event => {
      const box = root.getBoundingClientRect();
      const part = ((event.clientX - box.left) / box.width * W - L) / (W - L - R);
      const epoch = Math.round(1 + Math.min(1, Math.max(0, part)) * (last - 1));
      mark.setAttribute("x1", x(epoch)); mark.setAttribute("x2", x(epoch)); mark.setAttribute("visibility", "visible");
      tell(epoch);
    });
    root.addEventListener("mouseleave", () => { mark.setAttribute("visibility", "hidden"); tell(0); });
    tell(0);
  };

  const history = data => {
    const place = $("history");
    if (!place) return;
    place.textContent = "";
    const names = new Set();
    for (const run of data.runs) for (const name in run.metrics) names.add(name.replace(/^val_/, ""));
    const several = data.runs.length > 1;
    for (const name of names) {
      const series = [];
      data.runs.forEach((run, at) => ["", "val_"].forEach((prefix, which) => {
        if (!Object.hasOwn(run.metrics, prefix + name)) return;
        const curve = run.metrics[prefix + name];
        series.push({
          name: several ? (which ? `${run.name} (validation)` : run.name) : prefix + name,
          cls: `c${several ? at % 8 : which}${which ? " val" : ""}`,
          points: curve.y.map((v, i) => [curve.x ? curve.x[i] : i + 1, v]),
        });
      }));
      chart(place, name, series);
    }
    if (several && data.runs.some(run => Object.keys(run.metrics).some(name => name.startsWith("val_")))) {
      const legend = html("div", "legend wide-legend", place);
      for (const [cls, text] of [["", "training"], [" val", "validation"]]) {
        const item = html("span", "", legend);
        key(item, { cls: `dim${cls}` });
        item.append(text);
      }
    }
  };

  // An axis a flag or result, a line a run. Texts stand before lines, on a ground of the card's colour.
  const parallel = data => {
    const place = $("parallel"), axes = data.axes || [];
    if (!place || axes.length < 2) return;
    const S = 90, W = 2 * S + 150 * (axes.length - 1), H = 300, T = 40, B = 16;
    const root = svg("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": "flags and results" }, place);
    root.style.minWidth = `${Math.round(W * 0.8)}px`;
    root.style.maxWidth = `${W * 2}px`;
    const x = at => S + at * 150;
    const lines = svg("g", {}, root), front = svg("g", {}, root);
    const cut = text => text.length > 20 ? `${text.slice(0, 19)}…` : text;
    const label = (at, y, text) => {
      const left = at === axes.length - 1;
      const node = svg("text", { x: x(at) + (left ? -6 : 6), y, "text-anchor": left ? "end" : "start", class: "front" }, front, cut(text));
      svg("title", {}, node, text);
      const box = node.getBBox();
      front.insertBefore(svg("rect", { x: box.x - 2, y: box.y, width: box.width + 4, height: box.height, class: "ground" }, front), node);
    };
    const scales = axes.map((axis, at) => {
      svg("line", { x1: x(at), x2: x(at), y1: T, y2: H - B, class: "axis" }, front);
      svg("title", {}, svg("text", { x: x(at), y: 18, "text-anchor": "middle", class: "front name" }, front, cut(axis.name)), axis.name);
      const known = axis.values.filter(v => v !== null), numbers = known.filter(finite);
      const other = known.some(v => typeof v === "string" && !["NaN", "Infinity", "-Infinity"].includes(v));
      if (numbers.length && !other) {
        let low = Math.min(...numbers), high = Math.max(...numbers);
        const log = low > 0 && high / low >= 50;
        const of = v => log ? Math.log(v) : v;
        const scale = v => finite(v) ? H - B - (high > low ? (of(v) - of(low)) / (of(high) - of(low)) : 0.5) * (H - T - B) : null;
        const middle = log ? Math.sqrt(low * high) : (low + high) / 2;
        for (const v of new Set([low, middle, high])) label(at, scale(v) + 4, short(v));
        return scale;
      }
      const kinds = [...new Set(known.map(String))].sort();
      const scale = v => v === null ? null : H - B - (kinds.length > 1 ? kinds.indexOf(String(v)) / (kinds.length - 1) : 0.5) * (H - T - B);
      const every = Math.ceil(kinds.length / 16);
      kinds.forEach((kind, i) => { if (i % every === 0) label(at, scale(kind) + 4, kind); });
      return scale;
    });
    data.runs.forEach((run, i) => {
      let path = "", pen = "M";
      axes.forEach((axis, at) => {
        const y = scales[at](axis.values[i] ?? null);
        if (y === null) { pen = "M"; return; }
        path += `${pen}${x(at).toFixed(1)} ${y.toFixed(1)}`; pen = "L";
      });
      svg("title", {}, svg("path", { d: path, class: `curve c${i % 8}` }, lines), run.name);
    });
  };

  const data = JSON.parse($("data").textContent);
  if (!data) return;
  history(data);
  parallel(data);

  const live = document.body.dataset.live;
  const ask = async () => {
    try {
      const answer = await fetch(live, { cache: "no-store" });
      const run = await answer.json();
      if (run.status !== "running") { location.reload(); return; }
      history({ runs: [run] });
    } catch { /* The server is gone, or busy; it may come back. */ }
    setTimeout(ask, 1000);
  };
  if (live) setTimeout(ask, 1000);
})();
