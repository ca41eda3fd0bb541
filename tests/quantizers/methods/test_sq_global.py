"""One grid for all numbers, and one per dimension: known answers of the engines, and what scores are."""

import numpy as np
import pytest

from vq_benchmark.errors import InputError
from vq_benchmark.quantizers.registry import get_quantizer

F = np.float32
ROWS = np.random.default_rng(0).standard_normal((300, 12)).astype(F)


def between(low: float, high: float, d: int, **parameters):
    """A quantizer whose grid has these ends."""
    quantizer = get_quantizer("sq-global", **parameters).fit(np.zeros((1, d), F))
    quantizer.restore({"low": np.array([low], F), "high": np.array([high], F)}, d)
    return quantizer


def test_weaviate_rounds_down() -> None:
    quantizer = between(-1, 1, 4, layout="weaviate", rounding="down")
    codes = quantizer.encode(np.array([[-1, 0, 0.999, 1]], F))
    np.testing.assert_array_equal(codes[0, 8:], [0, 127, 254, 255])
    np.testing.assert_array_equal(codes[0, :8].view("<u4"), [636, 127**2 + 254**2 + 255**2])
    np.testing.assert_allclose(
        quantizer.decode_for_scores(codes), [[-1, -1 + 254 / 255, -1 + 508 / 255, 1]], atol=1e-6
    )


def test_lucene_adds_a_second_order_correction() -> None:
    quantizer = between(-1, 1, 3, bits=7, layout="lucene")
    rows = np.array([[0.5, -0.25, 1], [0.1, 0.2, -1.2]], F)
    codes = quantizer.encode(rows)
    np.testing.assert_array_equal(codes[:, 4:], [[95, 48, 127], [70, 76, 0]])
    corrections = np.ascontiguousarray(codes[:, :4]).view("<f4")[:, 0]
    np.testing.assert_allclose(corrections, [-2.7485740, -0.5988344], rtol=1e-6)
    score = quantizer.project_queries(rows[:1]) @ quantizer.decode_for_scores(codes[1:]).T
    assert score[0, 0] == pytest.approx(-0.7934993, rel=1e-5)


def test_lucene_l2_is_that_of_the_integers() -> None:
    quantizer = get_quantizer("sq-global", bits=7, layout="lucene").fit(ROWS)
    codes = quantizer.encode(ROWS)
    integers = codes[:, 4:].astype(float)
    scores = 2 * quantizer.project_queries(ROWS[:4]) @ quantizer.decode_for_scores(codes).T
    scores = scores - quantizer.squared_norms(codes)
    distances = np.square(integers[:4, None] - integers[None]).sum(axis=2)
    for row, distance in zip(scores, distances, strict=True):
        slope, offset = np.polyfit(distance, row, 1)
        assert slope < 0
        np.testing.assert_allclose(row, slope * distance + offset, atol=1e-3)


@pytest.mark.parametrize("method", ["sq-global", "sq-dim"])
@pytest.mark.parametrize("rounding", ["nearest", "down"])
@pytest.mark.parametrize("bits", [4, 7, 8])
def test_integers_are_those_of_numpy(method, rounding, bits) -> None:
    quantizer = get_quantizer(method, bits=bits, rounding=rounding).fit(ROWS)
    axis = None if method == "sq-global" else 0
    low, high, top = ROWS.min(axis=axis), ROWS.max(axis=axis), F(2**bits - 1)
    places = (np.clip(ROWS, low, high) - low) * top / (high - low)
    integers = np.floor(places.astype(float) + 0.5) if rounding == "nearest" else np.floor(places)
    step = (high - low) / top
    np.testing.assert_allclose(quantizer.decode_for_scores(quantizer.encode(ROWS)), integers * step + low, atol=1e-5)
    error = np.abs(quantizer.decode(quantizer.encode(ROWS)) - ROWS)
    assert (error <= step * 0.5001 + 1e-6).all()
    assert quantizer.code_bytes == (6 if bits == 4 else 12)


def test_qdrant_pads_to_sixteen_and_cuts_vectors_not_numbers() -> None:
    whole, cut = (get_quantizer("sq-global", bits=7, layout="qdrant", quantile=q).fit(ROWS) for q in (None, 0.9))
    assert whole.code_bytes == 4 + 16
    numbers = np.sort(ROWS, axis=None)
    assert whole.state()["low"] == numbers[0]
    assert cut.state()["low"] == numbers[int(F(300) * (F(1) - F(0.9)) / 2) + 1]
    few = get_quantizer("sq-global", bits=7, layout="qdrant", quantile=0.9).fit(ROWS[:126])
    assert few.state()["low"] == ROWS[:126].min()


