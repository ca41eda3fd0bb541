"""A real SLURM of three nodes on the loopback of this machine, in a folder of its own, on ports that are free.

The daemons run as children of this process and end with it. Two clusters, or two sessions, do not meet.
"""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import vq_benchmark

COMMANDS = ("slurmctld", "slurmd", "sbatch", "munged", "setpriv")
ACCOUNTING_COMMANDS = ("slurmdbd", "mariadbd", "mariadb-install-db", "mariadb")
CGROUPS = Path("/sys/fs/cgroup")
GRACE_SECONDS = 10
NODES = (1, 2, 3)
"""Two small ones for most tests, and one on which jobs of real size find room, in a partition of its own."""
CONFIGURATION = """\
ClusterName=vqtest
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
AuthType=auth/munge
AuthInfo=socket={root}/munge.socket,cred_expire=5
SlurmUser=root
SlurmdUser=root
StateSaveLocation={root}/state
SlurmdSpoolDir={root}/spool/%n
SlurmctldPidFile={root}/slurmctld.pid
SlurmdPidFile={root}/slurmd-%n.pid
SlurmctldLogFile={root}/log/slurmctld.log
SlurmdLogFile={root}/log/slurmd-%n.log
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=500
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SlurmctldParameters=preempt_send_user_signal
ReturnToService=2
KillWait=5
MinJobAge=300
MaxArraySize={max_array_size}
SlurmdParameters=config_overrides
NodeName={node}[1-2] NodeHostname={host} NodeAddr=127.0.0.1 Port=[{ports[1]},{ports[2]}] CPUs=2 Boards=1 \
SocketsPerBoard=1 CoresPerSocket=2 ThreadsPerCore=1 RealMemory=4000 TmpDisk=20000 Feature=localNVMe State=UNKNOWN
NodeName={node}3 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[5]} CPUs=16 Boards=1 \
SocketsPerBoard=1 CoresPerSocket=16 ThreadsPerCore=1 RealMemory=64000 TmpDisk=20000 Feature=localNVMe State=UNKNOWN
PartitionName=debug Nodes={node}[1-2] Default=YES MaxTime=60 DefaultTime=10 PriorityTier=1 GraceTime={grace} State=UP
PartitionName=high Nodes={node}[1-2] MaxTime=60 PriorityTier=10 PreemptMode=OFF State=UP
PartitionName=large Nodes={node}3 MaxTime=18:00:00 DefaultTime=60 PriorityTier=1 GraceTime={grace} State=UP
"""
WITH_CGROUPS = """\
ProctrackType=proctrack/cgroup
TaskPlugin=task/cgroup
JobAcctGatherType=jobacct_gather/cgroup
JobAcctGatherFrequency=task=1
"""
WITHOUT_CGROUPS = """\
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
"""
WITH_ACCOUNTING = """\
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={ports[3]}
AccountingStoragePass={root}/munge.socket
AccountingStorageEnforce=limits,qos
"""
WITHOUT_ACCOUNTING = "AccountingStorageType=accounting_storage/none\n"
ACCOUNTING_DAEMON = """\
AuthType=auth/munge
AuthInfo=socket={root}/munge.socket
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort={ports[3]}
SlurmUser=root
LogFile={root}/log/slurmdbd.log
PidFile={root}/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={ports[4]}
StorageUser=slurm
StoragePass=slurm
StorageLoc=accounting
"""
ACCOUNTS = (
    "add qos small MaxSubmitJobsPerUser=6",
    "add qos narrow MaxTRESPerJob=cpu=1",
    "modify user root set qos=normal,small,narrow",
)
"""Who may submit, and a QOS that lets a user have six jobs in the queue, and one whose jobs have one core."""
GRANTS = (
    "create database accounting; create user 'slurm'@'%' identified by 'slurm'; "
    "create user 'slurm'@'localhost' identified by 'slurm'; "
    "grant all on accounting.* to 'slurm'@'%'; grant all on accounting.* to 'slurm'@'localhost';"
)


def why_not(commands: Sequence[str] = COMMANDS) -> str | None:
    """Why no cluster can be started here; None where it can."""
    missing = [name for name in commands if shutil.which(name) is None]
    if missing:
        return f"SLURM is not installed here ({', '.join(missing)} missing); `make slurm` installs it where it may"
    return None if os.geteuid() == 0 else "a test cluster of SLURM needs root"


