"""SAQ, segmented EDEN and trellis: they use the variance, keep their budget, and store what they say."""

import numpy as np
import pytest

from vq_benchmark.errors import InfeasibleBudget, InputError
from vq_benchmark.quantizers.base import Parameters
from vq_benchmark.quantizers.registry import get_quantizer, quantizer_class

METHODS = ["saq", "segmented-eden", "trellis"]
D = 256


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    """(6000, 256) with a mean, and variances that fall by a factor of 400 along unknown axes."""
    rng = np.random.default_rng(11)
    axes = np.linalg.qr(rng.standard_normal((D, D)))[0]
    spread = np.geomspace(1, 0.05, D)
    return ((rng.standard_normal((6000, D)) * spread) @ axes + rng.standard_normal(D) / 2).astype(np.float32)


def relative_error(rows: np.ndarray, decoded: np.ndarray) -> float:
    return float(np.square(rows - decoded, dtype=np.float64).sum() / np.square(rows - rows.mean(axis=0)).sum())


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("bits", [0.5, 1, 1.5, 2.7, 4, 8])
def test_codes_keep_the_budget(rows: np.ndarray, name: str, bits: float) -> None:
    quantizer = get_quantizer(name, bits=bits).fit(rows)
    assert bits - 0.1 < quantizer.bits_per_dim <= bits
    widths = [(s.stop - s.start) * s.bits for s in quantizer.segments]
    assert 8 * quantizer.code_bytes == sum(-(-width // 8) * 8 for width in widths) + 16 * (len(widths) + 2)


@pytest.mark.parametrize(("name", "flat"), [("saq", "caq"), ("segmented-eden", "rabitq"), ("trellis", "rabitq")])
@pytest.mark.parametrize("bits", [1, 2, 4])
def test_scores_are_better_than_those_of_one_flat_code(rows: np.ndarray, name: str, flat: str, bits: int) -> None:
    errors = {}
    for method in (name, flat):
        quantizer = get_quantizer(method, bits=bits).fit(rows)
        estimate = quantizer.project_queries(rows[:50]) @ quantizer.decode_for_scores(quantizer.encode(rows)).T
        errors[method] = np.square(estimate - rows[:50] @ rows.T).mean()
    assert errors[name] < 0.7 * errors[flat]


@pytest.mark.parametrize("name", METHODS)
def test_half_a_bit_is_between_its_neighbours(rows: np.ndarray, name: str) -> None:
    errors = []
    for bits in (1.0, 1.5, 2.0, 2.5):
        quantizer = get_quantizer(name, bits=bits).fit(rows)
        errors.append(relative_error(rows, quantizer.decode(quantizer.encode(rows))))
    assert errors == sorted(errors, reverse=True)


@pytest.mark.parametrize("name", METHODS)
def test_scores_are_unbiased_on_the_axes_that_are_kept(rows: np.ndarray, name: str) -> None:
    few, slopes = rows[:1500], []
    for seed in range(6):
        quantizer = get_quantizer(name, bits=6).fit(rows, seed=seed)
        assert quantizer.segments[-1].stop == D
        queries = few[:100] + np.random.default_rng(1).standard_normal((100, D)).astype(np.float32)
        codes = quantizer.encode(few)
        estimate = quantizer.project_queries(queries).astype(np.float64) @ quantizer.decode_for_scores(codes).T
        exact = queries.astype(np.float64) @ few.T
        slopes.append(np.polyfit(exact.ravel(), estimate.ravel(), 1)[0])
    assert np.mean(slopes) == pytest.approx(1, abs=0.005)


@pytest.mark.parametrize("name", METHODS)
def test_norms_are_stored(rows: np.ndarray, name: str) -> None:
    quantizer = get_quantizer(name, bits=0.5).fit(rows)
    assert quantizer.segments[-1].stop < D
    norms = quantizer.squared_norms(quantizer.encode(rows))
    np.testing.assert_allclose(norms, np.square(rows, dtype=np.float64).sum(axis=1), rtol=5e-3)


@pytest.mark.parametrize("name", METHODS)
def test_the_model_is_the_kept_axes_in_half_precision(rows: np.ndarray, name: str) -> None:
    quantizer = get_quantizer(name, bits=0.5).fit(rows)
    state = quantizer.state()
    assert state["axes"].dtype == np.float16
    assert state["axes"].shape == (quantizer.segments[-1].stop, D)
    others = sum(state[key].nbytes for key in state if key != "axes")
    assert quantizer.model_bytes == 2 * state["axes"].size + others
    assert others < 4 * D + 100


@pytest.mark.parametrize("name", METHODS)
def test_the_number_of_segments_can_be_bounded(rows: np.ndarray, name: str) -> None:
    assert len(get_quantizer(name, bits=2, block=16).fit(rows).segments) > 1
    assert len(get_quantizer(name, bits=2, block=16, max_segments=1).fit(rows).segments) == 1


@pytest.mark.parametrize("name", METHODS)
def test_a_budget_under_one_bit_for_the_first_block_is_refused(name: str) -> None:
    cls = quantizer_class(name)
    least = (cls.parameters_type().block + 48) / 1000
    with pytest.raises(InfeasibleBudget, match=f"at least {least:g}"):
        cls.for_budget(least / 2, 1000)
    assert cls.for_budget(least, 1000).bits == least
    with pytest.raises(InputError, match="are out of range at dimension 100"):
        get_quantizer(name, bits=0.1).fit(np.ones((3, 100), np.float32))


@pytest.mark.parametrize("name", METHODS)
def test_two_dimensions_have_one_possible_size(name: str) -> None:
    """The factors alone take more than the 8 bits per dimension that are otherwise the most."""
    cls = quantizer_class(name)
    for budget in (28, 40):
        quantizer = cls(cls.for_budget(budget, 2)).fit(
            np.random.default_rng(0).normal(size=(50, 2)).astype(np.float32)
        )
        assert quantizer.bits_per_dim <= 28
    with pytest.raises(InfeasibleBudget, match="at least 28"):
        cls.for_budget(27, 2)


@pytest.mark.parametrize("name", METHODS)
def test_the_plan_is_part_of_the_model(rows: np.ndarray, name: str) -> None:
    quantizer = get_quantizer(name, total_bits=2 * D).fit(rows)
    state = quantizer.state()
    assert [[s.start, s.stop, s.bits] for s in quantizer.segments] == state["segments"].tolist()
    again = type(quantizer).from_state(quantizer.parameters, state, D)
    assert again.segments == quantizer.segments
    with pytest.raises(InputError, match="its parameters allow 300; an earlier version planned it, so fit it again"):
        type(quantizer).from_state(parameters_of(name, total_bits=300), state, D)


def parameters_of(name: str, **values: int) -> Parameters:
    return quantizer_class(name).parameters_type.parse(name, values)