def test_products_without_offsets_rank_by_integers() -> None:
    quantizer = get_quantizer("sq-global", rounding="down", products="integers").fit(ROWS)
    codes = quantizer.encode(ROWS)
    products = codes[:5].astype(float) @ codes.T.astype(float)
    scores = quantizer.project_queries(ROWS[:5]).astype(float) @ quantizer.decode_for_scores(codes).T.astype(float)
    np.testing.assert_allclose(scores / products, scores[0, 0] / products[0, 0], rtol=1e-5)


def test_distances_rank_under_every_metric() -> None:
    quantizer = get_quantizer("sq-global", products="distances").fit(ROWS)
    codes = quantizer.encode(ROWS)
    decoded = quantizer.decode(codes).astype(float)
    distances = np.square(decoded[:5, None] - decoded[None]).sum(axis=2)
    scores = quantizer.project_queries(ROWS[:5]) @ quantizer.decode_for_scores(codes).T
    constant = scores + distances / 2
    np.testing.assert_allclose(constant, np.broadcast_to(constant[:, :1], constant.shape), atol=1e-4)


@pytest.mark.parametrize("queries", ["same", "float"])
def test_distances_rank_by_distance_under_l2(queries) -> None:
    rows = ROWS * np.linspace(0.1, 2, len(ROWS), dtype=F)[:, None]  # so that norms decide
    quantizer = get_quantizer("sq-global", products="distances", queries=queries).fit(rows)
    codes = quantizer.encode(rows)
    decoded = quantizer.decode(codes).astype(float)
    sought = rows[:5].astype(float) if queries == "float" else decoded[:5]
    distances = np.square(sought[:, None] - decoded[None]).sum(axis=2)
    scores = 2 * quantizer.project_queries(rows[:5]) @ quantizer.decode_for_scores(codes).T
    scores = scores - quantizer.squared_norms(codes)
    np.testing.assert_allclose(scores + distances, np.square(sought).sum(axis=1)[:, None] + 0 * scores, atol=1e-3)
    np.testing.assert_array_equal(np.argsort(-scores, axis=1)[:, :10], np.argsort(distances, axis=1)[:, :10])


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"quantile": 0.9}, "a quantile only with layout=qdrant or layout=lucene"),
        ({"quantile": 0.9, "layout": "weaviate"}, "a quantile only with layout=qdrant or layout=lucene"),
        ({"products": "integers", "layout": "lucene"}, "layout=lucene only with products=grid"),
        ({"products": "distances", "layout": "lucene"}, "layout=lucene only with products=grid"),
    ],
)
def test_combinations_without_a_meaning_are_refused(parameters, said) -> None:
    with pytest.raises(InputError, match=said):
        get_quantizer("sq-global", **parameters).fit(ROWS)


def test_fixed_grids_of_bytes() -> None:
    usearch = get_quantizer("unit-int8").fit(np.eye(4, dtype=F))
    rows = np.array([[3, 4, 0, 0], [1, 1, 1, 1]], F)
    np.testing.assert_array_equal(usearch.encode(rows).astype(int) - 128, [[76, 101, 0, 0], [63, 63, 63, 63]])
    row = np.array([[-1, -0.5, -0.004, 0, 0.003, 0.004, 0.5, 1]], F)
    sqlite = get_quantizer("unit-int8", grid="sqlite-vec").fit(row)
    np.testing.assert_array_equal(sqlite.encode(row).astype(int) - 128, [[-128, -64, -1, 0, 0, 0, 63, 126]])


def test_vespa_cuts_bfloat16_off() -> None:
    row = np.array([[1.999, -1.999, 0, 1]], F)
    quantizer = get_quantizer("bf16-truncated").fit(row)
    np.testing.assert_array_equal(quantizer.decode(quantizer.encode(row)), [[1.9921875, -1.9921875, 0, 1]])


def test_halfvec_is_half_precision() -> None:
    row = np.array([[0.1, 1e-7, 0.2, 0.3]], F)
    quantizer = get_quantizer("sq", bits="fp16").fit(row)
    decoded = quantizer.decode(quantizer.encode(row))[0]
    np.testing.assert_allclose(decoded[:2], [0.099975586, 1.1920929e-07], rtol=1e-7)
    assert decoded[0] + decoded[2] + decoded[3] == pytest.approx(0.5999755859375, abs=1e-7)


@pytest.mark.parametrize("given", [{"layout": "lucene", "bits": 7}, {"products": "integers"}])
def test_float_queries_meet_decoded_numbers_where_integers_have_corrections_or_no_offsets(given) -> None:
    quantizer = get_quantizer("sq-global", queries="float", **given).fit(ROWS)
    codes = quantizer.encode(ROWS)
    coded = get_quantizer("sq-global", **given).fit(ROWS)
    np.testing.assert_array_equal(codes, coded.encode(ROWS))
    scores = quantizer.project_queries(ROWS[:5]) @ quantizer.decode_for_scores(codes).T
    np.testing.assert_allclose(scores, ROWS[:5] @ quantizer.decode(codes).T, rtol=1e-5, atol=1e-5)
