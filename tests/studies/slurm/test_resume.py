"""Which tasks are submitted again, and what they wait for, with a queue of our own making in place of SLURM's."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from vq_benchmark.errors import InputError
from vq_benchmark.machine.progress import SilentReporter
from vq_benchmark.studies.cells import Machine
from vq_benchmark.studies.plan import Manifest
from vq_benchmark.studies.planning import plan_study
from vq_benchmark.studies.slurm import scheduler
from vq_benchmark.studies.slurm.accounting import EndedTask
from vq_benchmark.studies.slurm.cancel import cancel_study
from vq_benchmark.studies.slurm.escalation import Caps
from vq_benchmark.studies.slurm.job_arrays import expanded
from vq_benchmark.studies.slurm.jobs import Record, job_name, load_record, named_tasks, script_path
from vq_benchmark.studies.slurm.resources import JobSpec
from vq_benchmark.studies.slurm.resume import resume_study
from vq_benchmark.studies.slurm.status import is_in_progress, study_status
from vq_benchmark.studies.slurm.submission import submit_study
from vq_benchmark.studies.stages import STAGES, Task
from vq_benchmark.studies.study import Study
from vq_benchmark.studies.tasks import TaskContext, TaskFailed, run_task


@dataclass
class Queue:
    """The functions of `scheduler` over a list."""

    tasks: list[scheduler.QueuedTask] = field(default_factory=list)
    calls: list[tuple[str, str, int, str]] = field(default_factory=list)
    """Stage, array, offset and dependency of each submission."""
    taken: int = 0
    refuses: str = ""
    rows: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    """What accounting answers, by the kind of thing asked for."""

    def limits(self, what: str, columns: list[str], condition: str) -> list[dict[str, str]]:
        """The rows that fulfil the condition, with all columns."""
        name, _, values = condition.partition("=")
        rows = [dict.fromkeys(columns, "") | row for row in self.rows.get(what, [])]
        key = name.capitalize()
        return [row for row in rows if name == "user" or row[key] in values.split(",")]

    def submit(self, script: Path, array: str, offset: int, dependency: str, options: list[str]) -> int:
        stage = script.stem
        if stage == self.refuses:
            raise scheduler.SchedulerError("`sbatch` said: no.")
        self.calls.append((stage, array, offset, dependency))
        self.taken += 1
        name = next(
            line for line in script.read_text().splitlines() if line.startswith("#SBATCH --job-name")
        ).partition("=")[2]
        name = options[0].partition("=")[2] if options else name
        self.tasks += [
            scheduler.QueuedTask(self.taken, index, name, "PENDING", "Dependency") for index in expanded(array)
        ]
        return self.taken

    def cancel(self, names: list[str]) -> None:
        for name in names:
            self.tasks = [row for row in self.tasks if name not in (str(row.job), f"{row.job}_{row.index}")]

    def run(self, stage: str) -> None:
        self.tasks = [replace(row, state="RUNNING") if f"-{stage}-" in row.name else row for row in self.tasks]

    def lose(self, stage: str, *indices: int) -> None:
        self.tasks = [row for row in self.tasks if f"-{stage}-" not in row.name or row.index not in indices]


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> Queue:
    queue = Queue()
    monkeypatch.setattr(scheduler, "submit", lambda *call: queue.submit(*call))
    monkeypatch.setattr(scheduler, "cancel", lambda names: queue.cancel(list(names)))
    monkeypatch.setattr(scheduler, "queue", lambda uid: queue.tasks)
    monkeypatch.setattr(scheduler, "ended", lambda jobs: [])
    monkeypatch.setattr(scheduler, "configuration", lambda: {"MaxArraySize": "3", "MaxJobCount": "10000"})
    monkeypatch.setattr(scheduler, "accounting", lambda *question: queue.limits(*question))
    monkeypatch.setattr(scheduler, "require_slurm", lambda: None)
    return queue


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    """Two chunks, two configurations: truth 2, reduce 1, fit 2, evaluate 4, merge 1."""
    rng = np.random.default_rng(0)
    np.save(tmp_path / "base.npy", rng.standard_normal((300, 8)).astype(np.float32))
    np.save(tmp_path / "queries.npy", rng.standard_normal((5, 8)).astype(np.float32))
    study = Study.parse(
        {
            "dataset": str(tmp_path / "base.npy"), "queries_path": str(tmp_path / "queries.npy"),
            "methods": ["sq", "none"], "bits": 8, "k": 5, "max_candidates": 10, "train_size": 100, "num_pairs": 50,
            "chunks": 2,
        }
    )  # fmt: skip
    options = study.options(Machine(cache_dir=tmp_path / "cache", codebooks_dir=tmp_path / "codebooks"))
    return plan_study(study, tmp_path / "study", study.load(), options)


@pytest.fixture
def do(manifest: Manifest, queue: Queue, tmp_path: Path) -> Callable[..., None]:
    """Do tasks of a stage here, as the cluster would, and take them off the queue."""
    machine = Machine(cache_dir=tmp_path / "cache", codebooks_dir=tmp_path / "codebooks")

    def do(stage: str, *indices: int) -> None:
        for task in manifest.tasks(stage):
            if not indices or task.index in indices:
                run_task(TaskContext(manifest, machine, SilentReporter()), task)
                queue.tasks = [row for row in queue.tasks if task not in named_tasks(manifest, row.name, row.index)]

    return do


def submitted(manifest: Manifest) -> None:
    submit_study(manifest, Record(JobSpec.parse({"array_limit": 2})))


def test_stages_wait_for_each_other_and_arrays_are_cut(manifest, queue):
    submitted(manifest)
    assert queue.calls == [
        ("truth", "0-1%2", 0, ""),
        ("reduce", "0%2", 0, "afterany:1"),
        ("fit", "0-1%2", 0, ""),
        ("evaluate", "0-2%1", 0, "afterany:2,afterany:3"),
        ("evaluate", "0%1", 3, "afterany:2,afterany:3"),
        ("merge", "0%2", 0, "afterany:4:5"),
    ]
    found = study_status(manifest)
    assert {each.state for each in found.tasks} == {"pending"}
    assert found.next_command.startswith("vq-benchmark slurm status ")
    with pytest.raises(InputError, match="was already submitted as jobs 1, 2, 3, 4, 5, 6"):
        submitted(manifest)


def test_each_command_asks_slurm_once(manifest, queue, monkeypatch):
    asked: list[str] = []
    settings = scheduler.configuration()
    monkeypatch.setattr(scheduler, "queue", lambda uid: asked.append("queue") or queue.tasks)
    monkeypatch.setattr(scheduler, "configuration", lambda: asked.append("configuration") or settings)
    submitted(manifest)
    assert asked == ["queue", "configuration"]
    asked.clear()
    study_status(manifest)
    cancel_study(manifest)
    assert asked == ["queue", "queue"]
    asked.clear()
    resume_study(manifest, {})
    assert asked == ["queue", "configuration"]


def test_a_moved_study_is_submitted_again_from_where_it_is(manifest, queue, tmp_path):
    submitted(manifest)
    queue.run("fit")
    shutil.copytree(manifest.folder, tmp_path / "copy")
    moved = Manifest.load(manifest.folder.rename(tmp_path / "moved"))
    found = study_status(moved)
    assert {each.state for each in found.tasks} == {"stuck"}
    assert found.next_command == f"vq-benchmark slurm resume {moved.folder}"
    assert f"was moved from '{manifest.folder}'" in found.remarks[0]
    queue.calls.clear()
    done = resume_study(moved, {})
    assert (done.still_queued, len(done.jobs)) == (0, 6)
    (remark,) = done.remarks
    assert remark.startswith(f"rewrote the scripts, which were for the folder '{manifest.folder}'")
    assert {row.job for row in queue.tasks} == set(range(7, 13))
    assert str(manifest.folder) not in script_path(moved, "fit").read_text()
    assert resume_study(Manifest.load(moved.folder), {}).still_queued == 10

    copy = Manifest.load(tmp_path / "copy")
    found = study_status(copy)
    assert {each.reason for each in found.tasks} == {"it was never submitted"}
    assert f"a copy of the study in '{manifest.folder}'" in found.remarks[0]
    assert cancel_study(copy) == 0
    assert resume_study(copy, {}).still_queued == 0
    assert {row.job for row in queue.tasks} == set(range(7, 19))
    assert cancel_study(Manifest.load(copy.folder)) == 10
    assert {row.job for row in queue.tasks} == set(range(7, 13))


def test_another_interpreter_rewrites_the_scripts(manifest, queue, monkeypatch):
    submitted(manifest)
    queue.tasks.clear()
    monkeypatch.setattr("sys.executable", "/new/python")
    monkeypatch.setattr("vq_benchmark.studies.task_command.PROGRAM", ("/new/python", "-m", "vq_benchmark"))
    assert "and not '/new/python'" in resume_study(manifest, {}).remarks[0]
    assert "exec /new/python " in script_path(manifest, "fit").read_text()
    queue.tasks.clear()
    assert resume_study(manifest, {}).remarks == ()


def wait_for_ever(queue: Queue, stage: str, reason: str) -> None:
    queue.tasks = [replace(row, reason=reason) if f"-{stage}-" in row.name else row for row in queue.tasks]


def test_new_resources_replace_what_would_wait_for_ever(manifest, queue):
    submitted(manifest)
    wait_for_ever(queue, "truth", "PartitionTimeLimit")
    found = study_status(manifest)
    assert found.counts("truth")["stuck"] == 2
    assert found.next_command == f"vq-benchmark slurm resume {manifest.folder} --time 1:00:00"
    assert resume_study(manifest, {}).jobs == []
    queue.calls.clear()
    assert resume_study(manifest, {"time": "60"}).still_queued == 2
    assert [stage for stage, *_ in queue.calls] == ["truth", "reduce", "evaluate", "evaluate", "merge"]


def ended(job: int, index: int, state: str, exit_code: str = "0:0") -> EndedTask:
    return EndedTask(job, index, state, exit_code, seconds_limit=600, bytes_requested=100 << 20)


def test_tasks_that_could_not_start_say_which_one_is_to_blame(manifest, queue, do, monkeypatch):
    submitted(manifest)
    do("fit")
    do("truth", 0)
    for stage, index in (("reduce", 0), *(("evaluate", index) for index in range(4)), ("merge", 0)):
        with pytest.raises(TaskFailed):
            do(stage, index)
    queue.tasks.clear()
    monkeypatch.setattr(scheduler, "ended", lambda jobs: [ended(1, 1, "OUT_OF_MEMORY")])
    found = study_status(manifest)
    assert [(each.task.name, each.state, each.reason) for each in found.problems] == [
        ("truth-00001", "failed", "out of memory"),
        ("reduce-00000", "blocked", "not started: truth 1 ran out of memory"),
        *((f"evaluate-0000{i}", "blocked", "not started: truth 1 ran out of memory") for i in range(4)),
        ("merge-00000", "blocked", "incomplete: truth 1 ran out of memory"),
    ]
    assert [len(group) for group in found.grouped_problems()] == [1, 1, 4, 1]
    assert found.next_command.endswith(" --escalate")
    assert "--escalate would request --truth-mem 150M" in found.remarks
    assert resume_study(manifest, {}).remarks == ("--escalate would request --truth-mem 150M",)


def test_escalation_requests_more_and_what_is_given_counts_more(manifest, queue, do, monkeypatch):
    submitted(manifest)
    queue.tasks.clear()
    monkeypatch.setattr(scheduler, "ended", lambda jobs: [ended(1, 0, "OUT_OF_MEMORY"), ended(3, 1, "TIMEOUT")])
    assert resume_study(manifest, {}, Caps()).remarks == ("requested --truth-mem 150M --fit-time 15",)
    assert "#SBATCH --mem=150M" in script_path(manifest, "truth").read_text()
    queue.tasks.clear()
    monkeypatch.setattr(scheduler, "ended", lambda jobs: [ended(7, 0, "OUT_OF_MEMORY")])
    resume_study(manifest, {"mem": "4G"}, Caps())
    assert load_record(manifest.folder).spec.mem == "4G"


def test_a_failure_of_an_earlier_attempt_is_not_that_of_the_last(manifest, queue, do, monkeypatch):
    submitted(manifest)
    queue.tasks.clear()
    with pytest.raises(TaskFailed):
        do("reduce")
    monkeypatch.setattr(scheduler, "ended", lambda jobs: [ended(2, 0, "FAILED", "127:0")])
    reduce = next(each for each in study_status(manifest).problems if each.task.stage == "reduce")
    assert (reduce.state, reduce.reason) == ("blocked", "not started: truth 0 left no result")
    os.utime(manifest.failure_path(reduce.task), (0, 0))
    reduce = next(each for each in study_status(manifest).problems if each.task.stage == "reduce")
    assert reduce.reason == "exit code 127, and it left no result"


def test_what_is_left_is_shown_from_files_if_slurm_does_not_answer(manifest, queue, do, monkeypatch):
    submitted(manifest)
    do("truth", 0)

    def silent(uid: int) -> list[scheduler.QueuedTask]:
        raise scheduler.SchedulerError("`squeue` did not answer.")

    monkeypatch.setattr(scheduler, "queue", silent)
    found = study_status(manifest)
    assert found.counts("truth") == {"done": 1, "failed": 0, "missing": 1}
    assert found.problems == []
    assert found.remarks[0].startswith("SLURM does not answer, so this is what the files say")
    assert is_in_progress(found)


def test_watching_ends_when_nothing_can_happen_any_more(manifest, queue):
    submitted(manifest)
    assert is_in_progress(study_status(manifest))
    wait_for_ever(queue, "truth", "JobHeldUser")
    assert is_in_progress(study_status(manifest)) is False
    queue.tasks.clear()
    assert is_in_progress(study_status(manifest)) is False


def test_what_is_in_the_queue_is_not_submitted_again(manifest, queue):
    submitted(manifest)
    (manifest.folder / "slurm" / "jobs.json").unlink()
    with pytest.raises(InputError, match=r"10 tasks of the study in .* are already in the queue"):
        submitted(manifest)
    assert cancel_study(manifest) == 10
    submitted(manifest)
    assert len(queue.tasks) == 10


def test_what_is_done_is_not_submitted(manifest, queue, do):
    for stage in ("truth", "reduce", "fit"):
        do(stage)
    submitted(manifest)
    assert [(stage, dependency) for stage, _, _, dependency in queue.calls] == [
        ("evaluate", ""),
        ("evaluate", ""),
        ("merge", "afterany:1:2"),
    ]


def test_what_waits_for_the_wrong_job_is_handed_in_again(manifest, queue, do):
    submitted(manifest)
    queue.run("truth")
    queue.lose("truth", 1)
    do("fit")
    counts = study_status(manifest).counts("truth")
    assert {state: count for state, count in counts.items() if count} == {"running": 1, "lost": 1}
    queue.calls.clear()
    resumption = resume_study(manifest, {})
    assert resumption.still_queued == 1
    assert queue.calls == [
        ("truth", "1%2", 0, ""),
        ("reduce", "0%2", 0, "afterany:7:1"),
        ("evaluate", "0-2%1", 0, "afterany:8"),
        ("evaluate", "0%1", 3, "afterany:8"),
        ("merge", "0%2", 0, "afterany:9:10"),
    ]
    assert sorted({row.job for row in queue.tasks}) == [1, 7, 8, 9, 10, 11]
    queue.calls.clear()
    assert resume_study(manifest, {}).jobs == []
    assert queue.calls == []


def ending(queue: Queue, stage: str) -> None:
    queue.tasks = [replace(row, state="COMPLETING") if f"-{stage}-" in row.name else row for row in queue.tasks]


@pytest.mark.parametrize("comes_back", [False, True])
def test_tasks_that_are_ending_are_waited_for(manifest, queue, do, monkeypatch, comes_back):
    submitted(manifest)
    do("truth", 0)
    ending(queue, "truth")

    def sleep(seconds: float) -> None:
        queue.tasks = [
            replace(row, state="PENDING") if row.ends else row for row in queue.tasks if comes_back or not row.ends
        ]

    monkeypatch.setattr("time.sleep", sleep)
    queue.calls.clear()
    resume_study(manifest, {})
    again = [] if comes_back else [("truth", "1%2", 0, ""), ("reduce", "0%2", 0, "afterany:7")]
    assert queue.calls[:2] == again


def test_tasks_that_never_end_are_not_waited_for_for_ever(manifest, queue, monkeypatch):
    submitted(manifest)
    ending(queue, "truth")
    monkeypatch.setattr("vq_benchmark.studies.slurm.queue.ENDING_SECONDS", 0)
    queue.calls.clear()
    resume_study(manifest, {})
    assert queue.calls[0] == ("truth", "0-1%2", 0, "")


def test_a_merge_that_runs_is_followed_by_another(manifest, queue, do):
    submitted(manifest)
    for stage in ("truth", "reduce", "fit"):
        do(stage)
    do("evaluate", 0, 1, 2)
    queue.lose("evaluate", 0)  # the fourth task is the first of the second array
    queue.run("merge")
    queue.calls.clear()
    resume_study(manifest, {"time": 90})
    assert queue.calls == [("evaluate", "0%2", 3, ""), ("merge", "0%2", 0, "afterany:7,afterany:6")]
    assert "#SBATCH --time=90" in script_path(manifest, "evaluate").read_text()
    assert load_record(manifest.folder).spec.time == "90"


def test_edits_by_hand_stay_unless_resources_change(manifest, queue):
    submitted(manifest)
    queue.tasks.clear()
    script = script_path(manifest, "fit")
    script.write_text(script.read_text() + "# mine\n")
    resume_study(manifest, {})
    assert script.read_text().endswith("# mine\n")
    queue.tasks.clear()
    (remark,) = resume_study(manifest, {"mem": "2G"}).remarks
    assert "your edits in it no longer apply; they are kept in 'fit.sbatch.edited'" in remark
    assert "# mine" not in script.read_text()
    assert script.with_name("fit.sbatch.edited").read_text().endswith("# mine\n")
    queue.tasks.clear()
    assert resume_study(manifest, {"mem": "3G"}).remarks == ()


def test_a_refusal_midway_leaves_what_was_taken_for_resume(manifest, queue):
    queue.refuses = "evaluate"
    with pytest.raises(scheduler.SchedulerError, match=r"3 of 6 arrays were submitted \(jobs 1, 2, 3\)"):
        submitted(manifest)
    assert [job.id for job in load_record(manifest.folder).jobs] == [1, 2, 3]
    lost = [each for each in study_status(manifest).problems if each.state == "lost"]
    assert {each.reason for each in lost} == {"it was never submitted"}
    queue.refuses = ""
    queue.calls.clear()
    resume_study(manifest, {})
    assert queue.calls == [
        ("evaluate", "0-2%1", 0, "afterany:2,afterany:3"),
        ("evaluate", "0%1", 3, "afterany:2,afterany:3"),
        ("merge", "0%2", 0, "afterany:4:5"),
    ]


def test_a_refusal_of_the_first_leaves_submit_to_be_tried_again(manifest, queue):
    queue.refuses = "truth"
    with pytest.raises(scheduler.SchedulerError, match="0 of 6 arrays were submitted"):
        submitted(manifest)
    queue.refuses = ""
    submitted(manifest)
    assert len(queue.calls) == 6


def test_the_study_of_another_user_is_left_alone(manifest, queue, monkeypatch):
    submitted(manifest)
    monkeypatch.setenv("LOGNAME", "somebody")
    for act in (submitted, cancel_study, lambda study: resume_study(study, {})):
        with pytest.raises(InputError, match=f"holds a study of user {manifest.owner}"):
            act(manifest)


def test_cancel_takes_all_off_the_queue(manifest, queue):
    submitted(manifest)
    queue.tasks.append(scheduler.QueuedTask(99, 0, "another", "PENDING", "Resources"))
    assert cancel_study(manifest) == 10
    assert [row.job for row in queue.tasks] == [99]


def test_names_of_jobs_say_which_tasks_they_are(manifest):
    for stage in STAGES:
        last = manifest.count(stage) - 1
        assert named_tasks(manifest, job_name(manifest, stage), last) == [Task(stage, last)]
    assert named_tasks(manifest, job_name(manifest, "evaluate", 3), 0) == [Task("evaluate", 3)]
    assert named_tasks(manifest, job_name(manifest, "evaluate", 3), 1) == []
    assert named_tasks(manifest, job_name(manifest, "evaluate", 1, 2), 1) == [Task("evaluate", 3)]
    assert named_tasks(manifest, job_name(manifest, "evaluate", 0, 3), 0) == [Task("evaluate", n) for n in range(3)]
    assert named_tasks(manifest, "vq-evaluate-other", 0) == []


def test_a_study_that_was_never_submitted_is_not_resumed(manifest, queue):
    with pytest.raises(InputError, match="was never submitted"):
        resume_study(manifest, {})
    assert {each.reason for each in study_status(manifest).problems} == {"it was never submitted"}


def test_a_damaged_record_is_named(manifest, queue):
    submitted(manifest)
    (manifest.folder / "slurm" / "jobs.json").write_text("{")
    with pytest.raises(InputError, match=r"jobs\.json' is not a readable record"):
        study_status(manifest)


def in_bundles(manifest: Manifest, **spec: object) -> None:
    submit_study(manifest, Record(JobSpec.parse({"tasks_per_job": 3} | spec)))


def test_a_job_that_runs_several_tasks_stands_for_each_of_them(manifest, queue, do):
    in_bundles(manifest)
    assert [(stage, array, offset) for stage, array, offset, _ in queue.calls] == [
        ("truth", "0", 0), ("reduce", "0", 0), ("fit", "0", 0), ("evaluate", "0-1", 0), ("merge", "0", 0),
    ]  # fmt: skip
    found = study_status(manifest)
    assert {stage: found.counts(stage)["pending"] for stage in STAGES} == {
        "truth": 2, "reduce": 1, "fit": 2, "evaluate": 4, "merge": 1,
    }  # fmt: skip
    for stage in ("truth", "reduce", "fit"):
        do(stage)
    queue.lose("evaluate", 1)
    queue.calls.clear()
    assert resume_study(manifest, {}).still_queued == 3
    assert queue.calls == [("evaluate", "1", 0, ""), ("merge", "0", 0, "afterany:6:4")]
    assert cancel_study(manifest) == 5


def test_bundles_are_cut_at_the_greatest_array(manifest, queue, monkeypatch):
    monkeypatch.setattr(scheduler, "configuration", lambda: {"MaxArraySize": "1"})
    in_bundles(manifest, tasks_per_job=2)
    assert [call[:3] for call in queue.calls if call[0] == "evaluate"] == [("evaluate", "0", 0), ("evaluate", "0", 2)]
    assert study_status(manifest).counts("evaluate")["pending"] == 4


def wave_jobs(queue: Queue) -> list[int]:
    return [row.job for row in queue.tasks if "-wave-" in row.name]


def run_wave(manifest: Manifest, queue: Queue, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Start the job that waits for the others, and let it submit; returns the stages of what it submitted."""
    (job,) = wave_jobs(queue)
    assert [row.job for row in queue.tasks] == [job]
    queue.tasks = [replace(row, state="RUNNING") for row in queue.tasks]
    queue.calls.clear()
    monkeypatch.setenv("SLURM_JOB_ID", str(job))
    resume_study(manifest, {}, wave=True)
    monkeypatch.delenv("SLURM_JOB_ID")
    queue.tasks = [row for row in queue.tasks if row.job != job]
    return [f"{stage} {array}" for stage, array, _, _ in queue.calls]


