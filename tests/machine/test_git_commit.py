"""The commit is that which git names, in a checkout, a worktree, with packed references, and without a branch."""

import shutil
import subprocess
from pathlib import Path

import pytest

from vq_benchmark.machine.git_commit import checked_out_commit


def git(folder: Path, *words: str) -> str:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    return subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_the_commit_of_a_checkout(tmp_path):
    checkout, worktree = tmp_path / "a", tmp_path / "b"
    checkout.mkdir()
    git(checkout, "init", "-q")
    assert checked_out_commit(checkout) is None
    git(checkout, "commit", "-q", "--allow-empty", "-m", "one")
    first = git(checkout, "rev-parse", "--short=12", "HEAD").strip()
    git(checkout, "worktree", "add", "-q", "-b", "other", str(worktree))
    git(worktree, "commit", "-q", "--allow-empty", "-m", "two")
    second = git(worktree, "rev-parse", "--short=12", "HEAD").strip()
    assert first != second
    for prepare in ([], ["pack-refs", "--all"], ["checkout", "-q", "--detach"]):
        if prepare:
            git(checkout, *prepare)
        assert (checked_out_commit(checkout), checked_out_commit(worktree)) == (first, second)


def test_other_folders_have_no_commit(tmp_path):
    assert checked_out_commit(tmp_path) is None
    (tmp_path / ".git").write_text("gitdir: nowhere")
    assert checked_out_commit(tmp_path) is None
    (tmp_path / ".git").write_bytes(b"\xff\xfe")
    assert checked_out_commit(tmp_path) is None
