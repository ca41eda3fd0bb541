"""Synthetic vectors: any range without the others, disjoint streams, the spectrum that was asked for."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vq_benchmark.datasets.formats.opening import open_vectors
from vq_benchmark.datasets.loading import load_dataset
from vq_benchmark.datasets.sources.synthetic import BASE_STREAM, BLOCK_ROWS, SyntheticDistribution, write_synthetic
from vq_benchmark.errors import InputError

N, D = 2 * BLOCK_ROWS + 100, 6


@pytest.fixture(scope="module")
def whole():
    return SyntheticDistribution(D, seed=3).source(N, BASE_STREAM).read(0, N)


@settings(deadline=None, max_examples=20)
@given(data=st.data())
def test_any_range_is_reproducible_without_the_others(whole, data):
    start = data.draw(st.integers(0, N))
    stop = data.draw(st.integers(start, N))
    source = SyntheticDistribution(D, seed=3).source(N, BASE_STREAM)
    np.testing.assert_array_equal(source.read(start, stop), whole[start:stop])


def test_rows_do_not_depend_on_how_many_there_are(whole):
    np.testing.assert_array_equal(SyntheticDistribution(D, seed=3).source(50, BASE_STREAM).read(0, 50), whole[:50])


def test_seeds_and_streams_differ():
    drawn = [SyntheticDistribution(D, seed=seed).block(stream, 0)[0] for seed in (0, 1) for stream in (0, 1, 2)]
    assert len(np.unique(np.array(drawn), axis=0)) == 6


@pytest.mark.parametrize("d", [1, 2, 3, 64])
def test_spectrum_is_the_power_law_in_a_rotated_basis(d):
    distribution = SyntheticDistribution(d, seed=0, alpha=1.0, between_share=0.0)
    rows = distribution.source(40_000, BASE_STREAM).read(0, 40_000).astype(np.float64)
    variances = np.linalg.eigvalsh(np.atleast_2d(np.cov(rows.T)))[::-1]
    expected = 1 / np.arange(1, d + 1)
    np.testing.assert_allclose(variances, expected / expected.sum(), rtol=0.1)
    if d == 64:
        axes = rows.var(axis=0)
        assert axes.max() < 6 * axes.min()  # the principal variances themselves differ 64-fold


def test_clusters():
    rows = SyntheticDistribution(16, between_share=0.9, num_clusters=3).block(BASE_STREAM, 0)
    first = rows[((rows - rows[0]) ** 2).sum(axis=1) < 0.6]
    assert 0.2 < len(first) / len(rows) < 0.5
    assert first.var(axis=0).sum() < 0.2 < 0.4 < rows.var(axis=0).sum()


@pytest.mark.parametrize(
    ("name", "dtype"), [("a.npy", "float16"), ("a.fbin", "float32"), ("a.i8bin", "int8"), ("a.u8bin", "uint8")]
)
def test_written_file_holds_the_same_rows(tmp_path, whole, name, dtype):
    seen = []
    write_synthetic(
        tmp_path / name, N, D, seed=3, dtype=dtype, progress=lambda done, total: seen.append((done, total))
    )
    source = open_vectors(tmp_path / name)
    scale, offset = {"int8": (32 * D**0.5, 0), "uint8": (32 * D**0.5, 128)}.get(dtype, (1, 0))
    exact = np.clip(whole * scale + offset, *((-128, 127) if dtype == "int8" else (0, 255) if offset else (-9, 9)))
    tolerance = 0.51 if scale > 1 else 2e-3 if dtype == "float16" else 0
    np.testing.assert_allclose(source.read(0, N), exact, atol=tolerance, rtol=0)
    assert source.dtype == dtype and seen == [(4096, N), (8192, N), (N, N)]


@pytest.mark.parametrize(
    ("name", "n", "d", "dtype", "message"),
    [
        ("a.npy", 0, 4, "float32", "at least one row"),
        ("a.u8bin", 9, 4, "float32", "uint8"),
        ("a.hdf5", 9, 4, "float32", ".fbin"),
        ("a.xyz", 9, 4, "float32", "extension"),
        ("a.npy", 9, 4, "float99", "float16"),
    ],
)
def test_what_cannot_be_written_is_refused(tmp_path, name, n, d, dtype, message):
    with pytest.raises(InputError, match=message):
        write_synthetic(tmp_path / name, n, d, dtype=dtype)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["a.npy", "a.fvecs", "a.bvecs", "a.fbin", "a.u8bin"])
@pytest.mark.parametrize("leaving", [0, 4096, 200_000])
def test_a_full_disk_is_one_sentence_and_nothing_half_written(small_disk, name, leaving):
    dtype = "uint8" if name in ("a.bvecs", "a.u8bin") else "float32"
    small_disk.fill(leaving)
    with pytest.raises(InputError, match=rf"{name}' cannot be written: No space left on device\."):
        write_synthetic(small_disk.path / name, 9000, 64, dtype=dtype)
    assert [path.name for path in small_disk.path.iterdir()] == ["filler"]


def test_as_a_data_set():
    dataset = load_dataset("synthetic")
    assert (dataset.n, dataset.d, dataset.distance, len(dataset.queries)) == (10_000, 128, "l2", 1000)
    chosen = load_dataset("synthetic", num_samples=300, dim=7, num_queries=5)
    assert (chosen.n, chosen.d, chosen.queries.shape, chosen.notes) == (300, 7, (5, 7), ())
    assert chosen.fingerprint != load_dataset("synthetic", num_samples=301, dim=7).fingerprint
    with pytest.raises(InputError, match="must be at least 1"):
        load_dataset("synthetic", num_samples=0)
