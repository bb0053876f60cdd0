// One function per kind of plot: from its data and the page's colours to the traces and the layout that chart.js draws.
"use strict";

const named = (item) => item.label + (item.amount ? `, ${item.amount}` : "");

// Paul Tol's "muted" and "light" schemes: told apart with any kind of colour vision.
const PARTS = {
  light: ["#332288", "#88CCEE", "#44AA99", "#117733", "#999933", "#DDCC77", "#CC6677", "#882255", "#AA4499"],
  dark: ["#77AADD", "#99DDFF", "#44BB99", "#BBCC33", "#AAAA00", "#EEDD88", "#EE8866", "#FFAABB", "#C7A9E0"],
};
const SYMBOLS = { better: "triangle-up", worse: "triangle-down", fewer: "triangle-down", more: "triangle-up", none: "circle" };
const TONES = { better: "better", worse: "worse", none: "no difference shown" };

function pageTheme() {
  const style = getComputedStyle(document.documentElement);
  const value = (name) => style.getPropertyValue(`--${name}`).trim();
  const dark = style.colorScheme === "dark";
  return {
    dark, narrow: matchMedia("(max-width: 40rem)").matches, font: value("sans"), parts: PARTS[dark ? "dark" : "light"],
    ...Object.fromEntries(["paper", "raised", "ink", "muted", "rule", "grid", "better", "worse", "none", "link"].map((n) => [n, value(n)])),
  };
}

function baseLayout(theme, height) {
  const axis = () => ({ tickfont: { color: theme.muted }, title: { text: "" } });
  return { height, showlegend: false, annotations: [], shapes: [], xaxis: axis(), yaxis: axis() };
}

// Rows from top to bottom, named at the left; on a narrow screen above each row, where there is room for long names.
function nameRows(layout, names, theme, lift) {
  const positions = names.map((_, row) => row);
  Object.assign(layout.yaxis, {
    tickvals: positions, range: [names.length - 0.5, -0.5 - (theme.narrow ? 0.15 : 0)], showgrid: false,
    ticktext: names, showticklabels: !theme.narrow, tickfont: { color: theme.ink },
  });
  if (!theme.narrow) return;
  layout.annotations.push(...names.map((name, row) => ({
    text: name, y: row, yshift: lift, font: { size: 12, color: theme.ink }, bgcolor: theme.paper,
  })));
}

function intervals(points, position, pick, hover, theme, filled) {
  return Object.keys(TONES).map((tone) => {
    const rows = points.map((point, row) => ({ point, row })).filter(({ point }) => pick(point) && (filled ? point.tone === tone : tone === "none"));
    const color = filled ? theme[tone] : theme.muted;
    return {
      type: "scatter", mode: "markers", showlegend: false,
      x: rows.map(({ point }) => pick(point)[0]), y: rows.map(({ row }) => row + position),
      error_x: {
        color, thickness: filled ? 2 : 1.2,
        array: rows.map(({ point }) => pick(point)[2] - pick(point)[0]), arrayminus: rows.map(({ point }) => pick(point)[0] - pick(point)[1]),
      },
      marker: { symbol: filled ? SYMBOLS[tone] : "diamond-open", color, size: filled ? 11 : 8 },
      hover: rows.map(({ point }) => hover(point)),
    };
  }).filter((trace) => trace.x.length);
}

function legendEntry(name, symbol, color) {
  return { type: "scatter", mode: "markers", x: [], y: [], name, showlegend: true, marker: { symbol, color, size: 9 } };
}

function forest(data, theme) {
  const { points } = data;
  const matched = points.some((point) => point.matched);
  const layout = baseLayout(theme, 120 + points.length * (theme.narrow ? 50 : matched ? 36 : 30));
  nameRows(layout, points.map(named), theme, 7);
  layout.xaxis.title.text = `${data.metric}: difference`;
  layout.shapes.push({ type: "line", x0: 0, x1: 0, yref: "paper", y0: 0, y1: 1, line: { color: theme.muted, width: 1 } });
  const lower = data.direction === "lower";
  const edge = (text, x) => ({ text, xanchor: x ? "right" : "left", yref: "paper", font: { size: 12, color: theme.muted } });
  layout.annotations.push(edge(lower ? "← better" : "← worse", 0), edge(lower ? "worse →" : "better →", 1));
  layout.yaxis.range[0] += theme.narrow ? 0.35 : 0.3;
  layout.showlegend = true;
  const present = Object.keys(TONES).filter((tone) => points.some((point) => point.tone === tone));
  const traces = [
    ...intervals(points, 0, (point) => point.random, (point) => point.hover, theme, true),
    ...intervals(points, 0.27, (point) => point.matched, (point) => point.matched_hover, theme, false),
    ...present.map((tone) => legendEntry(TONES[tone], SYMBOLS[tone], theme[tone])),
  ];
  if (matched) traces.push(legendEntry("against the same lengths", "diamond-open", theme.muted));
  return { traces, layout };
}

