"""The control: nothing is lost."""

import numpy as np

from vq_benchmark.quantizers.registry import get_quantizer


def test_vectors_come_back_as_they_were() -> None:
    rows = np.random.default_rng(0).standard_normal((20, 5)).astype(np.float32)
    quantizer = get_quantizer("none").fit(rows)
    codes = quantizer.encode(rows)
    decoded = quantizer.decode(codes[::2])
    np.testing.assert_array_equal(decoded, rows[::2])
    assert quantizer.bits_per_dim == 32
    assert quantizer.model_bytes == 0


def test_decoded_vectors_are_a_copy() -> None:
    rows = np.ones((2, 3), np.float32)
    quantizer = get_quantizer("none").fit(rows)
    codes = quantizer.encode(rows)
    quantizer.decode(codes)[:] = 7
    assert (rows == 1).all()
    assert (quantizer.decode(codes) == 1).all()
