"""A study on a disk that has no space left, or no inodes, on a real cluster."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from slurm_studies import do_here, local_qualities, planned_in, qualities, states, study_of, submit, wait_for

from vq_benchmark.results.database import Database
from vq_benchmark.studies.slurm.jobs import load_record
from vq_benchmark.studies.slurm.resume import resume_study
from vq_benchmark.studies.slurm.status import study_status


@contextmanager
def without_space(disk: Path, leaving: int) -> Iterator[None]:
    """The disk with so many free pages of 4,096 bytes."""
    filler = disk / "filler"
    with suppress(OSError), filler.open("ab", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    with filler.open("rb+") as file:
        file.truncate(max(filler.stat().st_size // 4096 - leaving, 0) * 4096)
    yield
    filler.unlink()


@contextmanager
def without_inodes(disk: Path, leaving: int) -> Iterator[None]:
    """The disk with room for so many more files."""
    made = []
    with suppress(OSError):
        while True:
            path = disk / f"filler {len(made)}"
            path.touch()
            made.append(path)
    for path in made[:leaving]:
        path.unlink()
    yield
    for path in made[leaving:]:
        path.unlink()


@pytest.mark.parametrize(
    ("options", "filled", "leaving"),
    [("size=3m", without_space, 40), ("size=30m,nr_inodes=120", without_inodes, 14)],
    ids=["space", "inodes"],
)
def test_a_study_ends_right_after_its_disk_was_full(
    cluster, vectors, mounted, program, tmp_path, options: str, filled: Callable, leaving: int
):
    """Some tasks find room and others do not: what is there is whole, the rest is named and can be resumed."""
    disk = mounted(options)
    study = study_of(vectors, methods=["sq", "none"], chunks=4, dataset_limit=2000, skip_ground_truth=True)
    manifest = planned_in(disk / "study", study)
    do_here(manifest, "fit")
    submit(manifest, extra=["--hold"], tasks_per_job="1")
    with filled(disk, leaving):
        cluster.run("scontrol", "release", *(str(job.id) for job in load_record(manifest.folder).jobs))
        cluster.wait_until_empty()
        if cluster.accounting:  # its rows are late
            wait_for(lambda: all("lost" not in counts for counts in states(manifest).values()))
        status = study_status(manifest)
        assert 0 < status.counts("evaluate")["done"] < 8, status
        if cluster.accounting:
            assert all("df -i" in problem.remedy for problem in status.problems if problem.state == "failed"), status
        refused = program("slurm", "resume", manifest.folder)
        assert (refused.code, refused.out) == (2, "")
        assert "No space left on device" in refused.err
        assert cluster.queue() == []
        rows = [list(Database(path).runs()) for path in manifest.folder.glob("results/*.db")]
        assert [len(each) for each in rows] == [1] * status.counts("evaluate")["done"]
    resume_study(manifest, {"extra": []})
    cluster.wait_until_empty()
    assert program("slurm", "status", manifest.folder).code == 0
    assert qualities(Database(manifest.results_path)) == local_qualities(
        tmp_path, study.model_copy(update={"chunks": 1})
    )
    unfinished = [
        path.name for path in manifest.folder.rglob("*") if path.suffix == ".tmp" or "submitting" in path.name
    ]
    assert unfinished == []
