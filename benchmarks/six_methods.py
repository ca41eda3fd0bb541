"""The tables of docs/SIX_METHODS.md: RaBitQ, TurboQuant, EDEN, OSQ, SAQ and OPQ at 1, 2 and 4 bits, in pairs.

    vq-benchmark sweep --dataset sample --method all --bits 1,2,4,8 --seeds 0,1,2,3,4 --db-path sample.db
    vq-benchmark sweep --dataset sample --method osq --param bits=1 --seeds 0,1,2,3,4 --db-path sample.db
    python benchmarks/six_methods.py sample.db [pypi.db …] [--write docs/SIX_METHODS.md]

Each method is compared with the best of its budget, query by query and seed by seed, with the functions of `compare`.
The second line is for OSQ, whose side information keeps its 1-bit code out of a budget of 1: where a method has no
row for a budget, that of as many bits before side information stands in, marked as over the budget.
"""

import argparse
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from vq_benchmark.machine.wording import number_of
from vq_benchmark.reports.comparison import Comparison, Summary, comparisons
from vq_benchmark.reports.paired_rows import Paired, compared
from vq_benchmark.reports.seed_intervals import LEAST_SEEDS
from vq_benchmark.results.database import Database

METHODS = ("rabitq", "turboquant", "eden", "osq", "saq", "opq")
BUDGETS = (1, 2, 4)
METRIC = "recall_at_10"
LEVEL = 0.05
BEGIN, END = "<!-- made by benchmarks/six_methods.py -->", "<!-- end of the tables of six methods -->"
HEADER = (
    "method", "bits per dimension", "with the model", "recall@10", "behind the best", "95 % interval", "p (Holm)",
    "seeds",
)  # fmt: skip


def main() -> None:
    """Print the tables, or put them into a page."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("databases", nargs="+", type=Path)
    parser.add_argument("--write", type=Path, default=None, help="the page to put the tables into")
    given = parser.parse_args()
    runs = [run for path in given.databases for run in Database(path).runs("status = 'done'") if not run.engine]
    groups = comparisons(run for run in runs if run.method in METHODS)
    made = "\n".join(line for group in sorted(groups, key=lambda group: group.n) for line in section(group))
    if given.write is None:
        print(made)
        return
    before, rest = given.write.read_text(encoding="utf-8").split(BEGIN)
    page = f"{before}{BEGIN}\n\n{made}\n{END}{rest.split(END)[1]}"
    given.write.write_text(page, encoding="utf-8")


def section(group: Comparison) -> Iterator[str]:
    """What one data set says: a heading, and for each budget a sentence and a table."""
    yield f"## {group.dataset}: {group.n:,} vectors × {group.d} dimensions, {group.metric}\n"
    for budget in BUDGETS:
        rows = [row for method in METHODS if (row := at(group, method, budget)) is not None]
        if len(rows) > 1:
            rows.sort(key=lambda row: -(row.value(METRIC) or 0.0))
            pairs = compared([(rows[0], row) for row in rows[1:]], METRIC)
            yield from (f"### {budget} bit{'s' * (budget > 1)} per dimension\n", said(rows[0], pairs), "")
            yield from table(rows[0], pairs, budget)
            yield ""


def at(group: Comparison, method: str, budget: float) -> Summary | None:
    """The newest configuration chosen for a budget; else the one with as many bits before side information."""
    own = [each for each in group.summaries if each.method == method and each.query_bits == "float"]
    chosen = [each for each in own if budget in {run.budget for run in each.runs}]
    nominal = [each for each in own if each.config.get("bits") == budget]
    return max(chosen or nominal, key=lambda each: each.runs[0].created_at, default=None)


def said(best: Summary, pairs: Sequence[Paired]) -> str:
    """Which method to take, and which ones the queries cannot tell from it."""
    alike = [f"`{pair.b.method}`" for pair in pairs if not differs(pair)]
    queries = number_of(max(pair.difference.queries for pair in pairs), "query", "queries")
    measured = f"({number_of(len(best.runs), 'seed')}, {queries})"
    if not alike:
        return f"`{best.method}` finds the most. All others find significantly less {measured}."
    verb = "does" if len(alike) == 1 else "do"
    return f"`{best.method}` finds the most. {' and '.join(alike)} {verb} not differ significantly {measured}."


def differs(pair: Paired) -> bool:
    """Whether the interval and the corrected p-value both say that the second is behind."""
    return pair.interval is not None and pair.interval[0] > 0 and pair.p_holm < LEVEL


def table(best: Summary, pairs: Iterable[Paired], budget: float) -> Iterator[str]:
    """The methods at one budget, the best first."""
    yield f"| {' | '.join(HEADER)} |"
    yield f"|{' --- |' * len(HEADER)}"
    yield line(best, budget, "", "", "")
    for pair in pairs:
        interval = "too few queries" if pair.interval is None else "{:.3f} to {:.3f}".format(*pair.interval)
        yield line(pair.b, budget, f"{pair.difference.mean:.3f}", interval, f"{pair.p_holm:.2g}")


def line(row: Summary, budget: float, *compared_with_best: str) -> str:
    """One method: its bits without the model and with its share for this base, its recall, and how it compares."""
    over = " ↑" if row.exceeds(budget) else ""
    seeds = f"{len(row.runs)}{'' if len(row.runs) >= LEAST_SEEDS else ', too few'}"
    sizes = (f"{row.code_bits:.2f}{over}", f"{row.bits:.2f}")
    cells = (f"`{row.method}`", *sizes, f"{row.value(METRIC):.3f}", *compared_with_best, seeds)
    return f"| {' | '.join(cells)} |".replace(" 0.", " .").replace("-0.", "−.")


if __name__ == "__main__":
    main()
