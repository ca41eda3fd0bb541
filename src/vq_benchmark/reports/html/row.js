// Everything about one configuration, in a dialog.

function showRow(dataset, state, index) {
  const point = dataset.points[index];
  const vectors = vectorsOf(dataset, state);
  byId("row-title").textContent = point.label;
  byId("row-content").replaceChildren(
    element("dl", { class: "facts" }, ...facts(rowFacts(dataset, point))),
    element("h3", {}, "Measure it again"),
    ...(point.command ? [element("pre", {}, element("code", {}, point.command))] : []),
    ...(point.caveat ? [element("p", { class: "hint" }, point.caveat)] : []),
    element("h3", {}, "Metrics"),
    ...metricTable(dataset, index, vectors),
    element("h3", {}, "Environment"),
    element("dl", { class: "facts" }, ...facts(environmentFacts(DATA.environments[point.environment]))),
  );
  if (!byId("row").open) byId("row").showModal();
}

function rowFacts(dataset, point) {
  return [
    ["data set", dataset.subject],
    ["method", point.method],
    ["configuration", point.config || "–"],
    ...(point.budget === null ? [] : [["budget", `${point.budget} bits per dimension`]]),
    ...(point.query_bits === "float" ? [] : [["queries coded with", `${point.query_bits} bits`]]),
    ["seeds", point.seeds.join(", ")],
    ["run ids", point.runs.join(", ")],
    ["sweeps", point.sweeps.join(", ")],
    ["stored", point.created],
  ];
}

function metricTable(dataset, index, vectors) {
  const rows = axesOf(dataset)
    .filter((name) => valueOf(dataset, name, index, vectors) !== null)
    .map((name) => [metricOf(name).label, name, withInterval(dataset, name, index, vectors)]);
  return table("In parentheses 95 % intervals.", ["metric", "name", "value"], rows, { limit: 200 });
}

function environmentFacts(environment) {
  return Object.entries(environment).map(([name, value]) => [
    name.replaceAll("_", " "),
    value !== null && typeof value === "object" ? pairsText(value) || "–" : shown(value),
  ]);
}

function pairsText(value) {
  return Object.entries(value)
    .map(([name, each]) => `${name} ${each !== null && typeof each === "object" ? JSON.stringify(each) : each}`)
    .join(", ");
}
