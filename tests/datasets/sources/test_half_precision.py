"""float16 to float32: every one of its 65,536 numbers, and rows of any shape, as numpy converts them."""

import numpy as np
import pytest

from vq_benchmark.datasets.sources.number_types import as_float32


@pytest.mark.parametrize("d", [1, 7, 64, 65_536])
def test_every_number_has_the_bits_that_numpy_gives(d):
    values = np.resize(np.arange(1 << 16, dtype=np.uint16), ((1 << 16) // d + 1, d)).view(np.float16)
    found = as_float32(values)
    assert (found.dtype, found.flags.c_contiguous) == (np.float32, True)
    expected = values.astype(np.float32)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))  # processors differ in which NaN they return
    real = ~np.isnan(expected)
    assert found[real].tobytes() == expected[real].tobytes()


def test_columns_of_a_larger_array_are_converted_too():
    values = np.arange(60, dtype=np.float16).reshape(6, 10)[:, 2:5]
    np.testing.assert_array_equal(as_float32(values), values.astype(np.float32))
