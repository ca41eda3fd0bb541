"""The source distribution holds every file of the repository; setuptools adds the first few by itself."""

import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
BY_ITSELF = {"src", "LICENSE", "MANIFEST.in", "README.md", "pyproject.toml"}


@pytest.mark.skipif(not (PROJECT / ".git").exists(), reason="only a checkout lists what belongs to the repository")
def test_the_manifest_names_every_file_and_folder_at_the_root():
    command = ["git", "-C", PROJECT, "ls-tree", "--name-only", "HEAD"]
    tracked = set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
    lines = [line.split() for line in (PROJECT / "MANIFEST.in").read_text().splitlines()]
    named = {name for line in lines if line[0] in ("graft", "include") for name in line[1:]}
    assert tracked <= named | BY_ITSELF
    assert all((PROJECT / name).exists() for name in named)
