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

  // Curves over epochs; what is not finite leaves a gap.
  const chart = (parent, title, series) => {
    const points = series.flatMap(s => s.points).filter(p => finite(p[1]));
    const figure = html("figure", "", parent);
    html("figcaption", "", figure, title);
    const W = 420, H = 230, L = 52, R = 10, T = 8, B = 22;
    const root = svg("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": title }, figure);
    const legend = html("div", "legend", figure);
    if (!points.length) { svg("text", { x: L, y: H / 2 }, root, "no finite values"); return; }
    let low = Infinity, high = -Infinity, last = 1;
    for (const [x, y] of points) { low = Math.min(low, y); high = Math.max(high, y); last = Math.max(last, x); }
    if (low === high) { const pad = Math.abs(low) * 0.1 || 1; low -= pad; high += pad; }
    const pad = (high - low) * 0.04; low -= pad; high += pad;
    const x = v => L + (last > 1 ? (v - 1) / (last - 1) : 0.5) * (W - L - R);
    const y = v => T + (high - v) / (high - low) * (H - T - B);
    for (const t of ticks(low, high, 5)) {
      svg("line", { x1: L, x2: W - R, y1: y(t), y2: y(t), class: "grid" }, root);
      svg("text", { x: L - 6, y: y(t) + 4, "text-anchor": "end" }, root, short(t));
    }
    for (const t of ticks(1, last, Math.min(8, last)).filter(t => Number.isInteger(t)))
      svg("text", { x: x(t), y: H - 6, "text-anchor": "middle" }, root, t);
    for (const s of series) {
      let path = "", pen = "M";
      for (const [at, v] of s.points) {
        if (v === null) continue;
        if (!finite(v)) { pen = "M"; continue; }
        path += `${pen}${x(at).toFixed(1)} ${y(v).toFixed(1)}`; pen = "L";
      }
      svg("path", { d: path, class: `curve ${s.cls}` }, root).style.background = "none";
      if (s.points.filter(p => finite(p[1])).length < 25)
        for (const [at, v] of s.points) if (finite(v)) svg("circle", { cx: x(at), cy: y(v), r: 2, class: s.dot }, root);
    }
    const mark = svg("line", { y1: T, y2: H - B, class: "grid", visibility: "hidden" }, root);
    const tell = epoch => {
      legend.textContent = "";
      if (epoch) html("span", "", legend, `epoch ${epoch}`);
      for (const s of series.slice(0, 12)) {
        const known = s.points.filter(p => p[1] !== null && (!epoch || p[0] <= epoch));
        const item = html("span", "", legend);
        html("i", `dot ${s.dot}`, item);
        item.append(`${s.name} ${known.length ? short(known[known.length - 1][1]) : "-"}`);
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
    const names = [];
    for (const run of data.runs) for (const name in run.metrics) {
      const base = name.replace(/^val_/, "");
      if (!names.includes(base)) names.push(base);
    }
    for (const name of names) {
      const series = [];
      data.runs.forEach((run, at) => ["", "val_"].forEach((prefix, which) => {
        const curve = run.metrics[prefix + name];
        if (!curve) return;
        const several = data.runs.length > 1;
        const colour = several ? at % 8 : which;
        series.push({
          name: several ? (which ? `${run.name} val` : run.name) : prefix + name,
          dot: `c${colour}`,
          cls: `c${colour}` + (which && several ? " val" : ""),
          points: curve.y.map((v, i) => [curve.x ? curve.x[i] : i + 1, v]),
        });
      }));
      chart(place, name, series);
    }
  };

  // An axis a flag or result, a line a run.
  const parallel = data => {
    const place = $("parallel"), axes = data.axes || [];
    if (!place || axes.length < 2) return;
    const W = Math.max(600, 130 * axes.length), H = 300, T = 34, B = 20, S = 70;
    const root = svg("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": "flags and results" }, place);
    const x = at => S + at * (W - 2 * S) / (axes.length - 1);
    const scales = axes.map((axis, at) => {
      svg("line", { x1: x(at), x2: x(at), y1: T, y2: H - B, class: "grid" }, root);
      svg("text", { x: x(at), y: 16, "text-anchor": "middle" }, root, axis.name.slice(0, 22));
      const known = axis.values.filter(v => v !== null), numbers = known.filter(finite);
      if (numbers.length && numbers.length === known.length) {
        let low = Math.min(...numbers), high = Math.max(...numbers);
        const log = low > 0 && high / low >= 50;
        const of = v => log ? Math.log(v) : v;
        const scale = v => finite(v) ? H - B - (high > low ? (of(v) - of(low)) / (of(high) - of(low)) : 0.5) * (H - T - B) : null;
        for (const v of new Set([low, high]))
          svg("text", { x: x(at) + 5, y: scale(v) + 4 }, root, short(v));
        return scale;
      }
      const kinds = [...new Set(known.map(String))].sort();
      const scale = v => v === null ? null : H - B - (kinds.length > 1 ? kinds.indexOf(String(v)) / (kinds.length - 1) : 0.5) * (H - T - B);
      for (const kind of kinds.slice(0, 10)) svg("text", { x: x(at) + 5, y: scale(kind) + 4 }, root, kind.slice(0, 16));
      return scale;
    });
    data.runs.forEach((run, i) => {
      let path = "", pen = "M";
      axes.forEach((axis, at) => {
        const y = scales[at](axis.values[i] ?? null);
        if (y === null) { pen = "M"; return; }
        path += `${pen}${x(at).toFixed(1)} ${y.toFixed(1)}`; pen = "L";
      });
      const line = svg("path", { d: path, class: `curve c${i % 8}` }, root);
      line.style.background = "none";
      svg("title", {}, line, run.name);
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
