import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "engines_table.py"


def test_a_page_without_the_marks_of_the_table_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("No table.\n")
    command = [sys.executable, SCRIPT, "sample", "--db-path", tmp_path / "new.db", "--write", page]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "nothing was written" in done.stderr
    assert page.read_text() == "No table.\n"
