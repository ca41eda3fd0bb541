"""The README: its command gives the numbers of its table; it is short, and warns of what `make test` installs."""

import re
import runpy
from pathlib import Path

PROJECT = Path(__file__).parents[2]
readme_table = runpy.run_path(str(PROJECT / "benchmarks" / "readme_table.py"))
README = (PROJECT / "README.md").read_text()
TRAINED_BY_LAPACK = {"`opq`"}
"""Their last bits may differ between machines, see ARCHITECTURE."""
TOLERANCE = 0.0105
"""A unit of the second decimal, and rounding."""


def values(cells):
    return [float(number) for cell in cells for number in re.findall(r"\d+\.?\d*", cell)]


def test_the_table_has_the_numbers_of_the_command(tmp_path):
    made = list(readme_table["rows"](readme_table["results"](README, tmp_path)))
    shown = readme_table["shown"](README)
    assert [cells[:2] for cells in shown] == [cells[:2] for cells in made]
    for printed, cells in zip(made, shown, strict=True):
        tolerance = TOLERANCE if cells[0] in TRAINED_BY_LAPACK else 0
        differences = [abs(one - other) for one, other in zip(values(printed), values(cells), strict=True)]
        assert max(differences) <= tolerance, f"{cells}: python benchmarks/readme_table.py --write renews the table"


def test_it_fits_what_a_reader_takes_in():
    assert len(README.splitlines()) <= 120
    assert README.count("](docs/figures/") == 1


def test_the_warning_stands_beside_the_command():
    (line,) = re.findall(r"^make test  .*$", README, re.MULTILINE)
    assert "ROOT" in line and "SLURM" in line and "apt-get" in line