def test_waves_submit_what_the_queue_has_room_for(manifest, queue, do, monkeypatch):
    queue.rows = {
        "association": [{"User": "me", "Account": "lab", "DefaultQOS": "small"}],
        "qos": [{"Name": "small", "MaxSubmitJobsPerUser": "5"}, {"Name": "other", "MaxSubmitJobsPerUser": "1"}],
    }
    done = submit_study(manifest, Record(JobSpec.parse({})))
    assert (done.wave.jobs, done.wave.later, done.limit.origin) == (4, 6, "MaxSubmitJobsPerUser of QOS small")
    assert queue.calls[-1] == ("wave", "0", 0, "afterany:1:2:3")
    assert "--wave" in (manifest.folder / "slurm" / "wave.sbatch").read_text()
    found = study_status(manifest)
    assert found.problems == []
    assert found.counts("evaluate")["pending"] == 4
    assert {each.reason for each in found.tasks if each.task.stage == "merge"} == {"the next wave of jobs"}
    do("truth")
    do("reduce")
    do("fit", 0)
    queue.lose("fit", 0)
    # The second model is fitted in the second wave, of the four places that its submitter leaves.
    assert run_wave(manifest, queue, monkeypatch) == ["fit 1", "evaluate 0-1", "wave 0"]
    assert len(queue.tasks) == 4
    do("fit")
    do("evaluate", 0)
    queue.lose("evaluate", 1)  # it fails, and is not tried again by the waves
    assert run_wave(manifest, queue, monkeypatch) == ["evaluate 2", "evaluate 0", "merge 0"]
    assert wave_jobs(queue) == []
    queue.tasks.clear()
    queue.calls.clear()
    resume_study(manifest, {})  # but by a person
    assert next(call[:2] for call in queue.calls) == ("evaluate", "1-2")


