// The smallest configuration that reaches a target recall, in one paragraph.
// answer.py gives the same answer, word for word; a test compares the two.

const SHALLOWEST = 10;
const SIZE_UNITS = [[1e12, "TB"], [1e9, "GB"], [1e6, "MB"], [1e3, "kB"]];

const recallMetric = (depth) => (depth <= SHALLOWEST ? "recall_at_10" : `recall_10_at_${depth}`);
const fixed = (value, places) => value.toFixed(places);
const WHOLE = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 }); // made once, as making it is slow
const grouped = (count) => WHOLE.format(count);
const interval = (of) => `${fixed(of.low, 3)} to ${fixed(of.high, 3)}`;
const totalBytes = (of, vectors) => of.code_bytes * vectors + of.model_bytes;

function sizeText(size) {
  const unit = SIZE_UNITS.find(([bytes]) => size >= bytes);
  return unit ? `${fixed(size / unit[0], 1)} ${unit[1]}` : `${fixed(size, 0)} bytes`;
}

function timesText(before, after) {
  return after <= before ? `${fixed(before / after, 1)} times less` : `${fixed(after / before, 1)} times more`;
}

// The item with the smallest key; keys are arrays, compared in order.
function smallest(items, keyOf) {
  const before = (a, b) => {
    const place = a.findIndex((value, index) => value !== b[index]);
    return place >= 0 && a[place] < b[place];
  };
  return items.reduce((best, item) => (best === null || before(keyOf(item), keyOf(best)) ? item : best), null);
}

// candidates: {label, bits, code_bytes, model_bytes, recall, low, high}; returns {chosen, sentence}.
function answer(candidates, target, depth, vectors, d) {
  const what = depth <= SHALLOWEST ? "recall@10" : `recall@10 after re-ranking ${depth} candidates`;
  if (!candidates.length) return { chosen: null, sentence: `No row has ${what}.` };
  const size = (of) => totalBytes(of, vectors);
  const order = (of) => [size(of), -of.recall, of.label];
  const reaching = candidates.filter((each) => each.low >= target);
  if (!reaching.length) {
    const best = smallest(candidates, (of) => [-of.low, -of.recall, size(of), of.label]);
    return {
      chosen: null,
      sentence:
        `No configuration has a ${what} of at least ${fixed(target, 3)}. The best is ${best.label} with ` +
        `${fixed(best.recall, 3)} (95 % interval ${interval(best)}) at ${fixed(best.bits, 2)} bits per dimension.`,
    };
  }
  const chosen = smallest(reaching, order);
  const parts = [
    `${chosen.label} is the smallest configuration with a ${what} of at least ${fixed(target, 3)}: ` +
      `${fixed(chosen.recall, 3)} (95 % interval ${interval(chosen)}) at ${fixed(chosen.bits, 2)} bits per dimension.`,
    `${grouped(vectors)} vectors take ${sizeText(size(chosen))} with the model, ` +
      `${timesText(4 * d * vectors, size(chosen))} than float32.`,
  ];
  if (chosen.model_bytes > chosen.code_bytes * vectors) {
    parts.push(
      `Most of that is the model, ${sizeText(chosen.model_bytes)}, which further vectors share: each adds only ` +
        `${fixed(chosen.code_bytes, 0)} bytes.`,
    );
  }
  if (depth > SHALLOWEST) {
    parts.push(`Each query reads ${depth} exact vectors, ${sizeText(4 * d * depth)} of float32.`);
  }
  const undecided = smallest(candidates.filter((of) => size(of) < size(chosen) && of.high >= target), order);
  if (undecided) parts.push(`${undecided.label} is smaller but undecided: its interval is ${interval(undecided)}.`);
  return { chosen: chosen.label, sentence: parts.join(" ") };
}