function defects(data, theme) {
  const { points } = data;
  const layout = baseLayout(theme, 110 + points.length * (theme.narrow ? 46 : 28));
  nameRows(layout, points.map(named), theme, 7);
  layout.xaxis.title.text = "share of the selection that is defective";
  layout.xaxis.tickformat = ".0%";
  layout.xaxis.range = [0, 1.08 * Math.max(...points.map((point) => Math.max(point.share, point.high)), 0.01)];
  layout.showlegend = true;
  layout.shapes = points.map((point, row) => ({
    type: "line", x0: point.low, x1: point.high, y0: row, y1: row, line: { color: theme.rule, width: 9 }, layer: "below",
  }));
  const colors = { fewer: theme.better, more: theme.worse, none: theme.none };
  const traces = Object.keys(colors).map((tone) => {
    const rows = points.map((point, row) => ({ point, row })).filter(({ point }) => point.tone === tone);
    return {
      type: "scatter", mode: "markers", showlegend: false, x: rows.map(({ point }) => point.share), y: rows.map(({ row }) => row),
      marker: { symbol: SYMBOLS[tone], color: colors[tone], size: 11 },
      hover: rows.map(({ point }) => point.hover),
    };
  }).filter((trace) => trace.x.length);
  traces.push(legendEntry("let through", "circle", theme.none), legendEntry("95 in 100 random choices", "line-ew-open", theme.rule));
  return { traces, layout };
}

function stepped(edges, heights) {
  const x = [], y = [];
  heights.forEach((height, bin) => { x.push(edges[bin], edges[bin + 1]); y.push(height, height); });
  return { x: [edges[0], ...x, edges[edges.length - 1]], y: [0, ...y, 0] };
}

function distribution(data, theme, chosen) {
  const pool = data.series.find((series) => series.strategy === null);
  const shown = data.series.filter((series) => series.strategy !== null && (!chosen || series.amount === chosen));
  const rows = shown.length ? shown : [pool];
  const share = (series) => { const n = series.counts.reduce((a, b) => a + b, 0) || 1; return series.counts.map((count) => count / n); };
  const layout = baseLayout(theme, 76 + rows.length * (theme.narrow ? 72 : 58));
  nameRows(layout, rows.map((series) => series.strategy ?? "whole pool"), theme, theme.narrow ? 22 : 0);
  layout.yaxis.range = [rows.length - 0.5 + 0.08, -0.62];
  layout.xaxis.title.text = data.name + (data.log ? " (logarithmic)" : "");
  if (data.log) Object.assign(layout.xaxis, { type: "log", tickformat: "~g" });
  const traces = [];
  rows.forEach((series, row) => {
    const floor = row + 0.42, height = (theme.narrow ? 0.58 : 0.84) / (Math.max(...share(series), ...share(pool)) || 1);
    const base = { type: "scatter", mode: "lines", showlegend: false };
    const line = (values, style) => { const s = stepped(data.edges, values); return { ...base, x: s.x, y: s.y.map((v) => floor - v * height), ...style }; };
    const ground = { ...base, x: [data.edges[0], data.edges[data.edges.length - 1]], y: [floor, floor], line: { width: 1, color: theme.rule } };
    traces.push(ground, line(share(series), { fill: "tonexty", fillcolor: theme.dark ? "rgba(116,182,245,.34)" : "rgba(11,94,168,.22)", line: { width: 1.4, color: theme.link } }));
    if (series !== pool) traces.push(line(share(pool), { line: { width: 1, color: theme.muted, dash: "dot" } }));
    const total = series.counts.reduce((a, b) => a + b, 0);
    const centre = (bin) => data.log ? Math.sqrt(data.edges[bin] * data.edges[bin + 1]) : (data.edges[bin] + data.edges[bin + 1]) / 2;
    traces.push({
      type: "scatter", mode: "markers", showlegend: false, marker: { opacity: 0, size: 14 },
      x: series.counts.map((_, bin) => centre(bin)), y: share(series).map((v) => floor - v * height / 2),
      hover: series.counts.map((count, bin) => `${series.strategy ?? "whole pool"}: ${count} of ${total} rows, ${Number(data.edges[bin].toPrecision(3))} to ${Number(data.edges[bin + 1].toPrecision(3))}`),
    });
  });
  return { traces, layout };
}

