"""Rows read from a copy: bit for bit those of the file, and nothing is left behind."""

import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from vq_benchmark.datasets.distance_names import DISTANCES
from vq_benchmark.datasets.formats import opening
from vq_benchmark.datasets.loading import load_dataset
from vq_benchmark.datasets.sources import staging
from vq_benchmark.datasets.sources.sampling import take
from vq_benchmark.datasets.sources.staging import StagedSource, staged, staged_dtype
from vq_benchmark.datasets.sources.vector_source import ArraySource, LeafSource
from vq_benchmark.datasets.sources.wrappers import (
    ExcludingSource,
    PrefixSource,
    UnitNormSource,
    WrappedSource,
    unit_norm,
)

WRITABLE = [
    (extension, dtype) for extension, each in opening.formats().items() for dtype in each.writable_dtypes(extension)
]
N, D = 9000, 6


class Remarks:
    """A reporter that keeps what it is told."""

    def __init__(self):
        self.said = []

    def say(self, text):
        self.said.append(text)

    @contextmanager
    def task(self, label, total, unit="rows"):
        yield lambda done: None


class Counting(LeafSource):
    """A source that counts the rows that are read from it."""

    def __init__(self, source):
        self.source, self.rows = source, 0
        self.n, self.d, self.dtype = source.n, source.d, source.dtype

    def read(self, start, stop):
        self.rows += stop - start
        return self.source.read(start, stop)


@pytest.fixture
def scratch(tmp_path):
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


def values(dtype, seed=0):
    rows = np.random.default_rng(seed).normal(60, 20, (N, D))
    return np.clip(rows, 1, 127).astype(dtype)


def assert_same(copied, source, ranges=((4096, 8192), (5000, 6000), (0, N), (0, 4096), (7000, N), (4096, 4096))):
    assert (copied.n, copied.d, copied.dtype) == (source.n, source.d, source.dtype)
    for start, stop in ranges:
        stop = min(stop, source.n)
        found = copied.read(start, stop)
        assert found.dtype == np.float32 and found.flags.c_contiguous
        np.testing.assert_array_equal(found, source.read(start, stop))


@pytest.mark.parametrize("metric", DISTANCES)
@pytest.mark.parametrize(("extension", "dtype"), WRITABLE)
def test_every_format_and_metric_with_held_out_rows(tmp_path, scratch, extension, dtype, metric):
    path = tmp_path / f"base{extension}"
    opening.write_vectors(path, ArraySource(values(dtype)), dtype, block_rows=3000)
    base = load_dataset(path, metric=metric, num_queries=50, limit=N - 100).base
    remarks = Remarks()
    with staged(base, 4096, 8192, remarks, {"TMPDIR": str(scratch)}) as copied:
        path.rename(path.with_name("away"))
        assert copied.read(4096, 8192).shape == (4096, D)  # from the copy: the file is not there any more
        path.with_name("away").rename(path)
        assert_same(copied, base)
        rows = np.arange(base.n)
        np.testing.assert_array_equal(copied.rows_in_file(rows), base.rows_in_file(rows))
        assert_same(copied.with_held_out_rows(), base.with_held_out_rows())
    assert remarks.said == []


def test_any_nest_of_views(scratch):
    origin = Counting(ArraySource(values("float16")))
    gone = np.unique(np.random.default_rng(3).integers(N, size=700))
    nest = PrefixSource(ExcludingSource(PrefixSource(UnitNormSource(origin), N), gone), N - 1000)
    with staged(nest, 0, 4096, Remarks(), {"TMPDIR": str(scratch)}) as copied:
        read = origin.rows
        rows = copied.read(0, 4096)
        assert origin.rows == read
        np.testing.assert_array_equal(rows, nest.read(0, 4096))
        assert_same(copied, nest)


def test_values_that_a_small_float_cannot_hold(scratch):
    rows = np.array([[1e300, -1e300], [1 + 2**-30, np.pi], [np.nan, 0.0]])
    with staged(ArraySource(rows), 0, 3, Remarks(), {"TMPDIR": str(scratch)}) as copied:
        np.testing.assert_array_equal(copied.read(0, 3), ArraySource(rows).read(0, 3))


