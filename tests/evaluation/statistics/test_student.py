"""Student's distribution against scipy's."""

import pytest
from scipy import stats

from vq_benchmark.evaluation.statistics.student import student_quantile, two_sided_p


@pytest.mark.parametrize("degrees", [3, 4.5, 10, 99, 1e6])
@pytest.mark.parametrize("p", [0.5, 0.05, 0.01])
def test_p_values_and_quantiles(degrees, p):
    t = stats.t.isf(p / 2, degrees)
    assert two_sided_p(t, degrees) == pytest.approx(p, rel=0.1)
    assert student_quantile(degrees) == pytest.approx(stats.t.ppf(0.975, degrees), rel=0.015)


@pytest.mark.parametrize("degrees", [1, 1.5, 2])
def test_few_degrees_err_towards_caution(degrees):
    for p in (0.05, 0.01):
        assert p <= two_sided_p(stats.t.isf(p / 2, degrees), degrees) < 2 * p
    assert student_quantile(degrees) >= stats.t.ppf(0.975, degrees)
