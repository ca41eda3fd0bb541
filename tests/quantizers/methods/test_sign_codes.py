"""SimHash, ITQ and QJL: what their papers promise."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from vq_benchmark.quantizers.methods.itq import learn_rotation
from vq_benchmark.quantizers.registry import get_quantizer

D = 96


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    return np.random.default_rng(5).standard_normal((3000, D)).astype(np.float32)


def objective(components: np.ndarray, rotation: np.ndarray) -> float:
    rotated = components @ rotation
    return float(np.square(np.where(rotated >= 0, 1, -1) - rotated, dtype=np.float64).sum())


def test_each_round_of_itq_lowers_its_objective(rows: np.ndarray) -> None:
    components = (rows * np.geomspace(1, 0.1, D)).astype(np.float32)[:, :32]
    losses = [objective(components, learn_rotation(components, rounds, 0)) for rounds in range(8)]
    assert (np.diff(losses) < 0).all()
    rotation = learn_rotation(components, 5, 0)
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(32), atol=1e-5)


def test_itq_rotates_the_leading_principal_components(rows: np.ndarray) -> None:
    skewed = (rows * np.geomspace(1, 0.1, D)).astype(np.float32)
    quantizer = get_quantizer("itq", bits=0.25).fit(skewed)
    matrix = quantizer.state()["matrix"].astype(np.float64)
    axes = PCA(24).fit(skewed.astype(np.float64)).components_
    np.testing.assert_allclose(matrix.T @ matrix, axes.T @ axes, atol=2e-3)


def test_itq_beats_a_random_rotation(rows: np.ndarray) -> None:
    clustered = np.repeat(rows[:30], 100, axis=0) + rows / 4
    errors = []
    for iterations in (0, 50):
        quantizer = get_quantizer("itq", iterations=iterations).fit(clustered)
        errors.append(np.square(clustered - quantizer.decode(quantizer.encode(clustered))).sum())
    assert errors[1] < 0.95 * errors[0]


@pytest.mark.parametrize("bits", [1, 4])
def test_qjl_is_unbiased(rows: np.ndarray, bits: float) -> None:
    queries = rows[:200] + np.random.default_rng(1).standard_normal((200, D)).astype(np.float32)
    base = rows[:1500] * np.linspace(0.5, 2, 1500, dtype=np.float32)[:, None]
    exact = queries.astype(np.float64) @ base.T
    errors, slopes = [], []
    for seed in range(24):
        quantizer = get_quantizer("qjl", bits=bits).fit(base, seed=seed)
        codes = quantizer.encode(base)
        estimate = quantizer.project_queries(queries).astype(np.float64) @ quantizer.decode_for_scores(codes).T
        errors.append((estimate - exact).mean())
        slopes.append((estimate * exact).sum() / (exact * exact).sum())
    assert np.mean(slopes) == pytest.approx(1, abs=0.005)
    assert abs(np.mean(errors)) < 3 * np.std(errors, ddof=1) / np.sqrt(len(errors))
    np.testing.assert_allclose(quantizer.squared_norms(codes), np.square(base).sum(axis=1), rtol=2e-3)


@pytest.mark.parametrize("name", ["simhash", "qjl"])
def test_no_other_scale_decodes_better(rows: np.ndarray, name: str) -> None:
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    quantizer = get_quantizer(name, bits=2).fit(unit)
    decoded = quantizer.decode(quantizer.encode(unit)).astype(np.float64)
    assert (decoded * unit).sum() / (decoded * decoded).sum() == pytest.approx(1, abs=0.02)


def test_simhash_scores_rank_by_hamming_distance_and_estimate_angles(rows: np.ndarray) -> None:
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    queries = unit[:40] + unit[40:80]
    quantizer = get_quantizer("simhash", bits=16).fit(unit)
    codes, query_codes = quantizer.encode(unit[:500]), quantizer.encode(queries)
    differ = np.unpackbits(codes[None] ^ query_codes[:, None], axis=2).sum(axis=2)
    m = 16 * D
    expected = np.linalg.norm(queries, axis=1)[:, None] * np.pi / 2 * (1 - 2 * differ / m)
    scores = quantizer.project_queries(queries) @ quantizer.decode_for_scores(codes).T
    np.testing.assert_allclose(scores, expected, atol=1e-3)
    cosines = queries @ unit[:500].T / np.linalg.norm(queries, axis=1)[:, None]
    np.testing.assert_allclose(np.cos(np.pi * differ / m), cosines, atol=0.2)