@pytest.mark.parametrize(
    ("dtype", "copied"), [("<f2", "float16"), (">f2", "float16"), ("u1", "uint8"), ("i1", "int8"), ("f8", "float32")]
)
def test_a_copy_is_no_larger_than_need_be(dtype, copied):
    assert staged_dtype(np.dtype(dtype)) == np.dtype(copied)


def test_too_little_room_is_a_remark(scratch, monkeypatch):
    source = ArraySource(values("float16"))
    needed = 4096 * D * 2
    monkeypatch.setattr(staging, "usable_bytes", lambda folder: needed - 1)
    remarks = Remarks()
    with staged(source, 0, 4096, remarks, {"TMPDIR": str(scratch)}) as same:
        assert same is source
    assert len(remarks.said) == 1 and "48.0 KiB" in remarks.said[0] and str(scratch) in remarks.said[0]
    monkeypatch.setattr(staging, "usable_bytes", lambda folder: needed)
    with staged(source, 0, 4096, remarks, {"TMPDIR": str(scratch)}) as copied:
        assert isinstance(copied, StagedSource)


def test_no_folder_is_a_remark():
    source = ArraySource(values("float32"))
    remarks = Remarks()
    with staged(source, 0, 4096, remarks, {}) as same:
        assert same is source
    assert len(remarks.said) == 1 and "SLURM_TMPDIR" in remarks.said[0]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_a_disk_that_fills_up_is_a_remark(scratch, monkeypatch):
    monkeypatch.setattr(staging, "TemporaryFile", lambda dir: Path("/dev/full").open("r+b", buffering=0))  # noqa: SIM115
    source = ArraySource(values("float32"))
    remarks = Remarks()
    with staged(source, 0, 4096, remarks, {"TMPDIR": str(scratch)}) as same:
        assert same is source
        assert_same(same, source)
    assert len(remarks.said) == 1 and os.strerror(28) in remarks.said[0]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_nothing_is_left_behind(scratch, error):
    source = ArraySource(values("float32"))
    with pytest.raises(error), staged(source, 0, 4096, Remarks(), {"TMPDIR": str(scratch)}) as copied:
        kept = copied.copy
        assert not kept.closed
        raise error
    assert kept.closed and list(scratch.iterdir()) == []


def test_what_cannot_be_read_is_an_error_and_nothing_is_left(scratch):
    class Broken(Counting):
        def read(self, start, stop):
            raise ZeroDivisionError

    source = Broken(ArraySource(values("float32")))
    with pytest.raises(ZeroDivisionError), staged(source, 0, 4096, Remarks(), {"TMPDIR": str(scratch)}):
        pytest.fail("the body must not run")
    assert list(scratch.iterdir()) == []


@dataclass(frozen=True)
class HalvedSource(WrappedSource):
    """A wrapper that the package does not know."""

    def changed(self, vectors):
        return vectors / 2

    def read(self, start, stop):
        return self.changed(self.source.read(start, stop))


def test_a_new_wrapper_is_one_class(scratch):
    origin = ArraySource(values("float16"), (Path("a.npy"),))
    gone = np.arange(100, 200)
    nest = UnitNormSource(HalvedSource(ExcludingSource(PrefixSource(origin, N - 1), gone)))
    np.testing.assert_array_equal(take(nest, [5000, 7]), np.stack([nest.read(5000, 5001)[0], nest.read(7, 8)[0]]))
    np.testing.assert_array_equal(nest.rows_in_file(np.array([7, 100])), [7, 200])
    np.testing.assert_array_equal(nest.with_held_out_rows().read(150, 151), unit_norm(origin.read(150, 151) / 2))
    assert (nest.paths, nest.reading_bytes, nest.held_bytes) == ((Path("a.npy"),), 0, 0)
    with staged(nest, 0, 4096, Remarks(), {"TMPDIR": str(scratch)}) as copied:
        assert_same(copied, nest)
