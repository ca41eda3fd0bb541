"""Signals set a flag, interrupt nothing, and are as before at the end."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from vq_benchmark.errors import Stopped
from vq_benchmark.machine.signals import ENDING, SIGNALS, Interrupted, interruptible, stop_requested, stopping


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_sets_the_flag(number: signal.Signals, capfd: pytest.CaptureFixture[str]) -> None:
    before = [signal.getsignal(each) for each in SIGNALS]
    with stopping():
        assert stop_requested() is None
        os.kill(os.getpid(), number)
        assert stop_requested() == number.name
    assert stop_requested() is None
    assert [signal.getsignal(each) for each in SIGNALS] == before
    assert f"{number.name}: stopping after the current step" in capfd.readouterr().err


def test_the_first_signal_counts() -> None:
    with stopping():
        os.kill(os.getpid(), signal.SIGUSR1)
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop_requested() == "SIGUSR1"


@pytest.mark.parametrize("first", SIGNALS)
def test_an_interrupt_after_a_request_interrupts_at_once(first: signal.Signals) -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), stopping():
        os.kill(os.getpid(), first)
        os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before
    assert stop_requested() is None


def test_a_stop_says_what_was_stopped_and_what_to_do() -> None:
    stop = Stopped("SIGTERM", "pq m=8", 8192)
    assert (stop.signal, stop.label, stop.rows_done) == ("SIGTERM", "pq m=8", 8192)
    assert str(stop) == "SIGTERM stopped pq m=8 after 8,192 rows; rerun the same command to resume."


BUSY = """
import hashlib, sys
from pathlib import Path
from vq_benchmark.machine import signals
from vq_benchmark.machine.atomic_files import atomic_write

def last_for_hours():
    hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)  # one call into C, which no handler interrupts

signals.SECONDS_TO_CLEAN_UP = 0.1
signals.end_at_once()
with signals.interruptible(), atomic_write(Path(sys.argv[1])):
    try:
        print("busy", flush=True)
        last_for_hours()
    except signals.Interrupted:  # it came before the call
        last_for_hours()
"""


@pytest.mark.parametrize("number", ENDING)
def test_a_program_that_is_busy_in_c_ends_all_the_same(number: signal.Signals, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", BUSY, tmp_path / "x"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: [signal.signal(each, signal.SIG_DFL) for each in ENDING],
    )  # fmt: skip
    assert process.stdout.readline() == "busy\n"
    process.send_signal(number)
    _, err = process.communicate()
    assert (process.returncode, err) == (128 + number, f"vq-benchmark: stopped by {number.name}.\n")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def heeded_signals() -> Iterator[None]:
    """Signals with Python's handlers, also where the tests were started by `nohup` or `&`, which ignore some."""
    before = {each: signal.signal(each, signal.SIG_DFL) for each in ENDING}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for each, handler in before.items():
        signal.signal(each, handler)


@pytest.mark.usefixtures("heeded_signals")
@pytest.mark.parametrize("number", ENDING)
def test_a_signal_unwinds_the_stack_once(number: signal.Signals, tmp_path: Path) -> None:
    before = [signal.getsignal(each) for each in ENDING]
    reached = []
    with pytest.raises(Interrupted, match=f"stopped by {number.name}") as raised, interruptible():
        try:
            os.kill(os.getpid(), number)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
            reached.append("the end of cleaning up")
    assert raised.value.number == number
    assert reached
    assert [signal.getsignal(each) for each in ENDING] == before


def test_what_is_ignored_stays_so() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interruptible():
            os.kill(os.getpid(), signal.SIGHUP)
        with pytest.raises(Interrupted), interruptible():
            os.kill(os.getpid(), signal.SIGTERM)
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_stop_says_how_far_a_study_is() -> None:
    stop = Stopped("SIGINT", "the study in 'x'", 3, 8)
    assert str(stop) == "SIGINT stopped the study in 'x' with 3 of 8 tasks done; rerun the same command to resume."
    assert str(Stopped("SIGINT", "pq m=8", 0)) == "SIGINT stopped pq m=8; rerun the same command to resume."
