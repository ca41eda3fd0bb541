"""Mean ranks of methods over data sets, with the critical difference of the Nemenyi test (Demšar 2006)."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from vq_benchmark.evaluation.metric_records import Better, record_of
from vq_benchmark.reports.comparison import Comparison, Summary
from vq_benchmark.reports.series import lines

FEWEST_DATASETS, FEWEST_METHODS = 2, 3
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Ranking:
    """The methods that were measured on all data sets at a budget, by their mean rank."""

    metric: str
    budget: float
    """Bits per dimension: each method takes part with the best of its configurations up to here."""
    methods: tuple[str, ...]
    """From best to worst."""
    mean_ranks: tuple[float, ...]
    """1 is best; equal values share the mean of their ranks."""
    values: tuple[tuple[float, ...], ...]
    """Of each method, on each data set."""
    critical_difference: float
    """Methods whose mean ranks differ by less are not told apart."""


def rankings(comparisons: Sequence[Comparison], metrics: Iterable[str]) -> list[Ranking]:
    """A ranking for each metric and budget for which there are enough data sets and methods."""
    if len(comparisons) < FEWEST_DATASETS:
        return []
    by_dataset = [lines(comparison) for comparison in comparisons]
    budgets = sorted({budget_of(each) for found in by_dataset for line in found.values() for each in line})
    found = (
        _ranking(by_dataset, metric, better, budget)
        for metric in metrics
        if (better := record_of(metric).better) and record_of(metric).kind != "cost"
        for budget in powers_of_two(budgets)
    )
    return [ranking for ranking in found if ranking is not None]


def critical_difference(methods: int, datasets: int) -> float:
    """The difference of mean ranks that chance explains in 5 % of cases: q √(k (k + 1) / 6N)."""
    return _nemenyi(methods) * math.sqrt(methods * (methods + 1) / (6 * datasets))


def powers_of_two(budgets: Sequence[float]) -> list[float]:
    """The powers of two from the smallest of ascending budgets, rounded up, to the largest, rounded up."""
    if not budgets:
        return []
    low, high = (math.ceil(math.log2(budget) - 1e-9) for budget in (budgets[0], budgets[-1]))
    return [2.0**power for power in range(low, high + 1)]


def _ranking(
    by_dataset: Sequence[Mapping[str, list[Summary]]], metric: str, better: Better, budget: float
) -> Ranking | None:
    best = [_best_values(found, metric, better, budget) for found in by_dataset]
    names = sorted(set.intersection(*(set(values) for values in best)))
    if len(names) < FEWEST_METHODS:
        return None
    ranks = [_ranks([values[name] for name in names], better) for values in best]
    means = {name: math.fsum(each[place] for each in ranks) / len(ranks) for place, name in enumerate(names)}
    ordered = sorted(names, key=lambda name: (means[name], name))
    return Ranking(
        metric,
        budget,
        methods=tuple(ordered),
        mean_ranks=tuple(means[name] for name in ordered),
        values=tuple(tuple(values[name] for values in best) for name in ordered),
        critical_difference=critical_difference(len(names), len(by_dataset)),
    )


def _best_values(found: Mapping[str, list[Summary]], metric: str, better: Better, budget: float) -> dict[str, float]:
    """The best value of each line among its configurations within the budget."""
    pick = max if better == "higher" else min
    return {
        name: pick(values)
        for name, line in found.items()
        if (
            values := [
                value for each in line if budget_of(each) <= budget and (value := each.value(metric)) is not None
            ]
        )
    }


def budget_of(summary: Summary) -> float:
    """The budget that a configuration was chosen for; without one, its bits per dimension."""
    budget = summary.runs[0].budget
    return (summary.code_bits or math.inf) if budget is None else budget


def _ranks(values: Sequence[float], better: Better) -> list[float]:
    """The rank of each value, 1 for the best; equal values share the mean of their ranks."""
    sign = -1 if better == "higher" else 1
    keys = [sign * value for value in values]
    return [sum(other < key for other in keys) + (sum(other == key for other in keys) + 1) / 2 for key in keys]


@cache
def _nemenyi(methods: int) -> float:
    """The studentized range of that many normal variables, with infinite degrees of freedom, divided by √2."""
    low, high = 0.0, 20.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if _range_probability(middle, methods) < CONFIDENCE else (low, middle)
    return low / math.sqrt(2)


def _range_probability(q: float, methods: int) -> float:
    """The probability that so many normal variables lie within q: k ∫ φ(z) (Φ(z) − Φ(z − q))^(k − 1) dz."""
    step = 0.02
    grid = (-8 + step * place for place in range(round(16 / step) + 1))
    return methods * step * math.fsum(_density(z) * (_normal(z) - _normal(z - q)) ** (methods - 1) for z in grid)


def _density(z: float) -> float:
    return math.exp(-z * z / 2) / math.sqrt(2 * math.pi)


def _normal(z: float) -> float:
    return (1 + math.erf(z / math.sqrt(2))) / 2
