"""`study plan`, `tasks`, `task`, `status` and `merge`: a study without any scheduler of ours."""

import json
import shlex
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from vq_benchmark.results.database import Database
from vq_benchmark.results.merging import quality

HOSTILE = 'it\'s; $HOME `id` "q"'
METHOD = ("--method", "sq,none", "--bits", 4, "--k", 10, "--num-pairs", 200, "--train-size", 1000)


@pytest.fixture
def planned(program, vectors, tmp_path):
    """The folder of a study of two configurations on two chunks: truth 2, reduce 1, fit 2, evaluate 4, merge 1."""
    said = program("study", "plan", "--dataset", vectors, *METHOD, "--chunks", 2, "--study-dir", HOSTILE)
    assert said.code == 0, said.err
    assert "2 configurations on 2 chunks, 10 tasks, 0 of them done" in said.out
    return tmp_path / HOSTILE


def lines(program, folder, *options):
    said = program("study", "tasks", folder, *options)
    assert said.code == 0, said.err
    return said.out.splitlines()


def run_all(program, folder, *options):
    """Run all lines as a shell would split them, in this process."""
    codes = []
    for line in lines(program, folder, *options):
        words = shlex.split(line)
        codes.append(program(*words[words.index("study") :]).code)
    return codes


def qualities(path):
    return {run.run_id: quality(run.metrics) for run in Database(path).runs("status = 'done'")}


def test_a_study_runs_task_by_task_to_the_numbers_of_sweep(program, planned, vectors):
    assert [path.name for path in planned.iterdir()] == ["manifest.json"]
    rounds = [run_all(program, planned, "--ready", "--threads", 1) for _ in range(4)]
    assert rounds == [[0] * 4, [0], [0] * 4, [0]]
    assert lines(program, planned) == []
    done = program("study", "status", planned)
    assert (done.code, done.out.splitlines()[-1]) == (
        0, f"next: vq-benchmark plot --db-path {shlex.quote(str(planned / 'results.db'))}",
    )  # fmt: skip
    assert program("sweep", "--dataset", vectors, *METHOD, "--threads", 1, "--db-path", "sweep.db").code == 0
    assert qualities(planned / "results.db") == qualities(Path("sweep.db"))


def test_lines_are_whole_commands_for_one_stage(program, planned):
    found = lines(
        program, planned, "--stage", "evaluate", "--threads", 2, "--memory-limit", "2G", "--cache-dir", "x y"
    )
    assert len(found) == 4
    words = shlex.split(found[3])
    assert words[:4] == [sys.executable, "-P", "-m", "vq_benchmark"]
    assert words[4:] == [
        "study", "task", "--threads=2", "--memory-limit=2G", f"--cache-dir={planned.parent / 'x y'}", str(planned),
        "evaluate", "3",
    ]  # fmt: skip
    assert lines(program, planned, "--stage", "evaluate", "--ready") == []


def test_planning_again_changes_nothing_and_another_study_is_refused(program, planned, vectors):
    before = (planned / "manifest.json").read_bytes()
    again = program("study", "plan", "--dataset", vectors, *METHOD, "--chunks", 2, "--study-dir", planned)
    assert again.code == 0
    assert (planned / "manifest.json").read_bytes() == before
    other = program("study", "plan", "--dataset", vectors, *METHOD, "--chunks", 3, "--study-dir", planned)
    assert other.code == 2
    assert "holds a different study" in other.err


def test_a_file_plans_as_well_and_options_override_it(program, vectors, tmp_path):
    study = tmp_path / "study.yaml"
    study.write_text(json.dumps({"dataset": str(vectors), "methods": ["sq"], "bits": [4], "k": 10}))
    assert program("study", "plan", study, "--study-dir", "st", "--chunks", 5).code == 0
    assert len(lines(program, "st", "--stage", "evaluate")) == 5


def test_status_counts_tasks_and_names_failures_with_the_command_to_rerun(program, planned):
    assert program("study", "task", planned, "fit", 0).code == 0
    failed = program("study", "task", planned, "truth", 1, "--memory-limit", "1M")
    assert failed.code == 1
    assert "exact neighbours among rows 2,500 to 5,000 failed: " in failed.err
    said = program("study", "status", planned)
    assert said.code == 1
    assert "failed: truth 1 (exact neighbours among rows 2,500 to 5,000): " in said.out
    assert "of memory even with --batch-size 4096" in said.out
    command = f"vq-benchmark study task {shlex.quote(str(planned))} truth 1"
    assert f"rerun: {command}\n" in said.out
    found = json.loads(program("study", "status", planned, "--json").out)
    assert found["stages"]["truth"] == {"tasks": 2, "done": 0, "failed": 1, "blocked": 0, "missing": 1}
    assert found["stages"]["fit"] == {"tasks": 2, "done": 1, "failed": 0, "blocked": 0, "missing": 1}
    problem, *blocked = found["problems"]
    assert {each["state"] for each in blocked} == {"blocked"}
    assert {each["stage"] for each in blocked} == {"reduce", "evaluate"}
    assert {each["reason"] for each in blocked} == {"not started: truth 1 ran out of memory"}
    assert said.out.count("rerun: ") == 1
    assert (problem["stage"], problem["index"], problem["state"], problem["command"]) == (
        "truth",
        1,
        "failed",
        command,
    )
    assert program(*shlex.split(command)[1:]).code == 0
    assert program("study", "status", planned).code == 0
    assert json.loads(program("study", "status", planned, "--json").out)["stages"]["truth"]["done"] == 1


