"""Beam search: the written-out search, where all sums are exact integers and ties abound."""

import numpy as np
import pytest

from vq_benchmark.quantizers.kernels.beam_search import BEAM, BLOCK_ROWS, search_beam
from vq_benchmark.quantizers.kernels.matmul import NARROW, WIDE, panels_of


def found_by_kernel(rows: np.ndarray, codebooks: np.ndarray, width: int) -> np.ndarray:
    panels = np.stack([panels_of(codebook.T, width) for codebook in codebooks])
    norms = np.square(codebooks).sum(axis=2)
    entries = np.full((len(rows), len(codebooks)), -1, np.int32)
    search_beam(rows, codebooks, panels, norms, entries)
    return entries


def found_by_hand(row: np.ndarray, codebooks: np.ndarray) -> list[int]:
    beam: list[tuple[np.ndarray, list[int]]] = [(row, [])]
    for codebook in codebooks:
        candidates = [(rest - entry, [*codes, j]) for rest, codes in beam for j, entry in enumerate(codebook)]
        beam = sorted(candidates, key=lambda candidate: np.square(candidate[0]).sum())[:BEAM]  # stable
    return beam[0][1]


@pytest.mark.parametrize("width", [vectors * lanes for _, vectors, lanes in (WIDE, NARROW)])
@pytest.mark.parametrize(("n", "w", "m", "k"), [(2 * BLOCK_ROWS + 3, 3, 4, 16), (5, 33, 3, 64), (7, 2, 1, 32)])
def test_it_keeps_the_best_sums_and_the_first_of_equal_ones(n: int, w: int, m: int, k: int, width: int) -> None:
    rng = np.random.default_rng(n)
    rows = rng.integers(-5, 6, (n, w)).astype(np.float32)
    codebooks = rng.integers(-3, 4, (m, k, w)).astype(np.float32)
    expected = [found_by_hand(row, codebooks) for row in rows]
    np.testing.assert_array_equal(found_by_kernel(rows, codebooks, width), expected)


def test_rows_that_are_not_finite_get_entries_and_leave_the_others_alone() -> None:
    rng = np.random.default_rng(0)
    rows, codebooks = (rng.standard_normal(size).astype(np.float32) for size in ((60, 8), (3, 16, 8)))
    whole = found_by_kernel(rows, codebooks, 48)
    rows[3], rows[20], rows[21] = np.nan, np.inf, 3e38
    entries = found_by_kernel(rows, codebooks, 48)
    assert (entries >= 0).all() and (entries < 16).all()
    others = np.delete(np.arange(60), [3, 20, 21])
    np.testing.assert_array_equal(entries[others], whole[others])
