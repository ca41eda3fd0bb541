"""The answer for data that one process does not get through: a coarse study of the first rows, and one of the rest.

Recall falls as a base grows, so what misses the target on the first rows misses it on all of them.
"""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from vq_benchmark.datasets.data_spec import DataSpec
from vq_benchmark.machine.validation import option_words
from vq_benchmark.reports.commands import data_words, measure_words
from vq_benchmark.reports.recommendation.advice import Advice, Option
from vq_benchmark.studies.cells import OPTIONS_KEY
from vq_benchmark.studies.recommending.grid import DEFAULT_BITS, Choices
from vq_benchmark.studies.recommending.search import MARGIN

LARGE = 10_000_000
"""Vectors from which a search on one machine takes days rather than hours."""
FIRST_ROWS = 1_000_000
COARSE_BITS = (0.5, 1.0, 2.0, 3.0, 4.0, 6.0)
MOST_METHODS = 3
"""Methods that the second study measures, those with the smallest codes."""
LARGER = 1.5
"""Times the bits that suffice for the first rows which the second study measures up to."""
FIRST, SECOND = "first-study", "second-study"


def first_study(n: int, asked: Mapping[str, Any] | None, choices: Choices, question: Sequence[str]) -> list[str]:
    """Sentences on how to get the answer on a cluster; none if n vectors are few, or no options select them.

    Args:
        asked: the options of the data set, as `Dataset` has them.
        question: the options of the question, as they are typed.
    """
    if n < LARGE or asked is None:
        return []
    data = option_words(DataSpec, {**asked, "dataset_limit": FIRST_ROWS})
    grid = _settings(choices.engines) if choices.engines else _methods(choices.methods, COARSE_BITS)
    return [
        f"{n:,} vectors take long on one machine. On a cluster, two studies give the answer. Submit the first, of "
        f"{FIRST_ROWS:,} vectors: {_submit(data, grid, FIRST)}",
        f"When it is done, this prints the second: {_ask(FIRST, question)}",
    ]


def second_study(advice: Advice, question: Sequence[str]) -> list[str]:
    """Sentences on the study of all vectors that the rows of the first ones call for; none where rows are of all."""
    runs = advice.comparison.runs
    options = [(run.environment.get(OPTIONS_KEY) or {}).get("data") or {} for run in runs]
    if not advice.good or advice.question.best_that_fits or not all("dataset_limit" in each for each in options):
        return []
    if advice.question.engines:
        grid = _settings([each.family for each in advice.good])
    else:
        methods = list(dict.fromkeys(each.summary.method for each in advice.good))[:MOST_METHODS]
        grid = _methods(methods, _bits_left(advice, methods))
    words = data_words(runs[0], Path.cwd())
    at = words.index("--dataset-limit")
    data = [*words[:at], *words[at + 2 :], *measure_words(runs[0])]
    return [
        f"These rows are of the first {advice.comparison.n:,} vectors, and recall falls as a base grows. To measure "
        f"what they leave open on all vectors: {_submit(data, grid, SECOND)}",
        f"When it is done, this gives the answer: {_ask(SECOND, question)}",
    ]


def _bits_left(advice: Advice, methods: Sequence[str]) -> list[float]:
    """Budgets above what the rows rule out, and up to LARGER times what suffices for them."""
    low = min(_ruled_out(advice, method) for method in methods)
    sufficing = [next(each for each in advice.good if each.summary.method == method) for method in methods]
    high = LARGER * max(each.value("bits_per_dim") for each in sufficing)
    return [bits for bits in DEFAULT_BITS if low < bits <= high] or [high]


def _ruled_out(advice: Advice, method: str) -> float:
    """The most bits of a method that miss the goals by more than the margin; 0 if none do."""
    missing = [each for each in advice.options if each.summary.method == method and _misses(each)]
    return max((each.value("bits_per_dim") for each in missing), default=0.0)


def _misses(option: Option) -> bool:
    return option.reading.high < -MARGIN


def _methods(methods: Iterable[str], bits: Iterable[float]) -> list[str]:
    return ["--method", ",".join(methods), "--bits", ",".join(f"{each:g}" for each in bits)]


def _settings(engines: Iterable[str]) -> list[str]:
    return ["--engine", ",".join(engines)]


def _submit(data: Sequence[str], grid: Sequence[str], folder: str) -> str:
    return shlex.join(["vq-benchmark", "slurm", "submit", *data, *grid, "--study-dir", folder])


def _ask(folder: str, question: Sequence[str]) -> str:
    return shlex.join(["vq-benchmark", "recommend", "--db-path", f"{folder}/results.db", *question])