function scatter(data, theme) {
  const layout = baseLayout(theme, theme.narrow ? 360 : 460);
  layout.xaxis.title.text = "similarity to the target (cosine)";
  layout.yaxis.title.text = "perplexity (logarithmic)";
  Object.assign(layout.yaxis, { type: "log", tickformat: "~g" });
  const three = (value) => Number(value.toPrecision(4));
  const trace = {
    type: "scatter", mode: "markers", x: data.points.map((p) => p.similarity), y: data.points.map((p) => p.ppl),
    marker: { color: theme.link, size: 6, opacity: data.points.length > 400 ? 0.35 : 0.6 },
    hover: data.points.map((p) => `similarity ${p.similarity.toFixed(3)}, perplexity ${three(p.ppl)}\n${p.id}${p.excerpt ? "\n" + p.excerpt : ""}`),
  };
  return { traces: [trace], layout };
}

function overlap(data, theme) {
  const n = data.names.length, side = theme.narrow ? 34 : 44;
  const layout = baseLayout(theme, 60 + n * side);
  const ticks = { tickvals: data.names.map((_, i) => i), showgrid: false, tickfont: { color: theme.ink, size: theme.narrow ? 11 : 13 } };
  const numbers = data.names.map((_, i) => i + 1), numbered = data.names.map((name, i) => `${i + 1}  ${name}`);
  Object.assign(layout.yaxis, ticks, { ticktext: theme.narrow ? numbers : numbered });
  Object.assign(layout.xaxis, ticks, { ticktext: numbers, side: "top" });
  if (theme.narrow) layout.list = numbered;
  const label = data.values.map((row, i) => row.map((v, j) => v === null || i === j ? "" : v.toFixed(2)));
  const trace = {
    type: "heatmap", z: data.values.map((row, i) => row.map((v, j) => i === j ? null : v)), x: numbers.map((_, i) => i), y: numbers.map((_, i) => i),
    xgap: 2, ygap: 2, zmin: 0, zmax: 1, label, textfont: { size: theme.narrow ? 10 : 12 },
    colorscale: theme.dark ? [[0, "#1d2024"], [0.5, "#2b5f8f"], [1, "#8cc2f7"]] : [[0, "#f0efe9"], [0.5, "#7ba9d3"], [1, "#0b4a85"]],
    hover: label.map((row, i) => row.map((text, j) => `${data.names[i]} and ${data.names[j]}: ${text}`)),
  };
  return { traces: [trace], layout };
}

function composition(data, theme, chosen) {
  const bars = data.bars.filter((bar) => !bar.amount || !chosen || bar.amount === chosen);
  const totals = data.names.map((_, part) => data.bars.reduce((sum, bar) => sum + bar.counts[part], 0));
  const ranked = data.names.map((_, part) => part).sort((a, b) => totals[b] - totals[a] || a - b);
  const own = ranked.slice(0, data.most), rest = ranked.slice(data.most);
  const groups = own.map((part) => ({ name: data.names[part], parts: [part] }));
  if (rest.length) groups.push({ name: `${rest.length} others`, parts: rest });
  const layout = baseLayout(theme, 110 + bars.length * (theme.narrow ? 50 : 32));
  nameRows(layout, bars.map((bar) => bar.label), theme, 14);
  Object.assign(layout, { bargap: theme.narrow ? 0.56 : 0.3, showlegend: true });
  Object.assign(layout.xaxis, { tickformat: ".0%", range: [0, 1], tickvals: [0, 0.25, 0.5, 0.75, 1], side: "top", showgrid: false });
  const traces = groups.map((group, n) => {
    const counts = bars.map((bar) => group.parts.reduce((sum, part) => sum + bar.counts[part], 0));
    const sizes = bars.map((bar) => bar.counts.reduce((a, b) => a + b, 0) || 1);
    return {
      type: "bar", name: group.name, x: counts.map((c, i) => c / sizes[i]), y: bars.map((_, row) => row),
      marker: { color: n < own.length ? theme.parts[n] : theme.none },
      hover: counts.map((c, i) => `${bars[i].label}, ${group.name}: ${c} of ${sizes[i]} rows`),
    };
  });
  return { traces, layout };
}

const DRAW = { forest, defects, distribution, scatter, overlap, composition };
