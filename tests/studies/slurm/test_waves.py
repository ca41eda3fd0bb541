"""How many jobs a wave has, and how many waves there are."""

from hypothesis import given
from hypothesis import strategies as st

from vq_benchmark.studies.slurm.calls import Call
from vq_benchmark.studies.slurm.job_arrays import array_parts, expanded
from vq_benchmark.studies.slurm.limits import JobLimit
from vq_benchmark.studies.slurm.waves import first_wave, number_of_waves


def tasks_of(calls: list[Call]) -> list[tuple[str, int]]:
    return [
        (call.stage, call.part.offset + element * call.part.size)
        for call in calls
        for element in expanded(call.part.text)
    ]


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 20), st.integers(0, 10))
def test_waves_cover_all_jobs_in_order_and_never_exceed_the_limit(fits, evaluations, array_size, others):
    limit = JobLimit(others + 4, "the test")
    left = [
        *(Call("fit", part) for part in array_parts(range(fits), array_size)),
        *(Call("evaluate", part) for part in array_parts(range(evaluations), array_size, 3)),
    ]
    wanted, found, waves = tasks_of(left), [], 0
    while True:
        submitter = 0 if waves == 0 else 1
        wave = first_wave(left, limit, others + submitter)
        assert wave.jobs + submitter + bool(wave.later) + others <= limit.jobs
        assert wave.jobs > 0
        found += tasks_of(list(wave.calls))
        waves += 1
        if not wave.later:
            break
        left = [
            Call(call.stage, part)
            for call in left
            for part in [call.part]
            if (rest := [e for e in expanded(part.text) if (call.stage, part.offset + e) not in found])
            for part in array_parts(rest, array_size * 100)
            for part in [type(part)(call.part.offset, part.text, part.count)]
        ]
    assert found == wanted
    assert number_of_waves(len(wanted), limit, others) == waves


def test_without_a_limit_there_is_one_wave():
    (part,) = array_parts(range(5000), 10_000)
    assert first_wave([Call("fit", part)], None, 7).later == 0
    assert number_of_waves(5000, None) == 1
    assert number_of_waves(5000, JobLimit(3, "x"), 2) is None
