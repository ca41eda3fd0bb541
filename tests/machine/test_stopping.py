"""Signals set a flag, interrupt nothing, and are as before at the end."""

import os
import signal

import pytest

from vq_benchmark.errors import Stopped
from vq_benchmark.machine.stopping import SIGNALS, stop_requested, stopping


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
    assert str(stop) == "SIGTERM stopped pq m=8 after 8,192 rows; the same command goes on from there."
