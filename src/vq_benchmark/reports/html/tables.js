// The tables under the figures.

function nameButton(dataset, index, openRow, isChosen) {
  const text = dataset.points[index].label + (isChosen ? " ★" : "");
  return element("button", { type: "button", onclick: () => openRow(index) }, text);
}

function showTradeOffTable(dataset, state, chosen, openRow) {
  const vectors = vectorsOf(dataset, state);
  const columns = [...new Set([state.x, state.y, BITS, "code_bytes", GIGABYTES, "fit_seconds"])].filter((name) =>
    axesOf(dataset).includes(name),
  );
  const marks = shownMarks(dataset, state).sort((a, b) => a.x - b.x);
  const front = new Set(paretoFront(marks, metricOf(state.x).better, metricOf(state.y).better).map((mark) => mark.index));
  const rows = marks.map(({ index }) => [
    nameButton(dataset, index, openRow, index === chosen),
    ...columns.map((name) => withInterval(dataset, name, index, vectors)),
    front.has(index) ? "yes" : "",
    String(dataset.points[index].seeds.length),
  ]);
  const headers = ["configuration", ...columns.map((name) => metricOf(name).label), "Pareto front", "seeds"];
  const isChosen = ([name]) => name.textContent.endsWith(" ★");
  byId("trade-off-table").replaceChildren(
    ...table("Values of the figure; in parentheses 95 % intervals. ★: the smallest that is good enough.", headers, rows, { isChosen }),
  );
}

function showRerankingTable(dataset, indices, openRow) {
  const depths = depthsOf(dataset);
  const rows = indices.map((index) => [
    nameButton(dataset, index, openRow, false),
    shown(dataset.values[BITS][index]),
    ...depths.map((depth) => withInterval(dataset, recallMetric(depth), index)),
  ]);
  const headers = ["configuration", "Bits per dimension", ...depths.map((depth) => `${depth} candidates`)];
  byId("reranking-table").replaceChildren(...table("Recall@10, in parentheses 95 % intervals.", headers, rows));
}

function showEnginesTable(dataset) {
  const { note, headers, rows } = dataset.engines;
  byId("engines-table").replaceChildren(...table(note, headers, rows));
}

function showSpectrumTable(dataset) {
  const headers = ["components", "share of the variance"];
  const rows = dataset.spectrum.map(([count, share]) => [grouped(count), `${fixed(100 * share, 1)} %`]);
  byId("spectrum-table").replaceChildren(...table("Variance in the first principal components.", headers, rows, { limit: 8 }));
}

function showRanksTable(ranking) {
  const rows = ranking.methods.map((line, place) => [
    line,
    fixed(ranking.mean_ranks[place], 2),
    ...ranking.values[place].map(shown),
  ]);
  const headers = ["method", "mean rank", ...DATA.datasets.map((dataset) => dataset.name)];
  const caption = `${metricOf(ranking.metric).label} of each method's best configuration on each data set.`;
  byId("ranks-table").replaceChildren(...table(caption, headers, rows));
}

function showFailures() {
  byId("failures-section").hidden = !DATA.failures.length;
  const headers = ["data set", "method", "configuration", "seed", "error"];
  byId("failures").replaceChildren(...table("Cells without a result.", headers, DATA.failures));
}
