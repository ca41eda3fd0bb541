"""`slurm submit --dry-run`: the table, the resources of each stage, and what is refused. Needs no SLURM."""

import json
import re
from typing import Any

import pytest

from vq_benchmark.studies.slurm import scheduler

METHODS = ("--method", "sq,none", "--bits", 4, "--k", 10, "--num-pairs", 200, "--train-size", 500, "--chunks", 2)


@pytest.fixture
def submit(program, vectors, monkeypatch, tmp_path):
    """Give options; the scripts by stage come back, with what was printed."""
    monkeypatch.setattr(scheduler, "configuration", lambda: {"MaxArraySize": "1001"})
    monkeypatch.setattr(scheduler, "accounting", lambda *question: [])
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))

    def run(*options: Any, study: Any = None) -> tuple[Any, dict[str, str]]:
        given = [study] if study else ["--dataset", vectors, *METHODS]
        said = program("slurm", "submit", *given, "--study-dir", "st", "--dry-run", *options)
        parts = re.split(r"^### .*/(\w+)\.sbatch$", said.out, flags=re.MULTILINE)
        return said, dict(zip(parts[1::2], parts[2::2], strict=True))

    return run


def rows(said: Any) -> dict[str, list[str]]:
    table = re.findall(r"^ (truth|reduce|fit|evaluate|merge) +(.*)$", said.out, re.MULTILINE)
    return {stage: re.split(r"  +", cells.strip()) for stage, cells in table}


def test_the_table_says_what_the_study_costs_and_requests(submit, tmp_path):
    said, scripts = submit("--mem-per-cpu", "600M", "--cpus-per-task", 2)
    assert said.code == 0, said.err
    found = rows(said)
    assert {stage: cells[:2] for stage, cells in found.items()} == {
        "truth": ["2", "1"], "reduce": ["1", "1"], "fit": ["2", "1"], "evaluate": ["4", "1"], "merge": ["1", "1"],
    }  # fmt: skip
    for cells in found.values():
        _, _, hours, minutes, memory, requested = cells
        assert hours == minutes == "< 0.01"
        assert 290 <= float(memory.removesuffix(" MiB")) < 400
        assert requested == "1.2 GiB, 2 cores"
    assert re.search(
        r"In all about \S+ ?\S* CPU-hours, .* 5 processes, and about .* in 10 files and 5 logs\.", said.out
    )
    assert "Times are from a calibration on this machine (2 of 2 configurations" in said.out
    assert "index=$(( ${1:-0} + 4 * ${SLURM_ARRAY_TASK_ID:-0} ))" in scripts["evaluate"]
    assert not (tmp_path / "st").exists()


def test_without_requests_memory_comes_from_the_estimate(submit):
    said, scripts = submit("--calibrate", 0, "--fit-mem", "3G", "--tasks-per-job", 2, "--merge-time", "5:00")
    assert said.code == 0, said.err
    assert {stage: re.findall("--mem=(.*)", text) for stage, text in scripts.items()} == {
        "truth": ["512M"], "reduce": ["512M"], "fit": ["3G"], "evaluate": ["512M"], "merge": ["512M"],
    }  # fmt: skip
    assert "--time=5:00" in scripts["merge"]
    assert "10 files and 6 logs; no times were estimated." in said.out
    assert rows(said)["evaluate"][:2] == ["4", "2"]


def test_resources_of_a_study_file(submit, vectors, tmp_path):
    study = tmp_path / "study.yaml"
    values = {"dataset": str(vectors), "methods": ["sq"], "bits": [4], "k": 10}
    lines = "\n".join(f"{name}: {json.dumps(value)}" for name, value in values.items())
    study.write_text(
        f"{lines}\nresources:\n  fit: {{mem: 4G, time: 1:30:00}}\n"
        "  truth: {gres: gpu:1, use_gpu: true}\n  merge: {mem_per_cpu: 1G}\n"
    )
    said, scripts = submit("--calibrate", 0, "--merge-mem", "2G", "--mem-per-cpu", "900M", study=study)
    assert said.code == 0, said.err
    assert "--time=1:30:00" in scripts["fit"]
    assert "--mem=4G" in scripts["fit"]
    assert "--mem-per-cpu=900M" in scripts["evaluate"]
    assert "--mem=2G" in scripts["merge"]
    assert "--gres=gpu:1" in scripts["truth"]
    assert "task --use-gpu" in re.sub(r"--cache-dir\S* ", "", scripts["truth"])
    assert "--use-gpu" not in scripts["evaluate"]
    study.write_text(study.read_text().replace("merge:", "merging:"))
    refused, _ = submit(study=study)
    assert refused.code == 2
    assert "resources has no stage 'merging'; did you mean 'merge'?" in refused.err


def test_what_cannot_fit_or_is_too_long_is_said_first(submit):
    said, _ = submit("--mem", "100M", "--calibrate", 0)
    assert said.code == 2
    assert re.search(r"stage truth needs about \d+\.\d MiB of memory .* add --truth-mem 512M", said.err)
    said, _ = submit("--profile", "ice", "--time", "20:00:00", "--cpus-per-task", 32, "--max-cpu-hours", 1e-9)
    assert said.code == 0
    assert "more than --max-cpu-hours 1e-09" in said.err
    assert "stage fit: --time 20:00:00 is longer than the 18:00:00 that the cluster allows." in said.err
    assert "32 cores for 20 hours are 640 CPU-hours, more than the 512" in said.err


def test_a_limit_on_jobs_makes_waves(submit):
    said, _ = submit("--max-jobs", 5, "--tasks-per-job", 1, "--calibrate", 0)
    assert "The queue takes 5 jobs (--max-jobs), so these are submitted in 3 waves." in said.out
    said, _ = submit("--max-jobs", 5, "--calibrate", 10)
    assert "waves" not in said.out  # the default puts tasks together


def test_planning_prints_the_table_as_well(program, vectors):
    said = program("study", "plan", "--dataset", vectors, *METHODS, "--study-dir", "st", "--calibrate", 0)
    assert said.code == 0, said.err
    assert rows(said).keys() == {"truth", "reduce", "fit", "evaluate", "merge"}
    assert "planned: 2 configurations on 2 chunks, 10 tasks, 0 of them done" in said.out
