// The figures, drawn by plotly as SVG.

const INK = "#1b1f24";
const GREY = "#6b7580";
const BOUND_COLOR = "#b22222";
const CONFIG = {
  responsive: true,
  displaylogo: false,
  modeBarButtons: [["toImage", "zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d"]], // none that uploads
  toImageButtonOptions: { format: "svg", filename: "vq-benchmark" },
};
const FEW_DECADES = 4;
const BOUNDED = ["mse", "relative_error"];
const AXES_OF_BITS = [BITS, "total_bits_per_dim", "code_bytes", GIGABYTES];
const HOVER_METRICS = [
  BITS, "code_bytes", "model_bytes", "recall_at_1", "recall_at_10", "recall_at_100", "recall_10_at_50",
  "relative_error", "snr_db", "score_bias", "rank_distortion", "mrr_at_10_loss", "ndcg_at_10_loss", "fit_seconds",
  "encode_vectors_per_second", "decode_vectors_per_second", "queries_per_second", "peak_memory_bytes",
];

const isNarrow = () => window.innerWidth < 600;

function layout(xTitle, yTitle, xaxis = {}, yaxis = {}) {
  const axis = { gridcolor: "#e6e9ed", zeroline: false, linecolor: "#9aa3ad", ticks: "outside", automargin: true };
  const narrow = isNarrow();
  return {
    font: { family: "system-ui, sans-serif", size: narrow ? 12 : 13, color: INK },
    margin: { l: 60, r: 12, t: 28, b: 48 },
    hovermode: "closest",
    hoverlabel: { bgcolor: "#ffffff", bordercolor: GREY, font: { color: INK, size: 12 }, align: "left" },
    paper_bgcolor: "#ffffff",
    plot_bgcolor: "#ffffff",
    showlegend: true,
    legend: narrow ? { orientation: "h", y: -0.3, x: 0, yanchor: "top" } : { x: 1.02, y: 1 },
    xaxis: { ...axis, title: { text: plain(xTitle) }, ...xaxis },
    yaxis: { ...axis, title: { text: plain(yTitle) }, ...yaxis },
  };
}

// An axis for values of a metric, with ticks in full numbers where it is logarithmic.
function scaleOf(dataset, name, choice, values) {
  if (!isLog(name, choice)) return { type: "linear" };
  if ([BITS, "total_bits_per_dim"].includes(name)) return { type: "log", tickvals: budgetsOf(dataset) };
  const [low, high] = [Math.min(...values), Math.max(...values)].map((value) => Math.floor(Math.log10(value)));
  if (!(high - low < FEW_DECADES)) return { type: "log", dtick: 1, exponentformat: "power" };
  const decades = Array.from({ length: high - low + 2 }, (_, place) => 10 ** (low + place));
  const tickvals = decades.flatMap((decade) => [decade, 2 * decade, 5 * decade]);
  return { type: "log", tickvals, ticktext: tickvals.map((tick) => String(Number(tick.toPrecision(1)))) };
}

// Ends of intervals as plotly wants them: distances from the values. Nothing to draw where there are none.
function errorBars(dataset, name, marks, key, color) {
  const ends = marks.map((mark) => intervalOf(dataset, name, mark.index));
  if (!ends.some(Boolean)) return { visible: false };
  return {
    type: "data",
    symmetric: false,
    array: marks.map((mark, place) => (ends[place] ? Math.max(ends[place].high - mark[key], 0) : 0)),
    arrayminus: marks.map((mark, place) => (ends[place] ? Math.max(mark[key] - ends[place].low, 0) : 0)),
    thickness: 1,
    width: 2,
    color,
  };
}

function hoverText(dataset, state, index) {
  const point = dataset.points[index];
  const vectors = vectorsOf(dataset, state);
  const names = [...new Set([state.x, state.y, ...HOVER_METRICS])];
  const numbers = names
    .filter((name) => valueOf(dataset, name, index, vectors) !== null)
    .map((name) => `${metricOf(name).title}: ${withInterval(dataset, name, index, vectors)}`);
  const budget = point.budget === null ? [] : [`budget: ${point.budget}`];
  const lines = [point.config, ...budget, ...numbers, `seeds: ${point.seeds.join(", ")}`];
  return [`<b>${plain(point.line)}</b>`, ...lines.map(plain)].join("<br>");
}

