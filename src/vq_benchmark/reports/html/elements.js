// Small pieces of a page. Names from data only ever become text nodes.

const byId = (id) => document.getElementById(id);

// An element with attributes and children; a child that is no element is text.
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

// A number as a reader wants it: four digits, commas, or a power of ten.
function shown(value) {
  if (value === null || value === undefined) return "–";
  if (typeof value !== "number") return String(value);
  if (Number.isInteger(value)) return grouped(value);
  if (Math.abs(value) >= 1e4) return grouped(Math.round(value));
  if (value !== 0 && Math.abs(value) < 1e-3) return value.toExponential(2);
  return String(Number(value.toPrecision(4)));
}

function withInterval(dataset, name, index, vectors) {
  const ends = intervalOf(dataset, name, index);
  const value = shown(valueOf(dataset, name, index, vectors));
  return ends ? `${value} (${shown(ends.low)} to ${shown(ends.high)})` : value;
}

function facts(pairs) {
  return pairs.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]);
}

// A table of text cells, or of elements; rows beyond `limit` wait for a button.
function table(caption, headers, rows, { limit = 50, isChosen = () => false } = {}) {
  const body = element("tbody");
  const add = (some) => {
    for (const cells of some) {
      const attributes = isChosen(cells) ? { class: "chosen" } : {};
      body.append(element("tr", attributes, ...cells.map((cell) => element("td", {}, cell))));
    }
  };
  add(rows.slice(0, limit));
  const head = element("tr", {}, ...headers.map((text) => element("th", { scope: "col" }, text)));
  const made = [element("table", {}, element("caption", {}, caption), element("thead", {}, head), body)];
  if (rows.length > limit) {
    const more = element("button", { type: "button", class: "more" }, `Show all ${grouped(rows.length)} rows`);
    more.addEventListener("click", () => {
      add(rows.slice(limit));
      more.remove();
    });
    made.push(more);
  }
  return made;
}

// Fill a select with options of [value, text]; the same options are left alone.
function fill(select, options, chosen) {
  const key = JSON.stringify(options);
  if (select.dataset.options !== key) {
    select.dataset.options = key;
    select.replaceChildren(...options.map(([value, text]) => element("option", { value }, text)));
  }
  select.value = chosen;
}

// Text for plotly, which reads some tags and entities.
function plain(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
