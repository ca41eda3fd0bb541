"""`slurm status --watch`, with a status of our own making in place of SLURM's."""

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
