"""How far every method is above the Gaussian rate–distortion bound: the figure and the table of docs/METHODS.md.

    python benchmarks/above_bound.py --gaussian gaussian.json [--method all]
    vq-benchmark sweep --dataset sample --method all --bits 1,2,3,4 --db-path sample.db
    python benchmarks/above_bound.py sample.db DATASET.db --gaussian gaussian.json [--output FIGURE.png]

Without databases, the methods are measured on fresh Gaussian vectors, on which all axes have the same variance and
the bound is 4^−b at b bits per dimension; the file keeps the numbers, and methods in it are not measured again. With
databases, one panel is drawn for Gaussian vectors and one for each data set of the rows, from their metric
`above_bound_db`, and the numbers at each budget are printed.
"""

import argparse
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vq_benchmark.errors import InfeasibleBudget
from vq_benchmark.quantizers.registry import built_in
from vq_benchmark.reports.comparison import Comparison, comparisons
from vq_benchmark.results.database import Database
from vq_benchmark.studies.choosing import chosen_parameters

METRIC = "above_bound_db"
LABELLED = {
    "trellis": "#D55E00", "opq": "#0072B2", "segmented-eden": "#009E73", "saq": "#CC79A7", "eden": "#E69F00",
    "pq": "#56B4E9", "rabitq": "#882255",
}  # fmt: skip
"""Methods with a colour; all others are grey."""
OTHERS = "#BBBBBB"
BUDGETS = (1.0, 2.0, 3.0, 4.0)
MOST_BITS, MOST_DB = 4.6, 14.0
TRAINED_ON, MEASURED_ON, DIMENSION = 10_000, 2_000, 384
PANEL = (3.4, 3.9)
"""Inches."""


@dataclass(frozen=True)
class Point:
    """One configuration of a method."""

    method: str
    budget: float
    bits: float
    """Bits per dimension, side information included; at most 25 % above the budget."""
    above: float
    """Squared error above the bound of these bits, dB."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("databases", nargs="*", type=Path)
    parser.add_argument("--gaussian", type=Path, required=True)
    parser.add_argument("--method", default="all")
    parser.add_argument("--output", type=Path, default=Path("docs/figures/above_bound.png"))
    arguments = parser.parse_args()
    if not arguments.databases:
        measure(arguments.gaussian, arguments.method)
        return
    panels = {"Gaussian": stored(arguments.gaussian)}
    for path in arguments.databases:
        for each in comparisons(Database(path).runs()):
            panels.setdefault(each.dataset, []).extend(points_of(each))
    drawn(panels).savefig(arguments.output, dpi=130)
    print(table(panels))


def measure(path: Path, methods: str) -> None:
    """Measure methods at each budget on Gaussian vectors, and add their points to a file."""
    names = [name for name, cls in built_in().items() if not cls.slow and not cls.unavailable() and name != "none"]
    rng = np.random.default_rng(0)
    train, fresh = (rng.standard_normal((n, DIMENSION), np.float32) for n in (TRAINED_ON, MEASURED_ON))
    for method in names if methods == "all" else methods.split(","):
        found = stored(path)
        if any(point.method == method for point in found):
            continue
        found += measured(method, train, fresh)
        path.write_text(json.dumps([vars(point) for point in found]))


def measured(method: str, train: np.ndarray, fresh: np.ndarray) -> Iterator[Point]:
    """The points of a method, fitted to train (n, d) and measured on fresh (m, d); each configuration once."""
    cls, seen = built_in()[method], set()
    for budget in BUDGETS:
        try:
            parameters = chosen_parameters(cls, budget, DIMENSION, "strict", len(train))
        except InfeasibleBudget:
            continue
        if parameters in seen:
            continue
        seen.add(parameters)
        quantizer = cls(parameters).fit(train)
        error = quantizer.decode(quantizer.encode(fresh)).astype(np.float64) - fresh
        decibels = 10 * math.log10(np.square(error).mean() * 4**quantizer.bits_per_dim)
        print(f"{method} {budget:g}: {quantizer.bits_per_dim:.3f} bits, {decibels:.2f} dB", flush=True)
        yield Point(method, budget, quantizer.bits_per_dim, decibels)


def stored(path: Path) -> list[Point]:
    """The points in a file; none if it does not exist."""
    return [Point(**values) for values in json.loads(path.read_text())] if path.exists() else []


def points_of(comparison: Comparison) -> list[Point]:
    """The configurations that were chosen for a budget and have the metric; the mean over seeds."""
    return [
        Point(each.method, each.budget, each.code_bits, value)
        for each in comparison.summaries
        if each.budget is not None and each.code_bits is not None and (value := each.value(METRIC)) is not None
    ]


def drawn(panels: dict[str, list[Point]]) -> Figure:
    """One panel for each data set, with one legend."""
    matplotlib.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
    figure = Figure((PANEL[0] * len(panels), PANEL[1]), layout="constrained", facecolor="white")
    rows = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axes, (title, points) in zip(rows, panels.items(), strict=True):
        draw_panel(axes, title, points)
    rows[0].set_ylabel("squared error above the bound, dB")
    handles = {line.get_label(): line for axes in rows for line in axes.lines if line.get_label()[0] != "_"}
    names = [name for name in [*LABELLED, "other methods"] if name in handles]
    figure.legend([handles[name] for name in names], names, loc="outside lower center", ncols=4, frameon=False)
    return figure


def draw_panel(axes: Axes, title: str, points: Sequence[Point]) -> None:
    """The lines of one data set, the grey ones below the others."""
    for method in sorted({point.method for point in points}):
        line = sorted((each.bits, each.above) for each in points if each.method == method and each.bits <= MOST_BITS)
        label, color = (method, LABELLED[method]) if method in LABELLED else ("other methods", OTHERS)
        width, order = (1.8, 3) if method in LABELLED else (0.8, 2)
        if line:
            axes.plot(*zip(*line, strict=True), "o-", ms=3, lw=width, color=color, label=label, zorder=order)
    axes.axhline(0, color="black", lw=0.8)
    axes.set(xlim=(0.7, MOST_BITS), ylim=(-0.5, MOST_DB), xlabel="bits per dimension, side information included")
    axes.set_xticks(BUDGETS)
    axes.set_title(title)


def table(panels: dict[str, list[Point]]) -> str:
    """Markdown: the distance of each method to the bound at each budget, for every data set."""
    methods = sorted({point.method for points in panels.values() for point in points if point.budget in BUDGETS})
    columns = [(title, budget) for title in panels for budget in BUDGETS]
    head = ["method", *(f"{title} {budget:g}" for title, budget in columns)]
    rows = [[method, *(cell(panels[title], method, budget) for title, budget in columns)] for method in methods]
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows])


def cell(points: Sequence[Point], method: str, budget: float) -> str:
    values = [point.above for point in points if point.method == method and point.budget == budget]
    return f"{min(values):.2f}" if values else ""


if __name__ == "__main__":
    main()
