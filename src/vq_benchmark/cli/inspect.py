"""`vq-benchmark inspect`: audit a data set."""

from typing import Annotated

import typer
from rich import box
from rich.table import Table
from rich.text import Text
from typer import Option

from vq_benchmark.cli.options import CacheOptions, MachineOptions, grouped
from vq_benchmark.datasets.checks.bad_rows import MOST_LEFT_OUT, BadRowPolicy, percent
from vq_benchmark.datasets.data_spec import DataSpec
from vq_benchmark.datasets.inspection import FoundRows, Inspection, inspect_dataset
from vq_benchmark.datasets.loading import load_dataset
from vq_benchmark.machine.progress import reporter
from vq_benchmark.machine.terminal import Terminal

CALLED = {"learn": "training vectors", "neighbors": "neighbours"}
"""What the parts are called where the word for them is another."""


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("inspect")(inspect)


@grouped
def inspect(
    data: DataSpec,
    machine: MachineOptions,
    cache: CacheOptions,
    max_rows: Annotated[int | None, Option(help="Inspect N evenly spaced rows [default: all].")] = None,
) -> None:
    """Audit a data set: shape, norms, duplicates, zero and non-finite rows, queries inside the base, spectrum."""
    machine.apply()
    report = reporter()
    dataset = load_dataset(data.dataset, check=False, cache_dir=cache.folder, report=report, **data.selection)
    with report.task("rows", min(max_rows or dataset.n, dataset.n)) as update:
        inspection = inspect_dataset(dataset, max_rows=max_rows, progress=lambda done, total: update(done))
    table = Table(box=box.SIMPLE, show_header=False)
    table.add_column()
    table.add_column(overflow="fold")
    revision = [] if dataset.revision is None else [("revision", dataset.revision)]
    for label, value in revision + described(inspection, data.bad_rows):
        table.add_row(label, Text(value))
    Terminal().print(table)


def described(found: Inspection, policy: BadRowPolicy = "drop") -> list[tuple[str, str]]:
    """Lines of the audit: what was inspected, and what was found."""
    lines = [
        ("data set", found.name),
        ("base", f"{found.n:,} × {found.d} {found.dtype}, metric {found.distance}"),
        ("queries", f"{found.num_queries:,}"),
        *((f"{CALLED.get(each.use, each.use)} from", each.name) for each in found.origins if each.use is not None),
        ("fingerprint", found.fingerprint),
        ("rows inspected", f"{found.rows_inspected:,}"),
    ]
    if found.norms is not None:
        norms = found.norms
        lines.append(
            ("norms", f"min {norms.min:.6g}, mean {norms.mean:.6g}, median {norms.median:.6g}, max {norms.max:.6g}")
        )
    lines += [
        ("non-finite rows", _found(found.non_finite_rows)),
        ("zero rows", _found(found.zero_rows)),
        ("bad rows", _verdict(found, policy)),
        ("duplicate rows", _found(found.duplicate_rows)),
        ("queries inside the base", _found(found.queries_in_base)),
        ("bad queries", _found(found.bad_queries)),
    ]
    if found.spectrum is not None:
        shares = ", ".join(f"{share:.1%} in {count}" for count, share in found.spectrum.variance_shares)
        lines.append(("variance in components", shares))
        lines.append(("effective dimension", f"{found.spectrum.effective_dimension:.1f} of {found.d}"))
    return lines + [("note", note) for note in found.notes]


def _verdict(found: Inspection, policy: BadRowPolicy) -> str:
    """How many rows cannot be measured, and what a measurement does about them."""
    rows, share = found.bad_rows, found.bad_rows.count / found.rows_inspected
    if not rows.count:
        return "none"
    if share > MOST_LEFT_OUT:
        outcome = f"refused, because at most {MOST_LEFT_OUT * 100:g} % may be left out"
    else:
        outcome = "refused by --bad-rows refuse" if policy == "refuse" else "left out of every measurement"
    return f"{_found(rows)} ({percent(share)}); {outcome}"


def _found(rows: FoundRows) -> str:
    return "none" if not rows.count else f"{rows.count:,}, the first is {rows.first}"
