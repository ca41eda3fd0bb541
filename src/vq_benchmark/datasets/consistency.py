"""Whether the parts of a data set fit together, and into memory."""

import numpy as np

from vq_benchmark.datasets.checks import PROBE_RUN_ROWS, PROBE_RUNS
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


def require_consistent(stored: RawDataset) -> None:
    """Raises InputError if dimensions differ, or if neighbours are rows that do not exist."""
    parts = {"queries": stored.queries, "learn vectors": stored.learn}
    dimensions = {what: source.d for what, source in parts.items() if source is not None}
    if stored.judgements is not None:
        dimensions["judged queries"] = stored.judgements.queries.shape[1]
    for what, d in dimensions.items():
        if d != stored.base.d:
            raise InputError(f"the base has dimension {stored.base.d}, but the {what} have {d}; they must agree.")
    ids = stored.neighbors
    if ids is not None and ids.size and (ids.min() < 0 or ids.max() >= stored.base.n):
        raise InputError(
            f"the stored neighbours are rows {ids.min()} to {ids.max()}, but the base has rows 0 to "
            f"{stored.base.n - 1}: they belong to other data."
        )
