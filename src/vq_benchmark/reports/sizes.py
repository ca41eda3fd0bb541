"""Sizes as a user pays for them: codes, and the model divided by the number of vectors that share it."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal

from vq_benchmark.errors import InputError
from vq_benchmark.reports.comparison import Comparison, Summary, number
from vq_benchmark.reports.formatting import OVER_BUDGET_MARK, decimal
from vq_benchmark.results.database import Run

SUFFIXES = {"": 1, "K": 10**3, "M": 10**6, "B": 10**9, "G": 10**9, "T": 10**12}
MOST_VECTORS = 10**15
DTYPE_BITS = {"float64": 64, "float32": 32, "float16": 16, "bfloat16": 16, "int8": 8, "uint8": 8}
FILE = "file"
"""Stands for the dtype in which the vectors are stored."""
REFERENCES = (*DTYPE_BITS, FILE)
LARGE_MODEL = 0.05
"""Share of the codes above which a model is marked."""
MODEL_MARK = "ᵐ"


@dataclass(frozen=True)
class Sizes:
    """For how many vectors sizes are shown, and what the ratio compares with."""

    vectors: int | None = None
    """The vectors that share the model; None: those of the measured base."""
    ratio_to: str = "float32"
    """A key of DTYPE_BITS, or FILE."""

    def count(self, comparison: Comparison) -> int:
        """The vectors that share the model."""
        return comparison.n if self.vectors is None else self.vectors


def parsed_sizes(vectors: str | None, ratio_to: str) -> Sizes:
    """The sizes that the options ask for.

    Raises:
        InputError: the number is not a whole number of at least 1, or the dtype is unknown.
    """
    if ratio_to not in REFERENCES:
        raise InputError(f"--ratio-to is {ratio_to!r}; choose from {', '.join(REFERENCES)}.")
    return Sizes(None if vectors is None else parsed_count(vectors), ratio_to)


def parsed_count(text: str) -> int:
    """The number of vectors that "100M", "8.8M", "1B", "1e8" or "100,000" stands for."""
    digits = text.strip().replace(",", "").upper()
    suffix = digits[-1:] if digits[-1:] in SUFFIXES else ""
    with suppress(ArithmeticError):  # not a number, or too large for one
        value = Decimal(digits.removesuffix(suffix)) * SUFFIXES[suffix]
        if 1 <= value <= MOST_VECTORS and value == int(value):
            return int(value)
    raise InputError(f"--vectors is {text!r}; it must be a whole number of vectors, such as 100M, 1e8 or 8841823.")


def sized(runs: Iterable[Run], sizes: Sizes) -> list[Run]:
    """The rows with the metrics of their total size as they are for that number of vectors."""
    return [run if sizes.vectors is None else _sized(run, sizes.vectors) for run in runs]


def _sized(run: Run, vectors: int) -> Run:
    names = ("model_bits_per_dim", "total_bits_per_dim", "total_compression_ratio")
    metrics = {name: value for name, value in run.metrics.items() if name not in names}
    code, model = number(metrics, "code_bytes"), number(metrics, "model_bytes")
    if code is not None and model is not None:
        bits = 8 * (code + model / vectors) / run.d
        metrics |= dict(zip(names, (8 * model / vectors / run.d, bits, 32 / bits), strict=True))
    return replace(run, metrics=metrics)


def has_large_model(summary: Summary) -> bool:
    """Whether the model is more than LARGE_MODEL of the codes."""
    codes, total = summary.value("bits_per_dim"), summary.bits
    return codes is not None and total is not None and total > (1 + LARGE_MODEL) * codes


def bits_text(summary: Summary) -> str:
    """The total bits per dimension, marked for a large model and for a code over its budget."""
    marks = MODEL_MARK * has_large_model(summary) + OVER_BUDGET_MARK * summary.is_over_budget
    return decimal(summary.bits or 0, 2) + marks


def bytes_text(summary: Summary) -> str:
    """The total bytes of a vector."""
    return decimal((summary.bits or 0) * summary.runs[0].d / 8, 1)


def ratio_text(summary: Summary, ratio_to: str) -> str:
    """How many times smaller than vectors of that dtype; "?" if the dtype of the file is not known."""
    bits = DTYPE_BITS.get(_file_dtype(summary.runs) if ratio_to == FILE else ratio_to)
    return "?" if bits is None or not summary.bits else f"{decimal(bits / summary.bits, 1)}x"


def size_notes(comparison: Comparison, sizes: Sizes) -> list[str]:
    """The legend of the sizes in a table: what they count, and against what."""
    stored = _file_dtype(comparison.runs)
    ratio = f"ratio to {sizes.ratio_to}"
    if sizes.ratio_to == FILE:
        ratio = f"ratio to the dtype of the file ({stored or 'not known for all rows; rerun them with --force'})"
    elif stored not in ("", sizes.ratio_to):
        ratio += f", the file holds {stored}"
    return [f"sizes: code and model, shared by {sizes.count(comparison):,} vectors; {ratio}", model_note(comparison)]


def model_note(comparison: Comparison) -> str:
    """What the mark of large models means; empty if there is none."""
    marked = any(has_large_model(summary) for summary in comparison.summaries)
    return f"{MODEL_MARK}: the model adds more than {100 * LARGE_MODEL:g} % to the codes" if marked else ""


def _file_dtype(runs: Iterable[Run]) -> str:
    """The dtype in which the vectors of all rows are stored; empty if rows lack it or differ."""
    found = {run.environment.get("base_dtype") for run in runs}
    return str(found.pop() or "") if len(found) == 1 else ""
