"""What earlier rows say about the cost of a study: the CPU time per row of the same configurations."""

import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from vq_benchmark.datasets.dataset import Dataset
from vq_benchmark.errors import InputError
from vq_benchmark.results.database import Database, Run
from vq_benchmark.studies.cell_run import CPU_SECONDS
from vq_benchmark.studies.costs.calibration import Line
from vq_benchmark.studies.plan import Configuration, Manifest


def earlier_costs(manifest: Manifest, dataset: Dataset, paths: Iterable[Path]) -> dict[str, Line]:
    """The cost of measuring each configuration, by its run id, where finished rows of one of the databases state it.

    Rows count if they are of the same vectors, or of some of them: a data set of that name and dimension. The number
    of queries may have been another.
    """
    wanted: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for each in manifest.configurations:
        wanted[_name(each)].append(each.run_id)
    found: dict[str, Line] = {}
    for path in paths:
        for run in _finished_rows(path):
            seconds = run.environment.get(CPU_SECONDS)
            if seconds and (run.dataset, run.d) == (dataset.name, dataset.d):
                found |= dict.fromkeys(wanted.get(_name(run), ()), Line(per_row=float(seconds)))
    return found


def _finished_rows(path: Path) -> list[Run]:
    try:
        return list(Database(path).runs("status = 'done'", with_accumulators=False)) if path.exists() else []
    except InputError:  # what an estimate cannot use is no reason to refuse a study
        return []


def _name(each: Configuration | Run) -> tuple[str, ...]:
    """What costs the same, whatever its seed. The order of parameters is not the same in a plan and in a row."""
    return each.method, json.dumps(each.config, sort_keys=True), str(each.query_bits), each.engine
