"""The audit finds what was put there, and agrees with numpy on the rest."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vq_benchmark.datasets.dataset import Dataset
from vq_benchmark.datasets.inspection import FoundRows, inspect_dataset
from vq_benchmark.datasets.loading import load_dataset
from vq_benchmark.datasets.sources.vector_source import ArraySource
from vq_benchmark.errors import InputError


def rows(n: int, d: int = 6, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)


@pytest.fixture
def dirty(tmp_path):
    """5,000 rows: two not finite, one zero, three repeats of row 10; one query in the base, one bad."""
    base = rows(5000)
    base[4200], base[30, 2] = np.nan, np.inf
    base[4500] = 0
    base[[11, 4000, 4999]] = base[10]
    queries = rows(9, seed=1)
    queries[4], queries[6, 2] = base[77], np.nan
    np.save(tmp_path / "base.npy", base)
    np.save(tmp_path / "queries.npy", queries)
    return tmp_path


@pytest.mark.parametrize("metric", ["l2", "cosine"])
def test_finds_what_is_wrong(dirty, metric):
    seen = []
    dataset = load_dataset(dirty, metric=metric, check=False)
    found = inspect_dataset(dataset, progress=lambda done, total: seen.append((done, total)))
    assert (found.n, found.d, found.dtype, found.rows_inspected) == (5000, 6, "float32", 5000)
    assert found.non_finite_rows == FoundRows(2, 30)
    assert found.zero_rows == FoundRows(1, 4500)
    assert found.bad_rows == (FoundRows(3, 30) if metric == "cosine" else FoundRows(2, 30))
    assert found.duplicate_rows == FoundRows(3, 11)
    assert found.queries_in_base == FoundRows(1, 4)
    assert found.bad_queries == FoundRows(1, 6)
    assert seen == [(4096, 5000), (5000, 5000)]
    clean = np.load(dirty / "base.npy").astype(np.float64)
    norms = np.linalg.norm(clean[np.isfinite(clean).all(axis=1)], axis=1)
    expected = [norms.min(), norms.mean(), np.median(norms), norms.max()]
    np.testing.assert_allclose([found.norms.min, found.norms.mean, found.norms.median, found.norms.max], expected)
    with pytest.raises(InputError, match="NaN"):
        load_dataset(dirty, metric=metric)


@settings(deadline=None, max_examples=15)
@given(d=st.integers(1, 70), n=st.integers(2, 200), offset=st.floats(-50, 50))
def test_spectrum_is_that_of_numpy(d, n, offset):
    base = rows(n, d) * np.arange(1, d + 1, dtype=np.float32) + np.float32(offset)
    found = inspect_dataset(Dataset("x", ArraySource(base), base[:1], "l2")).spectrum
    variances = np.linalg.svd(base - base.mean(axis=0, dtype=np.float64), compute_uv=False) ** 2
    variances = np.append(variances, np.zeros(max(0, d - n)))
    assert [m for m, _ in found.variance_shares] == sorted({m for m in (1, 8, 32, d // 4, d // 2) if 1 <= m <= d})
    for m, share in found.variance_shares:
        assert share == pytest.approx(variances[:m].sum() / variances.sum(), rel=1e-6)
    assert found.effective_dimension == pytest.approx(variances.sum() ** 2 / (variances**2).sum(), rel=1e-6)


def test_constant_rows_have_no_spectrum():
    found = inspect_dataset(Dataset("x", ArraySource(np.full((9, 4), 0.3, np.float32)), rows(1, 4), "l2"))
    assert found.spectrum is None and found.duplicate_rows == FoundRows(8, 1)


def test_negative_zero_is_zero():
    base = np.array([[0.0, 1.0], [-0.0, 1.0]], np.float32)
    assert inspect_dataset(Dataset("x", ArraySource(base), rows(1, 2), "l2")).duplicate_rows == FoundRows(1, 1)


@pytest.mark.parametrize(
    ("max_rows", "inspected"), [(1, 1), (700, 700), (4096, 4096), (9000, 8192), (50_000, 20_000)]
)
def test_max_rows(max_rows, inspected):
    base = rows(20_000)
    base[-1] = np.nan
    found = inspect_dataset(Dataset("x", ArraySource(base), rows(1), "l2"), max_rows=max_rows)
    assert found.rows_inspected == inspected
    assert found.non_finite_rows == (FoundRows(1, 19_999) if max_rows > 4096 else FoundRows(0, None))


def test_nothing_to_inspect_is_refused():
    with pytest.raises(InputError, match="is empty"):
        inspect_dataset(Dataset("x", ArraySource(rows(0)), rows(1), "l2"))
    with pytest.raises(InputError, match="at least 1"):
        inspect_dataset(Dataset("x", ArraySource(rows(9)), rows(1), "l2"), max_rows=0)


@pytest.mark.parametrize("metric", ["l2", "cosine"])
def test_rows_have_their_numbers_in_the_file_also_where_queries_were_held_out(metric, tmp_path):
    base = rows(5000)
    base[4320] = 0
    np.save(tmp_path / "base.npy", base)
    dataset = load_dataset(str(tmp_path / "base.npy"), num_queries=1000, metric=metric, check=False)
    assert dataset.base.n == 4000
    assert inspect_dataset(dataset).zero_rows == FoundRows(1, 4320)
