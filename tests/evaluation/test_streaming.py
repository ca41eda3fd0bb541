"""The pass: any partition, batch size and thread count leave the same bits, for every kind of quantizer."""

import dataclasses
from collections.abc import Callable
from typing import Any

import faiss
import numba
import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from vq_benchmark.datasets.dataset import Dataset
from vq_benchmark.datasets.distance_names import DISTANCES, Distance
from vq_benchmark.datasets.sources.vector_source import ArraySource
from vq_benchmark.errors import InputError
from vq_benchmark.evaluation.accumulators import Accumulators
from vq_benchmark.evaluation.streaming import PassSettings, Queries, Timings, stream
from vq_benchmark.evaluation.tiling import TILE_ROWS, WHOLE_BASE, Pass
from vq_benchmark.quantizers.base import Quantizer
from vq_benchmark.quantizers.registry import get_quantizer, registered

SMALL: dict[str, dict[str, Any]] = {
    "none": {}, "pq": {"m": 4, "nbits": 4}, "opq": {"m": 4, "nbits": 4}, "sq": {"bits": 4}, "rabitq": {"bits": 1},
}  # fmt: skip
QUANTIZERS = [name for name in SMALL if name in registered()]
SETTINGS = PassSettings(max_candidates=30, num_pairs=500, seed=3)
PARTITIONS = [
    [0, 1, TILE_ROWS - 1, TILE_ROWS + 1, 2 * TILE_ROWS + 999],
    [0, TILE_ROWS, 5000, 5001],
]

MakeDataset = Callable[..., Dataset]


def fitted(name: str, dataset: Dataset, rounding: Quantizer, own_scores: Quantizer) -> Quantizer:
    if name in ("rounding", "own_scores"):
        return {"rounding": rounding, "own_scores": own_scores}[name]
    return get_quantizer(name, **SMALL[name]).fit(dataset.base.read(0, 1000), seed=0)


def passed(
    quantizer: Quantizer, dataset: Dataset, settings: PassSettings = SETTINGS, rows: Pass = WHOLE_BASE
) -> Accumulators:
    return stream(quantizer, dataset.base, Queries(dataset.queries, dataset.distance), settings, rows)[0]


@pytest.mark.parametrize("metric", DISTANCES)
@pytest.mark.parametrize("name", [*QUANTIZERS, "rounding", "own_scores"])
def test_any_partition_and_batch_size_give_the_same_bits(
    name: str, metric: Distance, make_dataset: MakeDataset, rounding: Quantizer, own_scores: Quantizer
) -> None:
    dataset = make_dataset(metric)
    quantizer = fitted(name, dataset, rounding, own_scores)
    whole = passed(quantizer, dataset).to_bytes()
    assert passed(quantizer, dataset, rows=Pass(batch_size=1)).to_bytes() == whole
    assert passed(quantizer, dataset, rows=Pass(batch_size=10**6)).to_bytes() == whole
    rng = np.random.default_rng(0)
    for number, starts in enumerate(PARTITIONS):
        edges = [*starts, dataset.n]
        order = rng.permutation(len(starts))
        merged = Accumulators()
        for i in order:
            rows = Pass(edges[i], edges[i + 1], batch_size=[1, 5000][number])
            part = passed(quantizer, dataset, rows=rows)
            merged.merge(Accumulators.from_bytes(part.to_bytes()))
        assert merged.to_bytes() == whole


@pytest.mark.parametrize("metric", DISTANCES)
@pytest.mark.parametrize("name", [*QUANTIZERS, "own_scores"])
def test_any_number_of_threads_gives_the_same_bits(
    name: str, metric: Distance, make_dataset: MakeDataset, rounding: Quantizer, own_scores: Quantizer
) -> None:
    dataset = make_dataset(metric, queries=40, n=TILE_ROWS + 100)
    quantizer = fitted(name, dataset, rounding, own_scores)
    numba_threads, faiss_threads = numba.get_num_threads(), faiss.omp_get_max_threads()
    found = []
    try:
        for threads in (1, 2):
            numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))
            faiss.omp_set_num_threads(threads)
            with threadpool_limits(threads):
                found.append(passed(quantizer, dataset).to_bytes())
    finally:
        numba.set_num_threads(numba_threads)
        faiss.omp_set_num_threads(faiss_threads)
    assert found[0] == found[1]


def test_the_pairs_are_as_many_as_asked_for_and_depend_on_the_seed(
    make_dataset: MakeDataset, rounding: Quantizer
) -> None:
    dataset = make_dataset("ip")
    whole = passed(rounding, dataset)
    assert whole.total("score:x:0") == SETTINGS.num_pairs
    # Pairs of equal rows have no distance to distort, all others are counted.
    assert 0.9 * SETTINGS.num_pairs < whole.total("pairwise:0") <= SETTINGS.num_pairs
    other = passed(rounding, dataset, PassSettings(max_candidates=30, num_pairs=500, seed=4))
    assert other.total("score:x:1") != whole.total("score:x:1")
    assert other.total("vector:y:1") == whole.total("vector:y:1")


def test_pairs_are_drawn_with_the_first_queries_only(make_dataset: MakeDataset, rounding: Quantizer) -> None:
    dataset = make_dataset("ip")
    few, _ = stream(rounding, dataset.base, Queries(dataset.queries, "ip", for_pairs=2), SETTINGS)
    more_queries = np.concatenate([dataset.queries[:2], 1000 * dataset.queries])
    same, _ = stream(rounding, dataset.base, Queries(more_queries, "ip", for_pairs=2), SETTINGS)
    assert same.sums == few.sums
    without, _ = stream(rounding, dataset.base, Queries(dataset.queries, "ip", for_pairs=0), SETTINGS)
    assert without.total("score:x:0") == 0
    assert without.total("pairwise:1") == few.total("pairwise:1")


