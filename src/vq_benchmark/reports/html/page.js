// The page: what the controls do, and what is drawn again then.

let state = stateOf(location.hash);
let drawn = ""; // what the figures show, to draw them only when that changes
const MOVED_ONLY = ["target", "depth", "row", "pair", "pairMetric", "pairBudget"];

const current = () => DATA.datasets[state.tab === RANKS ? 0 : state.tab];

function change(changes) {
  state = possible({ ...state, ...changes });
  history.replaceState(null, "", fragmentOf(state));
  render();
}

function openRow(index) {
  change({ row: index });
}

function render() {
  showTabs();
  byId("dataset").hidden = state.tab === RANKS;
  byId("ranks").hidden = state.tab !== RANKS;
  if (state.tab === RANKS) renderRanks();
  else renderDataset(current());
}

function renderDataset(dataset) {
  const { chosen, sentence } = answerOf(dataset);
  showAnswer(dataset, sentence);
  showControls(dataset);
  const key = JSON.stringify({ ...state, ...Object.fromEntries(MOVED_ONLY.map((name) => [name, null])) });
  if (key === drawn) moveAnswer(dataset, state, chosen);
  else drawDataset(dataset, chosen);
  drawn = key;
  showTradeOffTable(dataset, state, chosen, openRow);
  showMatrix(dataset, state, (pair) => change({ pair }));
  if (state.row !== null) showRow(dataset, state, state.row);
}

function answerOf(dataset) {
  const candidates = candidatesOf(dataset, state.depth);
  const found = answer(candidates, state.target, state.depth, vectorsOf(dataset, state), dataset.d);
  const chosen = candidates.find((each) => each.label === found.chosen);
  return { chosen: chosen ? chosen.index : null, sentence: found.sentence };
}

function drawDataset(dataset, chosen) {
  byId("subject").textContent = dataset.subject;
  byId("card").replaceChildren(...facts(dataset.card));
  byId("spectrum-part").hidden = !dataset.spectrum.length;
  if (dataset.spectrum.length) {
    drawSpectrum(dataset);
    showSpectrumTable(dataset);
  }
  byId("notes").replaceChildren(...dataset.notes.map((note) => element("li", {}, note)));
  byId("engines-section").hidden = !dataset.engines.rows.length;
  showEnginesTable(dataset);
  drawTradeOff(dataset, state, chosen, openRow);
  const hasCurve = depthsOf(dataset).length > 1;
  byId("reranking-section").hidden = !hasCurve;
  if (hasCurve) {
    const indices = atBudget(dataset, state, state.budget);
    drawReranking(dataset, state, indices);
    showRerankingTable(dataset, indices, openRow);
  }
}

function showAnswer(dataset, sentence) {
  const depths = depthsOf(dataset);
  byId("target").value = state.target;
  byId("target-value").textContent = fixed(state.target, 3);
  byId("depth").max = Math.max(depths.length - 1, 0);
  byId("depth").value = depths.indexOf(state.depth);
  const depthText = state.depth === SHALLOWEST ? "without re-ranking" : `re-ranking ${state.depth} candidates`;
  byId("depth-value").textContent = depthText;
  byId("depth").setAttribute("aria-valuetext", depthText);
  byId("vectors").value = vectorsOf(dataset, state);
  byId("sentence").textContent = sentence;
}

function showControls(dataset) {
  const options = axesOf(dataset).map((name) => [name, metricOf(name).label]);
  fill(byId("x"), options, state.x);
  fill(byId("y"), options, state.y);
  fill(byId("budget"), budgetsOf(dataset).map((budget) => [budget, shown(budget)]), state.budget);
  byId("xlog").checked = isLog(state.x, state.xlog);
  byId("ylog").checked = isLog(state.y, state.ylog);
  byId("lines").checked = state.lines ?? shownMarks(dataset, state).length <= CROWD;
  byId("intervals").checked = state.intervals;
  byId("front").checked = state.front;
  byId("min").value = state.min ?? "";
  byId("max").value = state.max ?? "";
  showMethods(dataset);
}

function showMethods(dataset) {
  const boxes = byId("method-boxes");
  const lines = linesOf(dataset);
  if (boxes.dataset.lines !== JSON.stringify(lines)) {
    boxes.dataset.lines = JSON.stringify(lines);
    boxes.replaceChildren(...lines.map(methodBox));
  }
  boxes.querySelectorAll("input").forEach((box) => (box.checked = !state.hidden.includes(box.value)));
}

