"""Progress: what a log says during long work, and bars below one another."""

import time
from io import StringIO

import pytest
from rich.console import Console

from vq_benchmark.machine import progress
from vq_benchmark.machine.progress import BarReporter, LineReporter, left_text


def test_a_log_says_how_long_work_of_unknown_length_has_taken(monkeypatch, capsys):
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.02)
    with LineReporter().busy("fitting opq"):
        time.sleep(0.1)
    said = capsys.readouterr().err.splitlines()
    assert said
    assert all(line.endswith("fitting opq, 0 s so far") for line in said)


def test_bars_nest_and_are_gone_in_the_end_even_if_the_work_fails():
    report = BarReporter()
    report.bars.live.console = Console(file=StringIO(), force_terminal=True, width=80)
    with pytest.raises(ValueError, match="work"), report.task("all cells", 2, "cells", left=lambda: 300) as update:
        update(1)
        with report.busy("fitting opq"):
            shown = Console(file=StringIO(), width=80)
            shown.print(report.bars.get_renderable())
            text = shown.file.getvalue()
            assert "all cells" in text and "1/2 cells" in text and "about 5 min left" in text
            assert "fitting opq" in text and "0 s so far" in text
        raise ValueError("work")
    assert not report.bars.tasks
    assert not report.bars.live.is_started


@pytest.mark.parametrize(("seconds", "text"), [(None, ""), (40.2, "40 s left"), (1500, "about 25 min left")])
def test_time_left_is_in_words(seconds, text):
    assert left_text(seconds) == text
