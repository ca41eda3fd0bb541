import json

import numpy as np
import pytest

from vq_benchmark.evaluation.rate_distortion import spectrum_of
from vq_benchmark.evaluation.sample_summary import NORM_QUANTILES, SampleSummary, summary_of

SAMPLE = (np.random.default_rng(0).standard_normal((3000, 40)) / np.sqrt(np.arange(1, 41))).astype(np.float32)


def test_norms_repeats_and_spectrum_are_those_of_numpy():
    sample = np.concatenate([SAMPLE, SAMPLE[:7]])
    found = summary_of(sample, spectrum_of(sample))
    norms = np.linalg.norm(sample.astype(np.float64), axis=1)
    assert found.norms == pytest.approx(np.quantile(norms, NORM_QUANTILES), rel=1e-4)
    assert (found.vectors, found.repeated) == (3007, 7)
    variances = np.sort(np.linalg.eigvalsh(np.cov(sample.astype(np.float64).T)))[::-1]
    shares = np.cumsum(variances) / variances.sum()
    assert found.components[0] == 1 and found.components[-1] == 40 and len(found.components) <= 16
    assert found.variance_shares == pytest.approx([shares[count - 1] for count in found.components], rel=1e-4)
    assert found.effective_dimension == pytest.approx(variances.sum() ** 2 / np.square(variances).sum(), rel=1e-4)


def test_the_directions_of_equal_variances_all_count():
    found = summary_of(SAMPLE, np.ones(40))
    assert found.effective_dimension == 40
    assert found.variance_shares == pytest.approx([count / 40 for count in found.components], rel=1e-4)


@pytest.mark.parametrize("spectrum", [None, np.zeros(40)])
def test_a_sample_without_a_spectrum_has_norms(spectrum):
    found = summary_of(SAMPLE[:5], spectrum)
    assert (found.components, found.variance_shares, found.effective_dimension) == ([], [], None)
    assert len(found.norms) == len(NORM_QUANTILES)


def test_it_survives_json_and_anything_else_is_none():
    found = summary_of(SAMPLE, spectrum_of(SAMPLE))
    stored = json.loads(json.dumps(found.as_json()))
    assert SampleSummary.from_json(stored) == found
    assert len(json.dumps(stored)) < 600
    for other in (None, [], {}, stored | {"version": 2}, stored | {"norms": [1.0]}, stored | {"more": 1}):
        assert SampleSummary.from_json(other) is None
