"""Draw figures from results: quality and rates against bits per dimension, and the trade-off between them."""

import re
import textwrap
import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from vq_benchmark.errors import InputError
from vq_benchmark.evaluation.metric_records import ENCODE_RATE, record_of
from vq_benchmark.machine.atomic_files import atomic_write
from vq_benchmark.machine.terminal import printable
from vq_benchmark.reports.bound_line import ERRORS, bound_handle, has_bound
from vq_benchmark.reports.caveats import caveats, interval_text
from vq_benchmark.reports.comparison import Comparison, comparisons, metric_names
from vq_benchmark.reports.formatting import (
    EXTERNAL_NOTE,
    machine_text,
    queries_text,
    seeds_text,
    subject_text,
    versions_text,
)
from vq_benchmark.reports.gaussian_bound import bound_note
from vq_benchmark.reports.metric_versions import other_versions_text
from vq_benchmark.reports.panel import (
    BITS,
    CONTROL_COLOR,
    DEFAULT_SIZES,
    FRONT_COLOR,
    can_be_drawn,
    draw_panel,
    hidden_lines,
    marker_fill,
    reference_value,
)
from vq_benchmark.reports.reranking import DEPTH, depth_note
from vq_benchmark.reports.series import Style, lines, styles, undrawn_note
from vq_benchmark.reports.sizes import Sizes, model_note, sized
from vq_benchmark.results.database import Run

FORMATS = ("png", "pdf", "svg")
DPI_RANGE = (30, 1200)
DEFAULT_METRICS = (
    "recall_at_10", "recall_at_1", "recall_at_100", "relative_error", "rank_distortion", "pairwise_distortion",
    "mrr_at_10", "mrr_at_10_loss", ENCODE_RATE,
)  # fmt: skip
OVERVIEW_METRICS = ("recall_at_10", "relative_error", ENCODE_RATE)
TRADE_OFF = ("recall_at_10", ENCODE_RATE)
SETTINGS: Any = {
    "font.family": "sans-serif", "font.sans-serif": ["DejaVu Sans"], "font.size": 9, "axes.titlesize": 9.5,
    "axes.spines.top": False, "axes.spines.right": False, "text.usetex": False, "text.parse_math": False,
    "pdf.fonttype": 42, "svg.hashsalt": "vq-benchmark",
}  # fmt: skip
"""No math, because names may contain dollar signs; PDF fonts that journals accept (42); reproducible SVG files."""
PANEL_SIZE = (6.0, 4.4)
OVERVIEW_PANEL_SIZE = (4.3, 4.1)
LEGEND_WIDTH = 1.6
LEGEND_ROW = 0.2
"""Sizes in inches."""
TITLE_CHARACTERS = 10
NOTE_CHARACTERS = 18
"""Characters per inch."""


@dataclass(frozen=True)
class Plotted:
    """The figures that were written, and those that were skipped."""

    paths: list[Path]
    """The files written."""
    skipped: list[str]
    """Metrics without a figure, because no row has a drawable value."""


@dataclass(frozen=True)
class Sheet:
    """A figure of one comparison."""

    name: str
    panels: tuple[tuple[str, str], ...]
    """(x, y) metrics of each panel."""
    sizes: Sizes
    """For how many vectors the bits are."""


def plot_results(
    runs: Sequence[Run],
    output_dir: Path,
    *,
    metrics: Sequence[str] | None = None,
    formats: Sequence[str] = ("png",),
    dpi: int = 150,
    sizes: Sizes = DEFAULT_SIZES,
) -> Plotted:
    """Draw the finished rows: for each data set, one figure per metric against bits per dimension.

    Without `metrics`: DEFAULT_METRICS, recall@10 against the encoding rate, and an overview.
    Files are named `<data set>_<metric>.<format>` and written atomically.

    Raises:
        InputError: nothing can be drawn, no row has a requested metric, or a format or dpi is invalid.
    """
    _check_output(formats, dpi)
    runs = sized(runs, sizes)
    names = metric_names(runs)
    for metric in metrics or ():
        if metric not in names:
            raise InputError(f"no finished row has the metric {metric!r}; available: {', '.join(names) or 'none'}.")
    groups = comparisons(runs)
    if not any(lines(comparison) for comparison in groups):
        notes = [f" {note}." for group in groups if (note := undrawn_note(group))][:1]
        raise InputError("nothing to plot: there is no finished row of a quantizer." + "".join(notes))
    looks = styles(name for comparison in groups for name in lines(comparison))
    stems = file_stems([(group.dataset, f"{group.fingerprint}{group.content}", group.metric) for group in groups])
    paths, drawn = [], set()
    for comparison, stem in zip(groups, stems, strict=True):
        for sheet in _sheets(comparison, metrics, sizes):
            path = output_dir / f"{stem}_{_slug(sheet.name)}"
            paths += _save(comparison, sheet, looks, path, formats, dpi)
            drawn.add(sheet.name)
    return Plotted(paths, [metric for metric in metrics or DEFAULT_METRICS if metric not in drawn])


