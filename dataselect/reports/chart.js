// Draws traces and a layout as SVG: points with error bars, lines, areas, stacked bars, heat maps, on linear or
// logarithmic axes. A small part of what plotting libraries do, so that a page weighs kilobytes. All text is text nodes.
"use strict";

const SVG_NAMES = "http://www.w3.org/2000/svg";
const ink = document.createElement("canvas").getContext("2d");

function put(parent, name, attributes, text) {
  const made = document.createElementNS(SVG_NAMES, name);
  Object.entries(attributes).forEach(([key, value]) => value !== undefined && made.setAttribute(key, value));
  if (text !== undefined) made.textContent = text;
  parent.append(made);
  return made;
}

function textWidth(text, size, family) {
  ink.font = `${size}px ${family}`;
  return ink.measureText(text).width;
}

function clipped(text, width, size, family) {
  let all = [...String(text)];
  if (textWidth(all.join(""), size, family) <= width) return all.join("");
  while (all.length > 1 && textWidth(all.join("") + "…", size, family) > width) all = all.slice(0, -1);
  return all.join("") + "…";
}

const written = (value, places) => Number(value).toLocaleString("en", { minimumFractionDigits: places, maximumFractionDigits: places }).replace("-", "\u2212");

function tickText(value, step, format) {
  if (format === ".0%") return `${written(100 * value, step < 0.0099 ? 1 : 0)}\u00a0%`;
  if (format === "~g") return Math.abs(value) >= 1e5 || (value && Math.abs(value) < 1e-3) ? value.toExponential(0).replace("-", "\u2212") : String(Number(value.toPrecision(3))).replace("-", "\u2212");
  return written(value, Math.max(0, Math.min(8, -Math.floor(Math.log10(step) + 1e-9))));
}

function linearTicks(low, high, most) {
  const raw = (high - low) / most, power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= raw * (1 - 1e-9));
  const ticks = [];
  for (let n = Math.ceil(low / step - 1e-9); n * step <= high + 1e-9 * step; n++) ticks.push(n * step || 0);
  return { ticks, step };
}

function logTicks(low, high, most) {
  for (const digits of [[1, 2, 3, 5, 7], [1, 2, 5], [1, 3], [1]]) {
    const ticks = [];
    for (let power = Math.floor(low); power <= Math.ceil(high); power++) ticks.push(...digits.map((d) => d * 10 ** power));
    const inside = ticks.filter((v) => Math.log10(v) >= low - 1e-9 && Math.log10(v) <= high + 1e-9);
    if (inside.length <= most || digits.length === 1) return { ticks: inside, step: 1 };
  }
}

// One axis: its limits in transformed units, ticks with labels, and the place of a value between two pixels.
function axisOf(options, values, most) {
  const log = options.type === "log", turn = log ? Math.log10 : (v) => v;
  const known = values.filter((v) => v !== null && v !== undefined && Number.isFinite(turn(v))).map(turn);
  let [low, high] = options.range || [known.reduce((a, b) => Math.min(a, b), Infinity), known.reduce((a, b) => Math.max(a, b), -Infinity)];
  if (!options.range) {
    if (!known.length) [low, high] = [0, 1];
    if (options.rangemode === "tozero") [low, high] = [Math.min(0, low), Math.max(0, high)];
    const room = high > low ? 0.05 * (high - low) : Math.abs(high) * 0.1 || 1;
    [low, high] = [options.rangemode === "tozero" && low === 0 ? 0 : low - room, high + room];
    if (options.autorange === "reversed") [low, high] = [high, low];
  }
  const made = options.tickvals ? { ticks: options.tickvals, step: 1 } : (log ? logTicks : linearTicks)(Math.min(low, high), Math.max(low, high), most);
  const labels = made.ticks.map((v, i) => options.ticktext ? String(options.ticktext[i]) : tickText(v, made.step, options.tickformat));
  return { ticks: made.ticks, labels, place: (v, from, to) => from + (turn(v) - low) / (high - low) * (to - from) };
}

const MARKS = {
  "triangle-up": "M-1 .8L0 -1L1 .8Z", "triangle-down": "M-1 -.8L0 1L1 -.8Z", diamond: "M0 -1L1 0L0 1L-1 0Z", square: "M-.8 -.8H.8V.8H-.8Z",
  cross: "M-.35 -1H.35V-.35H1V.35H.35V1H-.35V.35H-1V-.35H-.35Z", "line-ew-open": "M-1.6 -.5H1.6V.5H-1.6Z",
};

