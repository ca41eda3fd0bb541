"""RQ, PRQ and LSQ: faiss's own encoder and decoder with the same codebooks, and the bound on training time."""

import faiss
import numpy as np
import pytest

from vq_benchmark.quantizers.parts.faiss_index import add_codes
from vq_benchmark.quantizers.registry import get_quantizer, quantizer_class

D = 24


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    return np.random.default_rng(4).standard_normal((1500, D)).astype(np.float32)


def error(rows: np.ndarray, decoded: np.ndarray) -> float:
    return float(np.square(rows - decoded, dtype=np.float64).sum() / np.square(rows, dtype=np.float64).sum())


def sum_of_entries(codes: np.ndarray, codebooks: np.ndarray) -> np.ndarray:
    """Decode codes of two 4-bit numbers per byte, the low one first, with codebooks (m·16, w)."""
    entries = np.stack([codes & 15, codes >> 4], axis=2).reshape(len(codes), -1)
    m = len(codebooks) // 16
    return codebooks.reshape(m, 16, -1)[np.arange(m), entries[:, :m]].sum(axis=1)


@pytest.mark.parametrize("name", ["rq", "lsq"])
def test_decoding_adds_the_entries(rows: np.ndarray, name: str) -> None:
    quantizer = get_quantizer(name, m=4, nbits=4).fit(rows)
    codes = quantizer.encode(rows)
    expected = sum_of_entries(codes, quantizer.state()["codebooks"])
    np.testing.assert_allclose(quantizer.decode(codes), expected, atol=1e-5)


def test_prq_decoding_adds_the_entries_of_each_part(rows: np.ndarray) -> None:
    quantizer = get_quantizer("prq", nsplits=3, m=2, nbits=4).fit(rows)
    codes = quantizer.encode(rows)
    codebooks = quantizer.state()["codebooks"]
    expected = [sum_of_entries(codes[:, [part]], codebooks[part]) for part in range(3)]
    np.testing.assert_allclose(quantizer.decode(codes), np.concatenate(expected, axis=1), atol=1e-5)


def test_rq_is_faiss(rows: np.ndarray) -> None:
    theirs = faiss.ResidualQuantizer(D, 4, 4)
    theirs.cp.seed = 7
    theirs.train(rows)
    codes = theirs.compute_codes(rows)
    codebooks = faiss.vector_to_array(theirs.codebooks).reshape(-1, D)
    ours = quantizer_class("rq").from_state(get_quantizer("rq", m=4, nbits=4).parameters, {"codebooks": codebooks}, D)
    np.testing.assert_array_equal(ours.encode(rows), codes)
    np.testing.assert_array_equal(ours.decode(codes), theirs.decode(codes))
    trained = get_quantizer("rq", m=4, nbits=4).fit(rows, seed=7)
    assert error(rows, trained.decode(trained.encode(rows))) == pytest.approx(
        error(rows, theirs.decode(codes)), rel=0.03
    )


def test_prq_is_faiss(rows: np.ndarray) -> None:
    theirs = faiss.ProductResidualQuantizer(D, 3, 2, 4)
    theirs.train(rows)
    codes = theirs.compute_codes(rows)
    parts = [faiss.downcast_AdditiveQuantizer(theirs.subquantizer(part)) for part in range(3)]
    codebooks = np.stack([faiss.vector_to_array(part.codebooks).reshape(-1, D // 3) for part in parts])
    parameters = get_quantizer("prq", nsplits=3, m=2, nbits=4).parameters
    ours = quantizer_class("prq").from_state(parameters, {"codebooks": codebooks}, D)
    np.testing.assert_array_equal(ours.encode(rows), codes)
    np.testing.assert_array_equal(ours.decode(codes), theirs.decode(codes))


def test_lsq_decodes_as_faiss_and_encodes_no_worse(rows: np.ndarray) -> None:
    theirs = faiss.LocalSearchQuantizer(D, 4, 4)
    theirs.train(rows)
    codes = theirs.compute_codes(rows)
    codebooks = faiss.vector_to_array(theirs.codebooks).reshape(-1, D)
    parameters = get_quantizer("lsq", m=4, nbits=4).parameters
    ours = quantizer_class("lsq").from_state(parameters, {"codebooks": codebooks}, D)
    np.testing.assert_array_equal(ours.decode(codes), theirs.decode(codes))
    assert error(rows, ours.decode(ours.encode(rows))) < 1.01 * error(rows, theirs.decode(codes))


def test_training_time_grows_with_the_code() -> None:
    for name in ("rq", "lsq", "prq"):
        cls = quantizer_class(name)
        assert cls.slow
        seconds = [cls.for_budget(bits, 1536).training_seconds(20_000, 1536) for bits in (0.1, 1, 8)]
        assert 0 < seconds[0] < seconds[1] < seconds[2]


def test_fast_methods_state_no_time() -> None:
    cls = quantizer_class("int8")
    assert not cls.slow
    assert cls.parameters_type().training_seconds(1000, 100) is None


@pytest.mark.parametrize("metric", ["l2", "ip"])
@pytest.mark.parametrize(("name", "config"), [("rq", {}), ("lsq", {}), ("prq", {"nsplits": 3})])
def test_the_faiss_index_searches_the_same_codes(rows: np.ndarray, name: str, config: dict, metric: str) -> None:
    quantizer = get_quantizer(name, m=3, nbits=4, **config).fit(rows)
    codes = quantizer.encode(rows)
    index = quantizer.search_index(metric)
    add_codes(index, codes)
    scores, _ = index.search(rows[:20], 1)
    decoded = quantizer.decode(codes).astype(np.float64)
    if metric == "l2":
        expected = np.square(rows[:20, None] - decoded[None]).sum(axis=2).min(axis=1)
    else:
        expected = (rows[:20] @ decoded.T).max(axis=1)
    np.testing.assert_allclose(scores[:, 0], expected, rtol=1e-4)
