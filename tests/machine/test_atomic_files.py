"""Files are whole or absent."""

import os
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from vq_benchmark.errors import InputError
from vq_benchmark.machine.atomic_files import (
    atomic_folder,
    atomic_write,
    name_of_temporary,
    remove_stale_temporaries,
    temporary_folder,
)

NAMES = [
    "plain.npz",
    ".hidden",
    " spaces and\nnewline ",
    "-rf",
    "%j$HOME~*?",
    "a" * 255,
    "漢" * 85,
    "🦆" * 60 + ".npz",
]


@pytest.mark.parametrize("name", NAMES)
def test_the_file_appears_complete(name: str, tmp_path: Path) -> None:
    path = tmp_path / "made" / "on the way" / name
    with atomic_write(path) as file:
        file.write(b"first")
        assert not path.exists()
    assert path.read_bytes() == b"first"
    with atomic_write(path) as file:
        file.write(b"second")
        file.flush()
        assert path.read_bytes() == b"first"
    assert path.read_bytes() == b"second"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_left_of_a_failure(name: str, error: type[BaseException], tmp_path: Path) -> None:
    def fail(path: Path) -> None:
        with atomic_write(path) as file:
            file.write(b"half")
            raise error

    with pytest.raises(error):
        fail(tmp_path / name)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / name).write_bytes(b"old")
    with pytest.raises(error):
        fail(tmp_path / name)
    assert list(tmp_path.iterdir()) == [tmp_path / name]
    assert (tmp_path / name).read_bytes() == b"old"


def test_a_folder_in_the_way_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "taken"
    folder.mkdir()
    with pytest.raises(InputError, match=r"taken' cannot be written: Is a directory\."), atomic_write(folder) as file:
        file.write(b"x")
    assert list(tmp_path.iterdir()) == [folder]


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_the_file_has_the_permissions_of_any_new_file(mask: int, mode: int, tmp_path: Path) -> None:
    before = os.umask(mask)
    try:
        with atomic_write(tmp_path / "x") as file:
            file.write(b"x")
        assert os.umask(mask) == mask
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == mode


@pytest.mark.parametrize("leaving", [0, 4096, 50_000])
def test_a_full_disk_leaves_what_was_there(small_disk, leaving: int) -> None:
    path = small_disk.path / "x"
    with atomic_write(path) as file:
        file.write(b"old")
    small_disk.fill(leaving)

    def write() -> None:
        with atomic_write(path) as file:
            file.write(bytes(100_000))

    with pytest.raises(InputError, match=r"x' cannot be written: No space left on device\."):
        write()
    assert path.read_bytes() == b"old"
    small_disk.free()
    write()
    assert path.read_bytes() == bytes(100_000)
    assert list(small_disk.path.iterdir()) == [path]


def test_a_read_only_place_is_one_sentence(small_disk) -> None:
    small_disk.protect()
    for atomic in (atomic_write, atomic_folder):
        with (
            pytest.raises(InputError, match=r"x' cannot be written: Read-only file system\."),
            atomic(small_disk.path / "x"),
        ):
            pass


WRITER = """
import os, sys, time
from pathlib import Path
from vq_benchmark.machine import atomic_files
if len(sys.argv) > 3:
    atomic_files.machine_scope = lambda: sys.argv[3]
place = Path(sys.argv[1])
with atomic_files.atomic_write(place / sys.argv[2]) as file, atomic_files.atomic_folder(place / "folder") as folder:
    (folder / "inside").touch()
    file.write(b"half")
    print("writing", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def start_writer() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start a process that is in the middle of writing a file and a folder."""
    processes = []

    def start(folder: Path, name: str, machine: str = "") -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", WRITER, str(folder), name, *([machine] if machine else [])]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        processes.append(process)
        assert process.stdout.readline() == b"writing\n"
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("name", ["plain.npz", " spaces and\nnewline ", "🦆" * 60])
def test_what_a_killed_process_left_is_removed_and_what_a_live_one_writes_is_not(
    name: str, start_writer, tmp_path: Path
) -> None:
    kept = [tmp_path / other for other in ("x.tmp", ".x.tmp", ".x.abcdefgh.tmp", name)]
    for path in kept:
        path.touch()
    process = start_writer(tmp_path, name)
    left = sorted(set(tmp_path.iterdir()) - set(kept))
    assert sorted(name_of_temporary(path) for path in left) == sorted([name[:40], "folder"])
    assert remove_stale_temporaries(tmp_path) == []
    process.kill()
    process.wait()
    other = start_writer(tmp_path, "other")
    assert remove_stale_temporaries(tmp_path) == []  # the other one removed it when it began
    assert not any(path.exists() for path in left)
    other.communicate()
    assert sorted(tmp_path.iterdir()) == sorted([*kept, tmp_path / "other", tmp_path / "folder"])


def test_the_number_of_a_dead_process_is_not_taken_for_it_when_another_gets_it(tmp_path: Path) -> None:
    with atomic_write(tmp_path / "x"):
        (ours,) = tmp_path.iterdir()
        *_, writer, end, _ = ours.name.split(".")
        machine, pid, start = writer.split("-")
        earlier = tmp_path / f".x.{machine}-{pid}-{int(start) - 1}.{end}.tmp"
        earlier.touch()
        assert remove_stale_temporaries(tmp_path) == [earlier]
    assert list(tmp_path.iterdir()) == [tmp_path / "x"]


def test_what_another_machine_writes_is_removed_after_a_day_without_a_byte(start_writer, tmp_path: Path) -> None:
    process = start_writer(tmp_path, "x", "0123abcd")
    process.kill()
    process.wait()
    left = sorted(tmp_path.iterdir())
    folder = next(path for path in left if path.is_dir())
    for hours, removed in ((23, []), (25, left)):
        when = time.time() - hours * 3600
        for path in (folder / "inside", *left):
            os.utime(path, (when, when))
        assert remove_stale_temporaries(tmp_path) == removed
    assert list(tmp_path.iterdir()) == []


def test_a_folder_for_a_while_is_gone_afterwards(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with temporary_folder() as folder:
        assert folder.parent == tmp_path
        (folder / "inside").touch()
    assert list(tmp_path.iterdir()) == []
