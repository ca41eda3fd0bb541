"""The scale arithmetic that all codes share: what one stored number per vector says about the length of a code.

A rotated, centred vector y of norm n is coded by a vector of levels q. With ip = ⟨q, y⟩, l2 = ‖q‖² and
cos = ip/(n√l2), three scales S make S·q an estimate of y:

- least squares, S_b = ip/l2 = n·cos/√l2, with relative error 1 − cos²;
- unbiased for inner products, S_u = n²/ip = (n/cos)/√l2, with relative error 1/cos² − 1;
- norm preserving, S_n = n/√l2.

A decoder knows q, and therefore l2. It needs only a *radius*: n·cos, n/cos or n. Radii are stored in half precision,
in a unit that is a power of two near the root mean square norm, so that no data is out of range.
"""

import numpy as np

from vq_benchmark.arrays import Array, CodeArray, DoubleArray, FloatArray
from vq_benchmark.quantizers.kernels.compile import tile_kernel
from vq_benchmark.quantizers.kernels.sums import dot
from vq_benchmark.quantizers.parts.packing import unpack_row

HALF_BYTES = 2
_LARGEST_HALF = float(np.finfo(np.float16).max)


def norm_about(rows: FloatArray, mean: DoubleArray) -> float:
    """The root mean square of ‖x − mean‖ over rows (n, d) with that mean."""
    square = float(np.einsum("ij,ij->", rows, rows, dtype=np.float64)) / rows.shape[0]
    return float(np.sqrt(max(square - mean @ mean, 0.0)))


def power_of_two_near(value: float) -> np.float32:
    """The power of two nearest in ratio to value > 0, or 1 for zero: a unit that costs no precision."""
    return np.float32(2.0 ** round(np.log2(value))) if value > 0 else np.float32(1)


def write_halves(values: FloatArray, units: FloatArray, codes: CodeArray) -> None:
    """Store values (n, k) / units (k,) as little-endian float16 in the first 2k bytes of each row of codes."""
    halves = np.clip(values / units, -_LARGEST_HALF, _LARGEST_HALF).astype("<f2")
    codes[:, : HALF_BYTES * values.shape[1]] = halves.view(np.uint8)


def read_halves(codes: CodeArray, units: FloatArray) -> FloatArray:
    """The inverse of `write_halves`: (n, k) float32 for units (k,)."""
    halves = np.ascontiguousarray(codes[:, : HALF_BYTES * units.size]).view("<f2")
    return np.asarray(halves.astype(np.float32) * units)


def squared_cosine(relative_error: Array) -> DoubleArray:
    """cos² from the relative error e = √(1/cos² − 1) of the unbiased estimate."""
    return 1 / (1 + np.square(relative_error, dtype=np.float64))


@tile_kernel
def scale_levels(
    codes: CodeArray,
    offset: int,
    bits: int,
    levels: FloatArray,
    radii: FloatArray,
    norm: float,
    out: FloatArray,
    column: int,
    count: int,
) -> None:
    """out[i, column : column + count] = radii[i]/‖q‖·q, with q = levels[integers packed in codes[i, offset:]].

    codes (n, bytes) uint8; levels (2^bits,) and radii (n,) float32. A norm above zero replaces ‖q‖.
    """
    n = out.shape[0]
    integers = np.empty(count, np.uint16)
    for i in range(n):
        unpack_row(codes[i, offset:], bits, integers)
        row = out[i, column : column + count]
        for j in range(count):
            row[j] = levels[integers[j]]
        length = np.sqrt(dot(row, row)) if norm == 0 else np.float32(norm)
        factor = radii[i] / length if length > 0 else np.float32(0)
        for j in range(count):
            row[j] *= factor
