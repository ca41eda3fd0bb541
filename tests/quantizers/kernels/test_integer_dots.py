"""Integer products of codes and queries equal those that numpy computes, on this processor and on older ones."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from vq_benchmark.quantizers.kernels.integer_dots import PLANES, QUERIES, ROWS, chunks_of, words_of
from vq_benchmark.quantizers.kernels.scan_blocks import (
    Best,
    RowFactors,
    pack_bits,
    pack_blocks,
    planes_of,
    scan_bytes,
    scan_planes,
)

PLAIN = RowFactors(*(np.full((3, ROWS), value, np.float32) for value in (1, 0, 0, 0)))
"""Factors that leave the integer product as it is; float32 holds it exactly up to 2^24."""


def scanned(queries, n):
    terms = np.tile(np.float32([1, 0, 0]), (queries, 1))
    best = Best(np.full((queries, n), -np.inf, np.float32), np.full((queries, n), -1, np.int64))
    return terms, best


def dense(best):
    out = np.empty(best.ids.shape)
    np.put_along_axis(out, best.ids, best.scores, 1)
    return out


def byte_products(bits, is_uniform, count, e=75, n=70):
    """What the scan finds, and what numpy computes, (count, n)."""
    rng = np.random.default_rng(bits)
    integers = rng.integers(0, min(1 << bits, 128), (n, e), dtype=np.uint8)
    integers[0], integers[1] = integers.max(), 0
    levels = np.arange(16, dtype=np.uint8) if is_uniform else rng.permutation(128)[:16].astype(np.uint8)
    levels[-1] = levels[-1] if is_uniform else 127
    queries = np.zeros((-(-count // QUERIES) * QUERIES, chunks_of(e, bits) * 32 // bits), np.int8)
    queries[:count, :e] = rng.integers(-128, 128, (count, e))
    queries[0, :e] = -128
    blocks = np.zeros((3, chunks_of(e, bits) * 128), np.uint8)
    pack_blocks(integers[:40], bits, 0, blocks)
    pack_blocks(integers[40:], bits, 40, blocks)
    terms, best = scanned(count, n)
    scan_bytes(blocks, bits, levels, is_uniform, PLAIN, n, 0, queries, terms, best)
    values = integers if is_uniform else levels[integers]
    return dense(best), queries[:count, :e].astype(np.int64) @ values.T.astype(np.int64)


def plane_products(count, e=150, n=70):
    rng = np.random.default_rng(0)
    integers, queries = (
        rng.integers(0, top, (rows, e), dtype=np.uint8) for top, rows in ((2, n), (1 << PLANES, count))
    )
    blocks, planes = np.zeros((3, ROWS * words_of(e)), np.uint64), np.zeros((count, words_of(e), PLANES), np.uint64)
    pack_bits(integers, 0, blocks)
    planes_of(queries, planes)
    terms, best = scanned(count, n)
    scan_planes(blocks, PLAIN, n, 0, planes, terms, best)
    return dense(best), queries.astype(np.int64) @ integers.T.astype(np.int64)


CASES = [(1, True), (2, True), (2, False), (4, True), (4, False), (8, True)]


@pytest.mark.parametrize("count", [1, 11])
@pytest.mark.parametrize(("bits", "is_uniform"), CASES)
def test_products_of_bytes_are_exact(bits, is_uniform, count):
    np.testing.assert_array_equal(*byte_products(bits, is_uniform, count))


@pytest.mark.parametrize("count", [1, 5])
def test_products_of_planes_are_exact(count):
    np.testing.assert_array_equal(*plane_products(count))


def test_the_best_rows_come_first_and_ties_by_id():
    blocks = np.zeros((3, 128), np.uint8)
    integers = np.array([[row % 4] for row in range(70)], np.uint8)
    pack_blocks(integers, 2, 0, blocks)
    queries = np.zeros((QUERIES, 16), np.int8)
    queries[0, 0], queries[1, 0] = 1, -1
    terms, best = scanned(2, 3)
    scan_bytes(blocks, 2, np.zeros(16, np.uint8), True, PLAIN, 70, 1000, queries, terms, best)
    np.testing.assert_array_equal(best.ids, [[1003, 1007, 1011], [1000, 1004, 1008]])
    np.testing.assert_array_equal(best.scores, [[3, 3, 3], [0, 0, 0]])


@pytest.mark.slow
@pytest.mark.parametrize("features", ["", "+avx2"])
def test_products_are_exact_without_avx512(features, tmp_path):
    code = (
        "import test_integer_dots as t, numpy as np\n"
        "for bits, uniform in t.CASES:\n"
        "    for count in (1, 11): np.testing.assert_array_equal(*t.byte_products(bits, uniform, count))\n"
        "np.testing.assert_array_equal(*t.plane_products(5))\n"
    )
    narrow = {
        "NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": features, "NUMBA_CACHE_DIR": str(tmp_path),
        "OPENBLAS_CORETYPE": "Haswell", "PYTHONPATH": str(Path(__file__).parent),
    }  # fmt: skip
    subprocess.run([sys.executable, "-c", code], env=os.environ | narrow, check=True, timeout=300)
