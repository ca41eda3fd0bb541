"""docs/ADDING_A_QUANTIZER.md as its reader follows it: every file is saved and every command runs, in order."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import offline_pip
import pytest
from adding_page import BLOCKS, PAGE, SHELL

import vq_benchmark.quantizers as package


@pytest.fixture
def shell(tmp_path: Path) -> Mapping[str, str]:
    """The environment of a reader: this Python, this vq-benchmark, and a pip that needs no network."""
    programs, site = tmp_path / "bin", tmp_path / "site"
    programs.mkdir()
    commands = {
        "python": f'"{sys.executable}" "$@"',
        "vq-benchmark": f'"{sys.executable}" -m vq_benchmark "$@"',
        "pip": f'"{sys.executable}" "{offline_pip.__file__}" "$@" "{site}"',
    }
    for name, command in commands.items():
        (programs / name).write_text(f"#!/bin/sh\nexec {command}\n")
        (programs / name).chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.endswith(("DB_PATH", "_DIR"))}
    return kept | {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": str(site),
        "VQ_CACHE_DIR": str(tmp_path / "cache"),
        "COLUMNS": "160",
    }


def test_the_page_works(shell: Mapping[str, str], tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    said = ""
    for language, title, text in BLOCKS:
        if title:
            (work / title).write_text(text, encoding="utf-8")
            continue
        assert language == SHELL, f"a block of {language} has no title, so nobody knows where to save it"
        ran = subprocess.run(["bash", "-ec", text], cwd=work, env=shell, capture_output=True, text=True)
        assert ran.returncode == 0, f"{text}\n{ran.stdout}\n{ran.stderr}"
        said += ran.stdout
    assert "widest kept=192" in re.sub(r" +", " ", said)
    assert "1 of 2 cells were already done" in said or "2 of 2 cells were already done" in said
    assert list((work / "plots").iterdir())


def test_the_pieces_it_names_exist() -> None:
    table = PAGE.read_text(encoding="utf-8").split("## Adding it to this package")[1]
    files = re.findall(r"`([\w/]+\.py)`", table)
    assert len(files) > 10
    root = Path(package.__path__[0])
    for file in files:
        assert (root / file).is_file() or (root.parents[2] / file).is_file(), file
