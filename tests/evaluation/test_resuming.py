"""A pass that is stopped after any blocks and goes on later leaves the bits of an undisturbed one."""

from collections.abc import Callable
from typing import TypeVar

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vq_benchmark.datasets.dataset import METRICS
from vq_benchmark.evaluation.evaluate import evaluate, exact_truths
from vq_benchmark.evaluation.ground_truth import GroundTruth, exact_neighbors
from vq_benchmark.evaluation.measurement import Measurement
from vq_benchmark.evaluation.streaming import PassSettings
from vq_benchmark.evaluation.tiling import TILE_ROWS

N = 4 * TILE_ROWS + 1000
SETTINGS = PassSettings(candidates=20, num_pairs=500, seed=3)
T = TypeVar("T", Measurement, GroundTruth)

cuts = st.lists(st.tuples(st.integers(1, 3), st.integers(1, 3 * TILE_ROWS)), max_size=6)
"""For each stop: the blocks until it comes, and the batch size until then."""


class StopHere(Exception):
    pass


def disturbed(run: Callable[..., T], read: Callable[[bytes], T], stops: list[tuple[int, int]]) -> T:
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
            return run(resume=saved, batch_size=batch_size, after_block=after_block)
        except StopHere:
            continue
    return run(resume=saved)


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

    def run(**options) -> Measurement:
        return evaluate(
            own_scores, dataset, ground_truths=ground_truths, k=10, settings=SETTINGS, model_hash="m", **options
        )

    whole, parts = run(), disturbed(run, Measurement.from_bytes, stops)
    check_rows_and_rates(parts, N)
    parts.timings = whole.timings
    assert parts.to_bytes() == whole.to_bytes()


@pytest.mark.parametrize("metric", METRICS)
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stops=cuts, edges=st.tuples(st.integers(0, N - 1), st.integers(1, N)).filter(lambda rows: rows[0] < rows[1]))
def test_a_ground_truth_goes_on(metric, make_dataset, stops, edges) -> None:
    dataset = make_dataset(metric, n=N, queries=5)

    def run(**options) -> GroundTruth:
        return exact_neighbors(dataset.base, dataset.queries, metric, 10, start=edges[0], stop=edges[1], **options)

    whole = run()
    assert disturbed(run, GroundTruth.from_bytes, stops).to_bytes() == whole.to_bytes()


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stops=cuts, edges=st.tuples(st.integers(0, N - 1), st.integers(1, N)).filter(lambda rows: rows[0] < rows[1]))
def test_a_chunk_goes_on_and_its_copies_leave_the_pass_alone(make_dataset, rounding, stops, edges) -> None:
    dataset = make_dataset("l2", n=N, queries=5)
    options = {"k": 10, "settings": SETTINGS, "start": edges[0], "stop": edges[1]}
    whole = evaluate(rounding, dataset, **options)
    copies = []
    watched = evaluate(
        rounding, dataset, after_block=lambda row, copy: copies.append((row, copy())), batch_size=1, **options
    )
    parts = disturbed(lambda **more: evaluate(rounding, dataset, **options, **more), Measurement.from_bytes, stops)
    for row, copy in copies:
        assert copy.accumulators.spans == [(edges[0], row)]
        alone = evaluate(rounding, dataset, **(options | {"stop": row}))
        assert copy.accumulators.to_bytes() == alone.accumulators.to_bytes()
    for other in (watched, parts):
        assert other.accumulators.to_bytes() == whole.accumulators.to_bytes()
        assert other.timings.rows == whole.timings.rows


def test_nothing_is_copied_unless_it_is_asked_for(make_dataset, rounding, monkeypatch) -> None:
    dataset = make_dataset("ip", n=3 * TILE_ROWS)
    rows = []
    monkeypatch.setattr("vq_benchmark.evaluation.accumulators.Accumulators.copy", None)
    monkeypatch.setattr("vq_benchmark.evaluation.topk.TopCandidates.sorted", None)
    evaluate(rounding, dataset, k=10, batch_size=1, after_block=lambda row, copy: rows.append(row))
    exact_truths(dataset, batch_size=1, after_block=lambda row, copy: rows.append(row))
    assert rows == 2 * [TILE_ROWS, 2 * TILE_ROWS, 3 * TILE_ROWS]


def test_a_finished_pass_reads_nothing_more(make_dataset, rounding, monkeypatch) -> None:
    dataset = make_dataset("ip", n=500, judged="own")
    ground_truths = exact_truths(dataset)
    done = evaluate(rounding, dataset, ground_truths=ground_truths)
    found = exact_neighbors(dataset.base, dataset.queries, "ip")
    monkeypatch.setattr(type(dataset.base), "read", None)
    assert evaluate(rounding, dataset, ground_truths=ground_truths, resume=done).to_bytes() == done.to_bytes()
    assert exact_neighbors(dataset.base, dataset.queries, "ip", resume=found).to_bytes() == found.to_bytes()


def test_what_is_no_beginning_is_refused(make_dataset, rounding) -> None:
    dataset = make_dataset("ip", n=500)
    part = evaluate(rounding, dataset, start=100, stop=300)
    with pytest.raises(ValueError, match="rows 100 to 300 are no beginning of the rows 0 to 500"):
        evaluate(rounding, dataset, resume=part)
    with pytest.raises(ValueError, match="rows 100 to 300 are no beginning of the rows 100 to 200"):
        evaluate(rounding, dataset, start=100, stop=200, resume=part)
    with pytest.raises(ValueError, match="other"):
        evaluate(rounding, dataset, start=100, resume=part, model_hash="other")
    truth = exact_neighbors(dataset.base, dataset.queries, "ip", start=100, stop=300)
    with pytest.raises(ValueError, match="no beginning"):
        exact_neighbors(dataset.base, dataset.queries, "ip", resume=truth)


def test_a_ground_truth_of_another_format_is_refused(make_dataset) -> None:
    truth = exact_neighbors(make_dataset("ip", n=200).base, np.zeros((1, 8), dtype=np.float32), "ip", 5)
    read = GroundTruth.from_bytes(truth.to_bytes())
    assert read.span == (0, 200)
    np.testing.assert_array_equal(read.ids, truth.ids)
    with pytest.raises(ValueError, match="archive"):
        GroundTruth.from_bytes(truth.to_bytes()[:-40])
