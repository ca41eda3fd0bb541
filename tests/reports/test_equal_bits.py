"""Recall at equal bits: interpolation along a curve, and where it is shown."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vq_benchmark.reports.comparison import comparisons
from vq_benchmark.reports.equal_bits import TOTAL_BITS, Reading, read_curve, recall_at_equal_bits
from vq_benchmark.reports.tables import results_text
from vq_benchmark.results.database import Run

from .conftest import make_run


def rows(*, extra: bool = False) -> list[Run]:
    """pq on its budgets, rabitq over those of 1 and 2 bits."""
    points = [("pq", 1, 1), ("pq", 2, 2), ("rabitq", 1.125, 1), ("rabitq", 2.125, 2), ("sq", 4, 4), ("none", 32, 1)]
    return [
        make_run(method, bits, budget=float(budget), extra={TOTAL_BITS: bits + 0.125} if extra else {})
        for method, bits, budget in points
    ]


def test_halfway_between_two_points_in_octaves() -> None:
    assert read_curve([(1, 0.5), (4, 0.9)], 2) == Reading(pytest.approx(0.7), measured=False)


def test_a_measured_point_is_not_interpolated_and_the_best_of_equal_bits_counts() -> None:
    assert read_curve([(1, 0.5), (2, 0.6), (2, 0.7), (4, 0.9)], 2) == Reading(0.7, measured=True)


@pytest.mark.parametrize("points", [[], [(2, 0.5)], [(1, 0.5), (2, 0.6)], [(4, 0.5), (8, 0.6)]])
def test_nothing_is_extrapolated(points: list[tuple[float, float]]) -> None:
    assert read_curve(points, 3) is None


@given(
    points=st.dictionaries(st.integers(1, 64), st.floats(0, 1), min_size=2, max_size=8),
    bits=st.floats(0.5, 80),
)
def test_it_is_numpys_interpolation_over_log2_of_bits(points: dict[int, float], bits: float) -> None:
    reading, known = read_curve(list(points.items()), bits), sorted(points)
    if not known[0] <= bits * (1 + 1e-9) or not bits <= known[-1] * (1 + 1e-9):
        assert reading is None
        return
    expected = np.interp(np.log2(bits), np.log2(known), [points[each] for each in known])
    assert reading is not None
    assert reading.value == pytest.approx(expected, abs=1e-6)
    assert min(points.values()) - 1e-12 <= reading.value <= max(points.values()) + 1e-12


def test_methods_are_compared_at_the_budgets_of_the_rows() -> None:
    found = recall_at_equal_bits(comparisons(rows())[0])
    assert found is not None
    assert (found.axis, found.budgets) == (TOTAL_BITS, (1.0, 2.0, 4.0))
    assert {name: [each and each.measured for each in line] for name, line in found.readings.items()} == {
        "pq": [True, True, None],
        "rabitq": [None, False, None],
        "sq": [None, None, True],
    }


def test_total_bits_are_used_where_all_rows_have_them() -> None:
    found = recall_at_equal_bits(comparisons(rows(extra=True))[0])
    assert found is not None
    assert found.axis == TOTAL_BITS
    assert found.budgets == (2.0,)  # with their models, the smallest codes of both are above 1
    assert [each and each.measured for each in found.readings["pq"]] == [False]
    assert "log2 of bits/dim, model included" in " ".join(results_text(rows(extra=True), 200).split())


def test_it_is_shown_only_where_two_curves_have_something_to_say() -> None:
    assert recall_at_equal_bits(comparisons(rows()[:3])[0]) is None
    unbudgeted = [make_run(run.method, run.metrics["bits_per_dim"]) for run in rows()]
    assert recall_at_equal_bits(comparisons(unbudgeted)[0]) is None
    exact = [make_run(method, bits, budget=float(bits)) for method in ("pq", "opq") for bits in (1, 2)]
    assert recall_at_equal_bits(comparisons(exact)[0]) is None


def test_the_table_marks_what_is_interpolated() -> None:
    text = results_text(rows(), 80)
    (line,) = [line for line in text.splitlines() if line.startswith("rabitq ") and "~" in line]
    assert line.split()[1] == "-"
    assert "~: interpolated along the method's own curve" in " ".join(text.split())
    assert max(map(len, text.splitlines())) <= 80
