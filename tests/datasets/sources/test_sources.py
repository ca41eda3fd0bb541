"""Sources that are views of others: prefixes, exclusions, unit norm, blocks."""

import tracemalloc

import numpy as np
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vq_benchmark.datasets.formats.opening import open_vectors
from vq_benchmark.datasets.sources.blockwise import BlockwiseSource
from vq_benchmark.datasets.sources.sampling import sample_rows, take
from vq_benchmark.datasets.sources.vector_source import ArraySource
from vq_benchmark.datasets.sources.wrappers import ExcludingSource, PrefixSource, UnitNormSource, unit_norm

ROWS = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)


@given(excluded=st.sets(st.integers(0, 59), max_size=59), data=st.data())
def test_excluding_is_np_delete(excluded, data):
    gone = np.array(sorted(excluded), dtype=np.int64)
    expected = np.delete(ROWS, gone, axis=0)
    source = ExcludingSource(ArraySource(ROWS), gone)
    start = data.draw(st.integers(0, len(expected)))
    stop = data.draw(st.integers(start, len(expected)))
    assert source.n == len(expected)
    np.testing.assert_array_equal(source.read(start, stop), expected[start:stop])


@given(sizes=st.lists(st.integers(0, 9), min_size=1, max_size=12), data=st.data())
def test_blocks_are_made_once_in_a_pass_and_read_by_any_range(sizes, data):
    edges = np.cumsum([0, *sizes])
    made = []

    def load(block):
        made.append(block)
        return ROWS.repeat(2, axis=0)[edges[block] : edges[block + 1]]

    n = int(edges[-1])
    source = BlockwiseSource(edges, 3, np.dtype("float32"), load)
    step = data.draw(st.integers(1, 20))
    passed = [source.read(start, min(start + step, n)) for start in range(0, n, step)]
    np.testing.assert_array_equal(np.concatenate([*passed, ROWS[:0]]), ROWS.repeat(2, axis=0)[:n])
    assert made == [block for block, size in enumerate(sizes) if size]
    start = data.draw(st.integers(0, n))
    stop = data.draw(st.integers(start, n))
    np.testing.assert_array_equal(source.read(start, stop), ROWS.repeat(2, axis=0)[start:stop])


def test_unit_norm():
    rows = np.concatenate((ROWS, np.zeros((1, 3), np.float32), [[np.inf, 0, 1]])).astype(np.float32)
    found = UnitNormSource(ArraySource(rows)).read(0, 62)
    expected = ROWS / np.linalg.norm(ROWS.astype(np.float64), axis=1, keepdims=True)
    np.testing.assert_array_equal(found[:60], expected.astype(np.float32))
    assert not found[60].any() and np.isnan(found[61, 0])


def test_unit_norms_of_a_sample_take_no_second_copy_and_change_no_stored_row():
    rows = np.random.default_rng(4).standard_normal((30_000, 48)).astype(np.float32)
    before, source, wanted = rows.copy(), UnitNormSource(ArraySource(rows)), np.arange(0, 30_000, 2)
    expected = unit_norm(rows[wanted])  # compiles the kernel
    tracemalloc.start()
    try:
        found = source.gather(wanted, gap=64, keep=False)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(rows, before)
    assert peak < 1.5 * found.nbytes, f"{peak:,}"


@given(start=st.integers(0, 700), length=st.integers(0, 700))
def test_unit_norm_of_a_row_does_not_depend_on_the_batch(start, length):
    rows = np.random.default_rng(1).normal(size=(1000, 17)).astype(np.float32)
    np.testing.assert_array_equal(unit_norm(rows)[start : start + length], unit_norm(rows[start : start + length]))


@given(rows=st.lists(st.integers(0, 59), max_size=30), gap=st.integers(1, 70))
def test_take_in_any_order_with_repeats(rows, gap):
    np.testing.assert_array_equal(take(ArraySource(ROWS), rows, gap=gap), ROWS[np.array(rows, dtype=int)])


def test_prefix():
    np.testing.assert_array_equal(PrefixSource(ArraySource(ROWS), 7).read(2, 7), ROWS[2:7])


@given(n=st.integers(1, 200), size=st.integers(0, 200), seed=st.integers(0, 5))
def test_sample_rows_are_distinct_sorted_and_below_n(n, size, seed):
    rows = sample_rows(n, size, seed)
    assert len(rows) == min(n, size) == len(np.unique(rows))
    assert np.all(np.diff(rows) > 0) and (not len(rows) or rows[-1] < n)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_memory_of_a_pass_does_not_grow_with_the_file(tmp_path, dtype):
    path = tmp_path / "large.npy"
    n, d = 500_000, 64
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": (n, d)}
        )
        file.truncate(file.tell() + n * d * np.dtype(dtype).itemsize)  # sparse: the zeros take no room on the disk
    source = open_vectors(path)
    source.read(0, 4096)
    before = psutil.Process().memory_info().rss
    for start in range(0, n, 4096):
        source.read(start, min(start + 4096, n))
        assert psutil.Process().memory_info().rss < before + 16 * 2**20  # the file has 64 or 128 MB


@pytest.mark.parametrize("dtype", ["float32", "float16", "float64", "int8", "int64", ">f4"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_rows_of_a_file_go_into_any_place(dtype, order, tmp_path):
    rows = np.random.default_rng(0).integers(-99, 99, size=(700, 5)).astype(dtype)
    np.save(tmp_path / "x.npy", np.asarray(rows, order=order))
    source, place = open_vectors(tmp_path / "x.npy"), np.full((600, 7), np.nan, dtype=np.float32)
    source.read_into(11, place[7:, 1:6])
    np.testing.assert_array_equal(place[7:, 1:6], rows[11:604].astype(np.float32))
    assert np.isnan(place[:7]).all() and np.isnan(place[:, [0, 6]]).all()
    np.testing.assert_array_equal(source.read(11, 604), place[7:, 1:6])


def test_columns_of_a_file_are_read_in_the_memory_of_one_block(tmp_path):
    n, d, rows_at_once = 200_000, 48, 4096
    path = tmp_path / "fortran.npy"
    stored = np.lib.format.open_memmap(path, "w+", "float64", (n, d), fortran_order=True)
    stored[:, 3] = np.arange(n)
    stored.flush()
    source = open_vectors(path)
    tracemalloc.start()
    try:
        starts = range(0, n, rows_at_once)
        found = np.concatenate([source.read(first, min(first + rows_at_once, n))[:, 2:4].copy() for first in starts])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    np.testing.assert_array_equal(found[:, 1], np.arange(n, dtype=np.float32))
    assert not found[:, 0].any() and "Fortran" in source.notes[0]
    block = rows_at_once * d * (4 + 8)
    assert peak < 2 * found.nbytes + 1.5 * block < path.stat().st_size / 6, f"{peak:,}"
