"""Every search index against its quantizer: the same vectors, the same scores, under each metric, in plain faiss."""

import faiss
import numpy as np
import pytest

from vq_benchmark.quantizers.base import Quantizer
from vq_benchmark.quantizers.parts.faiss_index import add_codes, product_index, reserve_codes, rotated_index
from vq_benchmark.quantizers.registry import get_quantizer, registered

D, N = 32, 700
SMALL = {"m": 2, "nbits": 4}
CONFIGS = [
    *((name, SMALL if method.slow else {}) for name, method in registered().items() if method.has_search_index()),
    ("pq", {"m": 8, "nbits": 4}),
    ("pq", {"m": 4, "nbits": 6}),
    *(("rabitq-faiss", {"bits": bits}) for bits in (1, 2, 8)),
    *(("sq", {"bits": bits}) for bits in (4, 6, "fp16", "bf16")),
]

OTHER_DECODERS = ("rabitq-faiss", "eden-faiss")
"""faiss decodes the first by its signs only, the second with the scale for scores; ours is least squares."""


def vectors(rows: int, seed: int, metric: str = "l2") -> np.ndarray:
    rng = np.random.default_rng(seed)
    made = (rng.standard_normal((rows, D)) / np.sqrt(np.arange(1, D + 1)) + 0.2).astype(np.float32)
    return made / np.linalg.norm(made, axis=1, keepdims=True) if metric == "cosine" else made


def own_scores(quantizer: Quantizer, codes: np.ndarray, queries: np.ndarray, metric: str) -> np.ndarray:
    """(q, n) float64 inner products or squared distances by the estimator that the evaluation uses."""
    projected = np.asarray(quantizer.project_queries(queries), np.float64)
    products = projected @ np.asarray(quantizer.decode_for_scores(codes), np.float64).T
    if metric != "l2":
        return products
    norms = (queries.astype(np.float64) ** 2).sum(axis=1)
    return norms[:, None] - 2 * products + quantizer.squared_norms(codes)


def searched(index, queries: np.ndarray) -> np.ndarray:
    """(q, n) scores of all rows as the index gives them, in order of rows."""
    scores, ids = index.search(queries, index.ntotal)
    return np.take_along_axis(scores, np.argsort(ids, axis=1), axis=1)


@pytest.mark.parametrize("metric", ["l2", "ip", "cosine"])
@pytest.mark.parametrize(("name", "config"), CONFIGS)
def test_plain_faiss_decodes_and_scores_as_the_quantizer_does(name, config, metric, tmp_path):
    base, queries = vectors(N, 0, metric), vectors(9, 1, metric)
    quantizer = get_quantizer(name, **config).fit(base)
    codes = quantizer.encode(base)
    index = quantizer.search_index(metric)
    assert (index.ntotal, index.is_trained, index.sa_code_size()) == (0, True, quantizer.code_bytes)
    for part in (base[:300], base[300:]):
        add_codes(index, quantizer.index_codes(part, metric))
    faiss.write_index(index, str(tmp_path / "i"))
    loaded = faiss.read_index(str(tmp_path / "i"))
    assert loaded.ntotal == N
    if name not in OTHER_DECODERS:
        np.testing.assert_allclose(loaded.reconstruct_n(0, N), quantizer.decode(codes), rtol=1e-5, atol=1e-6)
    expected = own_scores(quantizer, codes, queries, metric)
    if name == "rabitq-faiss":
        quantized = searched(loaded, queries)
        faiss.downcast_index(loaded.index).qb = 0
        np.testing.assert_allclose(quantized, searched(loaded, queries), atol=0.05)
    found = searched(loaded, queries)
    if (name, metric, config) == ("rabitq-faiss", "l2", {"bits": 1}):
        # faiss's one-bit codes for L2 hold the norms, those for inner products, which are measured, only on average.
        exact = np.square(queries[:, None] - base, dtype=np.float64).sum(axis=2)
        assert np.abs(found - exact).mean() < np.abs(expected - exact).mean()
    elif config == {"bits": "bf16"}:  # with AVX512-BF16, faiss rounds the query too
        np.testing.assert_allclose(found, expected, rtol=1e-2, atol=0.05)
    else:
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=2e-4)


@pytest.mark.parametrize(
    ("name", "config"),
    [each for each in CONFIGS if each[0] != "lsq"],  # faiss's encoder of it draws at random by the order of rows
)
def test_faiss_would_make_the_same_codes(name, config):
    """Up to the last bits of its own rotation and factors: the codes stand for the same vectors, except that a number
    halfway between two levels may take either, and that faiss's search for a scale may then end elsewhere.

    faiss rotates with BLAS, whose last bits depend on the number of threads, so this may happen to any row.
    """
    base, queries = vectors(N, 0), vectors(9, 1)
    quantizer = get_quantizer(name, **config).fit(base)
    ours, theirs = quantizer.index_codes(base, "ip"), quantizer.search_index("ip").sa_encode(base)
    decoded, other = quantizer.decode(ours), quantizer.decode(theirs)
    errors, theirs_errors = np.linalg.norm(base - decoded, axis=1), np.linalg.norm(base - other, axis=1)
    assert np.isclose(theirs_errors, errors, rtol=1e-2, atol=1e-5).mean() > 0.99
    np.testing.assert_allclose(theirs_errors.mean(), errors.mean(), rtol=1e-3)
    same = np.isclose(decoded, other, rtol=1e-4, atol=1e-4).all(axis=1)
    assert same.mean() > 0.99
    np.testing.assert_allclose(
        own_scores(quantizer, theirs[same], queries, "ip"),
        own_scores(quantizer, ours[same], queries, "ip"),
        rtol=1e-4,
        atol=2e-4,
    )


def test_the_index_holds_the_codes_of_the_quantizer():
    base = vectors(N, 0)
    for name, config in CONFIGS:
        quantizer = get_quantizer(name, **config).fit(base)
        np.testing.assert_array_equal(quantizer.index_codes(base, "ip"), quantizer.encode(base))


def test_pq_is_searched_exhaustively():
    index = get_quantizer("pq", m=8, nbits=4).fit(vectors(N, 0)).search_index("l2")
    assert index.search_type == faiss.IndexPQ.ST_PQ


def test_a_rotated_index_searches_what_its_inner_index_holds():
    rng = np.random.default_rng(3)
    rotation = np.linalg.qr(rng.standard_normal((D, D)))[0].astype(np.float32)
    base, queries = vectors(N, 0), vectors(9, 1)
    pq = get_quantizer("pq", m=8, nbits=4).fit(base @ rotation.T)
    codes = pq.encode(base @ rotation.T)
    index = rotated_index(rotation, product_index(pq.state()["codebooks"], "l2"))
    reserve_codes(index, N)
    add_codes(index, codes)
    assert index.ntotal == N
    np.testing.assert_allclose(index.reconstruct_n(0, N), pq.decode(codes) @ rotation, atol=1e-5)
    np.testing.assert_allclose(
        searched(index, queries), own_scores(pq, codes, queries @ rotation.T, "l2"), rtol=1e-4, atol=1e-4
    )


def test_methods_without_an_index_say_so():
    eden = get_quantizer("eden").fit(vectors(N, 0))
    assert not eden.has_search_index()
    assert eden.search_index("l2") is None
