"""The authors' library: what we read from its files is what its search computes."""

import numpy as np
import pytest

from vq_benchmark.errors import InfeasibleBudget, InputError
from vq_benchmark.quantizers.methods.rabitqlib import Rabitqlib, RabitqlibParameters, read_index, rotation_matrix
from vq_benchmark.quantizers.registry import get_quantizer

needs_library = pytest.mark.skipif(Rabitqlib.unavailable() is not None, reason=str(Rabitqlib.unavailable()))


@pytest.mark.parametrize("width", [64, 128, 192, 384])
def test_the_rotation_is_orthogonal(width: int) -> None:
    signs = np.random.default_rng(0).integers(0, 256, width // 2, np.uint8)
    matrix = rotation_matrix(signs).astype(np.float64)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(width), atol=1e-6)
    assert np.abs(matrix).max() < 0.7


def test_a_budget_counts_the_padding() -> None:
    assert Rabitqlib.for_nominal_budget(4, 384) == RabitqlibParameters(bits=4)
    assert Rabitqlib.for_nominal_budget(4, 96) == RabitqlibParameters(bits=3)
    with pytest.raises(InfeasibleBudget, match=r"1\.28 bits"):
        Rabitqlib.for_nominal_budget(1, 100)


def test_a_strict_budget_counts_the_factors_too() -> None:
    assert Rabitqlib.for_budget(4.41, 384) == RabitqlibParameters(bits=3)
    assert Rabitqlib.for_budget(4.417, 384) == RabitqlibParameters(bits=4)
    with pytest.raises(InfeasibleBudget, match=r"at least 2\.24 bits"):
        Rabitqlib.for_budget(1, 100)


def test_too_many_dimensions_are_refused() -> None:
    with pytest.raises(InputError, match="at most 4032 dimensions, not 5000"):
        RabitqlibParameters().check_dimension(5000)


def test_another_layout_is_refused() -> None:
    with pytest.raises(InputError, match="unknown index layout"):
        read_index(np.zeros(5000, np.uint8), 10, 64, 4)


@needs_library
@pytest.mark.parametrize("bits", range(1, 9))
@pytest.mark.parametrize("d", [64, 100, 192])
def test_scores_are_those_of_the_librarys_search(bits: int, d: int) -> None:
    rng = np.random.default_rng(bits)
    rows = (rng.standard_normal((100, d)) + 0.5).astype(np.float32)
    queries = rng.standard_normal((8, d)).astype(np.float32)
    quantizer = Rabitqlib(RabitqlibParameters(bits=bits)).fit(rows, seed=2)
    codes = quantizer.encode(rows)
    scores = quantizer.project_queries(queries) @ quantizer.decode_for_scores(codes).T
    padded_queries = np.pad(queries, ((0, 0), (0, -d % 64)))
    ids, distances = quantizer.filled_index(rows).search(padded_queries, k=101, nprobe=1, high_accuracy=True)
    for i in range(len(queries)):
        ours = np.concatenate([queries[i] @ rows.mean(axis=0, keepdims=True).T, scores[i]])
        np.testing.assert_allclose(1 - distances[i], ours[ids[i]], atol=2e-3 * np.linalg.norm(queries[i]))


@needs_library
@pytest.mark.parametrize(("bits", "error"), [(1, 0.3634), (2, 0.1180), (4, 0.0110), (8, 5.0e-5)])
def test_known_errors_on_gaussian_rows(bits: int, error: float) -> None:
    rows = np.random.default_rng(0).standard_normal((2000, 384)).astype(np.float32)
    quantizer = get_quantizer("rabitqlib", bits=bits).fit(rows)
    decoded = quantizer.decode(quantizer.encode(rows))
    assert np.square(rows - decoded).sum() / np.square(rows).sum() == pytest.approx(error, rel=0.015)


@needs_library
def test_one_scale_for_all_is_no_better_than_the_best_of_each() -> None:
    rows = np.random.default_rng(0).standard_normal((500, 384)).astype(np.float32)
    errors = []
    for search in ("exact", "fast"):
        quantizer = get_quantizer("rabitqlib", bits=4, search=search).fit(rows)
        errors.append(np.square(rows - quantizer.decode(quantizer.encode(rows))).sum())
    assert errors[0] < errors[1] < 1.2 * errors[0]


@needs_library
def test_squared_norms_are_exact() -> None:
    rows = (np.random.default_rng(0).standard_normal((300, 96)) + 1).astype(np.float32)
    quantizer = get_quantizer("rabitqlib", bits=3).fit(rows)
    np.testing.assert_allclose(quantizer.squared_norms(quantizer.encode(rows)), (rows**2).sum(axis=1), rtol=1e-5)
