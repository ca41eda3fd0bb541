"""Thermometers: thresholds of the engines by hand, and what a Hamming distance of thermometers is."""

import numpy as np
import pytest

from vq_benchmark.quantizers.registry import get_quantizer

ROWS = (np.random.default_rng(0).standard_normal((400, 13)) * [*range(1, 14)] + 3).astype(np.float32)


def levels(quantizer, rows: np.ndarray) -> np.ndarray:
    """How many thresholds each value exceeds, (n, d)."""
    bits = np.unpackbits(quantizer.encode(rows), axis=1, count=int(quantizer.parameters.bits) * rows.shape[1])
    return bits.reshape(len(rows), -1, rows.shape[1]).sum(axis=1).astype(int)


@pytest.mark.parametrize(
    ("bits", "reach", "thresholds"),
    [
        (1, 2, [0]),
        (2, 2, [-2 / 3, 2 / 3]),
        (2, 1, [-1 / 3, 1 / 3]),
        (3, 2, [-1, 0, 1]),
        (4, 1, [-0.6, -0.2, 0.2, 0.6]),
    ],
)
def test_thresholds_are_those_of_the_engines(bits, reach, thresholds) -> None:
    quantizer = get_quantizer("thermometer", bits=bits, reach=reach, deviation="population").fit(ROWS)
    z = (ROWS - ROWS.mean(axis=0, dtype=float)) / ROWS.std(axis=0, dtype=float)
    np.testing.assert_array_equal(levels(quantizer, ROWS), (z[:, :, None] > np.array(thresholds)).sum(axis=2))


@pytest.mark.parametrize("bits", [1, 2, 3, 4])
def test_hamming_distance_is_the_difference_of_levels(bits) -> None:
    quantizer = get_quantizer("thermometer", bits=bits).fit(ROWS)
    codes, found = quantizer.encode(ROWS[:50]), levels(quantizer, ROWS[:50])
    hamming = np.bitwise_count(codes[:, None] ^ codes[None]).sum(axis=2)
    np.testing.assert_array_equal(hamming, np.abs(found[:, None] - found[None]).sum(axis=2))
    scores = quantizer.project_queries(ROWS[:50]) @ quantizer.decode_for_scores(codes).T
    for distances, estimates in zip(hamming, scores, strict=True):
        slope, offset = np.polyfit(distances, estimates, 1)
        assert slope < 0
        np.testing.assert_allclose(estimates, slope * distances + offset, atol=1e-4 * np.abs(estimates).max())


def test_two_dimensions_share_their_second_bit() -> None:
    quantizer = get_quantizer("thermometer", bits=1.5).fit(ROWS)
    two = get_quantizer("thermometer", bits=2).fit(ROWS)
    d = ROWS.shape[1]
    bits = np.unpackbits(quantizer.encode(ROWS), axis=1, count=20)
    both = np.unpackbits(two.encode(ROWS), axis=1, count=26)
    np.testing.assert_array_equal(bits[:, :d], both[:, :d])
    high = np.pad(both[:, d:], ((0, 0), (0, 1)))
    np.testing.assert_array_equal(bits[:, d:], high[:, ::2] | high[:, 1::2])
    assert quantizer.code_bytes == 3


def test_shifting_and_scaling_all_vectors_changes_no_bit() -> None:
    plain = get_quantizer("thermometer").fit(ROWS)
    moved = get_quantizer("thermometer").fit(ROWS * 4 + 64)
    np.testing.assert_array_equal(plain.encode(ROWS), moved.encode(ROWS * 4 + 64))


def test_codes_are_padded() -> None:
    sizes = [get_quantizer("thermometer", align=align).fit(ROWS).code_bytes for align in (1, 8, 16)]
    assert sizes == [4, 8, 16]
    assert get_quantizer("binary", align=16).fit(ROWS).encode(ROWS).shape == (400, 16)


def test_integer_queries_of_qdrant() -> None:
    """Its documentation's example: query (1, −1, .5, .1) becomes 15, 0, 11, 8, and scores 2.4 against bits 1010."""
    row = np.array([[1, -1, 1, -1]], np.float32)
    quantizer = get_quantizer("binary", queries="scalar4").fit(np.concatenate([row, -row]))
    query = np.array([[1, -1, 0.5, 0.1]], np.float32)
    integers = (quantizer.project_queries(query) + 1) * 15 / 2
    np.testing.assert_allclose(integers, [[15, 0, 11, 8]], atol=1e-5)
    score = quantizer.project_queries(query) @ np.sign(quantizer.decode_for_scores(quantizer.encode(row))).T
    assert score[0, 0] == pytest.approx(4 - 2 * 0.8, abs=1e-6)
