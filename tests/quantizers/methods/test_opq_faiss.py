"""opq-faiss: the model that faiss trains with its defaults, and faiss's codes."""

import faiss
import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from vq_benchmark.errors import InputError
from vq_benchmark.quantizers.registry import get_quantizer

RNG = np.random.default_rng(0)
ROWS = (RNG.standard_normal((1500, 24)) * np.arange(1, 25) ** -0.7 @ RNG.standard_normal((24, 24))).astype(np.float32)


def test_model_and_codes_are_those_of_faiss() -> None:
    quantizer = get_quantizer("opq-faiss", m=4, nbits=6).fit(ROWS)
    transform, code = faiss.OPQMatrix(24, 4), faiss.ProductQuantizer(24, 4, 6)
    with threadpool_limits(1):
        transform.train(ROWS)
        rotated = transform.apply(ROWS)
        code.train(rotated)
        codes = code.compute_codes(rotated)
    np.testing.assert_array_equal(quantizer.state()["rotation"].ravel(), faiss.vector_to_array(transform.A))
    np.testing.assert_array_equal(quantizer.state()["codebooks"].ravel(), faiss.vector_to_array(code.centroids))
    assert (quantizer.encode(ROWS) == codes).all(axis=1).mean() > 0.998
    decoded = transform.reverse_transform(code.decode(codes))
    np.testing.assert_allclose(quantizer.decode(codes), decoded, atol=1e-5 * np.abs(ROWS).max())


def test_seeds_give_other_models() -> None:
    first, second = (get_quantizer("opq-faiss", m=2, nbits=4).fit(ROWS, seed=seed) for seed in (0, 1))
    assert not np.array_equal(first.state()["codebooks"], second.state()["codebooks"])


def test_the_rotation_needs_256_vectors_whatever_the_bits() -> None:
    with pytest.raises(InputError, match="at least 256 training vectors, not 255"):
        get_quantizer("opq-faiss", m=4, nbits=4).fit(ROWS[:255])
