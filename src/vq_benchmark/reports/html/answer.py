"""Answer which configuration is the smallest that reaches a target recall, in one paragraph.

`answer.js` gives the same answer in the page, word for word; a test compares the two.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

SHALLOWEST = 10
"""Candidates without re-ranking: the neighbours that recall@10 asks for."""
UNITS = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


@dataclass(frozen=True)
class Candidate:
    """A configuration with its recall at the depth that is asked for."""

    label: str
    bits: float
    """Bits per dimension of the code."""
    code_bytes: float
    model_bytes: float
    recall: float
    low: float
    high: float

    def size(self, vectors: int) -> float:
        """Bytes of the codes of that many vectors, with the model."""
        return self.code_bytes * vectors + self.model_bytes


@dataclass(frozen=True)
class Answer:
    """The smallest configuration that reaches a target, and the paragraph about it."""

    chosen: str | None
    """The label of the configuration; None if none reaches the target."""
    sentence: str


def recall_metric(depth: int) -> str:
    """The metric that holds recall@10 when that many candidates are re-ranked with exact vectors."""
    return "recall_at_10" if depth <= SHALLOWEST else f"recall_10_at_{depth}"


def answer(candidates: Sequence[Candidate], target: float, depth: int, vectors: int, d: int) -> Answer:
    """The smallest candidate whose interval lies at or above the target, and what choosing it means.

    Size counts the codes of `vectors` vectors and the model. Equally small candidates are ordered by recall, then by
    label.
    """
    what = "recall@10" if depth <= SHALLOWEST else f"recall@10 after re-ranking {depth} candidates"
    if not candidates:
        return Answer(None, f"No row has {what}.")
    reaching = [each for each in candidates if each.low >= target]
    if not reaching:
        best = min(candidates, key=lambda each: (-each.low, -each.recall, each.size(vectors), each.label))
        return Answer(None, f"No configuration has a {what} of at least {fixed(target, 3)}. {_best(best)}")
    chosen = min(reaching, key=lambda each: (each.size(vectors), -each.recall, each.label))
    smaller = [each for each in candidates if each.size(vectors) < chosen.size(vectors) and each.high >= target]
    parts = [
        f"{chosen.label} is the smallest configuration with a {what} of at least {fixed(target, 3)}: "
        f"{fixed(chosen.recall, 3)} (95 % interval {_interval(chosen)}) at {fixed(chosen.bits, 2)} bits per "
        "dimension.",
        *size_sentences(chosen.code_bytes, chosen.model_bytes, vectors, d),
    ]
    if depth > SHALLOWEST:
        parts.append(f"Each query reads {depth} exact vectors, {size_text(4 * d * depth)} of float32.")
    if smaller:
        undecided = min(smaller, key=lambda each: (each.size(vectors), -each.recall, each.label))
        parts.append(f"{undecided.label} is smaller but undecided: its interval is {_interval(undecided)}.")
    return Answer(chosen.label, " ".join(parts))


def size_sentences(code_bytes: float, model_bytes: float, vectors: int, d: int) -> list[str]:
    """What that many vectors take, and that most of it is the model where it is."""
    size = code_bytes * vectors + model_bytes
    said = [
        f"{grouped(vectors)} vectors take {size_text(size)} with the model, "
        f"{times_text(4 * d * vectors, size)} than float32."
    ]
    if model_bytes > code_bytes * vectors:
        said.append(
            f"Most of that is the model, {size_text(model_bytes)}, which further vectors share: each adds only "
            f"{fixed(code_bytes, 0)} bytes."
        )
    return said


def times_text(before: float, after: float) -> str:
    """How a size compares with the one before, such as `8.0 times less`."""
    return f"{fixed(before / after, 1)} times less" if after <= before else f"{fixed(after / before, 1)} times more"


def _best(best: Candidate) -> str:
    return (
        f"The best is {best.label} with {fixed(best.recall, 3)} (95 % interval {_interval(best)}) at "
        f"{fixed(best.bits, 2)} bits per dimension."
    )


def _interval(of: Candidate) -> str:
    return f"{fixed(of.low, 3)} to {fixed(of.high, 3)}"


def fixed(value: float, places: int) -> str:
    """A number with that many decimals; halves are rounded up, as `toFixed` does."""
    return str(Decimal(value).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP))


def grouped(count: int) -> str:
    """A whole number with commas."""
    return f"{count:,}"


def size_text(size: float) -> str:
    """A number of bytes in a decimal unit, such as `14.8 GB`."""
    unit = next((each for each in UNITS if size >= each[0]), None)
    return f"{fixed(size, 0)} bytes" if unit is None else f"{fixed(size / unit[0], 1)} {unit[1]}"