function putMark(parent, x, y, { symbol = "circle", color, size = 6, opacity = 1 }) {
  const open = symbol.endsWith("-open") && symbol !== "line-ew-open", path = MARKS[symbol] || MARKS[symbol.replace("-open", "")];
  const paint = open ? { fill: "none", stroke: color, "stroke-width": 1.5 } : { fill: opacity ? color : "transparent", "fill-opacity": opacity || undefined };
  if (!path) return put(parent, "circle", { cx: x, cy: y, r: size / 2, ...paint });
  return put(parent, "path", { d: path.replace(/-?[\d.]+/g, (n) => Number(n) * size / 2), transform: `translate(${x} ${y})`, ...paint });
}

function putText(parent, x, y, text, { size = 13, color, anchor = "start", halo, turned, cls }) {
  const attributes = { x, y, fill: color, "text-anchor": anchor, "font-size": size, class: cls };
  if (halo) Object.assign(attributes, { stroke: halo, "stroke-width": 3, "paint-order": "stroke", "stroke-linejoin": "round" });
  if (turned) attributes.transform = `rotate(${turned} ${x} ${y})`;
  return put(parent, "text", attributes, text);
}

function shade(scale, share) {
  const at = Math.max(0, Math.min(1, share)), n = scale.findIndex(([stop]) => stop >= at) || 1;
  const [[from, a], [to, b]] = [scale[n - 1], scale[n]], part = (at - from) / (to - from || 1);
  const parse = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
  return parse(a).map((v, i) => Math.round(v + part * (parse(b)[i] - v)));
}

const hoverOf = (trace, i, j) => { const found = trace.hover; return j === undefined ? found?.[i] : found?.[i]?.[j]; };

const PUT = {
  scatter(group, trace, X, Y, box, theme, below) {
    const points = trace.x.map((x, i) => [x, trace.y[i]]).map(([x, y]) => x === null || y === null || y === undefined ? null : [X(x), Y(y)]);
    if (trace.mode.includes("lines")) {
      const path = (list) => list.map((p, i) => p ? `${i && list[i - 1] ? "L" : "M"}${p[0].toFixed(1)} ${p[1].toFixed(1)}` : "").join("");
      if (trace.fill) {
        const ground = trace.fill === "tonexty" ? [...below].reverse().filter(Boolean).map((p) => `L${p[0].toFixed(1)} ${p[1].toFixed(1)}`).join("") : "";
        put(group, "path", { d: path(points) + ground + "Z", fill: trace.fillcolor, "fill-opacity": trace.opacity });
      }
      const dash = { dash: "6 4", dot: "2 3", dashdot: "6 3 2 3" }[trace.line?.dash];
      if (trace.line?.width) put(group, "path", { d: path(points), fill: "none", stroke: trace.line.color, "stroke-width": trace.line.width, "stroke-dasharray": dash });
    }
    points.forEach((p, i) => {
      if (!p) return;
      for (const [name, along] of [["error_x", 0], ["error_y", 1]]) {
        const error = trace[name], scale = along ? Y : X, value = along ? trace.y[i] : trace.x[i];
        if (!error) continue;
        const [a, b] = [scale(value - error.arrayminus[i]), scale(value + error.array[i])];
        const ends = along ? { x1: p[0], x2: p[0], y1: a, y2: b } : { x1: a, x2: b, y1: p[1], y2: p[1] };
        put(group, "line", { ...ends, stroke: error.color, "stroke-width": error.thickness });
      }
      if (trace.mode.includes("markers")) putMark(group, p[0], p[1], trace.marker);
      if (hoverOf(trace, i)) put(group, "circle", { cx: p[0], cy: p[1], r: 9, fill: "transparent" }).dataset.hover = hoverOf(trace, i);
    });
    return points;
  },
  bar(group, trace, X, Y, box, theme, below, ends) {
    const high = Math.abs(Y(1) - Y(0)) * (1 - (box.bargap ?? 0.3));
    trace.x.forEach((value, i) => {
      const start = ends[i] || 0;
      ends[i] = start + value;
      if (!value) return;
      const made = put(group, "rect", { x: X(start), y: Y(trace.y[i]) - high / 2, width: Math.max(0, X(ends[i]) - X(start)), height: high, fill: trace.marker.color, stroke: theme.paper });
      made.dataset.hover = hoverOf(trace, i) || "";
    });
  },
  heatmap(group, trace, X, Y, box, theme) {
    const wide = Math.abs(X(1) - X(0)) - trace.xgap, high = Math.abs(Y(1) - Y(0)) - trace.ygap;
    trace.z.forEach((row, i) => row.forEach((value, j) => {
      if (value === null) return;
      const rgb = shade(trace.colorscale, (value - trace.zmin) / (trace.zmax - trace.zmin || 1));
      const made = put(group, "rect", { x: X(trace.x[j]) - wide / 2, y: Y(trace.y[i]) - high / 2, width: Math.max(1, wide), height: Math.max(1, high), fill: `rgb(${rgb})` });
      made.dataset.hover = hoverOf(trace, i, j) || "";
      const text = trace.label?.[i]?.[j];
      if (!text || textWidth(text, trace.textfont.size, theme.font) > wide) return;
      const light = 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2] > 140;
      putText(group, X(trace.x[j]), Y(trace.y[i]) + 4, text, { size: trace.textfont.size, color: light ? "#1c1e21" : "#ffffff", anchor: "middle" }).setAttribute("pointer-events", "none");
    }));
  },
};

