"""Orthogonal Procrustes: rows turned towards their codes. The training of `opq` and `itq` repeats this step."""

import numpy as np

from vq_benchmark.arrays import FloatArray, IdArray
from vq_benchmark.quantizers.kernels.tiles import in_tiles

GROUP_AXES = 768
"""Most axes that are turned together."""


def turn_towards(targets: FloatArray, rotated: FloatArray, axes: FloatArray, rng: np.random.Generator) -> None:
    """Turn axes (e, d) and rotated (n, e), the rows in these axes, in place: Σ‖rotated − targets‖² falls.

    Up to 768 axes have the best rotation. More are dealt out at random into groups, each of which has the best
    rotation of its own axes; the next call draws other groups. The cost of a whole rotation grows as e³. `opq`, which
    starts from balanced axes, ends at the same error without. BLAS must be limited to one thread.
    """
    groups = _groups(len(axes), rng)

    def turn(which: slice) -> None:
        for group in groups[which]:
            part = rotated[:, group]
            rotation = closest_rotation(part, targets[:, group])
            rotated[:, group] = part @ rotation.T
            axes[group] = rotation @ axes[group]

    in_tiles(len(groups), turn, rows=1)


def turning_bytes(n: int, e: int) -> int:
    """The most bytes that `turn_towards` takes for n rows and e axes, on any number of threads.

    That is the turned rows, and for several groups copies of their columns of both matrices.
    """
    return 4 * n * e * (1 if e <= GROUP_AXES else 3)


def _groups(e: int, rng: np.random.Generator) -> list[slice | IdArray]:
    """The columns of each group, ascending."""
    if e <= GROUP_AXES:
        return [slice(None)]
    return [np.sort(group) for group in np.array_split(rng.permutation(e), -(-e // GROUP_AXES))]


def closest_rotation(rows: FloatArray, targets: FloatArray) -> FloatArray:
    """The orthogonal R (d, d) with the least Σ‖R x − y‖² over rows x of `rows` and y of `targets`, both (n, d).

    R = U Vᵀ of the singular value decomposition of Σ y xᵀ (Schönemann 1966).
    """
    left, _, right = np.linalg.svd((targets.T @ rows).astype(np.float64))
    return np.asarray(left @ right, dtype=np.float32)
