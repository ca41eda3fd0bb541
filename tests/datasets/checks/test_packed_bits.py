"""Packed bits are recognised, and vectors of small integers are not taken for them."""

import warnings

import numpy as np
import pytest

from vq_benchmark.datasets.checks.packed_bits import packed_bits
from vq_benchmark.datasets.loading import load_dataset
from vq_benchmark.datasets.sample import open_sample
from vq_benchmark.errors import InputError

EMBEDDINGS = open_sample().base.read(0, 1000)


def scaled(dtype, rows=EMBEDDINGS):
    """Embeddings as int8 or uint8 the way sentence-transformers does it: by the range of each column."""
    low, high = rows.min(axis=0), rows.max(axis=0)
    steps = np.floor((rows - low) / np.maximum(high - low, 1e-9) * 255)
    return (steps - (128 if dtype == "int8" else 0)).astype(dtype)


def packed(dtype, rows=EMBEDDINGS):
    bits = np.packbits(rows > 0, axis=1)
    return bits if dtype == "uint8" else (bits.astype(np.int16) - 128).astype(np.int8)


def verdict(rows, *names):
    return packed_bits(rows.astype(np.float32), rows.dtype, names)


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_signs_of_embeddings_are_packed_bits(dtype):
    rows = packed(dtype)
    assert "48 bytes are 384 bits" in verdict(rows)
    assert verdict(rows.astype(np.int64)) is not None  # bytes that went through Python lists
    assert verdict(rows.astype(np.float32)) is None  # the way out for bytes that are numbers


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
@pytest.mark.parametrize("name", ["emb", "emb_binary"])
def test_scaled_embeddings_are_numbers(dtype, name):
    assert verdict(scaled(dtype), name) is None
    normal = np.random.default_rng(0).normal(0, 1, (1000, 64)).astype(np.float32)
    assert verdict(scaled(dtype, normal), name) is None
    assert verdict(np.clip(np.rint(normal * 42), -128, 127).astype(np.int8), name) is None


@pytest.mark.parametrize("mean", [10, 25, 45])
def test_values_near_zero_such_as_sift_are_numbers(mean):
    rng = np.random.default_rng(0)
    sift = np.clip(rng.exponential(mean, (1000, 128)), 0, 255).astype(np.uint8)
    assert verdict(sift) is None and verdict(sift, "binary") is None
    pixels = np.where(rng.random((1000, 784)) < 0.6, 0, rng.integers(0, 256, (1000, 784))).astype(np.uint8)
    assert verdict(pixels) is None


def test_a_sample_may_be_too_small_to_tell():
    assert verdict(packed("uint8")[:50]) is None
    assert verdict(packed("uint8")[:500, :3]) is None


def test_correlated_signs_need_a_name():
    pairs = np.repeat(EMBEDDINGS[:, :192] > 0, 2, axis=1)
    flipped = pairs ^ (np.random.default_rng(0).random(pairs.shape) < 0.2)
    rows = np.packbits(flipped, axis=1)
    assert verdict(rows) is None
    assert verdict(rows, "embeddings_ubinary") is not None
    assert verdict(rows, "rabbits") is None


def test_they_are_refused_with_the_way_to_unpack_them(tmp_path):
    np.save(tmp_path / "codes.npy", packed("int8"))
    for metric in ("l2", "ip", "cosine"):
        with pytest.raises(InputError, match=r"look like bits .*unpackbits.*int16.* [+] 128"):
            load_dataset(tmp_path / "codes.npy", metric=metric)
    inspected = load_dataset(tmp_path / "codes.npy", check=False)
    assert any("bits packed into bytes" in note for note in inspected.notes)
    signs = 2.0 * np.unpackbits((packed("int8") + np.int16(128)).astype("uint8"), axis=1) - 1
    np.testing.assert_array_equal(signs > 0, EMBEDDINGS > 0)


def test_rows_that_are_missing_say_nothing():
    rows = np.random.default_rng(0).integers(0, 256, (400, 64)).astype(np.float32)
    rows[[0, 77]] = np.nan
    with warnings.catch_warnings(action="error"):
        assert packed_bits(rows, np.dtype("uint8"), ("x",)) is not None
