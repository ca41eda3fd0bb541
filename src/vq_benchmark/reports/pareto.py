"""The Pareto front of points in the plane."""

from collections.abc import Sequence

from vq_benchmark.evaluation.metric_records import Better

Point = tuple[float, float]


def pareto_front(points: Sequence[Point], x_better: Better, y_better: Better) -> list[Point]:
    """The distinct points that no other point dominates, in order of x.

    A point dominates another if it is at least as good in both coordinates and better in one.
    """
    x_sign, y_sign = (1 if better == "lower" else -1 for better in (x_better, y_better))
    front: list[Point] = []
    for x, y in sorted(set(points), key=lambda point: (x_sign * point[0], y_sign * point[1])):
        if not front or y_sign * y < y_sign * front[-1][1]:
            front.append((x, y))
    return sorted(front)