function methodBox(line) {
  const swatch = element("span", { class: "swatch" });
  swatch.style.background = DATA.styles[line].color;
  const onchange = ({ target }) =>
    change({ hidden: target.checked ? state.hidden.filter((name) => name !== line) : [...state.hidden, line] });
  return element("label", {}, element("input", { type: "checkbox", value: line, onchange }), swatch, line);
}

function renderRanks() {
  const metrics = [...new Set(DATA.ranks.map((ranking) => ranking.metric))];
  const metric = metrics.includes(state.rankMetric) ? state.rankMetric : preferred(metrics);
  const ofMetric = DATA.ranks.filter((ranking) => ranking.metric === metric);
  const ranking = ofMetric.find(({ budget }) => budget === state.rankBudget) ?? ofMetric[0];
  fill(byId("rank-metric"), metrics.map((name) => [name, metricOf(name).label]), metric);
  fill(byId("rank-budget"), ofMetric.map(({ budget }) => [budget, shown(budget)]), ranking.budget);
  byId("ranks-sentence").textContent =
    `${ranking.methods.length} methods on ${DATA.datasets.length} data sets. The critical difference is ` +
    `${fixed(ranking.critical_difference, 2)} (Nemenyi test, 5 %): mean ranks that differ by less are not told apart.`;
  drawRanks(ranking);
  showRanksTable(ranking);
}

const preferred = (metrics) => FIRST_QUALITIES.find((name) => metrics.includes(name)) ?? metrics[0];

function tabsOf() {
  const tabs = DATA.datasets.map((dataset, place) => [place, dataset.tab]);
  return DATA.ranks.length ? [...tabs, [RANKS, "All data sets: ranks"]] : tabs;
}

function showTabs() {
  const panel = (value) => (value === RANKS ? "ranks" : "dataset");
  byId("tabs").hidden = tabsOf().length < 2;
  const had = byId("tabs").contains(document.activeElement);
  byId("tabs").replaceChildren(
    ...tabsOf().map(([value, text]) =>
      element("button", {
        type: "button", role: "tab", "aria-controls": panel(value), "aria-selected": String(value === state.tab),
        tabindex: value === state.tab ? "0" : "-1", onclick: () => change({ tab: value, row: null }),
      }, text),
    ),
  );
  if (had) byId("tabs").querySelector("[aria-selected=true]").focus();
}

function moveTab(event) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const values = tabsOf().map(([value]) => value);
  change({ tab: values[(values.indexOf(state.tab) + step + values.length) % values.length], row: null });
}

function numberOrNull({ target }) {
  return target.value === "" ? null : Number(target.value);
}

function listen() {
  const on = (id, event, changesOf) => byId(id).addEventListener(event, (happened) => change(changesOf(happened)));
  on("target", "input", ({ target }) => ({ target: Number(target.value) }));
  on("depth", "input", ({ target }) => ({ depth: depthsOf(current())[Number(target.value)] }));
  on("vectors", "change", (event) => ({ vectors: numberOrNull(event) }));
  on("x", "change", ({ target }) => ({ x: target.value, xlog: null }));
  on("y", "change", ({ target }) => ({ y: target.value, ylog: null }));
  on("min", "change", (event) => ({ min: numberOrNull(event) }));
  on("max", "change", (event) => ({ max: numberOrNull(event) }));
  for (const id of ["xlog", "ylog", "lines", "intervals", "front"]) {
    on(id, "change", ({ target }) => ({ [id]: target.checked }));
  }
  on("all-methods", "click", () => ({ hidden: [] }));
  on("no-methods", "click", () => ({ hidden: linesOf(current()) }));
  on("budget", "change", ({ target }) => ({ budget: Number(target.value) }));
  on("pair-metric", "change", ({ target }) => ({ pairMetric: target.value, pair: null }));
  on("pair-budget", "change", ({ target }) => ({ pairBudget: Number(target.value), pair: null }));
  on("rank-metric", "change", ({ target }) => ({ rankMetric: target.value }));
  on("rank-budget", "change", ({ target }) => ({ rankBudget: Number(target.value) }));
  on("row", "close", () => ({ row: null }));
  byId("tabs").addEventListener("keydown", moveTab);
  window.addEventListener("hashchange", () => {
    state = stateOf(location.hash);
    render();
  });
}

byId("versions").textContent = DATA.versions;
showFailures();
listen();
render();
document.documentElement.dataset.ready = String(Math.round(performance.now())); // ms from opening to drawn