def test_a_person_who_resumes_replaces_the_wave_and_cancel_ends_it(manifest, queue):
    submit_study(manifest, Record(JobSpec.parse({"max_jobs": 5})))
    (first,) = wave_jobs(queue)
    queue.lose("truth", 1)
    resume_study(manifest, {"time": 90})
    (second,) = wave_jobs(queue)
    assert second > first
    assert len(queue.tasks) == 5
    cancel_study(manifest)
    assert queue.tasks == []


def test_a_full_queue_is_looked_at_again_later(manifest, queue):
    queue.tasks = [scheduler.QueuedTask(90 + index, 0, "another", "PENDING", "Resources") for index in range(4)]
    assert submit_study(manifest, Record(JobSpec.parse({"max_jobs": 5}))).jobs == []
    assert [call[0] for call in queue.calls] == ["wave"]
    queue.tasks.append(queue.tasks[0])
    with pytest.raises(InputError, match=r"you may have 5 jobs in it \(--max-jobs\), and 6 are there"):
        resume_study(manifest, {"max_jobs": 5})


def test_a_refusal_at_a_limit_that_is_not_known_names_the_option(manifest, queue, monkeypatch):
    def refuse(*call: object) -> int:
        raise scheduler.SchedulerError("`sbatch` failed: QOSMaxSubmitJobPerUserLimit.")

    monkeypatch.setattr(scheduler, "submit", refuse)
    with pytest.raises(scheduler.SchedulerError, match="--max-jobs N makes waves"):
        submitted(manifest)


def test_resources_of_a_stage_are_in_its_script_alone(manifest, queue):
    stages = {"fit": {"mem": "40G"}, "truth": {"gres": "gpu:1", "use_gpu": True}}
    defaults = {"merge": {"mem": "768M"}, "fit": {"mem": "1G"}}
    submit_study(manifest, Record(JobSpec.parse({"time": 90, "stages": stages}), defaults=defaults))
    texts = {stage: script_path(manifest, stage).read_text() for stage in STAGES}
    assert {stage for stage, text in texts.items() if "--mem" in text} == {"fit", "merge"}
    assert "--mem=40G" in texts["fit"]
    assert "--mem=768M" in texts["merge"]
    assert {stage for stage, text in texts.items() if "--gres=gpu:1" in text and "--use-gpu" in text} == {"truth"}
    queue.tasks.clear()
    resume_study(manifest, {"stages": {"fit": {"mem_per_cpu": "9G"}}})
    assert "--mem-per-cpu=9G" in script_path(manifest, "fit").read_text()
    assert load_record(manifest.folder).resources("truth").use_gpu