function marginsOf(layout, x, y, width, theme) {
  const { xaxis, yaxis } = layout, top = xaxis.side === "top";
  const widest = Math.max(0, ...y.labels.map((label) => textWidth(label, yaxis.tickfont.size || 13, theme.font)));
  const named = yaxis.showticklabels !== false;
  const left = (named ? Math.min(widest, 0.4 * width) + 12 : 14) + (yaxis.title?.text ? 24 : 0);
  const turned = xaxis.tickangle ? Math.min(190, 0.77 * Math.max(0, ...x.labels.map((label) => textWidth(label, 12, theme.font))) + 12) : 22;
  return { left, right: xaxis.tickangle ? 64 : 16, top: (top ? turned + 4 : 8) + (layout.room || 0), bottom: (top ? 8 : turned + 4) + (xaxis.title?.text ? 24 : 0) };
}

function putAxes(svg, layout, x, y, box, theme) {
  const { xaxis, yaxis } = layout, top = xaxis.side === "top";
  const [left, right, up, down] = [box.left, box.width - box.right, box.top, box.height - box.bottom];
  x.ticks.forEach((v, i) => {
    const at = x.place(v, left, right);
    if (xaxis.showgrid !== false) put(svg, "line", { x1: at, x2: at, y1: up, y2: down, stroke: theme.grid });
    const turned = xaxis.tickangle, edge = top ? up - 8 : down + 18;
    const tick = put(svg, "g", { class: "xtick" });
    putText(tick, at, edge, turned ? clipped(x.labels[i], 240, 12, theme.font) : x.labels[i], { size: xaxis.tickfont.size || 12, color: xaxis.tickfont.color, anchor: turned ? "start" : "middle", turned });
  });
  y.ticks.forEach((v, i) => {
    const at = y.place(v, down, up);
    if (yaxis.showgrid !== false) put(svg, "line", { x1: left, x2: right, y1: at, y2: at, stroke: theme.grid });
    if (yaxis.showticklabels === false) return;
    const size = yaxis.tickfont.size || 13;
    putText(svg, left - 9, at + 4, clipped(y.labels[i], left - 10, size, theme.font), { size, color: yaxis.tickfont.color, anchor: "end" });
  });
  if (xaxis.title?.text) putText(svg, (left + right) / 2, box.height - 6, clipped(xaxis.title.text, box.width, 13, theme.font), { color: theme.muted, anchor: "middle" });
  if (yaxis.title?.text) putText(svg, 13, (up + down) / 2, yaxis.title.text, { color: theme.muted, anchor: "middle", turned: -90 });
}

function putShape(svg, shape, X, Y, box) {
  const x = (v) => shape.xref === "paper" ? box.left + v * (box.width - box.right - box.left) : X(v);
  const y = (v) => shape.yref === "paper" ? box.height - box.bottom - v * (box.height - box.bottom - box.top) : Y(v);
  put(svg, "line", { x1: x(shape.x0), x2: x(shape.x1), y1: y(shape.y0), y2: y(shape.y1), stroke: shape.line.color, "stroke-width": shape.line.width });
}

