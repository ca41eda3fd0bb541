"""The time left follows from the cells that are done: those of the same method, if there are any."""

from vq_benchmark.studies.cells import Cell
from vq_benchmark.studies.local.time_left import Remaining


def test_cells_cost_what_those_of_their_method_did():
    now = [0.0]
    cells = [Cell(method, {}, 0, 0, 1) for method in ("opq", "opq", "sq")]
    remaining = Remaining(cells, clock=lambda: now[0])
    assert remaining.seconds() is None
    now[0] = 60
    remaining.finish()
    remaining.start()
    assert remaining.seconds() == 120  # a second opq, and an sq of unknown cost
    now[0] = 90
    assert remaining.seconds() == 90
    now[0] = 200  # longer than expected: 0, not less
    assert remaining.seconds() == 60
    now[0] = 240
    remaining.finish()
    remaining.start()
    assert remaining.seconds() == (60 + 180) / 2
    remaining.finish()
    assert remaining.seconds() == 0