def draw_figure(comparison: Comparison, metric: str, sizes: Sizes = DEFAULT_SIZES) -> Figure:
    """The figure of a metric against bits per dimension; `sizes` are those of the rows, see `sized`.

    Raises:
        InputError: no row has the metric.
    """
    if not can_be_drawn(comparison, BITS, metric):
        names = metric_names(comparison.runs)
        raise InputError(f"no finished row of a quantizer has the metric {metric!r}; available: {', '.join(names)}.")
    with matplotlib.rc_context(SETTINGS):
        return _draw(comparison, Sheet(metric, ((BITS, metric),), sizes), styles(lines(comparison)))


def figure_bytes(figure: Figure, extension: str, dpi: int) -> bytes:
    """A figure as a png, pdf or svg file; InputError for another format or an impossible dpi."""
    _check_output([extension], dpi)
    metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(extension)
    out = BytesIO()
    with matplotlib.rc_context(SETTINGS), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # a name in another script
        figure.savefig(out, format=extension, dpi=dpi, metadata=metadata)
    return out.getvalue()


def file_stems(keys: Sequence[tuple[str, str, str]]) -> list[str]:
    """A file name for each (data set, fingerprint, distance): the safe characters of the data set's name, with a
    hash of the key if names collide."""
    slugs = [_slug(dataset) for dataset, _, _ in keys]
    folded = [slug.casefold() for slug in slugs]
    return [
        slug if folded.count(slug.casefold()) == 1 else f"{slug}-{sha256(repr(key).encode()).hexdigest()[:8]}"
        for slug, key in zip(slugs, keys, strict=True)
    ]


