"""usearch's i8 and b1 vectors and answers against `unit-int8` and `binary`."""

import numpy as np
import pytest
from engine_answers import K, assert_same_answers, scores_of

from vq_benchmark.quantizers.registry import get_quantizer


@pytest.mark.parametrize("product", ["cosine", "ip", "l2"])
def test_i8(engine, sample, product) -> None:
    base, queries = sample
    metric = {"cosine": "cos", "ip": "ip", "l2": "l2sq"}[product]
    index = engine("usearch.index").Index(ndim=base.shape[1], metric=metric, dtype="i8")
    index.add(np.arange(len(base)), base)
    ours = get_quantizer("unit-int8", product=product).fit(base)
    stored = np.asarray(index.get(np.arange(len(base)), dtype="i8"))
    np.testing.assert_array_equal(stored, ours.encode(base).astype(np.int16) - 128)
    answers = index.search(queries, K, exact=True).keys.astype(np.int64)
    assert_same_answers(scores_of(ours, base, queries, l2=product == "l2"), answers, rounding=1e-5)


def test_bits(engine, sample) -> None:
    base, queries = sample
    index = engine("usearch.index").Index(ndim=base.shape[1], metric="hamming", dtype="b1")
    index.add(np.arange(len(base)), np.packbits(base > 0, axis=1))
    ours = get_quantizer("binary").fit(base)
    np.testing.assert_array_equal(np.asarray(index.get(np.arange(len(base)), dtype="b1")), ours.encode(base))
    answers = index.search(np.packbits(queries > 0, axis=1), K, exact=True).keys.astype(np.int64)
    assert_same_answers(scores_of(ours, base, queries), answers)
