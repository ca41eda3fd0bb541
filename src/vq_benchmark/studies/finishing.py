"""Make finished rows of complete sets of partial ones."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import reduce

from vq_benchmark.evaluation.accumulators import gaps, joined
from vq_benchmark.evaluation.measurement import Measurement
from vq_benchmark.evaluation.metrics import finished_metrics
from vq_benchmark.results.database import Database, Run


@dataclass
class Finishing:
    """What became of the partial rows."""

    finished: list[Run] = field(default_factory=list)
    incomplete: list[str] = field(default_factory=list)
    """A sentence for each set of chunks that does not make a whole, saying what is missing or wrong."""


def finish_partial_rows(database: Database, *, only: Collection[str] | None = None) -> Finishing:
    """Merge every complete set of chunks into a finished row and drop the accumulators it was made of.

    Doing it again changes nothing.
    """
    finishing = Finishing()
    parts: dict[str, list[Run]] = defaultdict(list)
    for run in database.runs("status = 'partial' AND accumulators IS NOT NULL"):
        if only is None or run.whole_run_id in only:
            parts[run.whole_run_id].append(run)
    for whole_run_id, runs in parts.items():
        spent = [run.run_id for run in runs]
        earlier = database.get(whole_run_id)
        if earlier is not None and earlier.status == "done":
            database.put_all([], spent=spent)
            continue
        runs.sort(key=lambda run: run.chunk_start)
        try:
            missing = gaps(joined([(run.chunk_start, run.chunk_stop) for run in runs]), runs[0].n)
            measurement = None if missing else _merged(runs)
        except ValueError as error:
            finishing.incomplete.append(f"{_label(runs[0])}: its chunks cannot be merged: {error}.")
            continue
        if measurement is None:
            ranges = ", ".join(f"{start} to {stop}" for start, stop in missing)
            finishing.incomplete.append(f"{_label(runs[0])}: rows {ranges} of {runs[0].n} are missing.")
            continue
        finished = _finished(runs, measurement)
        database.put_all([finished], spent=spent)
        finishing.finished.append(finished)
    return finishing


def _merged(runs: list[Run]) -> Measurement:
    measurements = [Measurement.from_bytes(run.accumulators or b"") for run in runs]

    def merge(whole: Measurement, part: Measurement) -> Measurement:
        whole.merge(part)
        return whole

    return reduce(merge, measurements)


def _finished(runs: list[Run], measurement: Measurement) -> Run:
    first = runs[0]
    costs = {
        "fit_seconds": max(run.metrics["fit_seconds"] for run in runs),
        "peak_memory_bytes": max(run.metrics["peak_memory_bytes"] for run in runs),
        "data_block_bytes": max(run.metrics["data_block_bytes"] for run in runs),
    }
    return replace(
        first,
        run_id=first.whole_run_id,
        status="done",
        chunk_start=0,
        chunk_stop=first.n,
        metrics=finished_metrics(measurement) | costs,
        environment=first.environment | {"merged_from": [run.run_id for run in runs]},
        accumulators=None,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _label(run: Run) -> str:
    config = " ".join(f"{name}={value}" for name, value in run.config.items())
    return f"{run.method} {config} seed {run.seed} on {run.dataset}"
