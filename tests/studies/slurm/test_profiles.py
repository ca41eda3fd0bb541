"""Named sets of resources."""

import pytest

from vq_benchmark.errors import InputError
from vq_benchmark.studies.slurm.profiles import job_spec, profiles_path
from vq_benchmark.studies.slurm.resources import JobSpec


@pytest.fixture
def path(tmp_path):
    return tmp_path / "slurm.yaml"


def test_ice_ships_without_a_partition(path):
    spec = job_spec("ice", {}, path)
    assert spec.partition is None
    assert spec.constraint == "localNVMe"
    assert spec.mem_per_cpu is not None


def test_options_overrule_the_profile(path):
    path.write_text("big:\n  mem: 64G\n  time: 1:30:00\n  setup:\n    - module load anaconda3\n")
    spec = job_spec("big", {"mem_per_cpu": "2G", "cpus_per_task": 8}, path)
    assert spec == JobSpec(time="1:30:00", mem_per_cpu="2G", cpus_per_task=8, setup=("module load anaconda3",))


def test_an_own_profile_adds_to_the_one_that_ships(path):
    path.write_text("ice:\n  account: gts-me\n  constraint:\n")
    spec = job_spec("ice", {}, path)
    assert (spec.account, spec.constraint) == ("gts-me", None)
    assert spec.mem_per_cpu is not None


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("big:\n  memory: 4G\n", "the profile 'big' has no key 'memory'; did you mean 'mem"),
        ("big:\n  time: soon\n", "'soon' is not a time"),
        ("big:\n  cpus_per_task: four\n", "the profile 'big': --cpus-per-task is 'four'; it must be a whole number"),
        ("big: 4\n", "must hold names of profiles"),
        ("- big\n", "must hold names of profiles"),
        ("big: [\n", "is not YAML"),
        ("bag:\n  time: 5\n", "there is no profile 'big'; did you mean 'bag'"),
    ],
)
def test_bad_files_are_refused(path, text, sentence):
    path.write_text(text)
    with pytest.raises(InputError, match=sentence):
        job_spec("big", {}, path)


def test_an_empty_file_is_as_none(path):
    path.write_text("# nothing yet\n")
    assert job_spec("ice", {}, path) == job_spec("ice", {}, path.with_name("absent.yaml"))


def test_the_file_is_in_the_users_configuration():
    assert str(profiles_path({"XDG_CONFIG_HOME": "/etc/xdg"})) == "/etc/xdg/vq-benchmark/slurm.yaml"
