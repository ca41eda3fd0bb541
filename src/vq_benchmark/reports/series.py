"""Group results into the lines of a figure, and choose the style of each line."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Literal

from vq_benchmark.reports.comparison import Comparison, Summary
from vq_benchmark.reports.formatting import EXTERNAL_MARK, display_name, query_coding_text

Dashes = Literal["-", "-.", ":"]
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#882255", "#666633")
"""Distinct for colour-blind readers (Okabe & Ito 2008; the last two replace their black and yellow)."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")
"""Their number has no common factor with that of COLORS, so 72 pairs come before one repeats."""
DASHES: tuple[Dashes, ...] = ("-", "-.", ":")


@dataclass(frozen=True)
class Style:
    """What distinguishes a line from the others."""

    color: str
    marker: str
    dashes: Dashes


def lines(comparison: Comparison) -> dict[str, list[Summary]]:
    """The summaries of each line in order of bits, by the line's name; the uncompressed control has none.

    There is one line per method, marked where it is external. Where a method was run with several values of a
    parameter that is not a number (such as a choice of estimator), each of them is a line of its own.
    """
    by_method: defaultdict[str, list[Summary]] = defaultdict(list)
    for summary in comparison.summaries:
        if not summary.is_control and summary.bits is not None:
            by_method[summary.method].append(summary)
    found: defaultdict[str, list[Summary]] = defaultdict(list)
    for method, summaries in sorted(by_method.items()):
        choices = _choices(summaries)
        for summary in summaries:
            variant = [str(summary.config[name]) for name in choices if name in summary.config]
            coding = query_coding_text(summary.query_bits)
            variant += [f"({coding})"] if coding else []
            mark = EXTERNAL_MARK * summary.is_external
            found[display_name(" ".join([method, *variant])) + mark].append(summary)
    return dict(found)


def styles(names: Iterable[str]) -> dict[str, Style]:
    """A style for each line; the same names always get the same styles."""
    distinct = sorted(set(names))
    dashes = (dash for dash in cycle(DASHES) for _ in COLORS)
    looks = zip(cycle(COLORS), cycle(MARKERS), dashes, strict=False)
    return {name: Style(*look) for name, look in zip(distinct, islice(looks, len(distinct)), strict=True)}


def _choices(summaries: Sequence[Summary]) -> list[str]:
    """Names of the parameters that take several values, none of them a number."""
    values: defaultdict[str, set[str]] = defaultdict(set)
    numeric = set()
    for summary in summaries:
        for name, value in summary.config.items():
            values[name].add(str(value))
            if isinstance(value, int | float) and not isinstance(value, bool):
                numeric.add(name)
    return sorted(name for name in values if len(values[name]) > 1 and name not in numeric)
