"""Errors are measured on rows outside the training sample: against numpy, in chunks, and after a stop."""

import dataclasses
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vq_benchmark.datasets.dataset import Dataset
from vq_benchmark.datasets.distance_names import DISTANCES, Distance
from vq_benchmark.datasets.sources.vector_source import ArraySource
from vq_benchmark.errors import InputError
from vq_benchmark.evaluation.evaluate import evaluate, exact_truths
from vq_benchmark.evaluation.measurement import Measurement
from vq_benchmark.evaluation.metrics import finished_metrics
from vq_benchmark.evaluation.streaming import PassSettings
from vq_benchmark.evaluation.tiling import TILE_ROWS, Pass
from vq_benchmark.evaluation.training_rows import LEAST_UNSEEN, TrainingRows
from vq_benchmark.quantizers.registry import get_quantizer

SETTINGS = PassSettings(max_candidates=20, num_pairs=2_000, seed=3)
ERRORS = ("mse", "relative_error", "snr_db", "score_mse", "pairwise_distortion", "pairwise_distortion_asymmetric")


def quality(metrics):
    return {name: value for name, value in metrics.items() if "second" not in name}


@given(n=st.integers(1, 600), data=st.data())
def test_counted_rows_are_those_of_a_set(n, data):
    ids = data.draw(st.sets(st.integers(0, n - 1)))
    training = TrainingRows.of(n, sorted(ids, key=lambda row: row * 7 % n))
    counted = set(range(n)) - ids
    counted = counted if len(counted) >= LEAST_UNSEEN else set(range(n))
    assert training.counted == len(counted)
    first = data.draw(st.integers(0, n - 1))
    rows = data.draw(st.integers(1, n - first))
    assert training.counted_before(first) == sum(row < first for row in counted)
    inside = [row - first for row in range(first, first + rows) if row in counted]
    assert training.counted_among(np.arange(first, first + rows)).tolist() == inside


def test_all_rows_count_where_too_few_are_left():
    enough, too_few = (TrainingRows.of(500, np.arange(500 - left)) for left in (LEAST_UNSEEN, LEAST_UNSEEN - 1))
    assert (enough.counted, too_few.counted) == (LEAST_UNSEEN, 500)
    assert TrainingRows.of(500, None).counted == TrainingRows.of(500, np.arange(500)).counted == 500


@pytest.mark.parametrize("row", [-1, 500])
def test_a_row_that_is_not_in_the_base_is_refused(row, make_dataset, rounding):
    with pytest.raises(InputError, match=f"row {row} cannot have been trained on; it must be from 0 to 499"):
        evaluate(rounding, make_dataset("ip", n=500), trained_on=np.array([3, row]))


@pytest.mark.parametrize("metric", DISTANCES)
def test_errors_are_those_of_numpy_over_the_rows_that_were_not_trained_on(metric: Distance, make_dataset, rounding):
    dataset = make_dataset(metric, n=TILE_ROWS + 2_000)
    seen = dataset.training_rows(3_000, seed=5)
    metrics = finished_metrics(evaluate(rounding, dataset, settings=SETTINGS, k=10, trained_on=seen))
    x = np.delete(dataset.base.read(0, dataset.n), seen, axis=0).astype(np.float64)
    decoded = rounding.decode(rounding.encode(x.astype(np.float32))).astype(np.float64)
    errors, norms = ((x - decoded) ** 2).sum(axis=1), (x**2).sum(axis=1)
    assert metrics["error_vectors"] == len(x) == dataset.n - 3_000
    assert metrics["trained_share"] == 3_000 / dataset.n
    assert metrics["mse"] == pytest.approx(errors.mean(), rel=1e-12)
    half = 1.959963984540054 * errors.std() / len(x) ** 0.5
    assert metrics["mse_ci"] == pytest.approx([errors.mean() - half, errors.mean() + half], rel=1e-9)
    assert metrics["relative_error"] == pytest.approx(errors.sum() / norms.sum(), rel=1e-12)
    assert metrics["snr_db"] == pytest.approx(10 * np.log10(norms.sum() / errors.sum()), rel=1e-12)


def test_pairs_leave_out_rows_that_were_trained_on_and_stay_as_many(make_dataset, rounding):
    """Those rows are decoded as zeros, which any pair would notice."""
    dataset = make_dataset("ip", n=2 * TILE_ROWS + 500)
    seen = dataset.training_rows(5_000, seed=5)
    spoilt = dataset.base.read(0, dataset.n).copy()
    spoilt[seen] = 1_000
    apart = dataclasses.replace(dataset, base=ArraySource(spoilt))
    for name in ("score:x", "pairwise", "pairwise_asymmetric"):
        good, bad = (
            evaluate(rounding, data, settings=SETTINGS, k=10, trained_on=seen).accumulators
            for data in (dataset, apart)
        )
        assert good.sums[f"{name}:1"] == bad.sums[f"{name}:1"]
    assert good.total("score:x:0") == SETTINGS.num_pairs
    assert good.total("pairwise:0") > 0.9 * SETTINGS.num_pairs


