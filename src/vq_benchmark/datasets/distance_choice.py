"""The metric of a data set: as asked for, as the data states it, or guessed from its norms."""

from dataclasses import replace

import numpy as np

from vq_benchmark.arrays import FloatArray
from vq_benchmark.datasets.distance_names import DISTANCES, Distance
from vq_benchmark.datasets.parts.origins import without
from vq_benchmark.datasets.raw_dataset import RawDataset
from vq_benchmark.errors import InputError

UNIT_NORM_TOLERANCE = 1e-2


def choose_distance(stored: RawDataset, asked: Distance | None, probed: FloatArray) -> tuple[RawDataset, Distance]:
    """The metric, and the data set with a note on how it was chosen; `probed` (n, d) are some of its base rows.

    `asked` overrides what the data states; stored neighbours, computed with the stated distance, are then dropped. If
    neither is given, the distance is cosine if all probed rows have unit norm (within 0.01), else l2. Rows that
    cosine would leave out do not count.

    Raises:
        InputError: the data states a distance that cannot be measured, and none is asked for.
    """
    unknown = stored.unknown_distance
    if unknown is not None:
        if asked is None:
            raise InputError(
                f"the data states the distance {unknown!r}, which is none of {', '.join(DISTANCES)}; choose one of "
                "them with --metric."
            )
        note = f"the data states the distance {unknown!r}, which is not known; --metric {asked} is used instead."
        if stored.neighbors is not None:
            note += " The stored neighbours are dropped: they were computed with it."
        return replace(stored, neighbors=None, notes=(*stored.notes, note)), asked
    if asked is not None:
        if stored.distance in (None, asked):
            return stored, asked
        note = f"the data states the metric {stored.distance}, but --metric {asked} overrides it."
        if stored.neighbors is not None:
            note += f" The stored neighbours are dropped: they were computed with {stored.distance}."
        origins = without(stored.origins, "neighbors", f"they were computed with {stored.distance}")
        return replace(stored, neighbors=None, origins=origins, notes=(*stored.notes, note)), asked
    if stored.distance is not None:
        return stored, stored.distance
    norms = np.sqrt((probed.astype(np.float64) ** 2).sum(axis=1))
    norms = norms[np.isfinite(norms) & (norms > 0)]
    guess: Distance = "cosine" if len(norms) and np.all(np.abs(norms - 1) <= UNIT_NORM_TOLERANCE) else "l2"
    reason = "all sampled rows have unit norm" if guess == "cosine" else "not all sampled rows have unit norm"
    note = f"metric not stated: {reason}, so {guess} is used; override it with --metric."
    return replace(stored, notes=(*stored.notes, note)), guess
