"""Which metric a data set is compared by: as asked, as stated, or guessed from its norms."""

from dataclasses import replace

import numpy as np

from vq_benchmark.arrays import FloatArray
from vq_benchmark.datasets.dataset import Metric
from vq_benchmark.datasets.raw_dataset import RawDataset

UNIT_NORM_TOLERANCE = 1e-2


def choose_metric(stored: RawDataset, asked: Metric | None, probed: FloatArray) -> tuple[RawDataset, Metric]:
    """The metric, and the data set with a note on how it was found; `probed` are some of its base rows.

    What is asked wins over what is stated; then stored neighbours, which are of the stated metric, are dropped. If
    nothing says, rows that all have unit norm (within 0.01) mean cosine, and others l2.
    """
    if asked is not None:
        if stored.metric in (None, asked):
            return stored, asked
        note = f"the data states the metric {stored.metric}; {asked} is used as asked."
        if stored.neighbors is not None:
            note += f" The stored neighbours are dropped: they are by {stored.metric}."
        return replace(stored, neighbors=None, notes=(*stored.notes, note)), asked
    if stored.metric is not None:
        return stored, stored.metric
    norms = np.sqrt((probed.astype(np.float64) ** 2).sum(axis=1))
    norms = norms[np.isfinite(norms)]
    guess: Metric = "cosine" if np.all(np.abs(norms - 1) <= UNIT_NORM_TOLERANCE) else "l2"
    reason = "rows have unit norm" if guess == "cosine" else "rows do not all have unit norm"
    note = f"metric not stated: {reason}, so {guess} is used; --metric chooses another."
    return replace(stored, notes=(*stored.notes, note)), guess