def _slug(name: str) -> str:
    """The name with only ASCII letters, digits, `.`, `_` and `-`; never hidden, empty or long."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip(".-")[:60] or "unnamed"


def _check_output(formats: Sequence[str], dpi: int) -> None:
    for extension in formats:
        if extension not in FORMATS:
            raise InputError(f"unknown figure format {extension!r}; choose from {', '.join(FORMATS)}.")
    if not formats:
        raise InputError(f"no figure format given; choose from {', '.join(FORMATS)}.")
    low, high = DPI_RANGE
    if not low <= dpi <= high:
        raise InputError(f"dpi is {dpi}; it must be from {low} to {high}.")


def _sheets(comparison: Comparison, metrics: Collection[str] | None, sizes: Sizes) -> list[Sheet]:
    """The figures of one data set for which it has the metrics."""
    single = [Sheet(metric, ((BITS, metric),), sizes) for metric in metrics or DEFAULT_METRICS]
    if metrics is None:
        quality, rate = TRADE_OFF
        single.append(Sheet(f"{quality}_against_encode_rate", ((rate, quality),), sizes))
        panels = tuple((BITS, metric) for metric in OVERVIEW_METRICS if can_be_drawn(comparison, BITS, metric))
        single.append(Sheet("overview", panels, sizes))
    return [sheet for sheet in single if sheet.panels and all(can_be_drawn(comparison, *p) for p in sheet.panels)]


def _save(
    comparison: Comparison, sheet: Sheet, looks: Mapping[str, Style], path: Path, formats: Sequence[str], dpi: int
) -> list[Path]:
    written = []
    with matplotlib.rc_context(SETTINGS):
        figure = _draw(comparison, sheet, looks)
        for extension in dict.fromkeys(formats):
            target = path.with_name(f"{path.name}.{extension}")
            with atomic_write(target) as file:
                file.write(figure_bytes(figure, extension, dpi))
            written.append(target)
    return written


def _draw(comparison: Comparison, sheet: Sheet, looks: Mapping[str, Style]) -> Figure:
    shown = list(lines(comparison))
    width, height = PANEL_SIZE if len(sheet.panels) == 1 else OVERVIEW_PANEL_SIZE
    height = max(height, LEGEND_ROW * (len(shown) + 5))
    figure = Figure(figsize=(len(sheet.panels) * width + LEGEND_WIDTH, height), layout="constrained")
    all_axes = figure.subplots(1, len(sheet.panels), squeeze=False)[0]
    for axes, (x, y) in zip(all_axes, sheet.panels, strict=True):
        draw_panel(axes, comparison, x, y, looks, sheet.sizes)
    title = textwrap.fill(subject_text(comparison), int((figure.get_figwidth() - LEGEND_WIDTH) * TITLE_CHARACTERS))
    figure.suptitle(printable(title), parse_math=False, x=0.01, ha="left", fontsize=11, fontweight="bold")
    figure.legend(handles=_legend(comparison, sheet, looks), loc="outside right upper", frameon=False, fontsize=8)
    note = textwrap.fill(_note(comparison, sheet), int(figure.get_figwidth() * NOTE_CHARACTERS))
    figure.supxlabel(note, x=0.01, ha="left", fontsize=7, color="#555555")
    return figure


def _legend(comparison: Comparison, sheet: Sheet, looks: Mapping[str, Style]) -> list[Line2D]:
    handles = [
        Line2D([], [], color=look.color, marker=look.marker, linestyle=look.dashes, markersize=5.5, label=name)
        for name, look in ((name, looks[name]) for name in lines(comparison))
    ]
    front = Line2D(
        [], [], color=FRONT_COLOR, linestyle=(0, (4, 3)), linewidth=0.9, marker="o", markersize=9,
        markerfacecolor="none", markeredgewidth=0.9, label="Pareto front",
    )  # fmt: skip
    control = Line2D([], [], color=CONTROL_COLOR, linewidth=1, label="uncompressed")
    hollow = Line2D(
        [], [], color=FRONT_COLOR, linestyle="none", marker="o", markersize=5.5, markerfacecolor="white",
        label="not significant:\ninterval contains 0",
    )  # fmt: skip
    half = Line2D(
        [], [], linestyle="none", marker="o", markersize=5.5, label="over its budget of bits",
        **marker_fill(FRONT_COLOR, hollow=False, half=True),
    )  # fmt: skip
    has_loss = any(record_of(y).kind == "loss" for _, y in sheet.panels)
    has_front = any(record_of(y).better for _, y in sheet.panels)
    has_control = any(reference_value(comparison, y) is not None for _, y in sheet.panels)
    with_bound = any(x == BITS and has_bound(comparison, y) for x, y in sheet.panels)
    return [
        *handles,
        *[half] * comparison.has_over_budget,
        *[hollow] * has_loss,
        *[front] * has_front,
        *[control] * has_control,
        *[bound_handle()] * with_bound,
    ]


def _note(comparison: Comparison, sheet: Sheet) -> str:
    """The small print below a figure: seeds, queries, machine and versions behind it."""
    runs = comparison.runs
    shown = [metric for panel in sheet.panels for metric in panel]
    machine = machine_text(runs) if any(record_of(metric).kind == "cost" for metric in shown) else ""
    many = any(len(summary.runs) > 1 for summary in comparison.summaries)
    hidden = sorted({name for x, y in sheet.panels for name in hidden_lines(comparison, x, y)})
    parts = [
        EXTERNAL_NOTE if comparison.has_external else "",
        model_note(comparison),
        bound_note(comparison) if set(shown) & set(ERRORS) else "",
        seeds_text(comparison) + (" (points show their mean)" if many else ""),
        f"bars: 95 % interval{interval_text(comparison)}",
        queries_text(runs),
        f"rates: {machine}" if machine else "",
        f"omitted, 0 on a logarithmic axis: {', '.join(hidden)}" if hidden else "",
        depth_note(comparison) if DEPTH in shown else "",
        undrawn_note(comparison),
        f"older rows omitted: {comparison.superseded}" if comparison.superseded else "",
        *caveats(comparison, shown),
        other_versions_text(runs, list(dict.fromkeys(shown))),
        versions_text(runs),
    ]
    return " · ".join(filter(None, parts))
