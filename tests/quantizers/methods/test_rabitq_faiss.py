"""faiss's RaBitQ: our reading of its codes against faiss's own distances."""

import faiss
import numpy as np
import pytest

from vq_benchmark.quantizers.methods.rabitq_faiss import FaissRabitq
from vq_benchmark.quantizers.registry import get_quantizer


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    return (np.random.default_rng(0).standard_normal((1500, 72)) + 0.3).astype(np.float32)


def faiss_index(quantizer: FaissRabitq, rows: np.ndarray, metric: int) -> faiss.IndexRaBitQ:
    """A faiss index over rows, rotated and centred as in the quantizer, that searches with float queries."""
    index = faiss.IndexRaBitQ(quantizer.d, metric, quantizer.parameters.bits)
    faiss.copy_array_to_vector(quantizer.state()["centre"], index.center)
    index.is_trained = True
    index.qb = 0
    index.add(quantizer._rotate(rows))
    return index


def distances(index: faiss.IndexRaBitQ, queries: np.ndarray) -> np.ndarray:
    """(q, n) what the index says of every pair: a search for all would leave out those that its first stage drops."""
    computer = index.get_FlatCodesDistanceComputer()
    found = np.empty((len(queries), index.ntotal))
    for i, query in enumerate(np.ascontiguousarray(queries)):
        computer.set_query(faiss.swig_ptr(query))
        found[i] = [computer(j) for j in range(index.ntotal)]
    return found


@pytest.mark.parametrize("bits", [1, 2, 3, 4, 5, 8])
def test_scores_and_distances_are_those_of_faiss(rows: np.ndarray, bits: int) -> None:
    quantizer = get_quantizer("rabitq-faiss", bits=bits).fit(rows, seed=5)
    assert isinstance(quantizer, FaissRabitq)
    base, queries = rows[:200], rows[200:210]
    codes = quantizer.encode(base)
    scores = quantizer.project_queries(queries).astype(np.float64) @ quantizer.decode_for_scores(codes).T
    index = faiss_index(quantizer, base, faiss.METRIC_INNER_PRODUCT)
    np.testing.assert_array_equal(codes, faiss.vector_to_array(index.codes).reshape(codes.shape))
    np.testing.assert_allclose(scores, distances(index, quantizer._rotate(queries)), rtol=1e-4, atol=1e-4)
    if bits > 1:
        squared = (
            np.square(queries, dtype=np.float64).sum(axis=1)[:, None] + quantizer.squared_norms(codes) - 2 * scores
        )
        index = faiss_index(quantizer, base, faiss.METRIC_L2)
        np.testing.assert_allclose(squared, distances(index, quantizer._rotate(queries)), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
def test_norms_follow_from_the_error_bound(rows: np.ndarray, bits: int) -> None:
    quantizer = get_quantizer("rabitq-faiss", bits=bits).fit(rows)
    exact = np.square(rows, dtype=np.float64).sum(axis=1)
    np.testing.assert_allclose(quantizer.squared_norms(quantizer.encode(rows)), exact, rtol=1e-4)


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_decoding_is_the_least_squares_multiple_of_the_code(rows: np.ndarray, bits: int) -> None:
    quantizer = get_quantizer("rabitq-faiss", bits=bits).fit(rows)
    mean = rows.mean(axis=0, dtype=np.float64)
    decoded = quantizer.decode(quantizer.encode(rows)) - mean
    along = (decoded * (rows - mean)).sum(axis=1) / np.square(decoded).sum(axis=1)
    if bits > 1:
        np.testing.assert_allclose(along, 1, atol=1e-3)
    assert along.mean() == pytest.approx(1, abs=0.005)


@pytest.mark.parametrize(("bits", "distortion"), [(1, 0.363), (2, 0.123), (3, 0.0367), (4, 0.0123)])
def test_gaussian_distortion(bits: int, distortion: float) -> None:
    rows = np.random.default_rng(1).standard_normal((1000, 384)).astype(np.float32)
    quantizer = get_quantizer("rabitq-faiss", bits=bits).fit(rows)
    error = np.square(rows - quantizer.decode(quantizer.encode(rows))).sum() / np.square(rows).sum()
    assert error == pytest.approx(distortion, rel=0.02)
