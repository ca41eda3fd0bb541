"""The table of docs/METHODS.md: recall@10 of every method at each budget, from the results of one sweep per data set.

    vq-benchmark sweep --dataset sample --method all --bits 1,2,4,8 --seeds 0,1,2,3,4 --db-path sample.db
    python benchmarks/recall_table.py sample.db [pypi.db …] [--write docs/METHODS.md]

A cell shows the mean over the seeds, behind it the total bits per dimension (code and model) where they differ from
the budget by more than a hundredth, and a mark where the code itself is over the budget.
"""

import argparse
import re
from collections.abc import Iterable
from pathlib import Path
from statistics import fmean, stdev

from vq_benchmark.quantizers.registry import registered
from vq_benchmark.reports.comparison import CONTROL
from vq_benchmark.results.database import Database, Run

OVER = "↑"
MARKER = "recall table"

Cells = dict[tuple[str, float], list[Run]]
"""The rows of all seeds by method and budget."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("databases", nargs="+", type=Path)
    parser.add_argument("--write", type=Path, help="replace the table in this page")
    arguments = parser.parse_args()
    lines = list(table(arguments.databases))
    if arguments.write is None:
        print("\n".join(lines))
        return
    page = arguments.write.read_text()
    begin, end = f"<!-- {MARKER} -->\n", f"<!-- end of the {MARKER} -->"
    before, rest = page.split(begin)
    arguments.write.write_text(before + begin + "\n".join(lines) + "\n" + end + rest.split(end)[1])


def table(databases: Iterable[Path]) -> Iterable[str]:
    """The lines of the table, the methods with the highest recall at the smallest budget first."""
    found = {path.stem: cells_of(path) for path in databases}
    columns = [(stem, budget) for stem, cells in found.items() for budget in sorted({key[1] for key in cells})]
    methods = sorted({method for cells in found.values() for method, _ in cells}, key=lambda each: place(each, found))
    yield "| method | " + " | ".join(f"{stem} {budget:g}" for stem, budget in columns) + " | seeds |"
    yield "| --- |" + " --- |" * (len(columns) + 1)
    for method in methods:
        rows = [found[stem].get((method, budget), []) for stem, budget in columns]
        spreads = [stdev(recalls(each)) for each in rows if len(each) > 2]
        spread = f"±{max(spreads):.4f}".replace("0.", ".") if spreads else ""
        yield (
            f"| `{method}` | "
            + " | ".join(cell(*each) for each in zip(rows, columns, strict=True))
            + f" | {spread} |"
        )


def cells_of(path: Path) -> Cells:
    """The finished rows of a database by method and budget; a code serves every budget that it was chosen for."""
    cells: Cells = {}
    for run in Database(path).runs("status = 'done' AND budget IS NOT NULL"):
        if run.method in registered():
            cells.setdefault((run.method, run.budget or 0.0), []).append(run)
    return cells


def place(method: str, found: dict[str, Cells]) -> tuple[float, float]:
    """Where a method stands: by its smallest budget, then by falling recall there, in the first data set."""
    cells = next(iter(found.values()))
    budgets = sorted(budget for each, budget in cells if each == method)
    return (budgets[0], -fmean(recalls(cells[method, budgets[0]]))) if budgets else (float("inf"), 0.0)


def recalls(runs: Iterable[Run]) -> list[float]:
    return [run.metrics["recall_at_10"] for run in runs]


def cell(runs: list[Run], column: tuple[str, float]) -> str:
    """Mean recall, the mark of a code over the budget, and the total bits where they are not the budget."""
    if not runs:
        return ""
    budget, metrics = column[1], runs[0].metrics
    over = OVER if metrics["bits_per_dim"] > budget and runs[0].method != CONTROL else ""
    total = metrics["total_bits_per_dim"]
    bits = "" if abs(total - budget) < 0.01 else f" ({total:.2f})"
    return re.sub(r"^0\.", ".", f"{fmean(recalls(runs)):.3f}") + over + bits


if __name__ == "__main__":
    main()
