"""The matrices of the page against the function behind `compare`, and their bounds on large databases."""

from dataclasses import replace

import numpy as np
import pytest

from vq_benchmark.evaluation.per_query import PerQuery
from vq_benchmark.evaluation.statistics.paired import holm, paired_difference
from vq_benchmark.reports import paired_rows
from vq_benchmark.reports.comparison import comparisons
from vq_benchmark.reports.html import pair_matrices
from vq_benchmark.reports.html.pair_matrices import matrices
from vq_benchmark.reports.paired_rows import compared, stored
from vq_benchmark.reports.series import lines


def matrices_of(runs):
    (comparison,) = comparisons(runs)
    by_line = lines(comparison)
    points = [each for line in by_line.values() for each in line]
    return matrices(comparison, by_line, points), points


def test_every_number_is_that_of_compare(make_sweep, with_queries):
    found, points = matrices_of([with_queries(run) for run in make_sweep(seeds=2)])
    assert [(each["metric"], each["budget"]) for each in found] == [
        ("recall_at_10", 2.0**power) for power in range(5)
    ]
    for matrix in found:
        rows = [points[place] for place in matrix["rows"]]
        pairs = [(rows[a], rows[b]) for a, b, *_ in matrix["pairs"]]
        assert len(pairs) == len(rows) * (len(rows) - 1) // 2
        for (_, _, *numbers), expected in zip(matrix["pairs"], compared(pairs, "recall_at_10"), strict=True):
            of_pair = [expected.difference.mean, *expected.interval, expected.p_holm, 200, 2]
            assert numbers == pytest.approx(of_pair, rel=1e-6)


def test_the_values_of_a_row_are_decoded_once(make_sweep, with_queries, monkeypatch):
    runs = [with_queries(run) for run in make_sweep(seeds=2)]
    decoded, from_bytes = [], PerQuery.from_bytes
    monkeypatch.setattr(PerQuery, "from_bytes", lambda archive: decoded.append(archive) or from_bytes(archive))
    paired_rows._decoded.cache_clear()
    found, _ = matrices_of(runs)
    assert len(found) == 5
    assert len(decoded) == len(set(decoded)) > 2


def test_the_correction_is_for_the_pairs_of_one_matrix(make_sweep, with_queries):
    found, points = matrices_of([with_queries(run) for run in make_sweep()])
    matrix = found[-1]
    values = [stored(points[place].runs[0]).values("recall_at_10") for place in matrix["rows"]]
    p = [paired_difference((values[a] - values[b])[None]).p for a, b, *_ in matrix["pairs"]]
    assert [each[5] for each in matrix["pairs"]] == pytest.approx(holm(p), rel=1e-6)


def test_each_method_takes_part_with_its_best_row_within_the_budget_best_first(make_run, with_queries):
    rows = {("pq", 1.0): 0.5, ("pq", 2.0): 0.7, ("pq", 3.0): 0.9, ("sq", 2.0): 0.8, ("sq", 1.5): 0.6}
    runs = [
        with_queries(make_run(method, bits, extra={"recall_at_10": recall}, budget=2.0 if bits <= 2 else 4.0))
        for (method, bits), recall in rows.items()
    ]
    found, points = matrices_of(runs)
    best = [[(points[place].method, points[place].code_bits) for place in each["rows"]] for each in found]
    assert best == [[("sq", 2.0), ("pq", 2.0)], [("pq", 3.0), ("sq", 2.0)]]


def test_rows_that_do_not_pair_up_are_left_out_and_counted(make_run, with_queries):
    runs = [with_queries(make_run(name, 2.0)) for name in ("pq", "sq", "opq")]
    runs += [make_run("rabitq", 2.0, strength=1.2), with_queries(make_run("lvq", 2.0), digest="others")]
    (found,), points = matrices_of(runs)
    assert {points[place].method for place in found["rows"]} == {"pq", "sq", "opq"}
    assert found["omitted"] == 2
    assert matrices_of([replace(run, per_query=None) for run in runs])[0] == []


def test_large_databases_get_bounded_matrices(make_run, with_queries, monkeypatch):
    monkeypatch.setattr(pair_matrices, "MOST_ROWS", 4)
    monkeypatch.setattr(pair_matrices, "MOST_DIFFERENCES", 20 * 1000)  # rows state 1,000 queries
    runs = [
        with_queries(make_run(f"method-{place % 10}", 0.5 + place // 10, config={"m": place})) for place in range(90)
    ]
    found, _ = matrices_of(runs)
    assert [(len(each["rows"]), each["omitted"], len(each["pairs"])) for each in found] == [(4, 6, 6)] * 3


def test_a_loss_ranks_the_smallest_first(make_run, with_queries):
    loss = "mrr_at_10_loss"
    runs = [
        with_queries(make_run(method, 2.0, extra={loss: value}), metric=loss)
        for method, value in (("pq", 0.3), ("sq", 0.1))
    ]
    (found,), points = matrices_of(runs)
    assert [points[place].method for place in found["rows"]] == ["sq", "pq"]
    assert np.isfinite(found["pairs"][0][2])
