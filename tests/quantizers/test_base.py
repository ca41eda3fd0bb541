"""What a quantizer says of itself, and what it answers before it is fitted."""

import copy
import pickle

import numpy as np
import pytest

from vq_benchmark.datasets.loading import load_dataset
from vq_benchmark.errors import InputError
from vq_benchmark.evaluation.evaluate import evaluate
from vq_benchmark.evaluation.metrics import finished_metrics
from vq_benchmark.quantizers.registry import get_quantizer, list_quantizers, quantizer_class

VECTORS = np.random.default_rng(0).normal(size=(60, 8)).astype(np.float32)


@pytest.mark.parametrize("name", list_quantizers())
def test_a_method_that_is_not_fitted_says_so(name):
    quantizer = quantizer_class(name)()
    assert repr(quantizer).startswith(f"<{name}")
    assert repr(quantizer).endswith(": not fitted>")
    assert not hasattr(quantizer, "d")
    for use in (quantizer.encode, lambda vectors: evaluate(quantizer, load_dataset(vectors))):
        with pytest.raises(InputError, match=rf"^{name} is not fitted .*; call fit\(vectors\) first\.$"):
            use(VECTORS)


def test_a_fitted_one_and_what_is_measured_say_what_they_are():
    quantizer = get_quantizer("sq", bits=4).fit(VECTORS)
    assert repr(quantizer) == "<sq bits=4: fitted to dimension 8, 4 bytes per vector (4 bits per dimension)>"
    with pytest.raises(AttributeError, match="object has no attribute 'nonsense'") as caught:
        _ = quantizer.nonsense
    assert not isinstance(caught.value, InputError)
    measurement = evaluate(quantizer, load_dataset(VECTORS, num_queries=10))
    assert repr(measurement) == "<Measurement of 50 of 50 vectors × 8 dimensions, 10 queries, 4 bytes per vector>"
    metrics = finished_metrics(measurement)
    head, *lines = repr(metrics).splitlines()
    assert head == f"<Metrics: {len(lines)}>"
    low, high = metrics["mse_ci"]
    assert [line.split(maxsplit=1)[1] for line in lines if line.startswith("mse ")] == [
        f"{metrics['mse']:.4g} ({low:.4g} to {high:.4g})"
    ]


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each))])  # noqa: S301
def test_copies_are_as_before(copied):
    unfitted, fitted = get_quantizer("int8"), get_quantizer("int8").fit(VECTORS)
    assert repr(copied(unfitted)) == repr(unfitted)
    np.testing.assert_array_equal(copied(fitted).encode(VECTORS), fitted.encode(VECTORS))
