"""Axes turned towards targets: the best rotation in a group, less error for all groups, same bits on any threads."""

from itertools import pairwise

import numba
import numpy as np
import pytest

from vq_benchmark.quantizers.parts import procrustes
from vq_benchmark.quantizers.parts.procrustes import closest_rotation, turn_towards


def orthogonal(d: int, seed: int) -> np.ndarray:
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((d, d)))[0].astype(np.float32)


def test_the_closest_rotation_is_found() -> None:
    rows = np.random.default_rng(4).standard_normal((200, 10)).astype(np.float32)
    rotation = orthogonal(10, 5)
    np.testing.assert_allclose(closest_rotation(rows, rows @ rotation.T), rotation, atol=1e-5)


@pytest.mark.parametrize("group", [4, 7, 10])
def test_each_call_lowers_the_error_and_keeps_rows_and_axes_together(
    monkeypatch: pytest.MonkeyPatch, group: int
) -> None:
    """Until a hidden rotation of all axes is found, though each group sees only its own."""
    monkeypatch.setattr(procrustes, "GROUP_AXES", group)
    rows = np.random.default_rng(6).standard_normal((500, 10)).astype(np.float32)
    targets = rows @ orthogonal(10, 7).T
    rotated, axes, rng = rows.copy(), np.eye(10, dtype=np.float32), np.random.default_rng(8)
    errors = [np.square(rotated - targets).sum()]
    for _ in range(200):
        turn_towards(targets, rotated, axes, rng)
        errors.append(np.square(rotated - targets).sum())
    assert all(later <= earlier + 1e-3 for earlier, later in pairwise(errors))
    assert errors[-1] < 1e-2 * errors[0]
    np.testing.assert_allclose(axes @ axes.T, np.eye(10), atol=1e-4)
    np.testing.assert_allclose(rotated, rows @ axes.T, atol=1e-3)


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="needs two threads")
def test_the_number_of_threads_changes_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(procrustes, "GROUP_AXES", 8)
    rng = np.random.default_rng(9)
    rows, targets = (rng.standard_normal((300, 40)).astype(np.float32) for _ in range(2))
    results = []
    before = numba.get_num_threads()
    try:
        for threads in (1, 2):
            numba.set_num_threads(threads)
            rotated, axes = rows.copy(), np.eye(40, dtype=np.float32)
            turn_towards(targets, rotated, axes, np.random.default_rng(10))
            results.append((rotated, axes))
    finally:
        numba.set_num_threads(before)
    for one, two in zip(*results, strict=True):
        np.testing.assert_array_equal(one, two)
