"""Options that say what jobs on a cluster ask for."""

import functools
from dataclasses import dataclass
from typing import Annotated, Any

from typer import Option

job_option = functools.partial(Option, rich_help_panel="Jobs")


@dataclass(frozen=True)
class JobOptions:
    """Those of sbatch under their own names; what is not given is left to the profile, or to the cluster."""

    partition: Annotated[str | None, job_option(help="Partition (not on ICE).")] = None
    account: Annotated[str | None, job_option(help="Account to charge.")] = None
    qos: Annotated[str | None, job_option(help="Quality of service.")] = None
    constraint: Annotated[str | None, job_option(help="Features of the nodes, such as localNVMe or intel.")] = None
    gres: Annotated[str | None, job_option(help="Generic resources, such as gpu:H100:1.")] = None
    time: Annotated[str | None, job_option(help="Limit of each task: minutes, H:M:S or D-H:M:S.")] = None
    mem: Annotated[str | None, job_option(help="Memory per node, such as 8G.")] = None
    mem_per_cpu: Annotated[str | None, job_option(help="Memory per core, in place of --mem.")] = None
    mem_per_gpu: Annotated[str | None, job_option(help="Memory per GPU, in place of --mem.")] = None
    cpus_per_task: Annotated[int | None, job_option(help="Cores of each task, which are its threads.")] = None
    ntasks_per_node: Annotated[int | None, job_option(help="Cores, as some clusters want them asked for.")] = None
    tmp: Annotated[str | None, job_option(help="Least size of the node's local disk.")] = None
    nice: Annotated[int | None, job_option(help="Lowers the priority by so much.")] = None
    mail_user: Annotated[str | None, job_option(help="Whom SLURM writes to.")] = None
    mail_type: Annotated[str | None, job_option(help="When, such as END,FAIL.")] = None
    setup: Annotated[
        list[str] | None, job_option(help='A line of shell before the program, such as "module load x"; repeatable.')
    ] = None
    extra: Annotated[
        list[str] | None, job_option(help="An option of sbatch as it is, such as --reservation=x; repeatable.")
    ] = None
    signal_lead: Annotated[
        int | None, job_option(help="Seconds before the limit at which a task stops and queues again [default: 120].")
    ] = None
    array_limit: Annotated[int | None, job_option(help="Tasks of a stage that run at once.")] = None

    def given(self) -> dict[str, Any]:
        """Those that stand on the command line."""
        return {name: value for name, value in vars(self).items() if value not in (None, [])}
