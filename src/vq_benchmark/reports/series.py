"""Group results into the lines of a figure, and choose the style of each line."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

from vq_benchmark.reports.comparison import Comparison, Summary
from vq_benchmark.reports.formatting import EXTERNAL_MARK, display_name, query_text

Dashes = Literal["-", "-.", ":"]
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#882255", "#666633")
"""Distinct for colour-blind readers (Okabe & Ito 2008; the last two replace their black and yellow)."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")
"""Their number has no common factor with that of COLORS, so 72 pairs come before one repeats."""
SLOTS = len(COLORS) * len(MARKERS)
FIRST_METHODS = (
    "pq", "rabitq", "opq", "saq", "sq", "segmented-eden", "eden", "turboquant",
    "caq", "lvq", "rq", "scann", "binary", "itq", "mrl", "osq",
    "lsq", "prq", "simhash", "pca-sq", "int8", "minmax", "fp8", "nf4",
    "qjl", "int8-symmetric", "sq-faiss", "opq-faiss", "eden-faiss", "rabitq-faiss", "rabitqlib", "scann-library",
    "trellis",
)  # fmt: skip
"""Methods that have the first pairs of a colour and a marker, eight colours a row; append only. All others have the
pair that a hash of their name picks."""
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
    parameter that is not a number (such as a choice of estimator), or measured in several ways, each of them is a
    line of its own. Settings of engines have no line and are in no figure; `undrawn_note` says so.
    """
    by_method: defaultdict[str, list[Summary]] = defaultdict(list)
    for summary in comparison.summaries:
        if not summary.is_control and summary.bits is not None and not summary.engine:
            by_method[summary.method].append(summary)
    found: defaultdict[str, list[Summary]] = defaultdict(list)
    for method, summaries in sorted(by_method.items()):
        choices = _choices(summaries)
        for summary in summaries:
            variant = [str(summary.config[name]) for name in choices if name in summary.config]
            coding = query_text(summary.runs[0])
            variant += [f"({coding})"] if coding else []
            variant += [summary.told_apart] if summary.told_apart else []
            mark = EXTERNAL_MARK * summary.is_external
            found[display_name(" ".join([method, *variant])) + mark].append(summary)
    return dict(found)


def undrawn_note(comparison: Comparison) -> str:
    """How many settings of engines have no line, and where they are shown; empty if there are none."""
    count = sum(bool(summary.engine) for summary in comparison.summaries)
    if count < 2:
        return "1 setting of an engine is in no figure; `results` lists it" * count
    return f"{count} settings of engines are in no figure; `results` lists them"


def styles(names: Iterable[str]) -> dict[str, Style]:
    """A style for each line, no two alike up to 72 lines.

    The colour follows from the first word of the name, the method, and stays the same when other lines are added.
    Only where more than nine lines share a colour, some of them take another one.
    """
    distinct = sorted(set(names), key=lambda name: (name not in FIRST_METHODS, name))
    taken: set[int] = set()
    found = {}
    for count, name in enumerate(distinct):
        if count % SLOTS == 0:
            taken.clear()
        slot = next(slot for slot in _slots(name) if slot not in taken)
        taken.add(slot)
        dashes = DASHES[(slot // len(COLORS) + count // SLOTS) % len(DASHES)]
        found[name] = Style(COLORS[slot % len(COLORS)], MARKERS[slot % len(MARKERS)], dashes)
    return found


def _slots(name: str) -> Iterator[int]:
    """All pairs of a colour and a marker in the order in which a line prefers them.

    Its own colour comes first, and of each colour the pairs that no first method has.
    """
    method, *variant = name.removesuffix(EXTERNAL_MARK).split() or [""]
    home = FIRST_METHODS.index(method) if method in FIRST_METHODS else _number(method)
    shift = _number(" ".join(variant)) if variant else 0
    if name in FIRST_METHODS:
        yield home
    for other in range(len(COLORS)):
        of_color = [(home + other + len(COLORS) * (marker + shift)) % SLOTS for marker in range(len(MARKERS))]
        yield from sorted(of_color, key=lambda slot: slot < len(FIRST_METHODS))


def _number(text: str) -> int:
    """A number that follows from the text alone."""
    return int.from_bytes(sha256(text.encode(errors="surrogatepass")).digest()[:4])


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
