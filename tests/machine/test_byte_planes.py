"""Integers as planes of bytes come back, whatever their shape."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from vq_benchmark.machine.byte_planes import from_planes, to_planes


@given(arrays(np.int64, array_shapes(min_dims=0, min_side=0, max_dims=3), elements=st.integers(-(2**63), 2**63 - 1)))
def test_numbers_come_back(numbers: np.ndarray) -> None:
    again = from_planes(to_planes(numbers))
    assert again.dtype == np.int64
    np.testing.assert_array_equal(again, numbers)


def test_the_lowest_bytes_come_first() -> None:
    assert to_planes(np.array([1, 256 + 2]))[:2].tolist() == [[1, 2], [0, 1]]


def test_other_arrays_are_refused() -> None:
    for wrong in (np.zeros((7, 3), np.uint8), np.zeros((8, 3), np.int64), np.array(0, np.uint8)):
        with pytest.raises(ValueError, match="not the bytes"):
            from_planes(wrong)