def test_what_is_not_asked_for_is_not_measured(make_dataset: MakeDataset, rounding: Quantizer) -> None:
    dataset = make_dataset("l2")
    settings = PassSettings(num_pairs=500, seed=3, with_scores=False, with_pairwise=False)
    bare = passed(rounding, dataset, settings)
    full = passed(rounding, dataset)
    assert bare.top is None
    assert {name: total for name, total in full.sums.items() if "pairwise" not in name} == bare.sums


@pytest.mark.parametrize("metric", DISTANCES)
def test_the_layout_of_queries_in_memory_changes_nothing(metric: Distance, make_dataset: MakeDataset) -> None:
    dataset = make_dataset(metric, n=500, d=96)
    none = get_quantizer("none").fit(dataset.base.read(0, 10))
    by_columns = dataclasses.replace(dataset, queries=np.asfortranarray(dataset.queries))
    top = passed(none, by_columns).top
    assert passed(none, dataset).to_bytes() == passed(none, by_columns).to_bytes()
    assert top is not None
    np.testing.assert_array_equal(top.scores, top.exact)


def test_a_base_of_one_row(rounding: Quantizer) -> None:
    base = ArraySource(np.ones((1, 8), dtype=np.float32))
    queries = np.ones((2, 8), dtype=np.float32)
    accumulators, _ = stream(rounding, base, Queries(queries, "l2"), SETTINGS)
    assert accumulators.total("vector:x:0") == 1
    assert accumulators.total("pairwise:0") == 0
    assert accumulators.top is not None
    assert accumulators.top.ids[:, 0].tolist() == [0, 0]
    assert (accumulators.top.ids[:, 1:] == -1).all()


def test_progress_and_timings(make_dataset: MakeDataset, rounding: Quantizer) -> None:
    dataset = make_dataset("ip")
    done: list[int] = []
    rows = Pass(100, batch_size=1, on_block=done.append)
    _, timings = stream(rounding, dataset.base, Queries(dataset.queries, "ip"), SETTINGS, rows)
    assert done == [TILE_ROWS - 100, 2 * TILE_ROWS - 100, dataset.n - 100]
    assert timings.rows == dataset.n
    assert len(timings.encode_rates) == 2
    assert min(timings.encode_seconds, timings.decode_seconds, timings.score_seconds, timings.warm_up_seconds) > 0
    total = Timings(rows=1, encode_rates=[5.0])
    total.merge(timings)
    assert total.rows == dataset.n + 1
    assert total.encode_rates == [5.0, *timings.encode_rates]


@pytest.mark.parametrize("span", [(5, 3), (0, 10**6), (10**6, 10**6 + 1), (-5, 10)])
def test_a_range_outside_the_base_is_refused_before_anything_is_read(
    span: tuple[int, int], make_dataset: MakeDataset, rounding: Quantizer
) -> None:
    with pytest.raises(InputError, match="invalid rows"):
        passed(rounding, make_dataset("l2"), rows=Pass(*span))


def test_too_many_bad_rows_are_refused_before_anything_is_encoded(
    make_dataset: MakeDataset, rounding: Quantizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = make_dataset("l2").base.read(0, 99).copy()
    rows[3, 2] = np.inf
    monkeypatch.setattr(type(rounding), "encode", lambda self, vectors: pytest.fail("encoded a bad row"))
    with pytest.raises(InputError, match="row 3"):
        stream(rounding, ArraySource(rows), Queries(rows[:2], "l2"), SETTINGS)


@pytest.mark.parametrize("field", ["max_candidates", "num_pairs", "seed"])
def test_impossible_settings_are_refused(field: str) -> None:
    with pytest.raises(InputError, match=field):
        PassSettings(**{field: -1})


def bad_outputs() -> dict[str, tuple[str, Callable[[Any], Any]]]:
    return {
        "codes of another size": ("encode", lambda codes: codes[:, :-1]),
        "codes of another type": ("encode", lambda codes: codes.astype(np.int64)),
        "too few codes": ("encode", lambda codes: codes[:-1]),
        "vectors of another dimension": ("decode", lambda vectors: vectors[:, :-1]),
        "vectors that are not finite": (
            "decode",
            lambda vectors: np.where(vectors == vectors[0, 0], np.nan, vectors),
        ),
        "scores that are not finite": ("decode_for_scores", lambda vectors: vectors * np.float32(np.nan)),
        "norms that are not finite": ("squared_norms", lambda norms: norms * np.inf),
        "queries that are not finite": ("project_queries", lambda queries: queries * np.float32(np.inf)),
    }


@pytest.mark.parametrize("what", bad_outputs())
def test_what_is_no_code_or_no_finite_vector_is_refused(
    what: str, make_dataset: MakeDataset, own_scores: Quantizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    method, spoil = bad_outputs()[what]
    good = getattr(type(own_scores), method)

    def spoilt(self: Quantizer, values: Any) -> Any:
        result = good(self, values)
        return spoil(result) if len(values) > 1000 or method == "project_queries" else result

    monkeypatch.setattr(type(own_scores), method, spoilt)
    with np.errstate(all="ignore"), pytest.raises(ValueError, match="own_scores"):
        passed(own_scores, make_dataset("l2", n=1500))
