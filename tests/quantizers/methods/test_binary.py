"""Signs: the bytes of pgvector and sentence-transformers, and the order of Hamming distances."""

import numpy as np
import pytest

from vq_benchmark.errors import InfeasibleBudget
from vq_benchmark.quantizers.methods.binary import Binary
from vq_benchmark.quantizers.registry import get_quantizer

ROWS = (np.random.default_rng(0).standard_normal((500, 44)) * 2 + 0.5).astype(np.float32)


def test_bits_are_those_of_pgvector() -> None:
    row = np.array([[1, -2, 3, 0, 1e-4, -1e-4, 5, 6, 7]], np.float32)
    quantizer = get_quantizer("binary").fit(row)
    np.testing.assert_array_equal(quantizer.encode(row), [[0b10101011, 0b10000000]])


def test_bits_are_those_of_sentence_transformers() -> None:
    quantization = pytest.importorskip("sentence_transformers.util.quantization")
    codes = get_quantizer("binary").fit(ROWS).encode(ROWS)
    np.testing.assert_array_equal(codes, quantization.quantize_embeddings(ROWS, "ubinary"))


@pytest.mark.parametrize("centre", ["zero", "mean"])
def test_scores_rank_by_hamming_distance(centre: str) -> None:
    quantizer = get_quantizer("binary", centre=centre).fit(ROWS)
    queries = np.random.default_rng(1).standard_normal((5, 44)).astype(np.float32)
    codes = quantizer.encode(ROWS)
    hamming = np.bitwise_count(quantizer.encode(queries)[:, None] ^ codes[None]).sum(axis=2)
    scores = quantizer.project_queries(queries) @ quantizer.decode_for_scores(codes).T
    for distances, estimates in zip(hamming, scores, strict=True):
        slope, offset = np.polyfit(distances, estimates, 1)
        assert slope < 0
        np.testing.assert_allclose(estimates, slope * distances + offset, atol=1e-3 * np.abs(estimates).max())
    assert np.ptp(quantizer.squared_norms(codes)) == 0


def test_float_queries_score_the_decoded_vectors() -> None:
    quantizer = get_quantizer("binary", centre="mean", queries="float").fit(ROWS)
    codes = quantizer.encode(ROWS)
    np.testing.assert_array_equal(quantizer.decode_for_scores(codes), quantizer.decode(codes))
    np.testing.assert_array_equal(quantizer.project_queries(ROWS), ROWS)


def test_gaussian_error_is_that_of_the_best_two_levels() -> None:
    rows = np.random.default_rng(2).standard_normal((4000, 64)).astype(np.float32)
    quantizer = get_quantizer("binary").fit(rows)
    error = np.square(rows - quantizer.decode(quantizer.encode(rows))).sum() / np.square(rows).sum()
    assert error == pytest.approx(1 - 2 / np.pi, rel=0.01)


def test_the_centre_takes_an_offset_away() -> None:
    centred, plain = (get_quantizer("binary", centre=each).fit(ROWS + 9) for each in ("mean", "zero"))
    assert (plain.encode(ROWS + 9)[:, :5] == 255).all()
    assert centred.encode(ROWS + 9).mean() < 160
    assert centred.model_bytes == plain.model_bytes + 4 * 44


def test_padding_counts_in_the_budget() -> None:
    with pytest.raises(InfeasibleBudget, match=r"1\.082"):
        Binary.for_budget(1, 37)
    assert Binary.for_budget(1, 40) == Binary.for_budget(8, 37)
