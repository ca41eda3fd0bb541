"""Products have the bits of their definition, which names the order of all additions."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from vq_benchmark.evaluation.inner_products import errors_and_norms, pair_products, squared_distances, squared_norms
from vq_benchmark.evaluation.scores import Scores, scores_of
from vq_benchmark.evaluation.topk import TopCandidates

LANES = 32
DIMENSIONS = (1, 7, LANES - 1, LANES, LANES + 1, 3 * LANES + 5, 384, 1000)


def defined(a: np.ndarray, b: np.ndarray) -> float:
    """The definition, one addition at a time."""
    products = a.astype(np.float64) * b.astype(np.float64)
    whole = len(a) // LANES * LANES
    sums = [0.0] * LANES
    for i in range(whole):
        sums[i % LANES] += float(products[i])
    while len(sums) > 1:
        half = len(sums) // 2
        sums = [sums[i] + sums[half + i] for i in range(half)]
    total = sums[0]
    for value in products[whole:].tolist():
        total += value
    return total


@pytest.mark.parametrize("d", DIMENSIONS)
def test_products_are_added_in_the_defined_order(d: int) -> None:
    rng = np.random.default_rng(d)
    # Magnitudes far apart, so that another order of additions has other bits.
    a, b = (rng.standard_normal((2, 20, d)) * 10.0 ** rng.integers(-6, 7, size=(2, 20, d))).astype(np.float32)
    rows = np.arange(20)
    expected = [defined(x, y) for x, y in zip(a, b, strict=True)]
    assert pair_products(a, b, rows, rows).tolist() == expected
    assert squared_norms(a).tolist() == [defined(x, x) for x in a]
    if d > 2 * LANES:
        assert expected != [sum((x.astype(np.float64) * y).tolist()) for x, y in zip(a, b, strict=True)]


@pytest.mark.parametrize("metric", ["ip", "l2"])
def test_candidates_have_the_bits_of_pairs(metric) -> None:
    rng = np.random.default_rng(1)
    queries, vectors = rng.standard_normal((3, 100)).astype(np.float32), rng.standard_normal((500, 100))
    scores: Scores = scores_of(queries, vectors.astype(np.float32), metric)
    top = TopCandidates.empty(3, 50)
    top.offer(np.arange(500), slice(0, 500), scores, scores)
    pairs = scores.of_pairs(np.repeat(np.arange(3), 50), top.ids.ravel())
    assert top.exact.tobytes() == top.scores.tobytes() == pairs.tobytes()


def test_a_vector_is_at_distance_zero_from_its_copy() -> None:
    vectors = np.random.default_rng(2).standard_normal((200, 77)).astype(np.float32)
    rows = np.arange(200)
    assert (squared_norms(vectors) == scores_of(vectors, vectors.copy(), "l2").of_pairs(rows, rows)).all()


def test_other_processors_get_the_same_bits(tmp_path: Path) -> None:
    """The least processor of this architecture has the narrowest registers, and on x86-64 no fused multiply-add."""
    a, b = np.random.default_rng(3).standard_normal((2, 50, 203)).astype(np.float32)
    np.savez(tmp_path / "vectors.npz", a=a, b=b)
    code = (
        "import sys, numpy as np; from vq_benchmark.evaluation.inner_products import pair_products; "
        "x = np.load(sys.argv[1]); rows = np.arange(50); "
        "print(pair_products(x['a'], x['b'], rows, rows).tobytes().hex())"
    )
    plain = {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": "", "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "vectors.npz")],
        env=os.environ | plain, capture_output=True, text=True, check=True,
    )  # fmt: skip
    rows = np.arange(50)
    assert run.stdout.strip() == pair_products(a, b, rows, rows).tobytes().hex()


@pytest.mark.parametrize("d", [*range(1, 20), 127, 128, 129, 136, 137, 384, 1000, 4097])
def test_squared_distances_have_the_bits_of_numpy(d: int) -> None:
    rng = np.random.default_rng(d)
    a, b = rng.standard_normal((2, 9, d), dtype=np.float32)
    differences = a.astype(np.float64) - b
    expected = (differences * differences).sum(axis=1)
    rows = rng.permutation(9)
    assert squared_distances(a, b, rows, rows).tobytes() == expected[rows].tobytes()
    errors, norms = errors_and_norms(a, b)
    assert errors.tobytes() == expected.tobytes()
    assert norms.tobytes() == squared_norms(b).tobytes()
