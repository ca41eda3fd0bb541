"""Where k-means starts: entries that are rows, far apart, or spread as the best levels are."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vq_benchmark.quantizers.parts.kmeans_init import companded, starting_codebooks


def test_entries_are_rows_and_reach_every_cluster() -> None:
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((16, 3)) * 100
    rows = (centres[rng.integers(0, 16, 1000)] + rng.standard_normal((1000, 3))).astype(np.float32)
    parts = np.stack([rows, rows[::-1]])
    codebooks = starting_codebooks(parts, 16, np.random.default_rng(1))
    assert codebooks.shape == (2, 16, 3)
    for codebook in codebooks:
        assert (codebook[:, None, :] == rows).all(axis=2).any(axis=1).all()
        nearest = np.square(codebook[:, None, :] - centres).sum(axis=2).argmin(axis=1)
        assert len(set(nearest)) == 16


def test_the_seed_decides() -> None:
    parts = np.random.default_rng(0).standard_normal((1, 500, 4)).astype(np.float32)
    first, again, other = (starting_codebooks(parts, 16, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_rows_that_are_all_alike_give_that_row() -> None:
    for width in (1, 4):
        codebooks = starting_codebooks(np.full((2, 20, width), 0.5, np.float32), 16, np.random.default_rng(0))
        np.testing.assert_array_equal(codebooks, np.full((2, 16, width), 0.5))


def test_levels_of_gaussian_numbers_are_nearly_those_of_lloyd_and_max() -> None:
    values = np.random.default_rng(2).standard_normal(200_000).astype(np.float32)
    levels = companded(values, 16)
    error = np.square(values - levels[np.abs(values[:, None] - levels).argmin(axis=1)]).mean()
    assert 1 < error / 0.009497 < 1.07


@given(values=st.lists(st.floats(-1e6, 1e6, width=32), min_size=16, max_size=80), count=st.integers(1, 16))
def test_levels_ascend_within_the_values(values: list[float], count: int) -> None:
    levels = companded(np.array(values, np.float32), count)
    assert (np.diff(levels) >= 0).all()
    assert min(values) <= levels[0]
    assert levels[-1] <= max(values)
