"""The raw int8 product: sentence-transformers' integers, and the order of their products."""

import numpy as np
import pytest

from vq_benchmark.quantizers.registry import get_quantizer

RNG = np.random.default_rng(0)
ROWS = (RNG.standard_normal((600, 24)) * RNG.uniform(0.2, 3, 24) + RNG.standard_normal(24)).astype(np.float32)
UNIT_RANGES = np.array([[-1] * 4, [1] * 4], np.float32)


def formula(rows: np.ndarray, train: np.ndarray) -> np.ndarray:
    """`quantize_embeddings` of release 6.2 in numpy."""
    low, high = train.min(axis=0), train.max(axis=0)
    return (np.floor((rows - low) / ((high - low) / 255)).clip(0, 255) - 128).astype(np.int8)


def integers(codes: np.ndarray) -> np.ndarray:
    return (codes.astype(np.int16) - 128).astype(np.int8)


def test_integers_are_those_of_the_formula() -> None:
    quantizer = get_quantizer("int8-symmetric").fit(ROWS[:300])
    np.testing.assert_array_equal(integers(quantizer.encode(ROWS)), formula(ROWS, ROWS[:300]))


def test_integers_are_those_of_sentence_transformers() -> None:
    quantization = pytest.importorskip("sentence_transformers.util.quantization")
    rows = np.where(np.arange(24) == 7, np.float32(0.25), ROWS)  # one dimension never changes
    quantizer = get_quantizer("int8-symmetric").fit(rows[:300])
    expected = quantization.quantize_embeddings(rows, "int8", calibration_embeddings=rows[:300])
    np.testing.assert_array_equal(integers(quantizer.encode(rows)), expected)
    np.testing.assert_array_equal(quantizer.decode(quantizer.encode(rows))[:, 7], 0.25)


def test_release_5_2_truncates_and_wraps_around() -> None:
    quantizer = get_quantizer("int8-symmetric", release="5.2").fit(UNIT_RANGES)
    row = np.array([[0.001, -0.003, 1.02, -1.02]], np.float32)
    assert integers(quantizer.encode(row)).tolist() == [[0, 0, -127, 126]]
    huge = np.array([[1e30, -1e30, 0.5, -1]], np.float32)
    assert integers(quantizer.encode(huge)).tolist() == [[0, 0, 63, -128]]


@pytest.mark.parametrize("queries", ["int8", "float"])
def test_scores_are_the_product_times_one_factor_plus_a_term_of_the_query(queries: str) -> None:
    quantizer = get_quantizer("int8-symmetric", queries=queries).fit(ROWS)
    numbers = formula(ROWS, ROWS).astype(np.float64)
    product = (numbers[:9] if queries == "int8" else ROWS[:9]) @ numbers.T
    scores = quantizer.project_queries(ROWS[:9]) @ quantizer.decode_for_scores(quantizer.encode(ROWS)).T
    factor = quantizer.state()["scale"]
    offsets = scores - factor * product
    np.testing.assert_allclose(offsets, np.repeat(offsets[:, :1], len(ROWS), axis=1), atol=1e-3)
    assert np.ptp(quantizer.squared_norms(quantizer.encode(ROWS))) == 0


def test_the_product_ranks_worse_than_the_decoded_vectors() -> None:
    quantizer = get_quantizer("int8-symmetric").fit(ROWS)
    codes = quantizer.encode(ROWS)
    exact = ROWS[:50] @ ROWS.T

    def found(scores: np.ndarray) -> float:
        tops = [set(np.argsort(-each)[:10]) for each in exact]
        return float(
            np.mean([len(top & set(np.argsort(-each)[:10])) for top, each in zip(tops, scores, strict=True)])
        )

    raw = found(quantizer.project_queries(ROWS[:50]) @ quantizer.decode_for_scores(codes).T)
    assert raw < 0.9 * found(ROWS[:50] @ quantizer.decode(codes).T)


@pytest.mark.parametrize("release", ["6.2", "5.2"])
def test_values_within_the_range_are_off_by_half_a_cell_at_most(release: str) -> None:
    quantizer = get_quantizer("int8-symmetric", release=release).fit(ROWS)
    cell = np.ptp(ROWS, axis=0) / 255
    off = np.abs(quantizer.decode(quantizer.encode(ROWS)) - ROWS) / cell
    assert (off <= (1.001 if release == "5.2" else 0.501)).all()  # 5.2 has one cell of double width, around zero
