"""Job scripts as bash runs them; `tests/slurm` gives them to sbatch."""

import os
import subprocess
from pathlib import Path

import pytest

from vq_benchmark.errors import InputError
from vq_benchmark.studies.slurm.resources import JobSpec
from vq_benchmark.studies.slurm.script import StageScript, script_text

SHOW = 'printf "[%s]" "$@"; echo " $mode"'


def stage(folder: Path, *command: str, array: str = "0-2") -> StageScript:
    return StageScript(folder / "x.sbatch", "vq-x", "A stage.", array, folder, "evaluate", command)


def run(folder: Path, text: str, *arguments: str, task: str | None = None) -> str:
    path = folder / "x.sbatch"
    path.write_text(text)
    environment = os.environ | ({"SLURM_ARRAY_TASK_ID": task} if task else {})
    return subprocess.run(
        ["bash", path, *arguments], env=environment, capture_output=True, text=True, check=True
    ).stdout


@pytest.mark.parametrize(
    "name", ["plain", "a b", 'it\'s "q"', "x;echo $HOME `id`", "*?[x]", "50% %A", "hash#", "ünï", "-n", "a&b|c>(d)"]
)
def test_any_name_reaches_the_program_as_it_is(tmp_path, name):
    text = script_text(stage(tmp_path / name, "bash", "-c", SHOW, "sh", name), JobSpec(setup=("export mode=up",)))
    assert run(tmp_path, text, "10", task="3") == f"[{name}][13] up\n"
    assert run(tmp_path, text) == f"[{name}][0] up\n"


@pytest.mark.parametrize("name", ["back\\slash", "line\nbreak", "bell\a"])
def test_names_that_sbatch_cannot_take_are_refused(tmp_path, name):
    with pytest.raises(InputError, match="choose another --study-dir"):
        script_text(stage(tmp_path / name, "true"), JobSpec())


def test_the_program_takes_the_place_of_the_shell(tmp_path):
    text = script_text(stage(tmp_path, "bash", "-c", "echo $PPID $$"), JobSpec())
    path = tmp_path / "x.sbatch"
    path.write_text(text)
    with subprocess.Popen(["bash", path], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.read().split() == [str(os.getpid()), str(process.pid)]


def test_a_signal_before_the_program_listens_does_not_end_the_job(tmp_path):
    text = script_text(stage(tmp_path, "echo"), JobSpec(setup=("kill -USR1 $$",)))
    assert run(tmp_path, text) == "0\n"


def test_the_script_says_all_that_sbatch_needs(tmp_path):
    text = script_text(
        stage(tmp_path, "true", array="0-23%5"), JobSpec(time=60, mem="4G", extra=("--reservation=class",))
    )
    head = text[: text.index("\n\n")].splitlines()
    assert head[0] == "#!/bin/bash"
    assert [line for line in head if line.startswith("#SBATCH")] == [
        "#SBATCH --job-name=vq-x",
        "#SBATCH --array=0-23%5",
        f"#SBATCH --output={tmp_path}/evaluate-%A_%a.log",
        "#SBATCH --open-mode=append",
        "#SBATCH --requeue",
        "#SBATCH --kill-on-invalid-dep=yes",
        "#SBATCH --time=60",
        "#SBATCH --mem=4G",
        "#SBATCH --signal=B:USR1@120",
        "#SBATCH --reservation=class",
    ]


def test_a_setup_line_that_fails_ends_the_task_and_is_named(tmp_path):
    setup = ("export A='b c'", 'bash -c "exit 7" # it\'s bad', "echo not reached")
    path = tmp_path / "x.sbatch"
    path.write_text(script_text(stage(tmp_path, "echo"), JobSpec(setup=setup)))
    done = subprocess.run(["bash", path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (7, "")
    assert done.stderr == ('vq-benchmark: the setup line failed with exit code 7: bash -c "exit 7" # it\'s bad\n')


def test_setup_lines_may_be_one_statement_together(tmp_path):
    setup = ("if true; then", "  export mode=up", "fi", "false || true")
    text = script_text(stage(tmp_path, "bash", "-c", SHOW, "sh"), JobSpec(setup=setup))
    assert run(tmp_path, text) == "[0] up\n"
