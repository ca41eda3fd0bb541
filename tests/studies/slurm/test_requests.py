"""What jobs request by the estimate, and which requests are refused."""

from typing import Any

import pytest

from vq_benchmark.errors import InputError
from vq_benchmark.machine.memory import GIB, MIB
from vq_benchmark.studies.costs.cost_estimate import StageCost, StudyCost
from vq_benchmark.studies.costs.stage_memory import StageMemory
from vq_benchmark.studies.slurm.jobs import Record
from vq_benchmark.studies.slurm.limits import JobLimit
from vq_benchmark.studies.slurm.requests import Estimate, bundle_size, require_fit, warnings, with_defaults
from vq_benchmark.studies.slurm.resources import JobSpec


def record(**spec: Any) -> Record:
    return Record(JobSpec.parse(spec))


def estimate(tasks: int = 9000, seconds: float | None = 4.0, fit_bytes: int = int(38.7 * GIB)) -> Estimate:
    memory = {"fit": StageMemory(fit_bytes, fit_bytes, "lsq"), "evaluate": StageMemory(400 * MIB, 300 * MIB, "pq")}
    costs = {"fit": StageCost(2, seconds, 1000), "evaluate": StageCost(tasks, seconds, 5000)}
    return Estimate(memory, StudyCost(costs, "made up."))


@pytest.mark.parametrize(
    ("tasks", "seconds", "spec", "size"),
    [
        (9121, 4, {}, 153),  # 150 last ten minutes; that makes 60 jobs, and the 121 tasks that are over go to them
        (9121, 4, {"cpus_per_task": 4}, 609),  # 600 last ten minutes, which makes 15 jobs
        (9121, 4, {"min_minutes": 0}, 1),
        (9121, 1200, {}, 1),
        (9121, 600, {"time": "16"}, 1),  # one alone is longer than half of the limit
        (9121, 60, {"time": "16"}, 9),  # 8 last half of the time limit, which makes 1,140 jobs
        (30, 4, {}, 30),
        (0, 4, {}, 1),
    ],
)
def test_jobs_last_ten_minutes_but_not_as_long_as_they_may(tasks, seconds, spec, size):
    assert bundle_size(JobSpec.parse(spec), tasks, seconds) == size


def test_open_requests_come_from_the_estimate_and_given_ones_stay():
    found = with_defaults(record(stages={"evaluate": {"mem_per_cpu": "2G", "tasks_per_job": 7}}), estimate(), None)
    assert found.resources("fit").mem == "52G"
    assert found.resources("evaluate").mem is None
    assert found.tasks_per_job("evaluate") == 7
    assert found.tasks_per_job("fit") == 2
    assert with_defaults(record(mem="1G"), estimate(), None).resources("fit").mem == "1G"
    assert with_defaults(record(), estimate(seconds=None), None).tasks_per_job("fit") == 1


def test_jobs_get_longer_until_the_queue_has_room_for_all():
    alone = with_defaults(record(time="10:00:00"), estimate(), None)
    fitting = with_defaults(record(time="10:00:00"), estimate(), JobLimit(16, "x"))
    assert 9000 / alone.tasks_per_job("evaluate") > 50
    assert 9000 / fitting.tasks_per_job("evaluate") <= 15


@pytest.mark.parametrize(
    ("spec", "option"),
    [
        ({"mem": "512M"}, "--fit-mem 52G"),
        ({"mem_per_cpu": "2G", "cpus_per_task": 4}, "--fit-mem-per-cpu 13G"),
    ],
)
def test_what_cannot_fit_is_refused_with_the_option_that_helps(spec, option):
    with pytest.raises(InputError, match=rf"stage fit needs about 38.7 GiB of memory \(lsq\).*add {option},"):
        require_fit(record(**spec), estimate())
    stage, name, value = "fit", option.split()[0].removeprefix("--fit-").replace("-", "_"), option.split()[1]
    require_fit(Record(record(**spec).spec.changed({"stages": {stage: {name: value}}})), estimate())
    require_fit(record(**spec), estimate(fit_bytes=400 * MIB))


def test_limits_of_the_user_and_of_the_cluster_are_named():
    said = list(warnings(record(max_cpu_hours=9), estimate()))
    assert said == [
        "the study takes about 10.0 CPU-hours, more than --max-cpu-hours 9; fewer methods, bits or seeds take less."
    ]
    ice = {"max_time": "18:00:00", "max_job_cpu_hours": 512}
    said = list(
        warnings(record(time="1-0", stages={"fit": {"cpus_per_task": 64, "time": "10:00:00"}}, **ice), estimate())
    )
    assert said == [
        "stage fit: 64 cores for 10 hours are 640 CPU-hours, more than the 512 that the cluster allows a job.",
        "stage evaluate: --time 1-0 is longer than the 18:00:00 that the cluster allows.",
    ]
    assert list(warnings(record(time="18:00:00", cpus_per_task=28, max_cpu_hours=11, **ice), estimate())) == []
