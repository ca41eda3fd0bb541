"""Numbers of tasks as job arrays."""

from hypothesis import given
from hypothesis import strategies as st

from vq_benchmark.studies.slurm.job_arrays import array_parts, expanded


@given(st.sets(st.integers(0, 5000), max_size=200), st.integers(1, 1500), st.one_of(st.none(), st.integers(1, 50)))
def test_the_arrays_are_the_tasks_and_fit_the_cluster(indices, size, limit):
    parts = array_parts(indices, size, limit)
    covered = [part.offset + index for part in parts for index in expanded(part.text)]
    assert sorted(covered) == sorted(indices)
    for part in parts:
        ids = expanded(part.text)
        assert ids == sorted(ids)
        assert max(ids) < size
        assert len(ids) == part.count
    limits = [int(part.text.split("%")[1]) for part in parts if "%" in part.text]
    assert len(limits) == (0 if limit is None else len(parts))
    assert not limits or sum(limits) <= max(limit, len(parts))


def test_runs_are_written_as_ranges():
    (part,) = array_parts([12, 1, 3, 7, 8, 9, 10, 11, 3], 1001, 5)
    assert part.text == "1,3,7-12%5"
    assert expanded(part.text) == [1, 3, 7, 8, 9, 10, 11, 12]


def test_arrays_start_again_at_the_limit():
    texts = [(part.offset, part.text) for part in array_parts(range(10), 4)]
    assert texts == [(0, "0-3"), (4, "0-3"), (8, "0-1")]
