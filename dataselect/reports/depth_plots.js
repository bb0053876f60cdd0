// Two further kinds of plots: a map of rows by depth, and curves with bands over an axis.
"use strict";

const HEAT = { light: [[0, "#f0efe9"], [0.5, "#7ba9d3"], [1, "#0b4a85"]], dark: [[0, "#1d2024"], [0.5, "#2b5f8f"], [1, "#8cc2f7"]] };

const brief = (text, most) => { const all = [...String(text)]; return all.length > most ? all.slice(0, most - 1).join("") + "…" : String(text); };

function depthMap(data, theme) {
  const rows = data.rows.length, columns = data.columns.length;
  const side = theme.narrow ? 46 : 32;
  const layout = baseLayout(theme, 74 + rows * side);
  nameRows(layout, data.rows.map((name) => brief(name, theme.narrow ? 44 : 36)), theme, 11);
  layout.yaxis.range = [rows - 0.5, -0.5];
  const step = Math.ceil(columns / (theme.narrow ? 9 : 24));
  const shown = data.columns.map((_, i) => i).filter((i) => i % step === 0);
  Object.assign(layout.xaxis, {
    tickvals: shown, ticktext: shown.map((i) => data.columns[i]), showgrid: false, range: [-0.5, columns - 0.5],
  });
  layout.xaxis.title.text = data.column_title;
  if (theme.narrow) layout.room = 18;
  const fits = columns <= (theme.narrow ? 7 : 16);
  const trace = {
    type: "heatmap", z: data.values, x: data.columns.map((_, i) => i), y: data.rows.map((_, i) => i),
    xgap: 1, ygap: theme.narrow ? 22 : 3, zmin: 0, zmax: Math.max(...data.values.flat().filter((v) => v !== null), 1e-12),
    colorscale: HEAT[theme.dark ? "dark" : "light"],
    label: fits ? data.shown : [], textfont: { size: theme.narrow ? 10 : 12 }, hover: data.hover,
  };
  return { traces: [trace], layout };
}

const DASHES = ["solid", "dash", "dot", "dashdot"];

function bandedCurves(data, theme) {
  const layout = baseLayout(theme, theme.narrow ? 340 : 400);
  layout.xaxis.title.text = data.x_title;
  layout.yaxis.title.text = data.y_title;
  if (data.y_format) layout.yaxis.tickformat = data.y_format;
  if (data.x_log) Object.assign(layout.xaxis, { type: "log", tickformat: "~g" });
  if (data.from_zero) layout.yaxis.rangemode = "tozero";
  if (data.zero) layout.shapes.push({ type: "line", xref: "paper", x0: 0, x1: 1, y0: 0, y1: 0, line: { color: theme.muted, width: 1 } });
  layout.showlegend = data.series.length > 1;
  const traces = data.series.flatMap((series, n) => {
    const color = theme.parts[n % theme.parts.length];
    const known = (series.low || []).map((low, i) => low !== null && series.high[i] !== null ? i : -1).filter((i) => i >= 0);
    const edge = known.map((i) => series.x[i]);
    const band = {
      type: "scatter", mode: "lines", x: [...edge, ...[...edge].reverse()],
      y: [...known.map((i) => series.high[i]), ...[...known].reverse().map((i) => series.low[i])],
      fill: "toself", fillcolor: color, opacity: 0.16, line: { width: 0 }, showlegend: false,
    };
    const line = {
      type: "scatter", mode: "lines+markers", x: series.x, y: series.y, name: brief(series.name, theme.narrow ? 30 : 44),
      line: { color, width: 2, dash: DASHES[Math.floor(n / theme.parts.length) % DASHES.length] }, marker: { color, size: series.x.length > 40 ? 3 : 6 },
      hover: series.hover,
    };
    return known.length ? [band, line] : [line];
  });
  return { traces, layout };
}

Object.assign(DRAW, { depthMap, bandedCurves });
