"""Say in one sentence what to take at which budget, from the marks of the table."""

from collections import defaultdict
from collections.abc import Iterable

from vq_benchmark.evaluation.metric_records import record_of
from vq_benchmark.reports.best_marks import best_at_budgets, best_metric
from vq_benchmark.reports.comparison import Comparison, Summary, comparisons, shown_bits
from vq_benchmark.reports.formatting import decimal, display_name, joined
from vq_benchmark.reports.pareto_marks import is_on, pareto_rows
from vq_benchmark.reports.sizes import Sizes, sized
from vq_benchmark.results.database import Run


def choices(comparison: Comparison) -> dict[float, Summary]:
    """The smallest, model included, of the best configurations at each budget that are on the Pareto front.

    The best are those that the table marks. Budgets leave models out, so on few vectors all of the best may be larger
    than a better row of another budget. Then none is on the front, and the budget has no choice.
    """
    front, metric = pareto_rows(comparison), best_metric(comparison)
    sign = -1.0 if record_of(metric).better == "lower" else 1.0
    on_front = {
        budget: [each for each in best if is_on(front, each)] for budget, best in best_at_budgets(comparison).items()
    }

    def place(each: Summary) -> tuple[float, float]:
        return shown_bits(each.bits or 0.0), -sign * (each.value(metric) or 0.0)

    return {budget: min(best, key=place) for budget, best in on_front.items() if best}


def choices_text(runs: Iterable[Run], sizes: Sizes) -> list[str]:
    """What to take at which budget, a sentence for each data set that has a choice."""
    found = comparisons(sized(runs, sizes))
    sentences = [(display_name(each.dataset), choices_sentence(each)) for each in found]
    return [f"{name}: {text}" if len(found) > 1 else text for name, text in sentences if text]


def choices_sentence(comparison: Comparison) -> str | None:
    """What to take at which budget, such as "Take saq at 1 and 2 bits per dimension (recall@10 0.769, 0.893)."

    None if the table marks no best rows.
    """
    by_method: defaultdict[str, list[tuple[float, Summary]]] = defaultdict(list)
    for budget, summary in choices(comparison).items():
        by_method[display_name(summary.method)].append((budget, summary))
    if not by_method:
        return None
    metric = best_metric(comparison)
    parts = []
    for number, (method, taken) in enumerate(by_method.items()):
        budgets = joined([decimal(budget, 2) for budget, _ in taken])
        values = ", ".join(f"{summary.value(metric):.3f}" for _, summary in taken)
        bits = "bit" if budgets == "1" else "bits"
        unit, what = (f" {bits} per dimension", f"{record_of(metric).title.lower()} ") if not number else ("", "")
        parts.append(f"{method} at {budgets}{unit} ({what}{values})")
    return f"Take {joined(parts)}."