function putNote(svg, note, Y, box, theme) {
  const right = note.xanchor === "right", x = right ? box.width - box.right : note.yref === "paper" ? box.left : 2;
  const y = (note.yref === "paper" ? box.height - box.bottom : Y(note.y)) - (note.yshift || 0) - 3;
  const width = box.width - 4 - (right ? box.left : x);
  putText(svg, x, y, clipped(note.text, width, note.font.size, theme.font), { ...note.font, anchor: right ? "end" : "start", halo: note.bgcolor });
}

function legendOf(traces, theme) {
  const list = document.createElement("div");
  list.className = "legend";
  traces.filter((trace) => trace.name && trace.showlegend !== false).forEach((trace) => {
    const entry = document.createElement("span"), svg = put(entry, "svg", { width: 18, height: 12, "aria-hidden": "true" });
    const marker = trace.type === "bar" ? { symbol: "square", size: 12, color: trace.marker.color } : { ...trace.marker, size: 9, opacity: 1 };
    if (trace.mode?.includes("lines")) put(svg, "line", { x1: 0, x2: 18, y1: 6, y2: 6, stroke: trace.line.color, "stroke-width": 2 });
    putMark(svg, 9, 6, marker);
    entry.append(trace.name);
    list.append(entry);
  });
  return list;
}

// Follows the pointer with the text of what is under it; a tap does the same.
function offerHover(holder, svg) {
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  holder.append(tip);
  const show = (event) => {
    const text = event.target.dataset?.hover;
    tip.hidden = !text;
    if (!text) return;
    tip.textContent = text;
    const area = holder.getBoundingClientRect(), x = event.clientX - area.left, y = event.clientY - area.top;
    tip.style.left = `${Math.max(0, Math.min(x + 12, area.width - tip.offsetWidth))}px`;
    tip.style.top = `${Math.max(0, y - tip.offsetHeight - 12)}px`;
  };
  svg.addEventListener("pointermove", show);
  svg.addEventListener("pointerdown", show);
  svg.addEventListener("pointerleave", () => { tip.hidden = true; });
}

function drawChart(holder, traces, layout, theme) {
  const width = Math.max(200, holder.clientWidth || document.querySelector("main").clientWidth), height = layout.height;
  const x0 = traces.flatMap((t) => t.type === "bar" ? [0] : t.x.flatMap((v, i) => v === null ? [] : t.error_x ? [v - t.error_x.arrayminus[i], v + t.error_x.array[i]] : [v]));
  const y0 = traces.flatMap((t) => t.y.flatMap((v, i) => v === null || v === undefined ? [] : t.error_y ? [v - t.error_y.arrayminus[i], v + t.error_y.array[i]] : [v]));
  const cells = traces[0]?.type === "heatmap" ? { x: { range: [-0.5, traces[0].x.length - 0.5] }, y: { range: [traces[0].y.length - 0.5, -0.5] } } : { x: {}, y: {} };
  const x = axisOf({ ...cells.x, ...layout.xaxis }, x0, Math.max(3, Math.floor(width / (width < 500 ? 70 : 105)))), y = axisOf({ ...cells.y, ...layout.yaxis }, y0, 6);
  const margins = marginsOf(layout, x, y, width, theme), box = { ...margins, width, height, bargap: layout.bargap };
  const X = (v) => x.place(v, box.left, width - box.right), Y = (v) => y.place(v, height - box.bottom, box.top);
  holder.replaceChildren();
  const legend = legendOf(traces, theme);
  if (layout.showlegend) holder.append(legend);
  const svg = put(holder, "svg", { class: "main-svg", width, height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true", "font-family": theme.font });
  layout.shapes.filter((shape) => shape.layer === "below").forEach((shape) => putShape(svg, shape, X, Y, box));
  putAxes(svg, layout, x, y, box, theme);
  layout.shapes.filter((shape) => shape.layer !== "below").forEach((shape) => putShape(svg, shape, X, Y, box));
  let below = [];
  const ends = {};
  traces.forEach((trace) => { below = PUT[trace.type](put(svg, "g", {}), trace, X, Y, box, theme, below, ends) || below; });
  layout.annotations.forEach((note) => putNote(svg, note, Y, box, theme));
  if (layout.list) layout.list.forEach((line) => { const made = document.createElement("div"); made.className = "chart-list"; made.textContent = line; holder.append(made); });
  offerHover(holder, svg);
}
