"""How far every method is above the Gaussian rate–distortion bound: the figure and the table of docs/METHODS.md.

    python benchmarks/above_bound.py --gaussian gaussian.npy
    vq-benchmark sweep --dataset gaussian.npy --metric l2 --num-queries 20 --train-size 10000 --skip-ground-truth \\
        --method all --bits 1,2,3,4 --db-path gaussian.db
    python benchmarks/above_bound.py gaussian.db sample.db DATASET.db [--output docs/figures/above_bound.png]

The first command writes Gaussian vectors, on which all axes have the same variance. The last draws one panel for each
data set of the databases, in the order given, from the metric `above_bound_db` of rows of at most 4.6 bits per
dimension, and prints the same numbers at each budget. It reads stored rows only.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vq_benchmark.reports.comparison import Comparison, Summary, comparisons
from vq_benchmark.reports.series import lines
from vq_benchmark.results.database import Database

METRIC = "above_bound_db"
LABELLED = {
    "trellis": "#D55E00", "opq": "#0072B2", "segmented-eden": "#009E73", "saq": "#CC79A7", "eden": "#E69F00",
    "pq": "#56B4E9", "rabitq": "#882255",
}  # fmt: skip
"""The best of each family, and their colours; all other methods are grey."""
OTHERS = "#BBBBBB"
BUDGETS = (1.0, 2.0, 3.0, 4.0)
MOST_BITS, MOST_DB = 4.6, 14.0
VECTORS, DIMENSION = 12_000, 384
PANEL = (3.4, 3.9)
"""Inches."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("databases", nargs="*", type=Path)
    parser.add_argument("--output", type=Path, default=Path("docs/figures/above_bound.png"))
    parser.add_argument("--gaussian", type=Path)
    arguments = parser.parse_args()
    if arguments.gaussian is not None:
        np.save(arguments.gaussian, np.random.default_rng(0).standard_normal((VECTORS, DIMENSION), np.float32))
        return
    found = [each for path in arguments.databases for each in comparisons(Database(path).runs())]
    drawn(found).savefig(arguments.output, dpi=130)
    print(table(found))


def drawn(found: Sequence[Comparison]) -> Figure:
    """One panel for each data set, with one legend."""
    matplotlib.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
    figure = Figure((PANEL[0] * len(found), PANEL[1]), layout="constrained", facecolor="white")
    panels = figure.subplots(1, len(found), sharey=True, squeeze=False)[0]
    for axes, comparison in zip(panels, found, strict=True):
        panel(axes, comparison)
    panels[0].set_ylabel("squared error above the bound, dB")
    handles = {line.get_label(): line for axes in panels for line in axes.lines if line.get_label()[0] != "_"}
    names = [name for name in [*LABELLED, "other methods"] if name in handles]
    figure.legend([handles[name] for name in names], names, loc="outside lower center", ncols=4, frameon=False)
    return figure


def panel(axes: Axes, comparison: Comparison) -> None:
    """The lines of one data set; grey ones lie below."""
    for name, summaries in lines(comparison).items():
        points = [(each.code_bits or 0, each.value(METRIC)) for each in summaries if of_figure(each)]
        if not points:
            continue
        label, color = (name, LABELLED[name]) if name in LABELLED else ("other methods", OTHERS)
        width, order = (1.8, 3) if name in LABELLED else (0.8, 2)
        axes.plot(*zip(*sorted(points), strict=True), "o-", ms=3, lw=width, color=color, label=label, zorder=order)
    axes.axhline(0, color="black", lw=0.8)
    axes.set(xlim=(0.7, MOST_BITS), ylim=(-0.5, MOST_DB), xlabel="bits per dimension, side information included")
    axes.set_title(comparison.dataset)


def of_figure(summary: Summary) -> bool:
    """Whether a configuration is drawn: it has the metric, and few enough bits."""
    return summary.value(METRIC) is not None and (summary.code_bits or 0) <= MOST_BITS


def table(found: Sequence[Comparison]) -> str:
    """Markdown: the least distance of each method to the bound at each budget, for every data set."""
    methods = sorted({each.method for comparison in found for each in comparison.summaries if of_figure(each)})
    heads = [f"{comparison.dataset} {budget:g}" for comparison in found for budget in BUDGETS]
    rows = [[method, *(cell(each, method, budget) for each in found for budget in BUDGETS)] for method in methods]
    shown = [row for row in rows if any(row[1:])]
    return "\n".join(f"| {' | '.join(row)} |" for row in [["method", *heads], ["---"] * (len(heads) + 1), *shown])


def cell(comparison: Comparison, method: str, budget: float) -> str:
    """The least distance of a method's configurations for a budget; empty if there is none.

    A code that is over its budget counts too: the bound is that of its own bits.
    """
    values = [
        value
        for each in comparison.summaries
        if each.method == method and each.budget == budget and (value := each.value(METRIC)) is not None
    ]
    return f"{min(values):.2f}" if values else ""


if __name__ == "__main__":
    main()
