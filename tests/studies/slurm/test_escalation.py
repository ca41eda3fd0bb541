"""What is requested for tasks that ran out of memory or time."""

import pytest

from vq_benchmark.errors import InputError
from vq_benchmark.studies.slurm.accounting import EndedTask
from vq_benchmark.studies.slurm.escalation import Caps, more_for, parsed_caps
from vq_benchmark.studies.slurm.resources import JobSpec

MIB = 1 << 20


def ended(state: str, exit_code: str = "0:0", **usage: float) -> EndedTask:
    return EndedTask(1, 0, state, exit_code, **usage)


def killed(requested: int, peak: int) -> EndedTask:
    return ended("OUT_OF_MEMORY", peak_bytes=peak * MIB, bytes_requested=requested * MIB)


@pytest.mark.parametrize(
    ("spec", "requested", "peak", "options"),
    [
        ({"mem": "600M"}, 600, 590, {"mem": "900M"}),
        ({"mem": "600M"}, 600, 10, {"mem": "900M"}),  # it grew between two samples
        ({"mem_per_cpu": "2G", "cpus_per_task": 4}, 8192, 8000, {"mem_per_cpu": "3072M"}),
        ({"mem_per_cpu": "500"}, 500, 500, {"mem_per_cpu": "750M"}),
        ({}, 500, 500, {"mem": "750M"}),
        ({"mem": "1G"}, 1024, 2000, {"mem": "3000M"}),  # SLURM allowed it more than it requested
    ],
)
def test_half_as_much_memory_again(spec, requested, peak, options):
    found = more_for(JobSpec.parse(spec), [killed(requested, peak), ended("COMPLETED")])
    assert (found.options, found.at_cap) == (options, ())


def test_the_cap_is_kept_and_named():
    spec = JobSpec.parse({"mem": "50G"})
    caps = parsed_caps("64G", "18:00:00")
    assert more_for(spec, [killed(50 << 10, 0)], caps).options == {"mem": "65536M"}
    without_unit = parsed_caps("64000", "18:00:00")
    assert more_for(spec, [killed(50 << 10, 0)], without_unit).options == {"mem": "64000M"}
    at_cap = more_for(JobSpec.parse({"mem": "64G"}), [killed(64 << 10, 0)], caps)
    assert (at_cap.options, at_cap.at_cap) == ({}, ("--max-mem",))
    assert "--max-mem is reached" in at_cap.remarks()[0]


def test_half_as_much_time_again():
    late = ended("TIMEOUT", seconds_limit=3600)
    assert more_for(JobSpec.parse({}), [late]).options == {"time": "90"}
    assert more_for(JobSpec.parse({}), [late], Caps(time="1:10:00")).options == {"time": "70"}
    assert more_for(JobSpec.parse({}), [late], Caps(time="1:00:00")).at_cap == ("--max-time",)


def test_no_more_time_is_requested_than_the_cluster_allows():
    late, allowed = ended("TIMEOUT", seconds_limit=3600), JobSpec.parse({"max_time": "1:10:00"})
    assert more_for(allowed, [late]).options == more_for(allowed, [late], parsed_caps()).options == {"time": "70"}
    assert more_for(allowed, [late], parsed_caps(time="1:20:00")).options == {"time": "80"}
    longest = ended("TIMEOUT", seconds_limit=20 * 3600)
    assert more_for(JobSpec.parse({"max_time": "2-0"}), [longest]).options == {"time": "1800"}


def test_where_slurm_itself_kills_for_memory_the_signal_tells():
    row = ended("FAILED", "0:9", bytes_requested=100 * MIB)
    assert more_for(JobSpec.parse({"mem": "100M"}), [row]).options == {"mem": "150M"}


def test_nothing_is_requested_for_other_failures():
    spec = JobSpec.parse({"mem": "1G"})
    assert more_for(spec, [ended("FAILED", "1:0", bytes_requested=MIB), ended("NODE_FAIL")]).options == {}
    assert more_for(spec, []).remarks() == []
    assert more_for(spec, [killed(1024, 0)]).remarks() == ["--escalate would request --mem 1536M"]


def test_caps_are_what_sbatch_takes():
    with pytest.raises(InputError, match="is not an amount of memory"):
        parsed_caps("much", "18:00:00")
