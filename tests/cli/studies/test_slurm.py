"""`slurm status --watch` and options of `slurm resume`, without SLURM."""

from dataclasses import replace

import pytest

from vq_benchmark.cli.studies import slurm
from vq_benchmark.studies.plan import Manifest
from vq_benchmark.studies.status import TaskStatus, files_status


@pytest.mark.parametrize(("last", "code"), [("done", 0), ("failed", 1)])
def test_a_status_is_printed_again_until_nothing_waits_or_runs(program, vectors, monkeypatch, last, code):
    planned = program(
        "study", "plan", "--dataset", vectors, "--method", "none", "--train-size", 100, "--study-dir", "st"
    )
    assert planned.code == 0, planned.err
    states = ["pending", "running", last]
    slept: list[int] = []

    def status(manifest: Manifest):
        state = states.pop(0)
        found = files_status(manifest)
        tasks = tuple(TaskStatus(each.task, state, f"it is {state}") for each in found.tasks)
        return replace(found, tasks=tasks, states=("done", "running", "pending", "failed"))

    monkeypatch.setattr(slurm, "study_status", status)
    monkeypatch.setattr("time.sleep", slept.append)
    said = program("slurm", "status", "st", "--watch", "--every", 7)
    assert (said.code, slept, states) == (code, [7, 7], [])
    assert said.out.count("next: ") == 3


def test_a_cap_of_memory_needs_escalation(program, monkeypatch):
    monkeypatch.setattr(slurm, "require_slurm", lambda: None)
    said = program("slurm", "resume", "st", "--max-mem", "32G")
    assert said.code == 2
    assert "add --escalate" in said.err


def test_a_mistyped_folder_is_an_error_and_is_not_created(program, monkeypatch, tmp_path):
    monkeypatch.setattr(slurm, "require_slurm", lambda: None)
    for command in ("resume", "cancel"):
        said = program("slurm", command, "a/mistyped/folder")
        assert said.code == 2
        assert "a/mistyped/folder" in said.err
    assert not (tmp_path / "a").exists()
