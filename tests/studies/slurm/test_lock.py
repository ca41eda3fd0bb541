"""Who may submit a study, when several processes want to."""

import json
import os
import re
import threading
import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from vq_benchmark.errors import InputError
from vq_benchmark.studies.slurm import lock
from vq_benchmark.studies.slurm.lock import LOCK_FILE, STALE_SECONDS, Holder, one_at_a_time


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "PATIENCE_SECONDS", 0.0)


def held_by(folder: Path, holder: Holder) -> Path:
    path = folder / LOCK_FILE
    path.write_text(json.dumps(asdict(holder)))
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_second_process_is_refused_and_told_who_the_first_is(tmp_path):
    said: list[str] = []
    with one_at_a_time(tmp_path, "vq-benchmark slurm resume", said.append):
        words = (
            f"`vq-benchmark slurm resume` of .* on {re.escape(os.uname().nodename)} .process {os.getpid()}, since 2"
        )
        with (
            pytest.raises(InputError, match=words),
            one_at_a_time(tmp_path, "vq-benchmark slurm submit", said.append),
        ):
            pass
        assert names(tmp_path) == [LOCK_FILE]
    assert names(tmp_path) == []
    assert said == []


def test_a_process_waits_for_another_one_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "PATIENCE_SECONDS", 60.0)
    said: list[str] = []
    inside: list[str] = []

    def first() -> None:
        with one_at_a_time(tmp_path, "first", said.append):
            inside.append("first begins")
            while not said:
                time.sleep(0.01)
            inside.append("first ends")

    thread = threading.Thread(target=first)
    thread.start()
    while not inside:
        time.sleep(0.01)
    with one_at_a_time(tmp_path, "second", said.append):
        inside.append("second begins")
    thread.join()
    assert inside == ["first begins", "first ends", "second begins"]
    assert len(said) == 1
    assert said[0].startswith("waiting for `first` of ")


def test_a_folder_that_did_not_exist_is_gone_unless_it_was_filled(tmp_path):
    with one_at_a_time(tmp_path / "a" / "b", "x", print, create=True):
        assert (tmp_path / "a" / "b").is_dir()
    with one_at_a_time(tmp_path / "c", "x", print, create=True):
        (tmp_path / "c" / "manifest.json").touch()
    with one_at_a_time(tmp_path / "d", "x", print):
        assert not (tmp_path / "d").exists()
    assert names(tmp_path) == ["c"]


@pytest.mark.parametrize(("machine", "age", "taken"), [("", 0, True), ("other", 1, False), ("other", 2, True)])
def test_locks_of_dead_processes_are_taken_over(tmp_path, machine, age, taken):
    """On this machine its id tells, on another one how long ago it touched the lock."""
    dead = Holder("vq-benchmark slurm submit", start="1")
    path = held_by(tmp_path, replace(dead, machine=machine or dead.machine))
    touched = time.time() - age * STALE_SECONDS * 0.9
    os.utime(path, (touched, touched))
    said: list[str] = []
    if not taken:
        with pytest.raises(InputError, match=r"If it does not run any more, delete '.*\.submitting'"):
            one_at_a_time(tmp_path, "x", said.append).__enter__()
        assert names(tmp_path) == [LOCK_FILE]
        return
    with one_at_a_time(tmp_path, "x", said.append):
        assert json.loads(path.read_text())["command"] == "x"
    assert names(tmp_path) == []
    assert "ended without removing its lock" in said[0]


def test_a_lock_that_was_taken_from_its_holder_is_not_removed_by_it(tmp_path):
    with one_at_a_time(tmp_path, "slow", print):
        held_by(tmp_path, Holder("thief"))
    assert json.loads((tmp_path / LOCK_FILE).read_text())["command"] == "thief"


def test_of_many_processes_that_find_a_dead_one_only_one_is_in_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "PATIENCE_SECONDS", 60.0)
    held_by(tmp_path, Holder("dead", start="1"))
    inside, most = [], []

    def work() -> None:
        with one_at_a_time(tmp_path, "x", lambda _: None):
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.01)
            inside.pop()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 8
    assert names(tmp_path) == []
