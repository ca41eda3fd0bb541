"""A pass that is stopped after any blocks and goes on later leaves the bits of an undisturbed one."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vq_benchmark.datasets.distance_names import DISTANCES
from vq_benchmark.evaluation.evaluate import evaluate, exact_truths
from vq_benchmark.evaluation.ground_truths.ground_truth import GroundTruth, exact_neighbors
from vq_benchmark.evaluation.measurement import Measurement
from vq_benchmark.evaluation.streaming import PassSettings
from vq_benchmark.evaluation.tiling import TILE_ROWS, WHOLE_BASE, Pass

N = 4 * TILE_ROWS + 1000
SETTINGS = PassSettings(max_candidates=20, num_pairs=500, seed=3)
T = TypeVar("T", Measurement, GroundTruth)

cuts = st.lists(st.tuples(st.integers(1, 3), st.integers(1, 3 * TILE_ROWS)), max_size=6)
"""For each stop: the blocks until it comes, and the batch size until then."""


class StopHere(Exception):
    pass


def disturbed(
    run: Callable[[Pass[T]], T], read: Callable[[bytes], T], stops: list[tuple[int, int]], rows: Pass[T] = WHOLE_BASE
) -> T:
    """What `run` finds if it is stopped again and again, and each time goes on from the bytes it left."""
    saved: T | None = None
    for blocks, batch_size in stops:
        left = blocks

        def after_block(row: int, copy: Callable[[], T]) -> None:
            nonlocal saved, left
            left -= 1
            if not left:
                saved = read(copy().to_bytes())
                raise StopHere

        try:
            return run(replace(rows, resume=saved, batch_size=batch_size, after_block=after_block))
        except StopHere:
            continue
    return run(replace(rows, resume=saved))


def check_rows_and_rates(measurement: Measurement, rows: int) -> None:
    timings = measurement.timings
    assert timings.rows == rows
    assert len(timings.encode_rates) == rows // TILE_ROWS
    encoding = sum(TILE_ROWS / rate for rate in timings.encode_rates)
    assert 0 < encoding <= timings.encode_seconds * (1 + 1e-9)


@pytest.mark.parametrize(("metric", "judged"), [("l2", "own"), ("ip", None), ("cosine", "own")])
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stops=cuts)
def test_a_measurement_goes_on(metric, judged, make_dataset, own_scores, stops) -> None:
    dataset = make_dataset(metric, n=N, queries=5, judged=judged)
    ground_truths = exact_truths(dataset, 10)

    def run(pass_: Pass[Measurement]) -> Measurement:
        return evaluate(own_scores, dataset, ground_truths=ground_truths, k=10, settings=SETTINGS, pass_=pass_)

    whole, parts = run(Pass()), disturbed(run, Measurement.from_bytes, stops)
    check_rows_and_rates(parts, N)
    parts.timings = whole.timings
    assert parts.to_bytes() == whole.to_bytes()


@pytest.mark.parametrize("metric", DISTANCES)
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stops=cuts, edges=st.tuples(st.integers(0, N - 1), st.integers(1, N)).filter(lambda rows: rows[0] < rows[1]))
def test_a_ground_truth_goes_on(metric, make_dataset, stops, edges) -> None:
    dataset = make_dataset(metric, n=N, queries=5)

    def run(pass_: Pass[GroundTruth]) -> GroundTruth:
        return exact_neighbors(dataset.base, dataset.queries, metric, 10, pass_)

    whole = run(Pass(*edges))
    assert disturbed(run, GroundTruth.from_bytes, stops, Pass(*edges)).to_bytes() == whole.to_bytes()


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stops=cuts, edges=st.tuples(st.integers(0, N - 1), st.integers(1, N)).filter(lambda rows: rows[0] < rows[1]))
def test_a_chunk_goes_on_and_its_copies_leave_the_pass_alone(make_dataset, rounding, stops, edges) -> None:
    dataset = make_dataset("l2", n=N, queries=5)

    def run(pass_: Pass[Measurement]) -> Measurement:
        return evaluate(rounding, dataset, k=10, settings=SETTINGS, pass_=pass_)

    whole = run(Pass(*edges))
    copies = []
    watched = run(Pass(*edges, batch_size=1, after_block=lambda row, copy: copies.append((row, copy()))))
    parts = disturbed(run, Measurement.from_bytes, stops, Pass(*edges))
    for row, copy in copies:
        assert copy.accumulators.spans == [(edges[0], row)]
        alone = run(Pass(edges[0], row))
        assert copy.accumulators.to_bytes() == alone.accumulators.to_bytes()
    for other in (watched, parts):
        assert other.accumulators.to_bytes() == whole.accumulators.to_bytes()
        assert other.timings.rows == whole.timings.rows


def test_nothing_is_copied_unless_it_is_asked_for(make_dataset, rounding, monkeypatch) -> None:
    dataset = make_dataset("ip", n=3 * TILE_ROWS)
    rows = []
    monkeypatch.setattr("vq_benchmark.evaluation.accumulators.Accumulators.copy", None)
    monkeypatch.setattr("vq_benchmark.evaluation.topk.TopCandidates.copy", None)
    watched = Pass(batch_size=1, after_block=lambda row, copy: rows.append(row))
    evaluate(rounding, dataset, k=10, pass_=watched)
    exact_truths(dataset, pass_=watched)
    assert rows == 2 * [TILE_ROWS, 2 * TILE_ROWS, 3 * TILE_ROWS]


def test_a_finished_pass_reads_nothing_more(make_dataset, rounding, monkeypatch) -> None:
    dataset = make_dataset("ip", n=500, judged="own")
    ground_truths = exact_truths(dataset)
    done = evaluate(rounding, dataset, ground_truths=ground_truths)
    found = exact_neighbors(dataset.base, dataset.queries, "ip")
    monkeypatch.setattr(type(dataset.base), "read", None)
    assert (
        evaluate(rounding, dataset, ground_truths=ground_truths, pass_=Pass(resume=done)).to_bytes()
        == done.to_bytes()
    )
    assert (
        exact_neighbors(dataset.base, dataset.queries, "ip", pass_=Pass(resume=found)).to_bytes() == found.to_bytes()
    )


def test_what_is_no_beginning_is_refused(make_dataset, rounding, own_scores) -> None:
    dataset = make_dataset("ip", n=500)
    part = evaluate(rounding, dataset, pass_=Pass(100, 300))
    with pytest.raises(ValueError, match="rows 100 to 300 are not the beginning of rows 0 to 500"):
        evaluate(rounding, dataset, pass_=Pass(resume=part))
    with pytest.raises(ValueError, match="rows 100 to 300 are not the beginning of rows 100 to 200"):
        evaluate(rounding, dataset, pass_=Pass(100, 200, resume=part))
    with pytest.raises(ValueError, match=part.key.model_hash):
        evaluate(own_scores, dataset, pass_=Pass(100, resume=part))
    truth = exact_neighbors(dataset.base, dataset.queries, "ip", pass_=Pass(100, 300))
    with pytest.raises(ValueError, match="not the beginning"):
        exact_neighbors(dataset.base, dataset.queries, "ip", pass_=Pass(resume=truth))


def test_a_ground_truth_of_another_format_is_refused(make_dataset) -> None:
    truth = exact_neighbors(make_dataset("ip", n=200).base, np.zeros((1, 8), dtype=np.float32), "ip", 5)
    read = GroundTruth.from_bytes(truth.to_bytes())
    assert read.span == (0, 200)
    np.testing.assert_array_equal(read.ids, truth.ids)
    with pytest.raises(ValueError, match="archive"):
        GroundTruth.from_bytes(truth.to_bytes()[:-40])
