"""What a study will cost, as a table: printed when it is planned, and before it is submitted."""

import time
from collections.abc import Iterator, Mapping
from typing import Annotated

from rich.table import Table
from typer import Option

from vq_benchmark.datasets.dataset import Dataset
from vq_benchmark.machine.memory import readable_bytes
from vq_benchmark.machine.terminal import Terminal
from vq_benchmark.results.default_paths import database_path
from vq_benchmark.studies.cells import Options
from vq_benchmark.studies.costs.calibration import calibrated
from vq_benchmark.studies.costs.cost_estimate import study_cost
from vq_benchmark.studies.costs.earlier_costs import earlier_costs
from vq_benchmark.studies.costs.stage_memory import stage_memory
from vq_benchmark.studies.plan import Manifest
from vq_benchmark.studies.slurm.requests import Estimate
from vq_benchmark.studies.stages import STAGES, Stage

Calibrate = Annotated[
    float,
    Option(
        min=0,
        help="Seconds in which a few rows are measured here, to estimate times and sizes; 0 estimates only memory.",
    ),
]
CALIBRATION_SECONDS = 10.0


def estimated(
    manifest: Manifest, dataset: Dataset, options: Options, seconds: float, cores: Mapping[Stage, int] | None = None
) -> Estimate:
    """The estimate of a study, after a calibration of about so many seconds; `cores` of a task, default one."""
    start_up = time.process_time()
    memory = stage_memory(manifest, dataset, options, cores or dict.fromkeys(STAGES, 1))
    calibration = calibrated(manifest, dataset, seconds) if seconds else None
    earlier = earlier_costs(manifest, dataset, [database_path(None), manifest.results_path])
    return Estimate(memory, study_cost(manifest, calibration, earlier), start_up)


def show(
    estimate: Estimate,
    jobs: Mapping[Stage, int] | None = None,
    requested: Mapping[Stage, tuple[int, str]] | None = None,
) -> None:
    """Print the table and where its times come from.

    Args:
        jobs: of each stage, where there are any.
        requested: cores and memory of the jobs of each stage, where there are any.
    """
    headings = ["stage", "tasks", *(["jobs"] if jobs else []), "CPU-hours", "min/task", "memory"]
    table = Table(*headings, *(["requested"] if requested else []), box=None)
    for stage in estimate.memory:
        cost, (cores, asked) = estimate.cost.stages[stage], (requested or {}).get(stage, (1, ""))
        seconds = cost.cpu_seconds
        cells = [stage, f"{cost.tasks:,}", *([f"{jobs[stage]:,}"] if jobs else [])]
        cells += (
            ["", ""] if seconds is None else [_number(cost.tasks * seconds / 3600), _number(seconds / cores / 60)]
        )
        table.add_row(*cells, readable_bytes(estimate.memory[stage].usual), *([asked] if requested else []))
    console = Terminal()
    console.print(table)
    for sentence in _sentences(estimate, sum(jobs.values()) if jobs else None):
        console.print(sentence, markup=False, highlight=False, soft_wrap=True)


def _sentences(estimate: Estimate, jobs: int | None) -> Iterator[str]:
    cost = estimate.cost
    processes = cost.files if jobs is None else jobs
    size = "" if cost.bytes is None else f"about {readable_bytes(cost.bytes)} in "
    logs = "" if jobs is None else f" and {jobs:,} logs"
    if cost.cpu_seconds is None:
        yield f"{cost.files:,} files{logs}; {cost.source}"
        return
    hours = (cost.cpu_seconds + processes * estimate.start_up) / 3600
    yield (
        f"In all about {_number(hours)} CPU-hours, with {estimate.start_up:.1f} s to start each of {processes:,} "
        f"processes, and {size}{cost.files:,} files{logs}."
    )
    yield cost.source[0].upper() + cost.source[1:]


def _number(value: float) -> str:
    if value < 0.01:
        return "< 0.01"
    return f"{value:.2f}" if value < 1 else f"{value:.1f}" if value < 100 else f"{value:,.0f}"
