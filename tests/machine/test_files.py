"""Files are whole or absent."""

import os
import stat
from pathlib import Path

import pytest

from vq_benchmark.errors import InputError
from vq_benchmark.machine.files import atomic_write

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
