"""What a job may ask for."""

import pytest

from vq_benchmark.errors import InputError
from vq_benchmark.studies.slurm.resources import JobSpec, seconds_of


@pytest.mark.parametrize(
    ("time", "seconds"),
    [
        ("90", 5400),
        ("1:30", 90),
        ("1:30:00", 5400),
        ("2-0", 172800),
        ("1-12:30", 131400),
        ("0-00:00:05", 5),
        ("100:00:00", 360000),
    ],
)
def test_times_are_those_of_sbatch(time, seconds):
    assert seconds_of(time) == seconds


@pytest.mark.parametrize("time", ["", "0", "0:00:00", "1h", "1:2:3:4", "1-24", "1:60", "1:00:60", "-5", "1.5", "1 2"])
def test_other_times_are_refused(time):
    with pytest.raises(InputError, match="--time: "):
        JobSpec.parse({"time": time})


def test_what_is_not_set_emits_nothing():
    assert JobSpec().flags() == ["--signal=B:USR1@120"]


def test_every_option_has_its_flag():
    values = {
        "partition": "cpu", "account": "gts", "qos": "inferno", "constraint": "intel&localNVMe", "gres": "gpu:H100:1",
        "time": 90, "mem_per_cpu": "4g", "cpus_per_task": 4, "ntasks_per_node": 2, "tmp": "20G", "nice": 100,
        "mail_user": "a@b.edu", "mail_type": "END,FAIL", "signal_lead": 60,
    }  # fmt: skip
    assert JobSpec.parse(values).flags() == [
        "--partition=cpu", "--account=gts", "--qos=inferno", "--constraint=intel&localNVMe", "--gres=gpu:H100:1",
        "--time=90", "--mem-per-cpu=4G", "--cpus-per-task=4", "--ntasks-per-node=2", "--tmp=20G", "--nice=100",
        "--mail-user=a@b.edu", "--mail-type=END,FAIL", "--signal=B:USR1@60",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"mem": "4G", "mem_per_cpu": "1G"}, "--mem and --mem-per-cpu exclude each other"),
        ({"mem": "1.5G"}, "'1.5G' is not an amount of memory"),
        ({"mem_per_gpu": "4GB"}, "'4GB' is not an amount of memory"),
        ({"cpus_per_task": 0}, "--cpus-per-task is 0; it must be at least 1"),
        ({"partition": "a\n#SBATCH --uid=0"}, "one line"),
        ({"account": " "}, "one line"),
        ({"time": "2"}, "longer than the 120 seconds"),
        ({"memory": "4G"}, "did you mean 'mem"),
        ({"extra": ["reservation"]}, "not an option of sbatch"),
        ({"extra": ["--array=1"]}, "--array cannot be set: the study decides which tasks run"),
        ({"extra": ["-Jx"]}, "-J cannot be set"),
        ({"extra": ["-oX"]}, "-o cannot be set"),
        ({"extra": ["-o=X"]}, "-o cannot be set"),
        ({"extra": ["--outp=x"]}, "--output cannot be set: `slurm status` looks for the logs"),
        ({"extra": ["--o=x"]}, "--output cannot be set"),
        ({"extra": ["--job"]}, "--job-name cannot be set"),
        ({"extra": ["--w"]}, "--wrap cannot be set"),
        ({"extra": ["--time=1 --output=x"]}, "write one option as --name=value"),
        ({"extra": ["--exclusive --output=x"]}, "write one option as --name=value"),
        ({"extra": ["--comment='a' --output=x"]}, "write one option as --name=value"),
        ({"extra": ['--comment="a" "--output=x"']}, "write one option as --name=value"),
        ({"extra": ["--com'ment=x' --output=y"]}, "write one option as --name=value"),
        ({"extra": ["--comment=a\\ --output=y"]}, "write one option as --name=value"),
        ({"extra": ["--exclusive\t-ox"]}, "one line"),
        ({"extra": ["-p x -o y"]}, "write one option as --name=value"),
        ({"extra": ["-HoX"]}, "several options of sbatch"),
        ({"extra": ["'--output=x'"]}, "write one option as --name=value"),
        ({"extra": ["--"]}, "write one option as --name=value"),
        ({"extra": ["--=x"]}, "write one option as --name=value"),
        ({"extra": ["--x=1\n--y"]}, "one line"),
    ],
)
def test_what_sbatch_would_not_take_is_refused(values, sentence):
    with pytest.raises(InputError, match=sentence):
        JobSpec.parse(values)


@pytest.mark.parametrize(
    "option",
    ["--reservation=class", "--exclusive", "--comment='two words'", '--comment="it\'s"', "-H", "-p", "-pdebug",
     "--gpus-per-node=h100:2", "--wait", "--export=ALL,A=1", "--open-mode=append", "--switches=1@0:10"],
)  # fmt: skip
def test_other_options_pass_as_they_are(option):
    assert JobSpec.parse({"extra": [option]}).extra == (option,)


def test_one_kind_of_memory_replaces_another():
    spec = JobSpec.parse({"mem_per_cpu": "1G", "time": 60})
    assert spec.changed({"mem": "8G"}) == JobSpec.parse({"mem": "8G", "time": 60})
    assert spec.changed({"time": 90}) == JobSpec.parse({"mem_per_cpu": "1G", "time": 90})
    with pytest.raises(InputError, match="exclude each other"):
        spec.changed({"mem": "8G", "mem_per_gpu": "8G"})
