"""Options for the resources of cluster jobs."""

import functools
from dataclasses import dataclass
from typing import Annotated, Any

from typer import Option

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
    array_limit: Annotated[int | None, job_option(help="Most tasks of a stage that run at once.")] = None

    def given(self) -> dict[str, Any]:
        """The options that were given on the command line."""
        return {name: value for name, value in vars(self).items() if value not in (None, [])}
