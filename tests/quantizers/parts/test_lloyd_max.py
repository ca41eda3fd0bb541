"""Lloyd–Max tables: the published values, the conditions of optimality, and rounding by table."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vq_benchmark.quantizers.parts.lloyd_max import lloyd_max, round_row


# Max (1960), table I, and its continuation in Jayant & Noll (1984), table 4.3
@pytest.mark.parametrize(
    ("bits", "distortion"), [(1, 0.3634), (2, 0.1175), (3, 0.03454), (4, 0.009497), (5, 0.002499)]
)
def test_distortions_are_the_published_ones(bits: int, distortion: float) -> None:
    assert lloyd_max(bits).distortion == pytest.approx(distortion, rel=3e-3)


@pytest.mark.parametrize("bits", range(1, 9))
def test_levels_are_the_means_of_their_cells(bits: int) -> None:
    table = lloyd_max(bits)
    z = np.linspace(-12, 12, 2_000_001)
    density = np.exp(-z * z / 2)
    cell = np.searchsorted(table.thresholds, z)
    means = np.bincount(cell, density * z) / np.bincount(cell, density)
    np.testing.assert_allclose(table.levels, means, atol=2e-4)
    error = ((z - table.levels[cell]) ** 2 * density).sum() / density.sum()
    assert table.distortion == pytest.approx(error, rel=1e-3)
    np.testing.assert_array_equal(table.levels, -table.levels[::-1])


@pytest.mark.parametrize("bits", range(1, 9))
@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 10_000), scale=st.floats(0.01, 30))
def test_rounding_by_table_finds_the_nearest_level(bits: int, seed: int, scale: float) -> None:
    table = lloyd_max(bits)
    thresholds = table.rounding.thresholds[:-1]
    edges = np.concatenate([thresholds, np.nextafter(thresholds, np.float32(9)), [np.float32(0), np.float32(1e20)]])
    z = np.random.default_rng(seed).standard_normal(200).astype(np.float32) * np.float32(scale)
    z = np.concatenate([z, edges, -edges[:-2]]).astype(np.float32)
    codes = np.empty(z.size, np.uint8)
    scratch = np.empty((2, z.size), np.float32)
    ip, l2 = round_row(z, 1.0, table.rounding, codes, scratch[0], scratch[1])

    positive = np.searchsorted(thresholds, np.abs(z), side="left")
    half = 2 ** (bits - 1)
    np.testing.assert_array_equal(codes, np.where(z >= 0, half + positive, half - 1 - positive))
    levels = table.levels.astype(np.float32)[codes].astype(np.float64)
    assert ip == pytest.approx(levels @ z, rel=1e-5)
    assert l2 == pytest.approx(levels @ levels, rel=1e-5)