function lineTrace(dataset, state, line, marks, withLines) {
  const style = DATA.styles[line];
  const trace = {
    name: plain(line),
    x: marks.map((mark) => mark.x),
    y: marks.map((mark) => mark.y),
    customdata: marks.map((mark) => mark.index),
    text: marks.map((mark) => hoverText(dataset, state, mark.index)),
    hovertemplate: "%{text}<extra></extra>",
    mode: withLines ? "lines+markers" : "markers",
    line: { color: style.color, dash: style.dash, width: 1.6 },
    marker: { color: style.color, symbol: style.symbol, size: 9, line: { color: "#ffffff", width: 0.8 } },
  };
  if (state.intervals) {
    trace.error_y = errorBars(dataset, state.y, marks, "y", style.color);
    trace.error_x = errorBars(dataset, state.x, marks, "x", style.color);
  }
  return trace;
}

// The least error that any code of these bits can have for a Gaussian of the same covariance.
function boundTrace(dataset, state, marks) {
  const { values } = dataset;
  if (!values.bound_mse || !BOUNDED.includes(state.y) || !AXES_OF_BITS.includes(state.x)) return [];
  const scaled = marks
    .filter(({ index }) => values.bound_mse[index] !== null && values.mse[index])
    .map(({ index, x }) => ({ x, y: (values.bound_mse[index] * values[state.y][index]) / values.mse[index] }))
    .sort((a, b) => a.x - b.x);
  const name = "Gaussian bound";
  const line = { color: BOUND_COLOR, dash: "longdash", width: 1.4 };
  return [{ name, x: scaled.map(({ x }) => x), y: scaled.map(({ y }) => y), mode: "lines", line, hoverinfo: "skip" }];
}

function frontTrace(marks, state) {
  const front = paretoFront(marks, metricOf(state.x).better, metricOf(state.y).better);
  return {
    name: "Pareto front",
    x: front.map((mark) => mark.x),
    y: front.map((mark) => mark.y),
    customdata: front.map((mark) => mark.index),
    mode: "lines+markers",
    line: { color: INK, dash: "dash", width: 1 },
    marker: { symbol: "circle-open", size: 15, color: INK, line: { width: 1.2 } },
    hoverinfo: "skip",
  };
}

function referenceTrace(dataset, state, marks) {
  const value = dataset.reference[state.y];
  if (value === undefined || !marks.length || (isLog(state.y, state.ylog) && value <= 0)) return [];
  return [horizontal("uncompressed", value, marks, { color: GREY, width: 1.2 })];
}

function horizontal(name, value, marks, line) {
  const xs = marks.map((mark) => mark.x);
  const x = xs.length ? [Math.min(...xs), Math.max(...xs)] : [];
  return { name, x, y: x.map(() => value), mode: "lines", line, hoverinfo: "skip" };
}

// What the sliders move: the target, and the smallest configuration that reaches it. Always the last two traces.
function answerTraces(state, marks, chosen) {
  const shows = state.y === recallMetric(state.depth);
  const target = horizontal("target", state.target, shows ? marks : [], { color: BOUND_COLOR, dash: "dot", width: 1.4 });
  const mark = marks.find(({ index }) => index === chosen);
  return [
    { ...target, showlegend: shows },
    {
      name: "smallest that is good enough",
      x: mark ? [mark.x] : [],
      y: mark ? [mark.y] : [],
      mode: "markers",
      marker: { symbol: "star", size: 20, color: "#ffd400", line: { color: INK, width: 1.4 } },
      hoverinfo: "skip",
    },
  ];
}

function drawTradeOff(dataset, state, chosen, openRow) {
  const marks = shownMarks(dataset, state);
  const withLines = state.lines ?? marks.length <= CROWD;
  const byLine = new Map(linesOf(dataset).map((line) => [line, []]));
  for (const mark of marks) byLine.get(dataset.points[mark.index].line).push(mark);
  const present = [...byLine].filter(([, some]) => some.length);
  const traces = [
    ...referenceTrace(dataset, state, marks),
    ...boundTrace(dataset, state, marks),
    ...(state.front ? [frontTrace(marks, state)] : []),
    ...present.map(([line, some]) => lineTrace(dataset, state, line, some, withLines)),
    ...answerTraces(state, marks, chosen),
  ];
  const axes = ["x", "y"].map((key) => {
    const values = marks.map((mark) => mark[key]);
    return scaleOf(dataset, state[key], state[`${key}log`], values);
  });
  const figure = byId("trade-off");
  const titles = [state.x, state.y].map((name) => metricOf(name)[isNarrow() ? "title" : "label"]);
  Plotly.react(figure, traces, layout(...titles, ...axes), CONFIG);
  figure.removeAllListeners("plotly_click");
  figure.on("plotly_click", ({ points }) => {
    if (points[0].customdata !== undefined) openRow(points[0].customdata);
  });
}

