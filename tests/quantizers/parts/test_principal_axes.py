"""Principal axes against scikit-learn, and on data that one pass could get wrong."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from vq_benchmark.quantizers.parts.principal_axes import principal_axes


@pytest.mark.parametrize("mean", [0.0, 1000.0])
@pytest.mark.parametrize("n", [5000, 8])
def test_against_scikit_learn(n: int, mean: float) -> None:
    rng = np.random.default_rng(0)
    rows = (rng.standard_normal((n, 12)) * np.linspace(3, 0.5, 12) + mean).astype(np.float32)
    found = principal_axes(rows)
    expected = PCA(svd_solver="full").fit(rows.astype(np.float64))
    count = min(n - 1, 12)
    np.testing.assert_allclose(found.mean, rows.mean(axis=0, dtype=np.float64), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(found.variances[:count], expected.explained_variance_[:count] * (n - 1) / n, rtol=1e-5)
    cosines = np.abs((found.axes[:count] * expected.components_[:count]).sum(axis=1))
    np.testing.assert_allclose(cosines, 1, atol=1e-5)
    np.testing.assert_allclose(found.axes @ found.axes.T, np.eye(12), atol=1e-10)


def test_one_row_has_no_variance() -> None:
    found = principal_axes(np.ones((1, 5), np.float32))
    assert not found.variances.any()
    np.testing.assert_allclose(found.axes @ found.axes.T, np.eye(5), atol=1e-12)
