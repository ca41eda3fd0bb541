"""The recipes of SCHEDULERS: the one for xargs as it stands, the others with schedulers that only take notes."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from vq_benchmark.results.database import Database
from vq_benchmark.results.merging import quality
from vq_benchmark.studies.stages import NEEDS

PAGE = (Path(__file__).parents[2] / "docs" / "SCHEDULERS.md").read_text()
(STUDY_FILE,) = re.findall(r"as `study.yaml`.*?```yaml\n(.*?)```", PAGE, re.DOTALL)
COUNTS = {"truth": 2, "reduce": 1, "fit": 2, "evaluate": 4, "merge": 1}


def block(name: str) -> str:
    (text,) = re.findall(rf"<!-- test: {name} -->\n\n```\w+\n(.*?)```", PAGE, re.DOTALL)
    return text


def shell(text: str, folder: Path, **variables: str) -> str:
    """What bash says that runs a text and stops at the first command that fails."""
    command = ["bash", "-eu", "-c", text]
    done = subprocess.run(
        command, cwd=folder, env=os.environ | variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def rows(path: Path) -> dict[str, tuple]:
    return {
        run.run_id: (run.method, run.config, run.seed, quality(run.metrics), run.environment["content"]["digest"])
        for run in Database(path).runs("status = 'done'")
    }


def test_the_recipe_for_xargs_ends_like_a_sweep(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    monkeypatch.setenv("VQ_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "study.yaml").write_text(STUDY_FILE)
    study = tmp_path / "it's; a `study` {}"
    said = shell(block("xargs"), tmp_path, STUDY=str(study))
    assert said.splitlines()[-1].startswith("next: vq-benchmark plot")
    shell("vq-benchmark sweep --config study.yaml --db-path sweep.db --threads 1", tmp_path)
    assert len(rows(study / "results.db")) == 1
    assert rows(study / "results.db") == rows(tmp_path / "sweep.db")


@pytest.fixture
def stubs(tmp_path, monkeypatch):
    """A folder on PATH with a `vq-benchmark` whose tasks only write down their names, as in a study on two chunks."""
    folder = tmp_path / "stubs"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    noted = shlex.quote(str(tmp_path / "ran"))
    lines = {
        stage: "".join(f"echo {stage} {index} >> {noted}\n" for index in range(count))
        for stage, count in COUNTS.items()
    }
    (tmp_path / "study").mkdir()
    for stage, text in lines.items():
        (folder / f"{stage}.txt").write_text(text)
    stub(folder / "vq-benchmark", f'[ "$2" != tasks ] || cat {shlex.quote(str(folder))}/"$5".txt')
    return folder


def stub(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/bash\n{text}\n")
    path.chmod(0o755)


def test_the_recipe_for_pbs_runs_every_task_once_after_what_it_needs(stubs, tmp_path):
    (tmp_path / "task.pbs").write_text(block("pbs script"))
    stub(stubs / "qsub", 'printf "%s\\0" "$@" >> calls; printf "\\n" >> calls; echo "$(wc -l < calls)[].server"')
    shell(block("pbs submit"), tmp_path, STUDY=str(tmp_path / "study"))
    calls = [line.rstrip("\0").split("\0") for line in (tmp_path / "calls").read_text().splitlines()]
    given = [dict(zip(call[::2], call[1::2], strict=False)) for call in calls]
    lists = [Path(each["-v"].removeprefix("LIST=")) for each in given]
    assert [path.stem for path in lists] == ["truth", "fit", "reduce", "evaluate", "merge"]
    assert [each.get("-J") for each in given] == ["0-1", "0-1", None, "0-3", None]
    assert [each.get("-W") for each in given] == [
        None, None, "depend=afterany:1[].server", "depend=afterany:3[].server,afterany:2[].server",
        "depend=afterany:4[].server",
    ]  # fmt: skip
    for each, path in zip(given, lists, strict=True):
        assert len(NEEDS[path.stem]) == each.get("-W", "").count(":")
        indices = range(COUNTS[path.stem]) if "-J" in each else [None]
        for index in indices:
            variables = {} if index is None else {"PBS_ARRAY_INDEX": str(index)}
            shell(block("pbs script"), tmp_path, LIST=str(path), **variables)
            assert ran(tmp_path)[-1] == f"{path.stem} {index or 0}"
    assert len(ran(tmp_path)) == sum(COUNTS.values())


def test_a_second_submission_to_pbs_waits_only_for_what_it_submits(stubs, tmp_path):
    for stage in ("truth", "reduce", "fit"):
        (stubs / f"{stage}.txt").write_text("")
    stub(stubs / "qsub", 'echo "$@" >> calls; echo 7.server')
    shell(block("pbs submit"), tmp_path, STUDY=str(tmp_path / "study"))
    evaluate, merge = (tmp_path / "calls").read_text().splitlines()
    assert "-W" not in evaluate
    assert "-W depend=afterany:7.server" in merge


def test_the_recipe_for_kubernetes_runs_every_task_once_in_order(stubs, tmp_path):
    (tmp_path / "job.yaml").write_text(block("kubernetes job"))
    stub(stubs / "kubectl", "case $1 in apply) cat >> jobs; echo --- >> jobs;; get) echo Complete;; esac")
    shell(block("kubernetes loop"), tmp_path, STUDY=str(tmp_path / "study"))
    jobs = [job for job in yaml.safe_load_all((tmp_path / "jobs").read_text()) if job]
    assert [job["metadata"]["name"] for job in jobs] == ["vq-truth", "vq-fit", "vq-reduce", "vq-evaluate", "vq-merge"]
    for job in jobs:
        stage = job["metadata"]["name"].removeprefix("vq-")
        assert job["spec"]["completionMode"] == "Indexed"
        assert job["spec"]["completions"] == COUNTS[stage]
        (container,) = job["spec"]["template"]["spec"]["containers"]
        assert container["command"] == ["bash", "-c"]
        for index in range(job["spec"]["completions"]):
            shell(*container["args"], tmp_path, STUDY=str(tmp_path / "study"), JOB_COMPLETION_INDEX=str(index))
            assert ran(tmp_path)[-1] == f"{stage} {index}"
    assert len(ran(tmp_path)) == sum(COUNTS.values())


def test_an_index_without_a_task_is_an_error(stubs, tmp_path):
    (tmp_path / "list").write_text("true\n")
    environment = os.environ | {"LIST": str(tmp_path / "list"), "PBS_ARRAY_INDEX": "1"}
    done = subprocess.run(
        ["bash", "-c", block("pbs script")], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "no task has this number" in done.stderr


def ran(folder: Path) -> list[str]:
    return (folder / "ran").read_text().splitlines()
