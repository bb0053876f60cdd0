// Plots of an analysis: effects with intervals, a matrix of rows and columns, curves, and points. See plots.js for the grain.
"use strict";

function effects(data, theme) {
  const { points } = data;
  const layout = baseLayout(theme, 96 + points.length * (theme.narrow ? 46 : 28));
  nameRows(layout, points.map(named), theme, 7);
  layout.xaxis.title.text = data.title;
  layout.shapes.push({ type: "line", x0: 0, x1: 0, yref: "paper", y0: 0, y1: 1, line: { color: theme.muted, width: 1 } });
  return { traces: intervals(points, 0, (point) => point.range, (point) => point.hover, theme, true), layout };
}

function matrix(data, theme, chosen) {
  const { values } = data.series.find((one) => !chosen || one.amount === chosen);
  const rows = data.rows.map(String), columns = data.columns.map(String);
  const layout = baseLayout(theme, 150 + rows.length * (theme.narrow ? 24 : 30));
  const known = values.flat().filter((value) => value !== null).map(Math.abs);
  const limit = data.limit ?? Math.max(...known, 1e-12);
  const digits = limit >= 10 ? 1 : limit >= 0.1 ? 2 : 3;
  const ticks = (names) => ({ tickvals: names.map((_, i) => i), ticktext: names, showgrid: false, tickfont: { color: theme.ink, size: theme.narrow ? 10 : 12 } });
  Object.assign(layout.yaxis, ticks(rows));
  Object.assign(layout.xaxis, ticks(columns), { side: "top", tickangle: -50 });
  const label = values.map((row) => row.map((value) => value === null ? "" : value.toFixed(digits).replace("-", "\u2212")));
  const middle = theme.dark ? "#1d2024" : "#f5f4ef";
  const trace = {
    type: "heatmap", z: values, x: columns.map((_, i) => i), y: rows.map((_, i) => i), xgap: 2, ygap: 2,
    zmin: -limit, zmax: limit, colorscale: [[0, theme.worse], [0.5, middle], [1, theme.better]],
    label: theme.narrow ? [] : label, textfont: { size: 11 },
    hover: label.map((row, i) => row.map((text, j) => `${rows[i]}, ${columns[j]}: ${text}`)),
  };
  return { traces: [trace], layout };
}

function curves(data, theme, chosen) {
  const shown = data.series.filter((one) => !chosen || one.amount === chosen);
  const layout = baseLayout(theme, theme.narrow ? 340 : 400);
  layout.xaxis.title.text = data.x;
  layout.yaxis.title.text = "change since the lowest value";
  layout.shapes.push({ type: "line", xref: "paper", x0: 0, x1: 1, y0: 0, y1: 0, line: { color: theme.muted, width: 1 } });
  layout.showlegend = true;
  const colors = [theme.better, theme.worse, ...theme.parts];
  const traces = shown.map((one, n) => {
    const points = one.points.filter((point) => point[1] !== null);
    const end = (point, at) => point[at] === null ? 0 : Math.abs(point[at] - point[1]);
    const color = colors[n % colors.length];
    return {
      type: "scatter", mode: "lines+markers", name: one.label, x: points.map((point) => point[0] + 0.06 * n), y: points.map((point) => point[1]),
      error_y: { array: points.map((point) => end(point, 3)), arrayminus: points.map((point) => end(point, 2)), color, thickness: 1.2 },
      line: { color, width: 1.6 }, marker: { color, size: 7 },
      hover: points.map((point) => `${one.label}, ${data.x} ${point[0]}: ${tickText(point[1], 1, "~g")}`),
    };
  });
  return { traces, layout };
}

function relation(data, theme, chosen) {
  const shown = data.series.filter((one) => !chosen || one.amount === chosen);
  const layout = baseLayout(theme, theme.narrow ? 340 : 420);
  layout.xaxis.title.text = `${data.x}, minus the model's mean`;
  layout.yaxis.title.text = "score minus the model's mean";
  layout.showlegend = shown.length > 1;
  const colors = [theme.better, theme.worse, ...theme.parts], symbols = ["circle", "diamond", "square", "cross"];
  const traces = shown.map((one, n) => ({
    type: "scatter", mode: "markers", name: one.label, x: one.points.map((point) => point[0]), y: one.points.map((point) => point[1]),
    marker: { color: colors[n % colors.length], symbol: symbols[n % symbols.length], size: 7, opacity: 0.65 },
    hover: one.points.map((point) => `${point[2]}, ${one.label}: ${tickText(point[0], 1, "~g")}, ${tickText(point[1], 1, "~g")}`),
  }));
  return { traces, layout };
}

Object.assign(DRAW, { effects, matrix, curves, relation });
