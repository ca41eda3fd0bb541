"""The tables of distortions against new measurements."""

import numpy as np
import pytest

from vq_benchmark.quantizers.parts.bit_allocation import Segment
from vq_benchmark.quantizers.parts.segment_distortions import CAQ, LLOYD_MAX, SIZES, SegmentErrors
from vq_benchmark.quantizers.registry import get_quantizer

TABLES = {"segmented-eden": LLOYD_MAX, "saq": CAQ}


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("size", [8, 32, 128, 1024])
@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_the_tables_are_what_the_codes_do(name: str, size: int, bits: int) -> None:
    y = np.random.default_rng(bits).standard_normal((200_000 // size, size)).astype(np.float32)
    codes = np.empty((len(y), size * bits // 8), np.uint8)
    radii = get_quantizer(name).encode_segment(y, Segment(0, size, bits), 0, codes)
    measured = 1 - np.square(y, dtype=np.float64).sum() / np.square(radii, dtype=np.float64).sum()
    assert TABLES[name].at(size, bits) == pytest.approx(measured, rel=0.03)


@pytest.mark.parametrize("table", TABLES.values())
def test_distortions_fall_with_bits_and_rise_with_size(table: SegmentErrors) -> None:
    sizes = np.arange(1, 2000)
    found = table.of(sizes)
    assert found.shape == (sizes.size, len(table.rates))
    assert (np.diff(found, axis=1) < 0).all()
    assert (np.diff(found, axis=0) >= 0).all()
    np.testing.assert_allclose(found[np.array(SIZES) - 1], table.table.T)
    np.testing.assert_array_equal(found[0], table.table[:, 0])
