"""Scans rank as the measurement with the same query bits does, for any batch and threads."""

import numba
import numpy as np
import pytest

from vq_benchmark.evaluation.query_coding import projected_queries
from vq_benchmark.quantizers.kernels.integer_dots import MOST_LEVEL
from vq_benchmark.quantizers.registry import get_quantizer
from vq_benchmark.quantizers.scans.scan_code import MOST_BITS
from vq_benchmark.quantizers.scans.scan_index import CodedQueries, scan_index

D, N = 70, 1003
SCANNED = [
    ("eden", {"bits": 1}), ("eden", {"bits": 2}), ("eden", {"bits": 3, "scale": "biased"}), ("rabitq", {"bits": 1}),
    ("rabitq", {"bits": 4}), ("caq", {"bits": 2}), ("turboquant", {"bits": 1}), ("turboquant", {"bits": 4}),
    ("lvq", {"bits": 1}), ("lvq", {"bits": 3}), ("sq", {"bits": 4}), ("binary", {}),
    ("binary", {"queries": "float", "centre": "mean", "align": 16}), ("sq-dim", {"bits": 4}),
    ("sq-global", {"bits": 4}),
]  # fmt: skip


@pytest.fixture(scope="module")
def rows():
    spectrum = np.linspace(1, 0.3, D)
    return (np.random.default_rng(0).standard_normal((N, D)) * spectrum + 0.2).astype(np.float32)


@pytest.fixture(scope="module")
def queries():
    return (np.random.default_rng(1).standard_normal((13, D)) + 0.2).astype(np.float32)


def filled(quantizer, rows, distance):
    index = scan_index(quantizer, distance, len(rows))
    for part in (rows[:500], rows[500:]):
        index.add(quantizer.encode(part))
    return index.finish()


def dense(best):
    out = np.empty(best.ids.shape)
    np.put_along_axis(out, best.ids, best.scores, 1)
    return out


def decoded_scores(quantizer, projected, codes, distance):
    """The method's own scores, up to what only the query decides."""
    scores = projected.astype(np.float64) @ quantizer.decode_for_scores(codes).T.astype(np.float64)
    scores -= quantizer.squared_norms(codes) / 2 if distance == "l2" else 0
    return scores - scores.mean(axis=1, keepdims=True)


@pytest.mark.parametrize("distance", ["ip", "l2"])
@pytest.mark.parametrize(("name", "config"), SCANNED)
def test_scores_are_those_of_the_measurement_with_these_query_bits(name, config, distance, rows, queries):
    quantizer = get_quantizer(name, **config).fit(rows)
    code, codes = quantizer.scan_code(), quantizer.encode(rows)
    projected = np.ascontiguousarray(quantizer.project_queries(queries))
    query_bits = "4" if code.bits == 1 else "8"
    found = dense(filled(quantizer, rows, distance).scan(projected, N))
    found -= found.mean(axis=1, keepdims=True)
    coded = projected_queries(quantizer, queries, query_bits)
    if code.weights is not None:  # the query is coded together with the step of its dimension
        weighted = CodedQueries(projected, code.weights, int(query_bits))
        low, step = weighted.terms[:, 1:2], weighted.terms[:, :1]
        coded = (low + step * weighted.integers) / code.weights
    wanted = decoded_scores(quantizer, coded, codes, distance)
    tolerance = 2e-5 if code.steps.is_uniform else 1.0 / MOST_LEVEL * 12
    assert np.abs(found - wanted).max() < tolerance * wanted.std()


@pytest.mark.parametrize(("name", "config"), [*SCANNED, ("trellis", {"bits": 1})])
def test_what_is_found_is_what_float_queries_find(name, config, rows, queries):
    quantizer = get_quantizer(name, **config).fit(rows)
    codes = quantizer.encode(rows)
    wanted = decoded_scores(quantizer, np.ascontiguousarray(quantizer.project_queries(queries)), codes, "ip")
    _, found = filled(quantizer, rows, "ip").search(queries, 10)
    tenth = np.sort(wanted, axis=1)[:, -10, None]
    assert np.mean(np.take_along_axis(wanted, found, 1) >= tenth - 1e-6) > 0.98


