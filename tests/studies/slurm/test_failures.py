"""Why tasks failed, from accounting and from the end of their logs."""

import pytest

from vq_benchmark.studies.slurm.accounting import EndedTask
from vq_benchmark.studies.slurm.failures import SHOWN, ending_of, last_line


def ended(state: str, exit_code: str = "0:0") -> EndedTask:
    return EndedTask(1, 0, state, exit_code)


@pytest.mark.parametrize(
    ("exit_code", "log", "reason", "remedy"),
    [
        (
            "127:0",
            "/spool/job1/slurm_script: line 25: exec: /gone/bin/python: not found\n",
            "exit code 127: /spool/job1/slurm_script: line 25: exec: /gone/bin/python: not found",
            "activate the environment",
        ),
        ("1:0", "OSError: [Errno 28] No space left on device\n\n", "exit code 1: OSError", "free some space"),
        ("1:0", "vq-benchmark: the setup line failed with exit code 1: false\n", "exit code 1: vq", "--setup"),
        ("0:9", "", "signal 9, and it left no result", "--escalate"),
        ("0:53", None, "signal 53: SLURM could not open its log", "moved"),
        ("3:0", "something else\n", "exit code 3: something else", ""),
    ],
)
def test_the_end_of_the_log_is_quoted_and_the_remedy_fits(tmp_path, exit_code, log, reason, remedy):
    path = tmp_path / "x.log"
    if log is not None:
        path.write_text(log)
    found = ending_of(ended("FAILED", exit_code), path)
    assert found.reason.startswith(reason)
    assert remedy in found.remedy
    assert (found.remedy == "") == (remedy == "")


@pytest.mark.parametrize(("options", "lacking"), [("size=64k", "space"), ("size=1m,nr_inodes=3", "inodes")])
def test_a_full_disk_explains_a_log_without_a_word(mounted, options, lacking):
    found = ending_of(ended("FAILED", "1:0"), mounted(options) / "x.log")
    assert found.reason == f"exit code 1, and it left no result; the disk has no {lacking} left"
    assert "`df -i`" in found.remedy


def test_states_that_say_enough():
    assert ending_of(ended("OUT_OF_MEMORY", "0:125"), None).short == "ran out of memory"
    assert "--escalate" in ending_of(ended("TIMEOUT"), None).remedy
    assert ending_of(ended("COMPLETED"), None) is None


def test_lines_that_slurm_adds_are_not_the_last_ones(tmp_path):
    path = tmp_path / "x.log"
    path.write_text("the cause\nslurmstepd: error: *** JOB 12 ON n1 CANCELLED AT 2026-11-28T12:00:00 ***\n\n")
    assert last_line(path) == "the cause"
    path.write_text("slurmstepd: error: *** JOB 12 ON n1 CANCELLED AT 2026-11-28T12:00:00 ***\n")
    assert "CANCELLED" in last_line(path)
    path.write_bytes(b"x" * 5000 + b"\xff")
    assert len(last_line(path)) == SHOWN
    path.write_text("")
    assert last_line(path) == last_line(None) == ""