def test_an_incomplete_merge_says_which_tasks_are_missing(program, planned):
    for stage in ("truth", "reduce", "fit"):
        run_all(program, planned, "--stage", stage)
    for index in (0, 1, 3):
        assert program("study", "task", planned, "evaluate", index).code == 0
    said = program("study", "merge", planned)
    assert said.code == 1
    assert "none, seed 0, rows 0 to 2,500: task evaluate 2 is not done" in said.err
    assert len(qualities(planned / "results.db")) == 1
    assert program("study", "task", planned, "evaluate", 2).code == 0
    said = program("study", "merge", planned)
    assert (said.code, said.out) == (0, f"results: {planned / 'results.db'}\n")
    assert len(qualities(planned / "results.db")) == 2
    assert program("study", "status", planned).code == 0


def test_a_killed_task_is_missing_and_runs_again(program, tmp_path):
    rng = np.random.default_rng(3)
    base = rng.standard_normal((200_000, 32), dtype=np.float32)
    np.save(tmp_path / "base.npy", base)
    np.save(tmp_path / "queries.npy", base[:500] + np.float32(0.1))
    given = ("--dataset", "base.npy", "--queries-path", "queries.npy", "--method", "none", "--k", 10, "--chunks", 2)
    assert program("study", "plan", *given, "--study-dir", "st").code == 0
    (line,) = lines(program, "st", "--stage", "truth", "--checkpoint-every", "1", "--threads", "1")[:1]
    with subprocess.Popen(["sh", "-c", f"exec {line}"], stderr=subprocess.DEVNULL) as process:
        end = time.monotonic() + 60
        while not list(Path("st/checkpoints").glob("*.npz")):
            assert process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.01)
        process.kill()
    said = program("study", "status", "st", "--json")
    assert said.code == 0  # nothing says that it failed
    assert json.loads(said.out)["stages"]["truth"] == {"tasks": 2, "done": 0, "failed": 0, "blocked": 0, "missing": 2}
    assert line in lines(program, "st", "--ready", "--checkpoint-every", "1", "--threads", "1")
    again = program("study", "task", "st", "truth", 0)
    assert again.code == 0
    assert "resuming from checkpoint: " in again.err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("tasks", "nowhere"), "'nowhere' is not the folder of a study"),
        (("tasks", "my vectors"), "'my vectors' is not the folder of a study"),
        (("status", "nowhere"), "'nowhere' is not the folder of a study"),
        (("merge", "nowhere"), "'nowhere' is not the folder of a study"),
        (("task", "nowhere", "fit", 0), "'nowhere' is not the folder of a study"),
        (("task", HOSTILE, "fit", 2), "there is no task 2 of stage fit; its tasks are 0 to 1."),
        (("task", HOSTILE, "fit", "--", -1), "there is no task -1 of stage fit"),
        (("task", HOSTILE, "train", 0), "there is no stage 'train'; the stages are truth, reduce, fit"),
        (("task", HOSTILE, "fit", "one"), "should be a valid integer"),
        (("tasks", HOSTILE, "--stage", "train"), "there is no stage 'train'"),
        (("plan", "--study-dir", "st", "--method", "sq"), "--dataset is missing"),
        (("plan", "--study-dir", "", "--dataset", "sample", "--method", "sq"), "empty"),
        (("plan", "--study-dir", "st", "nothing.yaml"), "nothing.yaml"),
    ],
)
def test_bad_usage_is_one_sentence(program, planned, arguments, sentence):
    said = program("study", *arguments)
    assert said.code == 2
    assert sentence in said.err
    assert said.out == ""
    assert not Path("st").exists()


def test_the_folder_of_another_user_is_not_planned_in(program, planned, vectors, monkeypatch):
    monkeypatch.setenv("LOGNAME", "somebody")
    said = program("study", "plan", "--dataset", vectors, *METHOD, "--chunks", 2, "--study-dir", planned)
    assert said.code == 2
    assert "choose a folder of your own" in said.err


def test_jobs_are_previewed_without_slurm(program, vectors, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    options = ("--dataset", vectors, *METHOD, "--chunks", 2, "--study-dir", "st")
    said = program("slurm", "submit", *options, "--dry-run", "--time", 60, "--mem", "1G", "--tasks-per-job", 1)
    assert said.code == 0, said.err
    assert "MaxArraySize here; arrays are cut at its default, 1001." in said.err
    for text in ("#SBATCH --array=0-3", "#SBATCH --mem=1G", "afterany:$reduce,afterany:$fit", "slurm task"):
        assert text in said.out
    assert not Path("st").exists()
    for more in ((), ("--test-only",)):
        refused = program("slurm", "submit", *options, *more)
        assert refused.code == 2
        assert "sbatch" in refused.err
