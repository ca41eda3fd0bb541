"""Coded queries: known answers, what coding may not change, and the whole pass against plain numpy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vq_benchmark.datasets.distance_names import DISTANCES, Distance
from vq_benchmark.errors import InputError
from vq_benchmark.evaluation.evaluate import evaluate
from vq_benchmark.evaluation.measurement import Measurement
from vq_benchmark.evaluation.metrics import finished_metrics
from vq_benchmark.evaluation.query_coding import (
    QUERY_BITS,
    parsed_query_bits,
    projected_queries,
    range_coded,
    sign_coded,
)
from vq_benchmark.evaluation.streaming import PassSettings
from vq_benchmark.evaluation.tiling import TILE_ROWS, Pass
from vq_benchmark.quantizers.registry import get_quantizer, registered

CODED = [bits for bits in QUERY_BITS if bits != "float"]
rows_of_queries = hnp.arrays(
    np.float32, st.tuples(st.integers(1, 5), st.integers(1, 40)), elements=st.floats(-1e6, 1e6, width=32)
)


def test_four_bits_are_sixteen_levels_from_the_smallest_to_the_largest_number() -> None:
    levels = np.arange(16, dtype=np.float32) * 0.5 - 2
    row = np.array([[-2.0, 5.5, 0.24, 0.26, 5.2]], np.float32)
    np.testing.assert_array_equal(range_coded(levels[None], 4), levels[None])
    np.testing.assert_array_equal(range_coded(row, 4), [[-2.0, 5.5, 0.0, 0.5, 5.0]])


def test_one_bit_is_the_sign_with_a_scale_that_keeps_the_score_of_the_query_with_itself() -> None:
    np.testing.assert_array_equal(sign_coded(np.array([[3.0, -1.0, 0.0]], np.float32)), [[2.5, -2.5, 2.5]])


@given(rows_of_queries, st.sampled_from([4, 8]))
def test_ranges_are_kept_and_errors_at_most_half_a_step(rows: np.ndarray, bits: int) -> None:
    coded = range_coded(rows, bits)
    spread = rows.max(axis=1).astype(np.float64) - rows.min(axis=1)
    error = np.abs(coded.astype(np.float64) - rows).max(axis=1)
    assert (error <= spread / (2**bits - 1) / 2 + 1e-6 * np.abs(rows).max(axis=1)).all()
    assert all(len(np.unique(row)) <= 2**bits for row in coded)
    np.testing.assert_array_equal(coded.min(axis=1), rows.min(axis=1))
    np.testing.assert_allclose(coded.max(axis=1), rows.max(axis=1), rtol=1e-6, atol=1e-6 * spread.max())


@given(rows_of_queries)
def test_signs_keep_the_product_with_the_query(rows: np.ndarray) -> None:
    coded = sign_coded(rows).astype(np.float64)
    squares = (rows.astype(np.float64) ** 2).sum(axis=1)
    np.testing.assert_allclose((coded * rows).sum(axis=1), squares, rtol=1e-5)
    assert (np.abs(coded) == np.abs(coded[:, :1])).all()


@given(rows_of_queries, st.sampled_from([1, 4, 8]))
def test_a_query_is_coded_alone(rows: np.ndarray, bits: int) -> None:
    def coded(some: np.ndarray) -> np.ndarray:
        return sign_coded(some) if bits == 1 else range_coded(some, bits)

    np.testing.assert_array_equal(coded(rows), np.concatenate([coded(rows[[i]]) for i in range(len(rows))]))


@pytest.mark.parametrize("bits", CODED)
@pytest.mark.parametrize("method", sorted(registered()))
def test_every_method_scores_every_coding(method: str, bits: str) -> None:
    cls = registered()[method]
    if cls.unavailable() or cls.slow:
        pytest.skip("not run here")
    rng = np.random.default_rng(0)
    train, queries = rng.standard_normal((300, 16)).astype(np.float32), rng.standard_normal((5, 16))
    queries = np.vstack([queries, np.zeros((1, 16))]).astype(np.float32)
    quantizer = get_quantizer(method, **({"m": 4, "nbits": 4} if method in ("pq", "opq", "opq-faiss") else {}))
    quantizer.fit(train, seed=0)
    before = queries.copy()
    plain, coded = projected_queries(quantizer, queries), projected_queries(quantizer, queries, bits)
    np.testing.assert_array_equal(queries, before)
    assert coded.shape == plain.shape
    assert np.isfinite(coded).all()
    if bits != "symmetric":
        kept = sum(quantizer.query_parts(plain.shape[1]))
        np.testing.assert_array_equal(coded[:, kept:], plain[:, kept:])
        assert all(len(np.unique(row)) <= 2 ** int(bits) for row in coded[:, : quantizer.query_parts(kept)[0]])


@pytest.mark.parametrize(
    "parts", [("rabitq", 2), ("eden", 1), ("osq", 2), ("segmented-eden", 2), ("itq", 1), ("mrl", 1)]
)
def test_numbers_beside_the_coordinates_stay(parts: tuple[str, int]) -> None:
    method, numbers = parts
    train = np.random.default_rng(0).standard_normal((300, 16)).astype(np.float32)
    quantizer = get_quantizer(method).fit(train, seed=0)
    columns = quantizer.project_queries(train[:2]).shape[1]
    assert sum(quantizer.query_parts(columns)) == columns - numbers


def test_the_sketch_of_turboquant_is_coded_by_itself() -> None:
    train = np.random.default_rng(0).standard_normal((300, 16)).astype(np.float32)
    quantizer = get_quantizer("turboquant", variant="prod", bits=2).fit(train, seed=0)
    assert quantizer.query_parts(33) == (16, 16)


@pytest.mark.parametrize("metric", DISTANCES)
@pytest.mark.parametrize("bits", CODED)
def test_the_pass_agrees_with_numpy(bits: str, metric: Distance, make_dataset, own_scores) -> None:
    """The best rows and the errors of pairs, for a method with an estimator and norms of its own."""
    dataset = make_dataset(metric, n=3000, judged="own")
    measurement = evaluate(own_scores, dataset, settings=PassSettings(max_candidates=40, query_bits=bits), k=10)
    base = dataset.base.read(0, dataset.n)
    queries = np.vstack([dataset.queries, dataset.judgements.queries])
    if bits == "symmetric":
        q = np.clip(np.rint(queries * 4), -127, 127)[:, :-1] / 4 * 1.5
    else:
        y = (queries[:, :-1] * np.float32(1.5)).astype(np.float64)
        low, spread = y.min(axis=1, keepdims=True), np.ptp(y, axis=1, keepdims=True)
        step = spread / (2 ** int(bits) - 1)
        scale = (y**2).sum(axis=1, keepdims=True) / np.abs(y).sum(axis=1, keepdims=True)
        q = np.sign(y) * scale if bits == "1" else low + np.round((y - low) / step) * step
    decoded = np.clip(np.rint(base * 4), -127, 127) / 4
    scores = q @ decoded[:, :-1].T
    if metric == "l2":
        scores = 2 * scores - (decoded**2).sum(axis=1) - 0.25
    top = measurement.accumulators.top
    np.testing.assert_allclose(top.scores, -np.sort(-scores, axis=1)[:, :40], rtol=1e-5, atol=1e-5)
    exact = queries.astype(np.float64) @ base.astype(np.float64).T
    if metric == "l2":
        exact = 2 * exact - (base.astype(np.float64) ** 2).sum(axis=1)
    np.testing.assert_allclose(top.exact, np.take_along_axis(exact, top.ids, axis=1), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("bits", CODED)
def test_chunks_merge_to_the_whole_and_other_codings_are_refused(bits: str, make_dataset, rounding) -> None:
    dataset, settings_of = make_dataset("l2", judged="same"), PassSettings(query_bits=bits)
    whole = evaluate(rounding, dataset, settings=settings_of)
    parts = [
        Measurement.from_bytes(evaluate(rounding, dataset, settings=settings_of, pass_=Pass(a, b)).to_bytes())
        for a, b in ((5000, dataset.n), (TILE_ROWS + 3, 5000), (0, TILE_ROWS + 3))
    ]
    for part in parts[1:]:
        parts[0].merge(part)
    assert parts[0].accumulators.to_bytes() == whole.accumulators.to_bytes()
    with pytest.raises(ValueError, match="differ in query_bits"):
        whole.merge(evaluate(rounding, dataset, pass_=Pass(0, 5)))


@pytest.mark.parametrize("metric", DISTANCES)
def test_queries_that_are_zero_are_measured(metric: Distance, make_dataset, rounding) -> None:
    if metric == "cosine":
        pytest.skip("there are no zero vectors under cosine")
    dataset = make_dataset(metric, n=500)
    dataset.queries[:] = 0
    for bits in QUERY_BITS:
        assert "recall_at_10" in finished_metrics(evaluate(rounding, dataset, settings=PassSettings(query_bits=bits)))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32))
def test_signs_both_sides_rank_by_hamming_distance(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((60, 24)).astype(np.float32)
    queries = rng.standard_normal((3, 24)).astype(np.float32)
    quantizer = get_quantizer("binary", centre="zero", queries="float").fit(rows, seed=0)
    scores = (
        projected_queries(quantizer, queries, "symmetric") @ quantizer.decode_for_scores(quantizer.encode(rows)).T
    )
    distances = ((queries > 0)[:, None] != (rows > 0)).sum(axis=2)
    np.testing.assert_allclose(scores / scores.max(), (24 - 2 * distances) / (24 - 2 * distances).max(), atol=1e-4)


def test_codings_by_name() -> None:
    assert [parsed_query_bits(bits) for bits in QUERY_BITS] == list(QUERY_BITS)
    with pytest.raises(InputError, match=r"--query-bits is '3'; it must be one of float, 8, 4, 1, symmetric"):
        parsed_query_bits("3")
