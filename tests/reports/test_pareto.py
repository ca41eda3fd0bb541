from hypothesis import given
from hypothesis import strategies as st

from vq_benchmark.reports.pareto import pareto_front

COORDINATE = st.one_of(st.integers(0, 4).map(float), st.floats(-1e6, 1e6))
DIRECTION = st.sampled_from(["higher", "lower"])


@given(st.lists(st.tuples(COORDINATE, COORDINATE), max_size=30), DIRECTION, DIRECTION)
def test_front_is_every_point_that_no_other_beats(points, x_better, y_better):
    def at_least(a, b, better):
        return a >= b if better == "higher" else a <= b

    def beats(a, b):
        return a != b and at_least(a[0], b[0], x_better) and at_least(a[1], b[1], y_better)

    unbeaten = {point for point in points if not any(beats(other, point) for other in points)}
    assert pareto_front(points, x_better, y_better) == sorted(unbeaten)


def test_known_front():
    points = [(1, 0.4), (2, 0.6), (2, 0.5), (4, 0.55), (8, 0.9)]
    assert pareto_front(points, "lower", "higher") == [(1, 0.4), (2, 0.6), (8, 0.9)]
