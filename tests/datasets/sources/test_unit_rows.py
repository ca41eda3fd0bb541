"""Rows of unit norm: the bits of numpy's float64 arithmetic."""

import numpy as np
import pytest

from vq_benchmark.datasets.sources.wrappers import unit_norm


@pytest.mark.parametrize("d", [1, 3, 8, 129, 384, 1000])
def test_rows_are_divided_by_their_norm_in_float64(d):
    rng = np.random.default_rng(d)
    rows = (rng.standard_normal((50, d)) * 10.0 ** rng.uniform(-15, 15, (50, 1))).astype(np.float32)
    rows[7] = 0
    doubles = rows.astype(np.float64)
    norms = np.sqrt((doubles * doubles).sum(axis=1, keepdims=True))
    assert unit_norm(rows).tobytes() == (doubles / np.where(norms == 0, 1, norms)).astype(np.float32).tobytes()


def test_a_row_with_an_infinite_value_becomes_nan_there():
    assert np.isnan(unit_norm(np.array([[np.inf, 1]], np.float32))[0, 0])
