"""Paths: streams that are rings, levels by the window alone, and errors near the rate–distortion bound."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from vq_benchmark.quantizers.kernels.viterbi import KINDS
from vq_benchmark.quantizers.parts.segment_distortions import SIZES
from vq_benchmark.quantizers.parts.trellis_books import RATES, books_of, kind_of, segment_errors
from vq_benchmark.quantizers.parts.trellis_paths import TrellisPaths, paths_of


def encoded(paths: TrellisPaths, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    codes = np.empty((len(y), paths.code_bytes), np.uint8)
    return codes, paths.encode(y, codes)


def windows(paths: TrellisPaths, code: np.ndarray) -> np.ndarray:
    """The levels of a code, each from the bits before its place in the ring."""
    ring = np.unpackbits(code)[: paths.bits]
    weights = 1 << np.arange(paths.memory)[::-1]
    levels, at = [], 0
    for kind in paths.steps.kinds:
        bits, width = KINDS[kind]
        at += bits
        state = int(ring[np.arange(at - paths.memory, at) % paths.bits] @ weights)
        levels.extend(paths.books[kind, width * state : width * (state + 1)])
    return np.array(levels)


@settings(deadline=None, max_examples=40)
@given(
    segments=st.lists(st.tuples(st.integers(1, 20), st.sampled_from(RATES)), min_size=1, max_size=4),
    memory=st.sampled_from([8, 10, 12]),
    seed=st.integers(0, 99),
)
@example(segments=[(9, 0.5)], memory=12, seed=0)  # 9 bits, which no states were trained for
def test_a_level_follows_from_the_bits_before_it(segments: list[tuple[int, float]], memory: int, seed: int) -> None:
    sizes = [2 * size for size, _ in segments]
    paths = paths_of(sizes, [rate for _, rate in segments], [2.0**-i for i in range(len(sizes))], memory)
    assert paths.bits == sum(size * rate for size, (_, rate) in zip(sizes, segments, strict=True))
    y = np.random.default_rng(seed).standard_normal((3, sum(sizes))).astype(np.float32)
    codes, radii = encoded(paths, y)
    out = np.zeros_like(y)
    paths.decode(codes, radii, out)
    edges = paths.steps.edges
    for row in range(3):
        levels = windows(paths, codes[row])
        for s, (start, stop) in enumerate(pairwise(edges)):
            q = levels[start:stop]
            np.testing.assert_allclose(out[row, start:stop], radii[row, s] * q / np.linalg.norm(q), rtol=1e-5)
            z = y[row, start:stop]
            if z @ q > 0:  # the stored radius makes ⟨z, decoded⟩ = ‖z‖²
                assert out[row, start:stop] @ z == pytest.approx(z @ z, rel=1e-4)


@pytest.mark.parametrize(("bits", "decibels"), [(0.5, 2.7), (1, 5.5), (1.5, 8.2), (2, 11.2), (3, 17.0), (4, 22.5)])
def test_gaussian_values_come_near_the_bound(bits: float, decibels: float) -> None:
    y = np.random.default_rng(0).standard_normal((128, 1024)).astype(np.float32)
    _, radii = encoded(paths_of([1024], [bits], [1], 8), y)
    error = 1 - np.square(y, dtype=np.float64).sum() / np.square(radii, dtype=np.float64).sum()
    assert -10 * np.log10(error) > decibels
    assert error > 4**-bits
    assert segment_errors(8).at(1024, bits) == pytest.approx(error, rel=0.02)


def test_the_short_first_pass_loses_almost_nothing() -> None:
    """Trying all 2^8 joints is the best that a closed path can do."""
    y = np.random.default_rng(3).standard_normal((64, 96)).astype(np.float32)
    paths = paths_of([96], [1], [1], 8)
    found = encoded(paths, y)[1]
    least = np.full(64, np.inf, np.float32)
    for shift in range(0, 96, 12):  # another joint, of the same rows
        least = np.minimum(least, encoded(paths, np.ascontiguousarray(np.roll(y, shift, axis=1)))[1][:, 0])
    assert found[:, 0].mean() < 1.01 * least.mean()


def test_books_have_levels_for_every_state() -> None:
    for memory in range(1, 9):
        books = books_of(memory)
        for kind, (bits, width) in enumerate(KINDS):
            assert (np.ptp(books[kind, : width << memory]) > 0) == (bits <= memory)


def test_errors_fall_with_bits() -> None:
    errors = segment_errors(8)
    found = errors.of(2 * np.arange(1, 800))
    assert (np.diff(found, axis=1) < 0).all()
    assert np.isinf(errors.of(np.array([7]))[0, [kind_of(0.5), kind_of(1.5)]]).all()
    assert errors.table.shape == (len(RATES), len(SIZES))


@pytest.mark.parametrize("memory", [10, 12])
def test_more_states_have_smaller_errors(memory: int) -> None:
    places = [kind_of(bits) for bits in (1, 2, 3, 4)]
    fewer, more = (segment_errors(each).table[places, -1] for each in (memory - 2, memory))
    assert (more < 0.99 * fewer).all()
    y = np.random.default_rng(5).standard_normal((16, 256)).astype(np.float32)
    _, radii = encoded(paths_of([256], [2], [1], memory), y)
    error = 1 - np.square(y, dtype=np.float64).sum() / np.square(radii, dtype=np.float64).sum()
    assert error == pytest.approx(segment_errors(memory).at(256, 2), rel=0.1)


def test_a_zero_row_has_a_zero_radius() -> None:
    paths = paths_of([16], [1], [1], 8)
    codes, radii = encoded(paths, np.zeros((1, 16), np.float32))
    assert radii[0, 0] == 0
    out = np.ones((1, 16), np.float32)
    paths.decode(codes, radii, out)
    assert (out == 0).all()
