"""Names that come from elsewhere lead nowhere else."""

from pathlib import Path

import pytest

from vq_benchmark.errors import InputError
from vq_benchmark.machine.locations import file_in, is_below

LEADING_OUT = ["../x", "a/../x", "/etc/x", "..", ".", "", "a//b", "a/", "./a", "a\\b", "a\0b", "a\nb", "\x1b[2Ja"]


@pytest.mark.parametrize("name", LEADING_OUT)
def test_names_that_lead_out(name: str) -> None:
    assert not is_below(name)
    with pytest.raises(InputError, match="is not a valid file name in"):
        file_in(Path("here"), name)


@pytest.mark.parametrize("name", ["x", ".x", "..x", "x..", "a/b.parquet", "a b", "漢/é", "a:b"])
def test_names_that_stay(name: str) -> None:
    assert is_below(name)


def test_a_file_in_a_folder_is_not_below_another() -> None:
    assert file_in(Path("here"), "pq-00ff.npz") == Path("here/pq-00ff.npz")
    with pytest.raises(InputError, match=r"'a/b' is not a valid file name in 'here'\."):
        file_in(Path("here"), "a/b")
