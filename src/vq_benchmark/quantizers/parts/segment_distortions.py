"""The relative squared error of a segment by its bits and number of axes, measured once on Gaussian data."""

from dataclasses import dataclass

import numpy as np

from vq_benchmark.arrays import DoubleArray, IdArray

SIZES = (8, 16, 32, 64, 128, 256, 512, 1024)
"""The numbers of axes that the columns of the tables belong to."""

_LLOYD_MAX = np.array([
    [3.368e-01, 3.511e-01, 3.573e-01, 3.607e-01, 3.619e-01, 3.626e-01, 3.632e-01, 3.632e-01],
    [8.443e-02, 1.012e-01, 1.093e-01, 1.134e-01, 1.155e-01, 1.163e-01, 1.169e-01, 1.170e-01],
    [2.423e-02, 2.775e-02, 3.080e-02, 3.256e-02, 3.357e-02, 3.402e-02, 3.426e-02, 3.435e-02],
    [6.743e-03, 7.651e-03, 8.333e-03, 8.850e-03, 9.152e-03, 9.318e-03, 9.395e-03, 9.439e-03],
    [1.767e-03, 2.022e-03, 2.198e-03, 2.325e-03, 2.401e-03, 2.452e-03, 2.469e-03, 2.489e-03],
    [4.530e-04, 5.203e-04, 5.660e-04, 5.977e-04, 6.168e-04, 6.275e-04, 6.341e-04, 6.378e-04],
    [1.154e-04, 1.319e-04, 1.438e-04, 1.515e-04, 1.561e-04, 1.600e-04, 1.607e-04, 1.613e-04],
    [2.901e-05, 3.324e-05, 3.628e-05, 3.825e-05, 3.953e-05, 4.036e-05, 4.045e-05, 4.065e-05],
])  # fmt: skip
"""(8, sizes): Lloyd–Max levels, 1 to 8 bits."""

_CAQ = np.array([
    [3.368e-01, 3.511e-01, 3.573e-01, 3.607e-01, 3.619e-01, 3.626e-01, 3.632e-01, 3.632e-01],
    [7.979e-02, 9.841e-02, 1.086e-01, 1.136e-01, 1.162e-01, 1.173e-01, 1.181e-01, 1.183e-01],
    [1.766e-02, 2.417e-02, 2.958e-02, 3.360e-02, 3.600e-02, 3.671e-02, 3.724e-02, 3.742e-02],
    [4.015e-03, 5.729e-03, 7.324e-03, 8.811e-03, 1.015e-02, 1.116e-02, 1.192e-02, 1.243e-02],
    [9.437e-04, 1.370e-03, 1.788e-03, 2.199e-03, 2.598e-03, 2.972e-03, 3.324e-03, 3.629e-03],
    [2.284e-04, 3.343e-04, 4.398e-04, 5.438e-04, 6.488e-04, 7.503e-04, 8.512e-04, 9.479e-04],
    [5.616e-05, 8.249e-05, 1.089e-04, 1.348e-04, 1.616e-04, 1.875e-04, 2.138e-04, 2.391e-04],
    [1.392e-05, 2.051e-05, 2.705e-05, 3.360e-05, 4.036e-05, 4.687e-05, 5.359e-05, 6.006e-05],
    [3.467e-06, 5.107e-06, 6.745e-06, 8.389e-06, 1.011e-05, 1.178e-05, 1.348e-05, 1.508e-05],
    [8.681e-07, 1.280e-06, 1.694e-06, 2.117e-06, 2.560e-06, 2.981e-06, 3.394e-06, 3.769e-06],
    [2.200e-07, 3.252e-07, 4.338e-07, 5.445e-07, 6.521e-07, 7.492e-07, 8.491e-07, 9.424e-07],
    [5.847e-08, 8.690e-08, 1.142e-07, 1.387e-07, 1.633e-07, 1.873e-07, 2.120e-07, 2.358e-07],
    [1.686e-08, 2.313e-08, 2.891e-08, 3.472e-08, 4.072e-08, 4.682e-08, 5.296e-08, 5.898e-08],
])  # fmt: skip
"""(13, sizes): CAQ's code after at most six rounds of adjustment, 1 to 13 bits."""


@dataclass(frozen=True)
class SegmentErrors:
    """The errors of a code at each number of bits per axis."""

    rates: tuple[float, ...]
    """Bits per axis, ascending."""
    table: DoubleArray
    """(rates, SIZES) the relative error D.

    1 − D = E‖z‖² / E(‖z‖/cos)² for Gaussian z, with the cosine of z and its code. So a reconstruction of length
    ‖z‖/cos·(1 − D) has the least squared error, D·‖z‖², and the unbiased estimate of length ‖z‖/cos has D/(1 − D).
    """

    def of(self, sizes: IdArray) -> DoubleArray:
        """D for segments of sizes (n,) axes at each rate, (n, rates); infinite where the bits are not whole.

        Between the sizes of the table D is linear in log₂ of the size; outside it is that of the nearest size.
        """
        found = np.column_stack([np.interp(np.log2(sizes), np.log2(SIZES), row) for row in self.table])
        whole = np.outer(sizes, self.rates) % 1 == 0
        return np.where(whole, found, np.inf)

    def at(self, size: int, rate: float) -> float:
        """D for one segment."""
        return float(self.of(np.array([size]))[0, self.rates.index(rate)])


LLOYD_MAX = SegmentErrors(tuple(range(1, 9)), _LLOYD_MAX)
CAQ = SegmentErrors(tuple(range(1, 14)), _CAQ)
