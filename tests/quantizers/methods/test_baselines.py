"""What the simple baselines, sign codes and additive codes must survive: batches, threads, odd rows, storage."""

import re

import numba
import numpy as np
import pytest

from vq_benchmark.errors import InfeasibleBudget, InputError
from vq_benchmark.quantizers.base import Quantizer
from vq_benchmark.quantizers.registry import get_quantizer, quantizer_class

D = 40
CONFIGURATIONS: dict[str, list[dict[str, object]]] = {
    "int8": [{}],
    "fp8": [{}],
    "nf4": [{}, {"block": 128}],
    "minmax": [{"bits": bits} for bits in (1, 3, 8)],
    "mrl": [{}, {"k": 7, "bits": 3}],
    "pca-sq": [{}, {"k": 7, "bits": 3}],
    "simhash": [{}, {"bits": 3}],
    "qjl": [{}, {"bits": 0.3}],
    "itq": [{}, {"bits": 0.3}],
    "scann": [{"m": 8, "nbits": 4}, {"m": 2, "nbits": 5}],
    "rq": [{"m": 3, "nbits": 4}],
    "prq": [{"nsplits": 4, "m": 2, "nbits": 4}],
    "lsq": [{"m": 3, "nbits": 4}],
}
CASES = [(name, config) for name, configs in CONFIGURATIONS.items() for config in configs]


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    rng = np.random.default_rng(0)
    return (rng.standard_normal((700, D)) * np.geomspace(1, 0.2, D) + 0.1).astype(np.float32)


@pytest.fixture(scope="module")
def fitted(rows: np.ndarray) -> dict[tuple[str, str], Quantizer]:
    return {(name, str(config)): get_quantizer(name, **config).fit(rows, seed=1) for name, config in CASES}


@pytest.mark.parametrize(("name", "config"), CASES)
def test_codes_and_decodes_do_not_depend_on_the_batch_or_the_threads(fitted, rows, name, config) -> None:
    quantizer = fitted[name, str(config)]
    codes, decoded, scores = all_of(quantizer, rows)
    assert codes.shape == (700, quantizer.code_bytes)
    assert codes.dtype == np.uint8
    assert codes.flags.c_contiguous
    threads = numba.get_num_threads()
    try:
        numba.set_num_threads(1)
        parts = [all_of(quantizer, rows[start : start + 13]) for start in range(0, 260, 13)]
    finally:
        numba.set_num_threads(threads)
    for whole, pieces in zip((codes, decoded, scores), zip(*parts, strict=True), strict=True):
        np.testing.assert_array_equal(np.concatenate(pieces), whole[:260])


