"""Summarise the search index of a row in one sentence."""

from vq_benchmark.evaluation.search_speed import UNSTABLE_SPREAD
from vq_benchmark.reports.formatting import config_text, decimal, short
from vq_benchmark.results.database import Run


def search_sentence(run: Run) -> str | None:
    """Throughput, latency and recall of a row's search index, or that it has none; None if it was not measured."""
    if "search_index" not in run.environment:
        return None
    label = " ".join(filter(None, [run.method, config_text(run.config)]))
    if run.environment["search_index"] is None:
        return (
            f"{label} has no index or scan, so it has no queries_per_second: decoding and multiplying is not search."
        )
    of = run.metrics
    low, high = of["queries_per_second_quartiles"]
    threads, k = of["search_threads"], of["search_k"]
    sentence = (
        f"{label}, {run.environment['search_index']}: {short(of['queries_per_second'])} queries/s "
        f"(quartiles {short(low)} to {short(high)}) in batches of {of['search_batch']:,}, one at a time "
        f"p50 {decimal(of['latency_p50_ms'])} ms, p99 {decimal(of['latency_p99_ms'])} ms; k = {k}, "
        f"{threads} thread{'' if threads == 1 else 's'}, recall@{k} {of[f'search_recall_at_{k}']:.3f}."
    )
    if of["queries_per_second_spread"] > UNSTABLE_SPREAD:
        sentence += (
            f" Unstable: the quartiles differ by {of['queries_per_second_spread']:.0%} of the rate; "
            "rerun on an idle machine."
        )
    return sentence
