from vq_benchmark.reports.recommendation.effort import Effort
from vq_benchmark.studies.cells import Cell
from vq_benchmark.studies.recommending.goals import Reading
from vq_benchmark.studies.recommending.search import Configuration, Search

GRID = [
    Configuration(
        method, f"{method} {bits}", bits * 10, 0, Cell(method, {"bits": bits, "search": "grid"}, 0, 0, 1000)
    )
    for method in ("saq", "pq")
    for bits in (1, 2, 3)
]


def effort(**changes):
    search = Search(GRID, 100, has_part=True)
    search.parts[GRID[1]] = Reading(-0.2, -0.3, -0.1)
    search.wholes[GRID[2]] = Reading(0.1, 0.1, 0.1)
    for name, value in changes.items():
        getattr(search, name).update(value)
    return Effort(search, 1000, 100, seeds=2, new_rows=200)


def test_passes_count_rows_of_all_seeds_and_what_was_measured_before():
    assert effort().passes == 2.2
    assert effort().sentences() == [
        "The search considered 6 configurations of 2 methods and measured 1 on all 1,000 vectors and 1 on the first "
        "100: 2.2 passes over the base instead of 12, 2.0 of them measured before.",
        "Ruled out by the first 100 vectors, with all smaller codes of the same method: saq bits=2.",
    ]


def test_a_part_that_is_not_typical_and_failures_are_named():
    said = effort(wholes={GRID[1]: Reading(0.0, -0.1, 0.1)}, failed={GRID[5]}).sentences()
    assert any("not typical" in each for each in said)
    assert said[-1] == "Failed: pq bits=3."
    assert not any(each.startswith("Ruled out") for each in said)
