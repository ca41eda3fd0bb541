"""The facts in docs/METHODS.md are those of the classes today."""

import shutil
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[2]
PAGE = PROJECT / "docs" / "METHODS.md"


def test_the_facts_are_those_of_the_script(tmp_path: Path) -> None:
    copy = tmp_path / "METHODS.md"
    shutil.copy(PAGE, copy)
    script = PROJECT / "benchmarks" / "methods_facts.py"
    subprocess.run([sys.executable, script, "--write", copy], check=True)
    assert copy.read_text() == PAGE.read_text(), "benchmarks/methods_facts.py --write docs/METHODS.md makes them"
