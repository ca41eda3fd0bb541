"""Which folder is scratch space, and how much of it may be used."""

import shutil

from vq_benchmark.machine.scratch import scratch_folder, usable_bytes


def test_slurms_own_folder_comes_before_the_general_one(tmp_path):
    own, general = tmp_path / "own", tmp_path / "general"
    own.mkdir()
    general.mkdir()
    assert scratch_folder({"SLURM_TMPDIR": str(own), "TMPDIR": str(general)}) == own
    assert scratch_folder({"TMPDIR": str(general)}) == general


def test_what_is_no_folder_is_passed_over(tmp_path):
    assert scratch_folder({"SLURM_TMPDIR": str(tmp_path / "none"), "TMPDIR": str(tmp_path)}) == tmp_path
    assert scratch_folder({"SLURM_TMPDIR": "", "TMPDIR": str(tmp_path / "none")}) is None
    assert scratch_folder({}) is None


def test_some_of_the_free_space_is_left(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: shutil._ntuple_diskusage(10_000, 6_000, 4_000))
    assert usable_bytes(tmp_path) == 3800
