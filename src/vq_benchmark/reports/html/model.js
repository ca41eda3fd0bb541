// The numbers of the page: metrics, sizes, and which configurations are shown.

const DATA = JSON.parse(document.getElementById("data").textContent);
const BITS = "bits_per_dim";
const GIGABYTES = "gigabytes";
const FIRST_AXES = [BITS, "total_bits_per_dim", "code_bytes", GIGABYTES, "encode_vectors_per_second"];
const FIRST_QUALITIES = ["recall_at_10", "relative_error"];
const CROWD = 200; // points from which lines would only cover each other
const OVER_BUDGET = 1.25; // a code this much above a budget still counts as one for it

function metricOf(name) {
  if (name === GIGABYTES) {
    return { title: "GB", label: "GB for my vectors, model included", better: "lower", scale: "log", kind: "quality" };
  }
  return DATA.metrics[name] ?? { title: name, label: name, better: null, scale: "linear", kind: "quality" };
}

function valueOf(dataset, name, index, vectors) {
  if (name !== GIGABYTES) return dataset.values[name]?.[index] ?? null;
  const [code, model] = ["code_bytes", "model_bytes"].map((each) => dataset.values[each]?.[index] ?? null);
  return code === null || model === null ? null : totalBytes({ code_bytes: code, model_bytes: model }, vectors) / 1e9;
}

// The ends of the 95 % interval, or null where there is none.
function intervalOf(dataset, name, index) {
  const [low, high] = [dataset.low[name]?.[index] ?? null, dataset.high[name]?.[index] ?? null];
  return low === null || high === null || low === high ? null : { low, high };
}

// The metrics that an axis can show, the usual ones first.
function axesOf(dataset) {
  const known = Object.keys(dataset.values);
  if (dataset.values.code_bytes && dataset.values.model_bytes) known.push(GIGABYTES);
  const first = [...FIRST_QUALITIES, ...FIRST_AXES].filter((name) => known.includes(name));
  return [...first, ...known.filter((name) => !first.includes(name))];
}

function vectorsOf(dataset, state) {
  return state.vectors ?? DATA.vectors ?? dataset.n;
}

// Whether a logarithmic axis is asked for, or is the usual one of the metric.
function isLog(name, choice) {
  return choice ?? metricOf(name).scale === "log";
}

// The configurations that the filters and the axes leave: {index, x, y}, in order of bits.
function shownMarks(dataset, state) {
  const vectors = vectorsOf(dataset, state);
  const drawable = (value, log) => value !== null && (!log || value > 0);
  const [xlog, ylog] = [isLog(state.x, state.xlog), isLog(state.y, state.ylog)];
  return shownIndices(dataset, state)
    .map((index) => ({
      index,
      x: valueOf(dataset, state.x, index, vectors),
      y: valueOf(dataset, state.y, index, vectors),
    }))
    .filter((mark) => drawable(mark.x, xlog) && drawable(mark.y, ylog));
}

function shownIndices(dataset, state) {
  const bits = dataset.values[BITS];
  return dataset.points
    .map((_, index) => index)
    .filter((index) => !state.hidden.includes(dataset.points[index].line))
    .filter((index) => bits[index] >= (state.min ?? 0) && bits[index] <= (state.max ?? Infinity));
}

function linesOf(dataset) {
  return [...new Set(dataset.points.map((point) => point.line))].sort();
}

// The marks that no other mark dominates, in order of x; none where a metric has no better direction.
function paretoFront(marks, xBetter, yBetter) {
  if (!xBetter || !yBetter) return [];
  const [xSign, ySign] = [xBetter, yBetter].map((better) => (better === "lower" ? 1 : -1));
  const ordered = [...marks].sort((a, b) => xSign * (a.x - b.x) || ySign * (a.y - b.y));
  const front = [];
  for (const mark of ordered) {
    if (!front.length || ySign * mark.y < ySign * front.at(-1).y) front.push(mark);
  }
  return front.sort((a, b) => a.x - b.x);
}

// The configurations that have a recall at that depth, for `answer`.
function candidatesOf(dataset, depth) {
  const name = recallMetric(depth);
  const { values, low, high } = dataset;
  if (!values[name] || !values.code_bytes || !values.model_bytes) return [];
  return dataset.points
    .map((point, index) => ({
      index,
      label: point.label,
      bits: values[BITS][index],
      code_bytes: values.code_bytes[index],
      model_bytes: values.model_bytes[index],
      recall: values[name][index],
      low: low[name][index],
      high: high[name][index],
    }))
    .filter((each) => Object.values(each).every((value) => value !== null));
}

// The depths of re-ranking that a data set has numbers for.
function depthsOf(dataset) {
  return DATA.depths.filter((depth) => candidatesOf(dataset, depth).length);
}

// Powers of two around the bits of all configurations.
function budgetsOf(dataset) {
  const bits = dataset.values[BITS];
  const [low, high] = [Math.floor(Math.log2(Math.min(...bits))), Math.ceil(Math.log2(Math.max(...bits)))];
  return Array.from({ length: high - low + 1 }, (_, place) => 2 ** (low + place));
}

// Of each shown line the configuration with the most bits at or only just above a budget.
function atBudget(dataset, state, budget) {
  const bits = dataset.values[BITS];
  const fitting = shownIndices(dataset, { ...state, min: null, max: budget * OVER_BUDGET });
  const best = new Map();
  for (const index of fitting) {
    const { line } = dataset.points[index];
    if (!best.has(line) || bits[index] > bits[best.get(line)]) best.set(line, index);
  }
  return [...best.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, index]) => index);
}