def test_ranking_knows_nothing_of_it(make_dataset, rounding):
    dataset = make_dataset("l2", judged="own")
    seen = dataset.training_rows(4_000)
    plain, without = (finished_metrics(evaluate(rounding, dataset, trained_on=each)) for each in (None, seen))
    differing = {name.removesuffix("_ci") for name in plain if quality(plain).get(name) != quality(without).get(name)}
    assert differing == {*ERRORS, "score_bias", "score_slope", "error_vectors"}
    assert set(without) - set(plain) == {"trained_share"}


def test_a_learn_set_leaves_all_rows_to_be_measured(make_dataset, rounding):
    dataset = make_dataset("ip", n=900)
    apart = dataclasses.replace(dataset, learn=ArraySource(dataset.base.read(0, 300)))
    seen = apart.training_rows(300)
    assert seen.tolist() == [] and len(apart.training_rows(301)) == 301
    with_learn, unknown = (finished_metrics(evaluate(rounding, dataset, trained_on=each)) for each in (seen, None))
    assert quality(with_learn) == quality(unknown) | {"trained_share": 0.0}


@pytest.mark.parametrize("size", [300, 10_000])
def test_the_rows_are_those_of_the_sample(size, make_dataset):
    dataset = make_dataset("ip", n=900)
    rows = dataset.training_rows(size, seed=2)
    np.testing.assert_array_equal(dataset.base.read(0, 900)[rows], dataset.training_sample(size, seed=2))


def test_where_everything_was_trained_on_all_rows_count(make_dataset, rounding):
    dataset = make_dataset("ip", n=900)
    seen = dataset.training_rows(20_000)
    everything, unknown = (finished_metrics(evaluate(rounding, dataset, trained_on=each)) for each in (seen, None))
    assert quality(everything) == quality(unknown) | {"trained_share": 1.0}


SAMPLES = {
    "random": np.random.default_rng(8).choice(2 * TILE_ROWS + 1000, 5_000, replace=False),
    "a whole tile": np.arange(TILE_ROWS, 2 * TILE_ROWS),
    "all but one row of a tile": np.delete(np.arange(TILE_ROWS), 7),
}


@pytest.mark.parametrize("seen", SAMPLES.values(), ids=SAMPLES)
@pytest.mark.parametrize("metric", DISTANCES)
def test_chunks_and_a_resumed_pass_give_the_whole(metric: Distance, seen, make_dataset, own_scores):
    dataset = make_dataset(metric)
    truths = exact_truths(dataset, 10)

    def measured(rows: Pass) -> Measurement:
        return evaluate(
            own_scores, dataset, ground_truths=truths, k=10, settings=SETTINGS, pass_=rows, trained_on=seen
        )

    whole = measured(Pass())
    edges = [0, 100, TILE_ROWS, TILE_ROWS + 1, 7_000, dataset.n]
    parts = [Measurement.from_bytes(measured(Pass(*span, batch_size=1)).to_bytes()) for span in pairwise(edges)]
    merged = parts.pop(2)
    for part in parts:
        merged.merge(part)
    resumed = measured(Pass(resume=Measurement.from_bytes(measured(Pass(stop=5_000)).to_bytes())))
    for other in (merged, resumed):
        other.timings = whole.timings
        assert other.to_bytes() == whole.to_bytes()


def test_parts_with_other_training_rows_are_not_merged(make_dataset, rounding):
    dataset = make_dataset("l2", n=600)
    mine = evaluate(rounding, dataset, pass_=Pass(stop=300), trained_on=np.arange(100))
    for seen, differing in (
        (None, "trained_rows, trained_hash"), (np.arange(99), "trained_rows, trained_hash"),
        (np.arange(1, 101), "trained_hash"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=f"differ in {differing}"):
            mine.merge(evaluate(rounding, dataset, pass_=Pass(300), trained_on=seen))
        with pytest.raises(ValueError, match="belongs to"):
            evaluate(rounding, dataset, pass_=Pass(resume=mine), trained_on=seen)


def test_training_rows_flatter_the_error():
    """The reason for all this: PQ with 64 centroids trained on 1,000 Gaussian vectors."""
    base = np.random.default_rng(0).standard_normal((4_000, 8)).astype(np.float32)
    dataset = Dataset("gaussian", ArraySource(base), base[:3].copy(), "l2")
    seen = dataset.training_rows(1_000)
    pq = get_quantizer("pq", m=2, nbits=6).fit(dataset.training_sample(1_000))
    settings = PassSettings(with_scores=False)
    unseen = finished_metrics(evaluate(pq, dataset, settings=settings, trained_on=seen))["mse"]
    alone = Dataset("seen", ArraySource(base[seen]), base[:3].copy(), "l2")
    flattered = finished_metrics(evaluate(pq, alone, settings=settings))["mse"]
    assert unseen > 1.03 * flattered
