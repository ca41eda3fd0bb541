"""What a real cluster, or the program on it, refuses before or instead of running it."""

import sys
from pathlib import Path

import pytest
from slurm_studies import planned, qualities, states, study_of, submit, wait_for

from vq_benchmark.results.database import Database
from vq_benchmark.studies.slurm.jobs import load_record, script_path


def small(vectors: Path):
    return study_of(vectors, dataset_limit=1000, skip_ground_truth=True)


def test_what_cannot_fit_is_refused_with_the_option_that_would_help(cluster, folder, vectors, program):
    place = folder / "too large"
    command = ("slurm", "submit", "--dataset", vectors, "--method", "sq", "--bits", 4, "--study-dir", place)
    refused = program(*command, "--calibrate", 0, "--mem-per-cpu", "2G", "--fit-mem-per-cpu", "100M")
    assert refused.code == 2
    assert "stage fit needs about" in refused.err
    assert "its jobs request 100.0 MiB; add --fit-mem-per-cpu " in refused.err
    assert not place.exists()
    assert cluster.queue() == []


def test_srun_starts_a_command_only_once(cluster, tmp_path):
    """Both processes of `srun -n 2` would write to one database."""
    command = (
        sys.executable,
        "-m",
        "vq_benchmark",
        "run",
        *["--dataset", "sample", "--dataset-limit", 500, "--method", "sq"],
    )
    places = ("--bits", 8, "--db-path", tmp_path / "runs.db", "--cache-dir", tmp_path, "--codebooks-dir", tmp_path)
    said = cluster.run(
        "srun", "--partition=large", "--ntasks=2", "--mem=2G", *command, *places, "--train-size", 200, check=False
    )
    assert "srun started this command 2 times, and this is process 2; start it once" in said
    assert len(list(Database(tmp_path / "runs.db").runs("status = 'done'"))) == 1, said


def test_a_job_larger_than_its_qos_allows_is_stuck_until_it_requests_less(cluster, folder, vectors, program):
    if not cluster.accounting:
        pytest.skip("accounting cannot be started here")
    manifest = planned(folder, small(vectors))
    submit(manifest, qos="narrow", cpus_per_task="2")
    wait_for(lambda: states(manifest)["fit"] == {"stuck": 1})
    status = program("slurm", "status", manifest.folder)
    assert status.code == 1
    assert "QOSMaxCpuPerJobLimit, it requests more, or less, than a job may" in status.out
    assert program("slurm", "resume", manifest.folder, "--cpus-per-task", 1).code == 0
    cluster.wait_until_empty()
    assert program("slurm", "status", manifest.folder).code == 0
    assert len(qualities(Database(manifest.results_path))) == 1


def test_a_job_that_an_administrator_holds_is_stuck_and_edits_by_hand_are_kept(cluster, folder, vectors, program):
    manifest = planned(folder, small(vectors))
    submit(manifest, extra=["--begin=now+1hour"])
    script = script_path(manifest, "fit")
    script.write_text(script.read_text() + "# edited by hand\n")
    cluster.run("scontrol", "hold", *(job.id for job in load_record(manifest.folder).jobs))
    wait_for(lambda: states(manifest)["fit"] == {"stuck": 1})
    status = program("slurm", "status", manifest.folder)
    assert status.code == 1
    assert "JobHeldAdmin, an administrator held it. What to do: ask the administrators" in status.out
    resumed = program("slurm", "resume", manifest.folder, "--time", 5)
    assert "your edits in it no longer apply; they are kept in 'fit.sbatch.edited'" in resumed.out
    assert "# edited by hand" in script.with_name("fit.sbatch.edited").read_text()
    assert program("slurm", "cancel", manifest.folder).code == 0
    cluster.wait_until_empty()
