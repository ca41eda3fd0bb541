"""Estimated variances against those of other rows."""

import numpy as np
import pytest

from vq_benchmark.quantizers.parts.principal_axes import principal_axes
from vq_benchmark.quantizers.parts.shrinkage import held_out_variances

D = 96


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("n", [150, 400, 4000])
def test_estimates_are_nearer_to_the_variances_of_other_rows(power: float, n: int) -> None:
    rng = np.random.default_rng(n)
    scales = np.arange(1, D + 1) ** (-power / 2)
    train, other = (rng.standard_normal((count, D)) * scales for count in (n, 20_000))
    principal = principal_axes(train.astype(np.float32))
    true = np.square((other - principal.mean) @ principal.axes.T).mean(axis=0)
    estimate = held_out_variances(principal.variances, n)
    assert (np.diff(estimate) <= 0).all()
    before, after = (np.abs(np.log(found / true)).mean() for found in (principal.variances, estimate))
    assert after < 0.08 or after < 0.35 * before


def test_axes_without_variance_keep_none() -> None:
    variances = np.array([4.0, 2.0, 1.0, 0.0, 0.0])
    estimate = held_out_variances(variances, 10_000)
    np.testing.assert_allclose(estimate, variances, rtol=0.01)


@pytest.mark.parametrize("n", [1, 3, 4])
def test_with_too_few_rows_nothing_changes(n: int) -> None:
    variances = np.array([4.0, 2.0, 1.0])
    np.testing.assert_array_equal(held_out_variances(variances, n), variances)


def test_constant_rows_have_no_variance() -> None:
    np.testing.assert_array_equal(held_out_variances(np.zeros(4), 100), np.zeros(4))
