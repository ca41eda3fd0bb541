"""Whether the parts of a data set fit together, and into memory."""

from dataclasses import replace

import numpy as np

from vq_benchmark.datasets.checks.unusable_rows import PROBE_RUN_ROWS, PROBE_RUNS
from vq_benchmark.datasets.data_spec import DataSpec
from vq_benchmark.datasets.parts.neighbors import usable_neighbors
from vq_benchmark.datasets.raw_dataset import RawDataset
from vq_benchmark.errors import InputError
from vq_benchmark.machine.memory import require_memory


def require_room(name: str, stored: RawDataset, num_queries: int) -> None:
    """Raises InputError if the few rows that are read whole do not fit into memory, because they are too long."""
    base, queries = stored.base, stored.queries
    probed = min(base.n, PROBE_RUNS * PROBE_RUN_ROWS)
    asked = min(base.n if queries is None else queries.n, num_queries)
    d = base.d if queries is None else max(base.d, queries.d)
    float32 = np.dtype(np.float32).itemsize
    require_memory(2 * probed * base.d * float32, f"checking {probed} rows of dimension {base.d:,} of {name!r}")
    require_memory(
        asked * d * float32, f"{asked} queries of dimension {d:,} of {name!r}", "; --num-queries takes fewer"
    )


def keep_usable(stored: RawDataset, spec: DataSpec) -> RawDataset:
    """The data set without training vectors and neighbours that cannot be used, as notes say.

    Raises:
        InputError: the dimensions of base and queries differ, or those of training vectors that an option names.
    """
    parts = {"queries": None if stored.queries is None else stored.queries.d}
    if stored.judgements is not None:
        parts["judged queries"] = stored.judgements.queries.shape[1]
    if stored.train_queries is not None:
        parts["training queries"] = stored.train_queries.d
    if spec.learn_path is not None and stored.learn is not None:
        parts["learn vectors"] = stored.learn.d
    for what, d in parts.items():
        if d not in (None, stored.base.d):
            raise InputError(f"the base has dimension {stored.base.d}, but the {what} have {d}; they must agree.")
    if stored.learn is not None and stored.learn.d != stored.base.d:
        reason = f"they have dimension {stored.learn.d}, but the base has {stored.base.d}"
        stored = stored.dropping("learn", reason)
    return _with_usable_neighbors(stored)


def _with_usable_neighbors(stored: RawDataset) -> RawDataset:
    if stored.neighbors is None or stored.queries is None:
        return stored
    try:
        found = usable_neighbors(stored.neighbors, stored.base.n, stored.queries.n)
    except InputError as error:
        return stored.dropping("neighbors", str(error).rstrip("."))
    remarks = [f"the stored neighbours {remark}." for remark in found.remarks]
    if found.ids.shape[1] < stored.neighbors.shape[1]:
        remarks[-1] = f"{remarks[-1].rstrip('.')}; for a larger --k exact ones are computed."
    return replace(stored, neighbors=found.ids, notes=(*stored.notes, *remarks))