// Moves only what the sliders move, as thousands of marks take long to draw.
function moveAnswer(dataset, state, chosen) {
  const figure = byId("trade-off");
  const moved = answerTraces(state, shownMarks(dataset, state), chosen);
  const of = (key) => moved.map((trace) => trace[key]);
  const changes = { x: of("x"), y: of("y"), showlegend: moved.map((trace) => trace.showlegend ?? true) };
  Plotly.restyle(figure, changes, [figure.data.length - 2, figure.data.length - 1]);
}

function drawReranking(dataset, state, indices) {
  const depths = depthsOf(dataset);
  const traces = indices.map((index) => {
    const point = dataset.points[index];
    const style = DATA.styles[point.line];
    const marks = depths
      .map((depth) => ({ index, depth, y: valueOf(dataset, recallMetric(depth), index) }))
      .filter((mark) => mark.y !== null);
    const ends = marks.map((mark) => intervalOf(dataset, recallMetric(mark.depth), index) ?? { low: mark.y, high: mark.y });
    return {
      name: plain(`${point.line}, ${shown(dataset.values[BITS][index])} bits`),
      x: marks.map((mark) => mark.depth),
      y: marks.map((mark) => mark.y),
      mode: "lines+markers",
      line: { color: style.color, dash: style.dash, width: 1.6 },
      marker: { color: style.color, symbol: style.symbol, size: 9 },
      error_y: {
        type: "data",
        symmetric: false,
        array: ends.map((end, place) => Math.max(end.high - marks[place].y, 0)),
        arrayminus: ends.map((end, place) => Math.max(marks[place].y - end.low, 0)),
        thickness: 1,
        width: 2,
        color: style.color,
      },
      hovertemplate: `${plain(point.label)}<br>%{x} candidates: %{y:.4f}<extra></extra>`,
    };
  });
  const xaxis = { type: "log", tickvals: depths, ticktext: depths.map(String) };
  Plotly.react(byId("reranking"), traces, layout("Re-ranked candidates", "Recall@10", xaxis), CONFIG);
}

// The share of the variance in the first components: the sooner it rises, the easier the vectors are to compress.
function drawSpectrum(dataset) {
  const [x, y] = [0, 1].map((place) => dataset.spectrum.map((point) => point[place]));
  const trace = {
    x, y, mode: "lines+markers", line: { color: INK, width: 1.6 }, marker: { color: INK, size: 7 },
    hovertemplate: "%{x} components: %{y:.1%}<extra></extra>",
  };
  const equal = {
    x, y: x.map((count) => count / dataset.d), mode: "lines", line: { color: GREY, dash: "dot", width: 1.2 },
    hoverinfo: "skip",
  };
  const ticks = x.filter((_, place) => place % 3 === 0);
  const axes = [{ type: "log", tickvals: ticks, ticktext: ticks.map(String) }, { tickformat: ".0%", range: [0, 1.02] }];
  const named = [{ ...trace, name: "these vectors" }, { ...equal, name: "equal variances" }];
  const shape = layout("Principal components", "Share of the variance", ...axes);
  if (isNarrow()) shape.legend.y = -0.6; // the figure is low
  Plotly.react(byId("spectrum"), named, shape, CONFIG);
}

// Mean ranks with half the critical difference to each side: methods whose bars do not meet differ.
function drawRanks(ranking) {
  const half = ranking.critical_difference / 2;
  const traces = ranking.methods.map((line, place) => ({
    name: plain(line),
    x: [ranking.mean_ranks[place]],
    y: [plain(line)],
    mode: "markers",
    marker: { color: DATA.styles[line].color, symbol: DATA.styles[line].symbol, size: 11 },
    error_x: { type: "data", array: [half], thickness: 2, width: 6, color: DATA.styles[line].color },
    hovertemplate: "%{y}: mean rank %{x:.2f}<extra></extra>",
  }));
  const yaxis = { type: "category", autorange: "reversed" };
  const shape = { ...layout("Mean rank ± half the critical difference", "", {}, yaxis), showlegend: false };
  Plotly.react(byId("ranks-figure"), traces, shape, CONFIG);
}