@dataclass(frozen=True)
class Cluster:
    root: Path
    node: str
    accounting: bool
    cgroups: bool

    @property
    def environment(self) -> dict[str, str]:
        """What makes SLURM's commands speak to this cluster, and its jobs run the package under test."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("SLURM_", "SBATCH_"))}
        package = str(Path(vq_benchmark.__file__).parents[1])
        return kept | {
            "SLURM_CONF": str(self.root / "slurm.conf"),
            "PYTHONPATH": package,
            "OMP_NUM_THREADS": "1",
        }

    def run(self, *command: object, check: bool = True) -> str:
        """What a command says, both outputs together."""
        done = subprocess.run(
            [str(part) for part in command],
            env=self.environment, text=True, timeout=60, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        assert not check or done.returncode == 0, f"{command}: {done.stdout}"
        return done.stdout

    def queue(self) -> list[str]:
        """Lines of job_index state reason name of all that waits or runs."""
        return self.run("squeue", "-r", "-h", "-o", "%F_%K %T %r %j").splitlines()

    def wait_until_empty(self, seconds: float = 120) -> None:
        """Until nothing waits or runs."""
        wait_for(lambda: not self.queue(), seconds, lambda: "\n".join(self.queue()))


def wait_for(happened: Callable[[], object], seconds: float, state: Callable[[], object] = lambda: "") -> None:
    """Until something is true; an AssertionError with the state of things where it does not become so in time."""
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, f"not in {seconds} s: {state()}"
        time.sleep(0.1)


@contextmanager
def running_cluster(*, accounting: bool, cgroups: bool, max_array_size: int) -> Iterator[Cluster]:
    """A cluster while the block lasts; accounting and memory limits by cgroups (v1) only where the machine can."""
    accounting = accounting and why_not(ACCOUNTING_COMMANDS) is None
    cgroups = cgroups and os.access(CGROUPS / "memory", os.W_OK) and os.access(CGROUPS / "freezer", os.W_OK)
    root = Path(tempfile.mkdtemp(prefix="vq-slurm-"))
    node = f"vq{os.getpid()}{root.name[-3:].replace('_', 'x')}n"
    cluster = Cluster(root, node, accounting, cgroups)
    _configure(cluster, max_array_size)
    with ExitStack() as stack:
        stack.callback(_clean_up, cluster)
        stack.enter_context(_daemon(cluster, "munged", "--foreground", *_munge_options(root)))
        wait_for((root / "munge.socket").exists, 20, lambda: _log(cluster, "munged"))
        if accounting:
            _start_accounting(cluster, stack)
        stack.enter_context(_daemon(cluster, "slurmctld", "-D"))
        for number in NODES:
            stack.enter_context(_daemon(cluster, "slurmd", "-D", "-N", f"{node}{number}"))
        wait_for(
            lambda: set(cluster.run("sinfo", "-h", "-N", "-o", "%t", check=False).split()) == {"idle"},
            30,
            lambda: _log(cluster, "slurmctld") + _log(cluster, "slurmd"),
        )
        stack.callback(_end_jobs, cluster)
        yield cluster


def _configure(cluster: Cluster, max_array_size: int) -> None:
    root = cluster.root
    root.chmod(0o755)
    for folder in ("log", "state", "spool", "munge", "mysql"):
        (root / folder).mkdir(mode=0o700 if folder == "munge" else 0o755)
    for number in NODES:
        (root / "spool" / f"{cluster.node}{number}").mkdir()
    key = root / "munge" / "key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o600)
    text = (
        CONFIGURATION
        + (WITH_CGROUPS if cluster.cgroups else WITHOUT_CGROUPS)
        + (WITH_ACCOUNTING if cluster.accounting else WITHOUT_ACCOUNTING)
    )
    facts = {
        "root": root,
        "host": socket.gethostname().split(".")[0],
        "node": cluster.node,
        "ports": _free_ports(6),
        "max_array_size": max_array_size,
        "grace": GRACE_SECONDS,
    }
    (root / "slurm.conf").write_text(text.format(**facts))
    (root / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\nConstrainRAMSpace=yes\nConstrainCores=no\n")
    daemon = root / "slurmdbd.conf"
    daemon.write_text(ACCOUNTING_DAEMON.format(**facts))
    daemon.chmod(0o600)
    (root / "database-port").write_text(str(facts["ports"][4]))


def _munge_options(root: Path) -> list[str]:
    return [
        f"--key-file={root}/munge/key",
        f"--socket={root}/munge.socket",
        f"--pid-file={root}/munged.pid",
        f"--log-file={root}/log/munged-own.log",
        f"--seed-file={root}/munge/seed",
        "--num-threads=4",
    ]


def _start_accounting(cluster: Cluster, stack: ExitStack) -> None:
    root = cluster.root
    where = ["--no-defaults", "--user=root", f"--datadir={root}/mysql"]
    cluster.run("mariadb-install-db", *where, "--auth-root-authentication-method=normal", "--skip-test-db")
    stack.enter_context(
        _daemon(
            cluster, "mariadbd", *where,
            f"--socket={root}/mysql.sock", f"--pid-file={root}/mysql.pid", "--bind-address=127.0.0.1",
            f"--port={(root / 'database-port').read_text()}", "--innodb-buffer-pool-size=64M",
            "--innodb-lock-wait-timeout=900", "--innodb-flush-log-at-trx-commit=2", "--skip-log-bin",
        )
    )  # fmt: skip

    def ask(statement: str) -> str:
        return cluster.run("mariadb", "--no-defaults", "-S", root / "mysql.sock", "-e", statement, check=False)

    wait_for(lambda: ask("select 42").endswith("42\n"), 30, lambda: _log(cluster, "mariadbd"))
    assert ask(GRANTS) == ""
    stack.enter_context(_daemon(cluster, "slurmdbd", "-D"))
    wait_for(
        lambda: "vqtest" in cluster.run("sacctmgr", "-i", "add", "cluster", "vqtest", check=False),
        30,
        lambda: _log(cluster, "slurmdbd"),
    )
    for statement in ACCOUNTS:
        cluster.run("sacctmgr", "-i", *statement.split())


@contextmanager
def _daemon(cluster: Cluster, name: str, *arguments: str) -> Iterator[None]:
    """A child in the foreground, which the system ends too if this process is killed."""
    with (cluster.root / "log" / f"{name}.out").open("ab") as log:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", name, *arguments],
            env=cluster.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _end_jobs(cluster: Cluster) -> None:
    jobs = {line.split("_")[0] for line in cluster.queue()}
    if jobs:
        cluster.run("scancel", *jobs, check=False)
        cluster.wait_until_empty(30)


def _clean_up(cluster: Cluster) -> None:
    for top in CGROUPS.glob(f"*/slurm_{cluster.node}?"):
        for folder, _, _ in os.walk(top, topdown=False):
            Path(folder).rmdir()
    shutil.rmtree(cluster.root, ignore_errors=True)


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(closing(socket.socket())) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _log(cluster: Cluster, name: str) -> str:
    return "".join(path.read_text(errors="replace")[-2000:] for path in (cluster.root / "log").glob(f"{name}*"))
