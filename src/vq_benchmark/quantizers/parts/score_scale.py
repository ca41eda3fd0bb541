"""The factor that turns what a code ranks by, such as a Hamming distance, into the size of inner products."""

import numpy as np
from threadpoolctl import threadpool_limits

from vq_benchmark.arrays import FloatArray
from vq_benchmark.quantizers.base import Quantizer

_ROWS = 256
"""Training rows that it is estimated from."""
BYTES_PER_COLUMN = 32 * _ROWS
"""Memory of the estimate for each column of the larger of rows and scores."""


def score_scale(quantizer: Quantizer, train: FloatArray) -> float:
    """The factor with which scores of some rows of train (n, d) have slope 1 on inner products about their mean."""
    rows = np.ascontiguousarray(train[:: -(-len(train) // _ROWS)])
    with threadpool_limits(1, user_api="blas"):  # BLAS rounds differently for other numbers of threads
        exact = rows.astype(np.float64) @ (rows - rows.mean(axis=0, dtype=np.float64)).T
        scores = quantizer.decode_for_scores(quantizer.encode(rows)).astype(np.float64)
        found = quantizer.project_queries(rows).astype(np.float64) @ (scores - scores.mean(axis=0)).T
    slope = float((exact * found).sum())
    return float(np.square(exact).sum()) / slope if slope > 0 else 1.0
