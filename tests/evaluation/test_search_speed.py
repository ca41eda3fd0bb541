"""How searches are timed, by a clock of our own; and what the timed index finds."""

import itertools

import numpy as np
import pytest

from vq_benchmark.datasets.sources.vector_source import ArraySource
from vq_benchmark.evaluation.evaluate import evaluate, exact_truths
from vq_benchmark.evaluation.metrics import finished_metrics
from vq_benchmark.evaluation.search_index import fastest_index, filled_index
from vq_benchmark.evaluation.search_speed import batch_rates, search_metrics, single_latencies
from vq_benchmark.evaluation.tiling import TILE_ROWS
from vq_benchmark.quantizers.parts.faiss_index import index_name
from vq_benchmark.quantizers.registry import get_quantizer


class Machine:
    """A clock, and work that moves it on by given seconds."""

    def __init__(self, *seconds: float) -> None:
        self.now, self.calls, self.seconds = 0.0, [], itertools.cycle(seconds)

    def clock(self) -> float:
        return self.now

    def work(self, *arguments: int) -> None:
        self.calls.append(arguments)
        self.now += next(self.seconds)


def test_short_batches_are_repeated_until_a_sample_is_long_enough():
    machine = Machine(0.01)
    rates = batch_rates(machine.work, 50, machine.clock)
    np.testing.assert_allclose(rates, 5000)
    assert len(rates) == 13  # of 16 repeats, 0.16 s: 2 s are over after 13
    assert len(machine.calls) == 1 + 2 + 4 + 8 + 13 * 16


def test_long_batches_are_still_sampled_five_times():
    machine = Machine(3.0, 4.0)
    rates = batch_rates(machine.work, 12, machine.clock)
    np.testing.assert_allclose(rates, [4, 3, 4, 3, 4])


def test_single_queries_take_turns():
    machine = Machine(0.5)
    seconds = single_latencies(machine.work, 7, machine.clock)
    assert machine.calls == [(0,), *((i % 7,) for i in range(100))]
    np.testing.assert_allclose(seconds, 0.5)
    quick = Machine(0.001)
    assert len(single_latencies(quick.work, 7, quick.clock)) in (2000, 2001)


@pytest.mark.parametrize("metric", ["l2", "ip", "cosine"])
@pytest.mark.parametrize(("name", "config"), [("pq", {"m": 4}), ("sq", {"bits": 4}), ("none", {})])
def test_the_recall_of_the_timed_index_is_that_of_the_evaluation(make_dataset, metric, name, config):
    dataset = make_dataset(metric, n=2 * TILE_ROWS + 1000, queries=200)
    base = dataset.base.read(0, dataset.n) + 1e-3 * np.random.default_rng(5).standard_normal((dataset.n, 8))
    dataset = type(dataset)("made", ArraySource(base.astype(np.float32)), dataset.queries, metric)
    quantizer = get_quantizer(name, **config).fit(dataset.training_sample(3000))
    ground_truths = exact_truths(dataset)
    evaluated = finished_metrics(evaluate(quantizer, dataset, ground_truths=ground_truths))
    index = filled_index(quantizer, dataset.base, metric)
    timed = search_metrics(index, dataset, ground_truths.queries, 0, itertools.count().__next__)
    assert timed["search_k"] == 10
    # Rows of equal codes tie in the estimated order, and either may be returned.
    assert abs(timed["search_recall_at_10"] - evaluated["recall_at_10"]) <= 0.01


def test_the_row_says_how_it_was_measured(make_dataset):
    dataset = make_dataset("l2", n=500, queries=30)
    index = filled_index(get_quantizer("none").fit(dataset.training_sample(100)), dataset.base, "l2")
    truth = exact_truths(dataset, 5).queries
    metrics = search_metrics(index, dataset, truth, 0, itertools.count(step=0.25).__next__)
    assert metrics["queries_per_second"] == 30 / 0.25
    assert metrics["queries_per_second_quartiles"] == [120, 120]
    assert metrics["queries_per_second_spread"] == 0
    assert (metrics["latency_p50_ms"], metrics["latency_p99_ms"]) == (250, 250)
    assert (metrics["search_batch"], metrics["search_k"]) == (30, 5)
    assert metrics["search_threads"] >= 1
    assert metrics["search_recall_at_5"] == 1  # a quarter of the rows are copies, which the index may return instead


def test_where_all_queries_take_long_the_rate_is_of_fewer(make_dataset):
    dataset = make_dataset("l2", n=500, queries=300)
    index = filled_index(get_quantizer("none").fit(dataset.training_sample(100)), dataset.base, "l2")
    truth = exact_truths(dataset, 5).queries
    metrics = search_metrics(index, dataset, truth, 0, itertools.count(step=1.5).__next__)
    assert metrics["search_batch"] == 256
    assert metrics["queries_per_second"] == 256 / 1.5


def test_the_index_holds_the_codes_of_every_row_whatever_the_batch(make_dataset):
    dataset = make_dataset("ip", n=2 * TILE_ROWS + 77)
    quantizer = get_quantizer("pq", m=4).fit(dataset.training_sample(2000))
    expected = quantizer.decode(quantizer.encode(dataset.base.read(0, dataset.n)))
    for batch_size in (1, 3 * TILE_ROWS):
        index = filled_index(quantizer, dataset.base, "ip", batch_size=batch_size)
        assert index.ntotal == dataset.n
        np.testing.assert_array_equal(index.reconstruct_n(0, dataset.n), expected)


FAST_SCANS = [
    ("pq", {"m": 4, "nbits": 4}, "IndexPQFastScan"),
    ("opq", {"m": 4, "nbits": 4}, "IndexPreTransform(IndexPQFastScan)"),
    ("rabitq-faiss", {"bits": 1}, "IndexPreTransform(IndexRaBitQFastScan)"),
    ("rabitq-faiss", {"bits": 4}, "IndexPreTransform(IndexRaBitQFastScan)"),
]


@pytest.mark.parametrize("metric", ["l2", "cosine"])
@pytest.mark.parametrize(("name", "config", "index"), FAST_SCANS)
def test_codes_of_four_bits_are_searched_by_fast_scan(make_dataset, metric, name, config, index):
    rng = np.random.default_rng(3)
    base, queries = (rng.standard_normal((rows, 8)).astype(np.float32) for rows in (3000, 100))
    dataset = type(make_dataset(metric))("made", ArraySource(base), queries, metric)
    quantizer = get_quantizer(name, **config).fit(dataset.training_sample(2000))
    plain = filled_index(quantizer, dataset.base, metric)
    fast = fastest_index(quantizer, dataset.base, metric)
    assert index_name(fast) == index
    assert fast.ntotal == plain.ntotal
    _, expected = plain.search(queries, 10)
    _, found = fast.search(queries, 20)
    assert np.mean([np.isin(*pair).mean() for pair in zip(expected, found, strict=True)]) > 0.95


def test_codes_of_eight_bits_are_not(make_dataset):
    dataset = make_dataset("l2")
    quantizer = get_quantizer("pq", m=4).fit(dataset.training_sample(2000))
    assert index_name(fastest_index(quantizer, dataset.base, "l2")) == "IndexPQ"


def test_a_quantizer_without_an_index_has_none(make_dataset, rounding):
    assert filled_index(rounding, make_dataset("l2").base, "l2") is None
    assert fastest_index(rounding, make_dataset("l2").base, "l2") is None
