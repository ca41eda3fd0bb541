"""The guide's table of memory is what the program estimates today."""

import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[2]


def test_the_table_is_that_of_the_script():
    made = subprocess.run(
        [sys.executable, PROJECT / "benchmarks" / "resources_table.py"], capture_output=True, text=True, check=True
    ).stdout
    assert made in (PROJECT / "docs" / "SLURM_GUIDE.md").read_text(), "benchmarks/resources_table.py --write makes it"
