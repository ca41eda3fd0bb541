"""The advice as JSON values, and as a table of the configurations around the choice."""

from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from vq_benchmark.evaluation.metric_records import ENCODE_RATE
from vq_benchmark.reports.formatting import decimal, share
from vq_benchmark.reports.html.answer import fixed, grouped, size_text
from vq_benchmark.reports.labels import rounded
from vq_benchmark.reports.recommendation.advice import Advice, Option, queries_to_decide
from vq_benchmark.reports.recommendation.wording import file_dtype, paragraphs, sentence

UNDECIDED = "undecided"


def facts(advice: Advice, price: float | None = None) -> dict[str, Any]:
    """Everything that is said, as JSON values."""
    question, comparison = advice.question, advice.comparison
    second = advice.runner_up
    return {
        "dataset": comparison.dataset,
        "dataset_fingerprint": comparison.fingerprint,
        "distance": comparison.metric,
        "n": comparison.n,
        "d": comparison.d,
        "target": {goal.metric: goal.bound for goal in question.goals} if not question.best_that_fits else None,
        "rerank": question.depth,
        "engines": list(question.engines),
        "vectors": question.vectors,
        "limit_bytes": question.limit,
        "min_encode_rate": question.min_rate,
        "float32_bytes": 4 * comparison.d * question.vectors,
        "file_dtype": file_dtype(advice) or None,
        "sentence": sentence(advice),
        "paragraphs": paragraphs(advice, price),
        "chosen": None if advice.chosen is None else _option(advice, advice.chosen, price),
        "runner_up": None if second is None else _option(advice, second, price),
        "best": _option(advice, advice.best[0], price) if advice.best else None,
        "undecided": [_option(advice, each, price) for each in advice.undecided],
        "ruled_out": [_option(advice, each, price) for each in advice.ruled_out],
        "too_slow": [_option(advice, each, price) for each in advice.slow],
    }


def table(advice: Advice) -> Table | None:
    """The choice, what else could be chosen of each method, and the nearest smaller ones; None without any option."""
    shown = sorted(_shown(advice), key=lambda each: (advice.size(each), each.label))
    if not shown:
        return None
    metric = advice.question.goals[0].metric
    found = Table(box=box.SIMPLE_HEAD, padding=0, show_edge=False)
    headers = ["configuration", "bytes\n/vec", "size", "smaller", advice.question.goals[0].record.title, "verdict"]
    if advice.question.engines:
        headers[0] = "setting"
        headers.insert(4, "kept for\nre-ranking")
    for place, header in enumerate(headers):
        is_text = place in (0, len(headers) - 1)
        found.add_column(header, justify="left" if is_text else "right", no_wrap=place > 0, overflow="fold")
    raw = 4 * advice.comparison.d
    for option in shown:
        size = advice.size(option)
        numbers = [decimal(size / advice.question.vectors, 1), size_text(size)]
        numbers += [f"{fixed(raw * advice.question.vectors / size, 1)}x"]
        if advice.question.engines:
            kept = option.kept_bytes(advice.comparison.d)
            numbers.append(f"{grouped(kept)} B" if kept else "-")
        numbers += [share(option.value(metric), option.interval(metric))]
        found.add_row(*map(Text, [option.label, *numbers, f" {verdict(advice, option)}"]))
    return found


def verdict(advice: Advice, option: Option) -> str:
    """What became of an option, in a few words."""
    if option is advice.chosen:
        return "take this"
    if advice.question.best_that_fits:
        return "fits"
    if option.reading.low >= 0:
        return "reaches it"
    return "misses it" if option.reading.high < 0 else UNDECIDED


def _shown(advice: Advice) -> list[Option]:
    """One option of each method on either side of the goal, and all that are undecided and smaller.

    Every setting of an engine is one of these.
    """
    found: dict[tuple[str, str], Option] = {}
    for each in sorted(advice.ruled_out, key=lambda each: -each.reading.value):
        found.setdefault((each.family, "misses"), each)
    for each in advice.good:
        found.setdefault((each.family, "good"), each)
    for each in advice.undecided:
        found[each.label, UNDECIDED] = each
    return list({each.label: each for each in found.values()}.values())


def _option(advice: Advice, option: Option, price: float | None) -> dict[str, Any]:
    question = advice.question
    run, size = option.summary.runs[0], advice.size(option)
    metrics = {goal.metric: option.value(goal.metric) for goal in question.goals}
    intervals = {f"{name}_ci": option.interval(name) for name in metrics}
    queries = option.summary.value("queries")
    costs = ("fit_seconds", ENCODE_RATE)
    return {
        "label": option.label,
        "engine": option.summary.engine or None,
        "method": option.summary.method,
        "config": option.summary.config,
        "seeds": [each.seed for each in option.summary.runs],
        "runs": [each.run_id for each in option.summary.runs],
        "budget": run.budget,
        "bits_per_dim": option.value("bits_per_dim"),
        "code_bytes": option.code_bytes,
        "model_bytes": option.model_bytes,
        "total_bytes": size,
        "second_stage": option.second_stage and option.second_stage.text,
        "second_stage_bytes": option.kept_bytes(advice.comparison.d),
        "bytes_per_vector": rounded(size / question.vectors),
        "times_smaller_than_float32": rounded(4 * advice.comparison.d * question.vectors / size),
        "price": None if price is None else rounded(size / 1e9 * price),
        **metrics,
        **intervals,
        **{name: rounded(option.summary.value(name)) for name in costs},
        "verdict": verdict(advice, option),
        "queries_to_decide": None
        if question.best_that_fits or queries is None or option.reading.low >= 0 or option.reading.high < 0
        else queries_to_decide(option.reading, queries),
    }


def vectors_note(advice: Advice) -> str:
    """For how many vectors the sizes are."""
    note = f"sizes: codes and model of {grouped(advice.question.vectors)} vectors"
    if not advice.question.engines:
        return note
    return (
        f"{note}; kept for re-ranking: beside the code, by the engine's default. Every code was scanned: the loss of "
        "a graph or of an inverted file is not part of recall"
    )
