"""How the page and the answer name configurations and round their numbers, so that both say the same."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from vq_benchmark.reports.comparison import Summary
from vq_benchmark.reports.formatting import differing_parameters, differing_text, display_name, query_text

DIGITS = 7
"""Significant digits of the numbers in the page."""


def short_labels(summaries: Sequence[Summary]) -> list[str]:
    """A short name for each summary: the method, and the parameters and settings that its rows differ in."""
    names = short_names([(each.method, each.config) for each in summaries])
    codings = [query_text(each.runs[0]) for each in summaries]
    apart = [each.told_apart for each in summaries]
    return [" ".join(filter(None, parts)) for parts in zip(names, codings, apart, strict=True)]


def short_names(configurations: Sequence[tuple[str, Mapping[str, Any]]]) -> list[str]:
    """The same for methods and their parameters."""
    differing = differing_parameters(configurations)
    return [
        f"{display_name(method)} {differing_text(method, config, differing)}".strip()
        for method, config in configurations
    ]


def rounded(value: Any) -> Any:
    """A JSON value whose numbers have DIGITS significant digits; None for those that are not finite."""
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: rounded(each) for name, each in value.items()}
    return [rounded(each) for each in value] if isinstance(value, list | tuple) else value
