// The matrix of paired comparisons: one cell per pair, reached by arrow keys, and a table of all pairs beneath.

const SIGNIFICANT = 0.05; // of p after Holm's correction
const LEAST_P = 0.0001; // that is shown
const USUAL_BUDGET = 2; // bits per dimension of the matrix that is shown first

function signed(value, places) {
  const text = fixed(Math.abs(value), places);
  return Number(text) === 0 ? text : (value < 0 ? "−" : "+") + text;
}

const letterOf = (place) => String.fromCharCode(65 + place);

function matrixOf(dataset, state) {
  const ofMetric = dataset.matrices.filter(({ metric }) => metric === state.pairMetric);
  return (
    ofMetric.find(({ budget }) => budget === state.pairBudget) ??
    ofMetric.find(({ budget }) => budget >= USUAL_BUDGET) ??
    ofMetric.at(-1)
  );
}

// The pair as seen from row `a`: {difference, low, high, p, queries, seeds}, or null where it was not compared.
function pairOf(matrix, a, b) {
  const found = matrix.pairs.find(([left, right]) => (left === a && right === b) || (left === b && right === a));
  if (!found) return null;
  const [left, , difference, low, high, p, queries, seeds] = found;
  const ends = low === null ? null : left === a ? [low, high] : [-high, -low];
  return { difference: left === a ? difference : -difference, ends, p, queries, seeds };
}

// "better" or "worse" where the difference is significant, else an empty text.
function verdictOf(matrix, pair) {
  if (!(pair.p < SIGNIFICANT) || pair.difference === 0) return "";
  const isHigher = pair.difference > 0;
  return isHigher === (metricOf(matrix.metric).better !== "lower") ? "better" : "worse";
}

function endsText(pair) {
  return pair.ends ? `${signed(pair.ends[0], 4)} to ${signed(pair.ends[1], 4)}` : "too few queries";
}

function pText(p) {
  return p < LEAST_P ? `below ${LEAST_P}` : String(Number(p.toPrecision(2)));
}

function pairSentence(dataset, matrix, a, b) {
  const pair = pairOf(matrix, a, b);
  const [left, right] = [a, b].map((place) => dataset.points[matrix.rows[place]].label);
  const verdict = verdictOf(matrix, pair);
  const outcome = verdict ? `${left} is ${verdict}` : "the difference is not significant";
  return (
    `${left} minus ${right}: ${metricOf(matrix.metric).title} ${signed(pair.difference, 4)} (95 % interval ` +
    `${endsText(pair)}), p ${pair.p < LEAST_P ? "" : "= "}${pText(pair.p)}: ${outcome}.`
  );
}

function showMatrix(dataset, state, choose) {
  byId("pairs-section").hidden = !dataset.matrices.length;
  if (!dataset.matrices.length) return;
  const matrix = matrixOf(dataset, state);
  const metrics = [...new Set(dataset.matrices.map(({ metric }) => metric))];
  const budgets = dataset.matrices.filter(({ metric }) => metric === matrix.metric).map(({ budget }) => budget);
  fill(byId("pair-metric"), metrics.map((name) => [name, metricOf(name).label]), matrix.metric);
  fill(byId("pair-budget"), budgets.map((budget) => [budget, shown(budget)]), matrix.budget);
  const chosen = chosenPair(matrix, state.pair);
  byId("pair-sentence").textContent = pairSentence(dataset, matrix, ...chosen);
  const had = byId("pairs-matrix").contains(document.activeElement);
  byId("pairs-matrix").replaceChildren(matrixTable(dataset, matrix, chosen, choose));
  if (had) byId("pairs-matrix").querySelector("[aria-pressed=true]").focus();
  byId("pairs-table").replaceChildren(...pairsTable(dataset, matrix));
}

// The pair of the address, such as "0-2", where the matrix has it; else the first pair.
function chosenPair(matrix, text) {
  const [a, b] = (text ?? "").split("-").map(Number);
  return pairOf(matrix, a, b) ? [a, b] : matrix.pairs[0].slice(0, 2);
}

function matrixTable(dataset, matrix, chosen, choose) {
  const labels = matrix.rows.map((index) => dataset.points[index].label);
  const corner = element("th", { scope: "col" }, "row minus column");
  const columns = labels.map((label, place) =>
    element("th", { scope: "col", title: label, "aria-label": `${letterOf(place)}: ${label}` }, letterOf(place)),
  );
  const rows = labels.map((label, a) =>
    element("tr", {}, element("th", { scope: "row" }, `${letterOf(a)}  ${label}`), ...labels.map((_, b) => cell(a, b))),
  );
  function cell(a, b) {
    const pair = a === b ? null : pairOf(matrix, a, b);
    if (!pair) return element("td", {}, a === b ? "·" : "–");
    const verdict = verdictOf(matrix, pair);
    const isChosen = a === chosen[0] && b === chosen[1];
    const mark = { better: " ▲", worse: " ▼" }[verdict] ?? "";
    const button = element("button", {
      type: "button", "data-pair": `${a}-${b}`, tabindex: isChosen ? "0" : "-1", "aria-pressed": String(isChosen),
      "aria-label": `${labels[a]} minus ${labels[b]}: ${signed(pair.difference, 3)} ${verdict || "not significant"}`,
      onclick: () => choose(`${a}-${b}`),
    }, signed(pair.difference, 3) + mark);
    return element("td", { class: verdict }, button);
  }
  const body = element("tbody", {}, ...rows);
  body.addEventListener("keydown", (event) => movePair(event, matrix, choose));
  const count = (number, noun) => `${grouped(number)} ${noun}${number === 1 ? "" : "s"}`;
  const omitted = matrix.omitted ? ` Left out: ${count(matrix.omitted, "method")}.` : "";
  const caption =
    `Row minus column, paired by query. ▲: the row is significantly better, ▼: worse (p below ${SIGNIFICANT} after ` +
    `Holm's correction for ${count(matrix.pairs.length, "pair")}).${omitted}`;
  return element("table", {}, element("caption", {}, caption),
    element("thead", {}, element("tr", {}, corner, ...columns)), body);
}

// Arrow keys go to the next pair in their direction.
function movePair(event, matrix, choose) {
  const step = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] }[event.key];
  if (!step || !event.target.dataset.pair) return;
  event.preventDefault();
  const inside = (place) => place >= 0 && place < matrix.rows.length;
  let [a, b] = event.target.dataset.pair.split("-").map(Number);
  do {
    [a, b] = [a + step[0], b + step[1]];
  } while (inside(a) && inside(b) && !(a !== b && pairOf(matrix, a, b)));
  if (!inside(a) || !inside(b)) return;
  choose(`${a}-${b}`);
}

function pairsTable(dataset, matrix) {
  const rows = matrix.pairs.map(([a, b]) => {
    const pair = pairOf(matrix, a, b);
    const names = [a, b].map((place) => dataset.points[matrix.rows[place]].label);
    const numbers = [signed(pair.difference, 4), endsText(pair), pText(pair.p), verdictOf(matrix, pair) || "–"];
    return [...names, ...numbers, grouped(pair.queries), String(pair.seeds)];
  });
  const headers = ["A", "B", "A − B", "95 % interval", "p (Holm)", "A is", "queries", "seeds"];
  const caption =
    `${metricOf(matrix.metric).label} of each method's best configuration of at most ${shown(matrix.budget)} bits ` +
    "per dimension. The best is chosen by the same values, which favours methods with many configurations.";
  return table(caption, headers, rows, { limit: 15 });
}
