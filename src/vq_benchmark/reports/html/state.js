// What the reader chose, in the fragment of the address, so that a view can be sent.

const RANKS = "ranks";
const READERS = {
  tab: (text) => (text === RANKS ? RANKS : Number(text)),
  x: String, y: String, rankMetric: String,
  xlog: (text) => text === "true", ylog: (text) => text === "true", lines: (text) => text === "true",
  intervals: (text) => text === "true", front: (text) => text === "true",
  hidden: (text) => JSON.parse(text), pairMetric: String, pair: String, pairBudget: Number,
  min: Number, max: Number, target: Number, depth: Number, vectors: Number, budget: Number, rankBudget: Number,
  row: Number,
};
const DEFAULTS = {
  tab: 0, x: BITS, y: null, rankMetric: null, xlog: null, ylog: null, lines: null, intervals: true, front: true,
  hidden: [], min: null, max: null, target: 0.95, depth: SHALLOWEST, vectors: null, budget: null, rankBudget: null,
  pairMetric: null, pairBudget: null, pair: null, row: null,
};

function stateOf(fragment) {
  const state = { ...DEFAULTS };
  for (const [name, text] of new URLSearchParams(fragment.replace(/^#/, ""))) {
    if (!(name in READERS)) continue;
    try {
      const value = READERS[name](text);
      if (!Number.isNaN(value)) state[name] = value;
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error; // a fragment that was cut off says nothing
    }
  }
  return possible(state);
}

// The state with what the data has: an address may be of an older report.
function possible(state) {
  if (state.tab !== RANKS || !DATA.ranks.length) state.tab = DATA.datasets[state.tab] ? state.tab : 0;
  const dataset = state.tab === RANKS ? DATA.datasets[0] : DATA.datasets[state.tab];
  const axes = axesOf(dataset);
  if (!axes.includes(state.x)) state.x = axes.includes(BITS) ? BITS : axes[0];
  if (!axes.includes(state.y)) state.y = axes[0];
  const depths = depthsOf(dataset);
  if (!depths.includes(state.depth)) state.depth = depths[0] ?? SHALLOWEST;
  if (!Array.isArray(state.hidden)) state.hidden = [];
  const budgets = budgetsOf(dataset);
  if (!budgets.includes(state.budget)) state.budget = budgets.find((budget) => budget >= 2) ?? budgets.at(-1);
  const matrix = dataset.matrices.find(({ metric }) => metric === state.pairMetric) ?? dataset.matrices[0];
  state.pairMetric = matrix?.metric ?? null;
  if (state.vectors !== null && !(state.vectors >= 1)) state.vectors = null;
  if (!dataset.points[state.row]) state.row = null;
  return state;
}

function fragmentOf(state) {
  const pairs = Object.entries(state)
    .filter(([name, value]) => value !== null && JSON.stringify(value) !== JSON.stringify(DEFAULTS[name]))
    .map(([name, value]) => [name, name === "hidden" ? JSON.stringify(value) : String(value)]);
  return `#${new URLSearchParams(pairs)}`;
}
