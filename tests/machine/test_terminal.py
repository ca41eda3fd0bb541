"""Names that hold commands of terminals are shown, not obeyed."""

import io
import re
from pathlib import Path

import pytest
from rich.table import Table
from rich.text import Text

import vq_benchmark
from vq_benchmark.machine.progress import BarReporter, LineReporter
from vq_benchmark.machine.terminal import Terminal, echo, printable

HOSTILE = "a\x1b[2Jb\x9b31m\x07\u202ec\r\udcff\x7f"
SHOWN = r"a\x1b[2Jb\x9b31m\x07\u202ec\r\udcff\x7f"


@pytest.mark.parametrize("text", ["plain", "漢 é 🦆", "two\nlines", ""])
def test_what_prints_stays(text: str) -> None:
    assert printable(text) == text


def test_what_does_not_print_is_written_out() -> None:
    assert printable(HOSTILE) == SHOWN
    assert printable("two\nlines", kept="") == r"two\nlines"


def test_lines(capsys: pytest.CaptureFixture[str]) -> None:
    echo(HOSTILE)
    echo(HOSTILE, err=True)
    report = LineReporter()
    with report.task(f"writing {HOSTILE}\nforged", 1):
        report.say(HOSTILE)
    out, err = capsys.readouterr()
    assert out == f"{SHOWN}\n"
    assert err.count(SHOWN) == 3
    assert re.search(r"c\\r\\udcff\\x7f\\nforged: 1 rows", err)


def test_tables_and_bars_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    monkeypatch.setattr("sys.stderr", out)
    reporter = BarReporter(Terminal(file=out, force_terminal=True, width=200, legacy_windows=False))
    with reporter.task(HOSTILE, 10) as update:
        update(5)
        reporter.say(HOSTILE)
    table = Table(HOSTILE)
    table.add_row(Text(HOSTILE, style="bold"))
    reporter.console.print(table)
    text = out.getvalue()
    assert "\x1b[" in text  # the bar moves the cursor
    assert "\x1b[2J" not in text
    assert text.count(SHOWN) >= 2  # cells of tables are cut to the width that they were measured to have
    assert text.count(r"a\x1b[2J") >= 4
    assert not any(character in text for character in "\x9b\x07\u202e\udcff\x7f")


def test_nothing_is_shown_in_another_way() -> None:
    package = Path(vq_benchmark.__file__).parent
    other = re.compile(r"typer\.echo\(|(?<!\w)Console\(|sys\.std(out|err)\.write|(?<![\w.])print\(|rich\.print")
    assert [
        path.relative_to(package)
        for path in package.rglob("*.py")
        if path.name != "terminal.py" and other.search(path.read_text())
    ] == []
