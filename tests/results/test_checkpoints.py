"""Checkpoints: whole or absent, used for the work they belong to, refused for any other, set aside when damaged."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vq_benchmark.datasets.file_states import FileState
from vq_benchmark.errors import InputError
from vq_benchmark.machine import atomic_files
from vq_benchmark.machine.archive import pack, unpack
from vq_benchmark.machine.atomic_files import atomic_write
from vq_benchmark.machine.provenance import release
from vq_benchmark.results import checkpoints
from vq_benchmark.results.checkpoints import Checkpoint, Checkpoints, Interval, Saved

ID = "0123456789abcdef01234567"


class Remarks:
    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Checkpoint:
    made = Checkpoints(tmp_path / "kept").of(ID, model_hash="m", dataset_fingerprint="f")
    assert made is not None
    return made


def test_the_last_one_comes_back(checkpoint: Checkpoint) -> None:
    remarks = Remarks()
    assert checkpoint.read(remarks) is None
    for row, payload in enumerate((b"first", bytes(range(256)), b"")):
        checkpoint.write(payload, row)
        assert checkpoint.read(remarks) == Saved(payload, row, None)
        assert [each.name for each in checkpoint.path.parent.iterdir()] == [f"{ID}.npz"]
    checkpoint.remove()
    checkpoint.remove()
    assert list(checkpoint.path.parent.iterdir()) == []
    assert remarks.said == []


def test_what_it_belongs_to_can_be_read_from_it(checkpoint: Checkpoint) -> None:
    checkpoint.write(b"x", 4096)
    header, _ = unpack(checkpoint.path.read_bytes())
    identity = {"id": ID, "release": release(), "model_hash": "m", "dataset_fingerprint": "f"}
    version = checkpoints.FORMAT_VERSION
    assert header == {"version": version, "identity": identity, "next_row": 4096, "files": None}


def test_it_says_of_which_files_it_is(checkpoint: Checkpoint) -> None:
    files = (FileState("base.npy", 10, 20), FileState("learn.npy", 1, 2))
    replace(checkpoint, files=files).write(b"x", 1)
    assert checkpoint.read(Remarks()) == Saved(b"x", 1, files)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("dataset_fingerprint", "other", "(dataset fingerprint other, expected f"),
        ("id", "other", f"(id other, expected {ID}"),
        ("release", "9.9", f"(release 9.9, expected {release()}"),
        ("more", "x", "(more x, expected None)"),
    ],
)
def test_one_of_other_work_is_refused_and_left(name: str, value: str, says: str, checkpoint: Checkpoint) -> None:
    Checkpoint(checkpoint.path, checkpoint.identity | {name: value}).write(b"x", 1)
    before = checkpoint.path.read_bytes()
    with pytest.raises(InputError) as refusal:
        checkpoint.read(Remarks())
    assert str(checkpoint.path) in str(refusal.value)
    assert says in str(refusal.value)
    assert "delete it" in str(refusal.value)
    assert checkpoint.path.read_bytes() == before


def test_one_of_a_model_that_was_fitted_again_is_set_aside(checkpoint: Checkpoint) -> None:
    Checkpoint(checkpoint.path, checkpoint.identity | {"model_hash": "other"}).write(b"x", 1)
    remarks = Remarks()
    assert checkpoint.read(remarks) is None
    assert not checkpoint.path.exists()
    assert checkpoint.path.with_name(f"{checkpoint.path.name}.corrupt").exists()


def test_one_of_another_format_is_refused(checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as future:
        future.setattr(checkpoints, "FORMAT_VERSION", 99)
        checkpoint.write(b"x", 1)
    with pytest.raises(InputError, match=f"\\(version 99, expected {checkpoints.FORMAT_VERSION}\\)"):
        checkpoint.read(Remarks())


def check_set_aside(checkpoint: Checkpoint, damaged: bytes) -> None:
    checkpoint.path.parent.mkdir(exist_ok=True)
    checkpoint.path.write_bytes(damaged)
    remarks = Remarks()
    assert checkpoint.read(remarks) is None
    aside = checkpoint.path.with_name(f"{ID}.npz.corrupt")
    assert not checkpoint.path.exists()
    assert aside.read_bytes() == damaged
    assert len(remarks.said) == 1
    assert "damaged" in remarks.said[0]
    assert aside.name in remarks.said[0]
    checkpoint.write(b"again", 5)
    assert checkpoint.read(remarks) == Saved(b"again", 5, None)


@pytest.mark.parametrize("kept", [0, 0.3, 0.6, 0.99])
def test_a_truncated_one_is_set_aside(kept: float, checkpoint: Checkpoint) -> None:
    checkpoint.write(bytes(range(256)) * 20, 4096)
    whole = checkpoint.path.read_bytes()
    check_set_aside(checkpoint, whole[: int(kept * len(whole))])


@given(data=st.data())
def test_a_changed_byte_never_changes_the_payload(data: st.DataObject, tmp_path_factory) -> None:
    checkpoint = Checkpoint(tmp_path_factory.mktemp("c") / "x.npz", {"id": "x"})
    payload = bytes(range(256)) * 4
    checkpoint.write(payload, 4096)
    content = bytearray(checkpoint.path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    checkpoint.path.write_bytes(content)
    try:
        assert checkpoint.read(Remarks()) in (None, Saved(payload, 4096, None))
    except InputError as refusal:
        assert "different run" in str(refusal)


@pytest.mark.parametrize("header", [{}, {"version": 1}, {"version": 1, "identity": 3, "next_row": 0}])
def test_an_archive_of_something_else_is_set_aside(header: dict, checkpoint: Checkpoint) -> None:
    check_set_aside(checkpoint, pack(header, {}))


def test_what_a_kill_in_the_middle_of_a_write_leaves_goes_with_it(checkpoint: Checkpoint) -> None:
    checkpoint.write(b"x", 1)
    with atomic_write(checkpoint.path.with_name("another.npz")):
        (other,) = set(checkpoint.path.parent.iterdir()) - {checkpoint.path}
        half = checkpoint.path.with_name(f".{ID}.npz.0123abcd-7-7.abcdefgh.tmp")
        half.touch()
        os.utime(half, (0, 0))
        atomic_files._tidied.clear()  # as in the next process
        checkpoint.remove()
        assert list(checkpoint.path.parent.iterdir()) == [other]


def test_without_a_folder_there_is_none() -> None:
    assert Checkpoints().of(ID) is None


@pytest.mark.parametrize(
    ("text", "interval"),
    [
        ("50", Interval(blocks=50)),
        ("300s", Interval(seconds=300)),
        ("5m", Interval(seconds=300)),
        (" 2h ", Interval(seconds=7200)),
        ("0", Interval()),
        ("0s", Interval()),
    ],
)
def test_intervals(text: str, interval: Interval) -> None:
    assert Interval.parse(text) == interval


@pytest.mark.parametrize("text", ["", "-1", "5 m", "1.5m", "5d", "m", "never"])
def test_what_is_no_interval_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"--checkpoint-every is .* 300s, 5m"):
        Interval.parse(text)


def test_when_an_interval_is_over() -> None:
    assert [Interval(blocks=2).is_over(blocks, 1e9) for blocks in (1, 2, 3)] == [False, True, True]
    assert [Interval(seconds=2).is_over(10**9, seconds) for seconds in (1.9, 2.0)] == [False, True]
    assert not Interval().is_over(10**9, 1e9)
