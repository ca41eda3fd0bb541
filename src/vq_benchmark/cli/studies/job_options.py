"""Options for the resources of cluster jobs."""

import functools
from dataclasses import dataclass, field, make_dataclass
from typing import Annotated, Any

from typer import Option

from vq_benchmark.studies.stages import STAGES

job_option = functools.partial(Option, rich_help_panel="Jobs")


@dataclass(frozen=True)
class JobOptions:
    """Options of sbatch under their own names; those not given come from the profile or the cluster."""

    partition: Annotated[str | None, job_option(help="Partition (none on ICE).")] = None
    account: Annotated[str | None, job_option(help="Account to charge.")] = None
    qos: Annotated[str | None, job_option(help="Quality of service.")] = None
    constraint: Annotated[str | None, job_option(help="Required node features, such as localNVMe or intel.")] = None
    gres: Annotated[str | None, job_option(help="Generic resources, such as gpu:H100:1.")] = None
    time: Annotated[str | None, job_option(help="Time limit of each task: minutes, H:M:S or D-H:M:S.")] = None
    mem: Annotated[str | None, job_option(help="Memory per node, such as 8G.")] = None
    mem_per_cpu: Annotated[str | None, job_option(help="Memory per core, instead of --mem.")] = None
    mem_per_gpu: Annotated[str | None, job_option(help="Memory per GPU, instead of --mem.")] = None
    cpus_per_task: Annotated[int | None, job_option(help="Cores of each task; it uses as many threads.")] = None
    ntasks_per_node: Annotated[
        int | None, job_option(help="Tasks per node, for clusters that allocate cores this way.")
    ] = None
    tmp: Annotated[str | None, job_option(help="Minimum local disk space of the node.")] = None
    nice: Annotated[int | None, job_option(help="Nice value (lowers priority).")] = None
    mail_user: Annotated[str | None, job_option(help="Address for job emails.")] = None
    mail_type: Annotated[str | None, job_option(help="Events to send emails about, such as END,FAIL.")] = None
    setup: Annotated[
        list[str] | None,
        job_option(help='Shell line to run before the program, such as "module load x"; repeatable.'),
    ] = None
    extra: Annotated[
        list[str] | None, job_option(help="Any other option of sbatch, such as --reservation=x; repeatable.")
    ] = None
    signal_lead: Annotated[
        int | None,
        job_option(help="Seconds before the time limit at which a task stops and requeues [default: 120]."),
    ] = None
    array_limit: Annotated[int | None, job_option(help="Most jobs of a stage that run at once.")] = None
    tasks_per_job: Annotated[
        int | None, job_option(help="Tasks that each job runs, one after another [default: by --min-minutes].")
    ] = None
    min_minutes: Annotated[
        float | None, job_option(help="Put tasks together until a job takes this long [default: 10].")
    ] = None
    max_jobs: Annotated[
        int | None,
        job_option(help="Most jobs in the queue at once; more follow in waves [default: what SLURM says]."),
    ] = None
    max_cpu_hours: Annotated[
        float | None, job_option(help="Warn if the study is estimated to take more CPU-hours.")
    ] = None
    max_job_cpu_hours: Annotated[
        float | None, job_option(help="CPU-hours that the cluster allows a job: cores times time limit.")
    ] = None
    max_time: Annotated[str | None, job_option(help="Longest time limit that the cluster allows a job.")] = None

    def given(self) -> dict[str, Any]:
        """The options that were given on the command line."""
        return {name: value for name, value in vars(self).items() if value not in (None, [])}


OF_STAGES = (
    "mem",
    "mem_per_cpu",
    "mem_per_gpu",
    "time",
    "cpus_per_task",
    "gres",
    "partition",
    "constraint",
    "tasks_per_job",
)
"""Options that each stage also has for itself, such as --fit-mem-per-cpu."""


def _stage_option(stage: str, name: str) -> tuple[str, Any, Any]:
    kind = int if name in ("cpus_per_task", "tasks_per_job") else str
    shown = (stage, name) == ("fit", "mem_per_cpu")
    declared = job_option(
        hidden=not shown,
        help=f"Memory per core of the stage fit. So for other stages ({', '.join(STAGES)}) and options "
        f"({', '.join(OF_STAGES)}).".replace("_", "-"),
    )
    return f"{stage}_{name}", Annotated[kind | None, declared], field(default=None)


StageOptions: Any = make_dataclass(
    "StageOptions", [_stage_option(stage, name) for stage in STAGES for name in OF_STAGES], frozen=True
)
"""Options for the jobs of one stage. One is shown in help, and stands for all."""


def given_options(job: JobOptions, of_stages: Any) -> dict[str, Any]:
    """The options that were given on the command line, those of stages under `stages`."""
    stages = {
        stage: {name: value for name in OF_STAGES if (value := getattr(of_stages, f"{stage}_{name}")) is not None}
        for stage in STAGES
    }
    stages = {stage: values for stage, values in stages.items() if values}
    return job.given() | ({"stages": stages} if stages else {})
