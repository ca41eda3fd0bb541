"""Local search: the written-out search, where all sums are exact integers and ties abound."""

import numpy as np
import pytest

from vq_benchmark.quantizers.kernels.local_search import SWEEPS, search_locally
from vq_benchmark.quantizers.methods.lsq import PERTURBED, SEARCHES, shared_trials


def found_by_kernel(rows: np.ndarray, codebooks: np.ndarray, trials: np.ndarray) -> np.ndarray:
    m, k, d = codebooks.shape
    flat = codebooks.reshape(m * k, d)
    costs = np.square(flat).sum(axis=1) - 2 * rows @ flat.T
    entries = np.full((len(rows), m), -1, np.int32)
    search_locally(rows, costs, 2 * flat @ flat.T, codebooks, trials, entries)
    return entries


def error(row: np.ndarray, codebooks: np.ndarray, entries: np.ndarray) -> float:
    return float(np.square(row - codebooks[np.arange(len(entries)), entries].sum(axis=0)).sum())


def found_by_hand(row: np.ndarray, codebooks: np.ndarray, trials: np.ndarray) -> np.ndarray:
    m, k, _ = codebooks.shape
    best, least = trials[0], np.inf
    for trial in trials:
        entries = np.where(trial < 0, best, trial)
        for j in list(range(m)) * SWEEPS:
            choices = [np.where(np.arange(m) == j, entry, entries) for entry in range(k)]
            entries = min(choices, key=lambda choice: error(row, codebooks, choice))
        if error(row, codebooks, entries) < least:
            best, least = entries, error(row, codebooks, entries)
    return best


@pytest.mark.parametrize("m", [1, 2, 6])
def test_it_changes_one_entry_at_a_time_to_the_first_of_the_best(m: int) -> None:
    rng = np.random.default_rng(m)
    rows = rng.integers(-6, 7, (6, 5)).astype(np.float32)
    codebooks = rng.integers(-3, 4, (m, 16, 5)).astype(np.float32)
    trials = shared_trials(m, 16)[:5]
    expected = [found_by_hand(row, codebooks, trials) for row in rows]
    np.testing.assert_array_equal(found_by_kernel(rows, codebooks, trials), expected)


def test_more_searches_find_no_worse_sums_and_some_better_ones() -> None:
    rng = np.random.default_rng(1)
    rows, codebooks = (rng.standard_normal(size).astype(np.float32) for size in ((200, 8), (4, 16, 8)))
    trials = shared_trials(4, 16)
    few, many = (
        np.array([error(*pair) for pair in zip(rows, [codebooks] * len(rows), entries, strict=True)])
        for entries in (found_by_kernel(rows, codebooks, trials[:1]), found_by_kernel(rows, codebooks, trials))
    )
    assert (many <= few).all()
    assert many.sum() < 0.95 * few.sum()


def test_rows_that_are_not_finite_get_entries() -> None:
    rng = np.random.default_rng(0)
    rows, codebooks = (rng.standard_normal(size).astype(np.float32) for size in ((4, 8), (3, 16, 8)))
    rows[1], rows[2], rows[3] = np.nan, np.inf, 1e30
    with np.errstate(invalid="ignore", over="ignore"):
        entries = found_by_kernel(rows, codebooks, shared_trials(3, 16))
    assert (entries >= 0).all() and (entries < 16).all()


def test_trials_replace_a_few_entries_after_the_first() -> None:
    trials = shared_trials(10, 16)
    assert trials.shape == (SEARCHES, 10)
    assert (trials[0] >= 0).all()
    assert ((trials[1:] >= 0).sum(axis=1) == PERTURBED).all()
    assert trials.max() < 16
