"""How the page and the answer name configurations and round their numbers, so that both say the same."""

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from vq_benchmark.reports.comparison import Summary
from vq_benchmark.reports.formatting import config_text, display_name, query_coding_text

DIGITS = 7
"""Significant digits of the numbers in the page."""


def short_labels(summaries: Sequence[Summary]) -> list[str]:
    """A short name for each summary: the method and the parameters that its configurations differ in."""
    configs: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for summary in summaries:
        configs[summary.method].append(summary.config)
    parts = [
        [display_name(each.method), _difference(each, configs), query_coding_text(each.query_bits)]
        for each in summaries
    ]
    return [" ".join(filter(None, each)) for each in parts]


def _difference(summary: Summary, configs: dict[str, list[dict[str, Any]]]) -> str:
    others = configs[summary.method]
    config = summary.config
    own = {name: value for name, value in config.items() if any(each.get(name) != value for each in others)}
    return config_text(own or config)


def rounded(value: Any) -> Any:
    """A JSON value whose numbers have DIGITS significant digits; None for those that are not finite."""
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: rounded(each) for name, each in value.items()}
    return [rounded(each) for each in value] if isinstance(value, list | tuple) else value