def all_of(quantizer: Quantizer, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    codes = quantizer.encode(rows)
    return codes, quantizer.decode(codes), quantizer.decode_for_scores(codes)


@pytest.mark.parametrize(("name", "config"), CASES)
def test_empty_single_constant_zero_and_huge_rows(fitted, rows, name, config) -> None:
    quantizer = fitted[name, str(config)]
    odd = np.stack([np.zeros(D), np.full(D, 3.5), np.full(D, -1e-30), np.eye(D)[3] * 1e4, rows[0]])
    codes, decoded, scores = all_of(quantizer, odd.astype(np.float32))
    assert decoded.shape == (5, D)
    assert decoded.dtype == np.float32
    assert np.isfinite(decoded).all()
    assert np.isfinite(scores).all()
    assert np.isfinite(quantizer.squared_norms(codes)).all()
    codes, decoded, scores = all_of(quantizer, np.empty((0, D), np.float32))
    assert codes.shape == (0, quantizer.code_bytes)
    assert decoded.shape == (0, D)
    assert scores.shape == (0, quantizer.project_queries(rows[:2]).shape[1])


@pytest.mark.parametrize(("name", "config"), CASES)
def test_a_restored_model_is_the_same(fitted, rows, name, config) -> None:
    quantizer = fitted[name, str(config)]
    state = {key: np.array(value) for key, value in quantizer.state().items()}
    again = type(quantizer).from_state(type(quantizer.parameters)(**quantizer.config), state, D)
    for mine, theirs in zip(all_of(again, rows[:50]), all_of(quantizer, rows[:50]), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    np.testing.assert_array_equal(again.project_queries(rows[:5]), quantizer.project_queries(rows[:5]))


@pytest.mark.parametrize(("name", "config"), CASES)
def test_the_same_seed_gives_the_same_codes(fitted, rows, name, config) -> None:
    again = get_quantizer(name, **config).fit(rows, seed=1)
    np.testing.assert_array_equal(again.encode(rows), fitted[name, str(config)].encode(rows))


@pytest.mark.parametrize("name", ["mrl", "pca-sq", "itq"])
def test_scores_in_the_kept_space_are_those_of_the_decoded_vectors(fitted, rows, name) -> None:
    quantizer = fitted[name, "{}"]
    codes = quantizer.encode(rows)
    scores = quantizer.project_queries(rows[:9]) @ quantizer.decode_for_scores(codes).T
    np.testing.assert_allclose(scores, rows[:9] @ quantizer.decode(codes).T, rtol=2e-3, atol=5e-3)


@pytest.mark.parametrize(
    ("name", "key", "values"),
    [
        ("minmax", "bits", [1, 2, 4, 8]),
        ("mrl", "bits", [1, 2, 3, 4, 5, 6, 7, 8]),
        ("mrl", "k", [1, 10, 30, 40]),
        ("pca-sq", "bits", [1, 2, 3, 4, 5, 6, 7, 8]),
        ("pca-sq", "k", [1, 10, 30, 40]),
        ("simhash", "bits", [0.5, 1, 2, 8]),
        ("qjl", "bits", [0.5, 1, 2, 8]),
        ("itq", "bits", [0.25, 0.5, 1]),
        ("scann", "m", [2, 5, 10, 20, 40]),
        ("rq", "m", [1, 3, 6]),
        ("prq", "nsplits", [1, 4, 10]),
        ("lsq", "m", [1, 3, 5]),
    ],
)
def test_more_bits_never_hurt(rows, name, key, values) -> None:
    small = {"nbits": 4} if name in ("scann", "rq", "prq", "lsq") else {}
    errors = []
    for value in values:
        quantizer = get_quantizer(name, **small, **{key: value}).fit(rows)
        errors.append(np.square(rows - quantizer.decode(quantizer.encode(rows)), dtype=np.float64).mean())
    assert (np.diff(errors) < 0).all()


@pytest.mark.parametrize("d", [64, 100, 384])
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_a_budget_is_kept(name: str, d: int) -> None:
    cls = quantizer_class(name)
    for budget in (0.5, 1, 1.7, 2, 4, 4.5, 8):
        try:
            parameters = cls.for_budget(budget, d)
        except InfeasibleBudget as error:
            enough = float(re.search(r"at least ([\d.]+) bits", str(error)).group(1))
            assert budget < enough
            assert bits_of(cls, cls.for_budget(enough, d), d) <= enough * d
            continue
        assert bits_of(cls, parameters, d) <= budget * d
    with pytest.raises(InfeasibleBudget):
        cls.for_budget(0.5 / d, d)


@pytest.mark.parametrize("name", ["mrl", "pca-sq"])
def test_no_dimension_is_dropped_for_a_bit_that_the_others_do_not_fill(name: str) -> None:
    found = quantizer_class(name).for_budget(5, 100)
    assert (found.k, found.bits) == (100, 4)


@pytest.mark.parametrize("d", [64, 100, 384])
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_a_nominal_budget_allows_64_bits_of_scales(name: str, d: int) -> None:
    cls = quantizer_class(name)
    for budget in (0.5, 1, 1.7, 2, 4, 4.5, 8):
        try:
            parameters = cls.for_nominal_budget(budget, d)
        except InfeasibleBudget:
            assert budget < {"int8": 8, "fp8": 8, "nf4": 4, "minmax": 1}[name]
            continue
        bits = bits_of(cls, parameters, d)
        scales = 64 if name in ("int8", "fp8", "nf4", "minmax", "qjl") else 0
        assert bits <= budget * d + scales + (8 if name == "minmax" else 0)
    with pytest.raises(InfeasibleBudget):
        cls.for_nominal_budget(0.5 / d, d)


def bits_of(cls: type[Quantizer], parameters: object, d: int) -> int:
    """Bits of a code, without training codebooks for it."""
    if hasattr(parameters, "centroids"):
        parameters.check_dimension(d)
        return 8 * parameters.code_bytes
    rows = np.random.default_rng(0).standard_normal((20, d)).astype(np.float32)
    fewer = {"iterations": 0} if "iterations" in type(parameters).model_fields else {}
    return 8 * cls(parameters.model_copy(update=fewer)).fit(rows).code_bytes


@pytest.mark.parametrize(
    ("name", "config", "message"),
    [
        ("mrl", {"k": 41}, "k can be 1 to 40"),
        ("pca-sq", {"k": 41}, "k can be 1 to 40"),
        ("simhash", {"bits": 0.001}, "at least 0.025"),
        ("scann", {"m": 7}, "does not divide"),
        ("prq", {"nsplits": 7}, "does not divide"),
        ("rq", {"m": 1, "nbits": 12}, "at least 4096 training vectors"),
        ("lsq", {"m": 30, "nbits": 4}, "at least 960 training vectors"),
    ],
)
def test_what_cannot_be_is_refused_with_what_can(rows, name, config, message) -> None:
    with pytest.raises(InputError, match=message):
        get_quantizer(name, **config).fit(rows)


def test_models_cost_what_they_must() -> None:
    rows = np.random.default_rng(0).standard_normal((50, D)).astype(np.float32)
    sizes = {name: get_quantizer(name).fit(rows).model_bytes for name in CONFIGURATIONS if not is_trained(name)}
    assert sizes == {
        "int8": 0, "fp8": 0, "nf4": 0, "minmax": 4, "mrl": 4 * D + 2 * D, "pca-sq": 4 * D + 2 * D + D * D,
        "simhash": 16, "qjl": 12, "itq": 4 * D + 2 * D * D + 8,
    }  # fmt: skip


def is_trained(name: str) -> bool:
    return hasattr(quantizer_class(name).parameters_type, "centroids")
