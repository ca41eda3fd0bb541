"""Neighbours as publishers publish them, and which of them can be used."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vq_benchmark.datasets.parts.neighbors import usable_neighbors
from vq_benchmark.errors import InputError

IDS = np.array([[3, 0, 9], [1, 2, 4], [7, 8, 5]])


def test_good_neighbours_stay():
    found = usable_neighbors(IDS, 10, 3)
    np.testing.assert_array_equal(found.ids, IDS)
    assert found.remarks == ()


def test_the_first_lists_are_those_of_the_queries_in_use():
    np.testing.assert_array_equal(usable_neighbors(IDS, 10, 2).ids, IDS[:2])
    with pytest.raises(InputError, match="of 3 queries, but 4 queries; use --num-queries 3"):
        usable_neighbors(IDS, 10, 4)


def test_rows_from_one():
    found = usable_neighbors(IDS + 1, 10, 3)
    np.testing.assert_array_equal(found.ids, IDS)
    assert "count rows from 1 to 10" in found.remarks[0]


@pytest.mark.parametrize(
    ("value", "why"), [(-1, "a padded list"), (10, "the base has rows 0 to 9"), (10**12, "the base has rows 0 to 9")]
)
def test_lists_are_cut_where_one_ends(value, why):
    cut = IDS.copy()
    cut[1, 2] = value
    found = usable_neighbors(cut, 10, 3)
    np.testing.assert_array_equal(found.ids, IDS[:, :2])
    assert f"beyond rank 2: query 1 lists row {value} at rank 3 ({why}" in found.remarks[0]
    cut[2, 0] = value
    with pytest.raises(InputError, match=f"query 2 lists row {value} at rank 1"):
        usable_neighbors(cut, 10, 3)


@given(st.integers(1, 6), st.integers(1, 5), st.integers(1, 9), st.randoms())
def test_what_is_used_are_rows_of_the_base(queries, k, n, random):
    ids = np.array([[random.randint(-2, n + 1) for _ in range(k)] for _ in range(queries)])
    try:
        found = usable_neighbors(ids, n, queries).ids
    except InputError:
        return
    assert found.size and found.min() >= 0 and found.max() < n