@pytest.mark.parametrize("config", [{"bits": 1}, {"bits": 2.5}, {"bits": 3, "states": 10, "block": 6}, {"bits": 0.8}])
def test_paths_are_decoded_and_multiplied_segment_by_segment(config, rows, queries):
    quantizer = get_quantizer("trellis", **config).fit(rows)
    codes = quantizer.encode(rows[:100])
    scan = quantizer.scan_code()
    projected = np.ascontiguousarray(quantizer.project_queries(queries))
    index = scan_index(quantizer, "l2", 100)
    for part in (codes[:40], codes[40:]):
        index.add(part)
    found = dense(index.scan(projected, 100))
    flat, terms = scan.code.coded(projected)
    padded, at, sums = -(-len(queries) // 8) * 8, 0, 0.0
    radii, along_centre = scan.read(codes)
    edges = scan.code.paths.steps.edges
    decoded = quantizer.decode_for_scores(codes)
    for s, levels in enumerate(scan.code.levels(codes, scan.side)):
        rounded, size = scan.code.rounded[s], levels.shape[1]
        lengths = np.sqrt((levels**2).sum(axis=1))
        near = levels * (radii[:, s] / lengths)[:, None]
        assert np.abs(near - decoded[:, edges[s] : edges[s + 1]]).max() < 0.02 * np.abs(near).max()
        width = -(-size // 4) * 4
        integers = np.rint((levels - rounded.low) / rounded.step).astype(np.int64)
        part = flat[at : at + padded * width].reshape(padded, width)[: len(queries), :size].astype(np.int64)
        assert (
            np.abs(part * terms[:, s, :1] - projected[:, edges[s] : edges[s + 1]]).max()
            <= terms[:, s, 0].max() / 2 + 1e-6
        )
        product = part @ integers.T
        slopes = rounded.step * radii[:, s] / lengths
        sums = sums + slopes * (product * terms[:, s, :1] + terms[:, s, 1:])
        at += padded * width
    wanted = sums + along_centre - quantizer.squared_norms(codes) / 2
    np.testing.assert_allclose(found, wanted, atol=2e-6 * np.abs(wanted).max())


@pytest.mark.parametrize(("name", "bits"), [("rabitq", 1), ("eden", 4), ("trellis", 2)])
def test_batches_and_threads_change_nothing(name, bits, rows, queries):
    quantizer = get_quantizer(name, bits=bits).fit(rows)
    index = filled(quantizer, rows, "l2")
    many = np.tile(queries, (12, 1))
    scores, ids = index.search(many, 10)
    before = numba.get_num_threads()
    try:
        numba.set_num_threads(1)
        parts = [index.search(many[part], 10) for part in (slice(0, 1), slice(1, 10), slice(10, None))]
    finally:
        numba.set_num_threads(before)
    np.testing.assert_array_equal(scores, np.concatenate([part[0] for part in parts]))
    np.testing.assert_array_equal(ids, np.concatenate([part[1] for part in parts]))


def test_rows_have_the_ids_they_are_given_and_there_may_be_few(rows, queries):
    quantizer = get_quantizer("lvq", bits=2).fit(rows)
    index = scan_index(quantizer, "ip", 9)
    index.add(quantizer.encode(rows[:7]))
    _, found = index.finish(np.arange(7) * 10).search(queries, 100)
    assert index.ntotal == 7
    np.testing.assert_array_equal(np.sort(found), np.tile(np.arange(7) * 10, (len(queries), 1)))


def test_more_bits_are_not_scanned():
    rows = np.random.default_rng(0).standard_normal((50, 8)).astype(np.float32)
    assert get_quantizer("rabitq", bits=MOST_BITS + 1).fit(rows).scan_code() is None
    assert get_quantizer("lvq", bits=2, bits2=2).fit(rows).scan_code() is None
    assert get_quantizer("turboquant", bits=2, variant="prod").fit(rows).scan_code() is None
    assert get_quantizer("sq", bits="fp16").fit(rows).scan_code() is None


def test_names_say_what_is_multiplied(rows):
    names = [
        filled(get_quantizer(name, bits=bits).fit(rows), rows[:32], "ip").name
        for name, bits in (("rabitq", 1), ("rabitq", 3), ("eden", 4))
    ]
    assert names == [
        "scan (bit planes, 4-bit queries)",
        "scan (3-bit codes, 8-bit queries)",
        "scan (4-bit codes, 8-bit queries, levels rounded to 7 bits)",
    ]
