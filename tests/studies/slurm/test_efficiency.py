"""What jobs used of what they requested."""

from vq_benchmark.studies.slurm.accounting import EndedTask
from vq_benchmark.studies.slurm.efficiency import stage_usages
from vq_benchmark.studies.slurm.job_arrays import ArrayPart
from vq_benchmark.studies.slurm.jobs import Record
from vq_benchmark.studies.slurm.resources import JobSpec

GIB = 1 << 30


def ended(job: int, index: int, state: str, cpu: float, seconds: float, cores: int, peak: int) -> EndedTask:
    return EndedTask(job, index, state, "0:0", seconds, 14400, cpu, cores * seconds, peak, 2 * cores * GIB)


def record(**spec: object) -> Record:
    return (
        Record(JobSpec.parse(spec))
        .with_job(7, "fit", ArrayPart(0, "0", 1))
        .with_job(8, "evaluate", ArrayPart(0, "0-1", 2))
    )


def test_a_stage_in_one_sentence_with_what_to_request_next():
    rows = [
        ended(8, 0, "COMPLETED", 1200, 1200, 4, GIB // 2),
        ended(8, 1, "COMPLETED", 900, 600, 4, GIB // 4),
        ended(8, 2, "RUNNING", 0, 600, 4, 0),
        ended(99, 0, "COMPLETED", 1, 1, 1, 1),
    ]
    (usage,) = stage_usages(record(cpus_per_task=4, mem_per_cpu="2G"), rows)
    assert (usage.stage, usage.tasks) == ("evaluate", 2)
    assert usage.suggested == ("--cpus-per-task 2", "--mem-per-cpu 400M", "--time 40")
    assert usage.sentence == (
        "evaluate used 0.58 of 2 CPU-hours (29%), at most 512.0 MiB of 8.0 GiB of memory, at most 20 of 240 min; "
        "next time: --cpus-per-task 2 --mem-per-cpu 400M --time 40"
    )
    assert usage.as_json()["suggested"] == list(usage.suggested)


def test_nothing_is_suggested_from_tasks_that_failed():
    (usage,) = stage_usages(record(mem="1G"), [ended(7, 0, "OUT_OF_MEMORY", 10, 10, 1, GIB)])
    assert usage.suggested == ()
    assert usage.peak_bytes == GIB


def test_without_accounting_there_is_nothing_to_say():
    assert stage_usages(record(), []) == []
