"""Scalar quantization: Max's distortions, the 16-bit formats, and faiss's range statistics on real embeddings."""

import faiss
import numpy as np
import pytest

from vq_benchmark.datasets.loading import load_dataset
from vq_benchmark.errors import InfeasibleBudget, InputError
from vq_benchmark.quantizers.methods.sq import SQ, ScalarParameters
from vq_benchmark.quantizers.registry import get_quantizer


def relative_error(decoded: np.ndarray, rows: np.ndarray) -> float:
    return float(np.square(rows - decoded, dtype=np.float64).sum() / np.square(rows, dtype=np.float64).sum())


@pytest.mark.parametrize(("bits", "distortion"), [(4, 0.01154), (6, 0.001041), (8, 0.0000877)])
def test_gaussian_distortion_is_that_of_the_optimal_uniform_quantizer(bits: int, distortion: float) -> None:
    rows = np.random.default_rng(0).standard_normal((12_000, 64)).astype(np.float32)
    quantizer = get_quantizer("sq", bits=bits).fit(rows[:6000])
    assert relative_error(quantizer.decode(quantizer.encode(rows[6000:])), rows[6000:]) == pytest.approx(
        distortion, rel=0.03
    )


@pytest.mark.parametrize("bits", [4, 6, 8])
def test_decoding_gives_the_centres_of_the_cells(bits: int) -> None:
    rows = np.random.default_rng(1).normal(3, 2, (1000, 7)).astype(np.float32)
    quantizer = get_quantizer("sq", bits=bits).fit(rows)
    state = quantizer.state()
    lowest, cell = state["lowest"].astype(np.float64), state["cell"].astype(np.float64)
    codes = np.clip(np.floor((rows - lowest) / cell), 0, 2**bits - 1)
    decoded = quantizer.decode(quantizer.encode(rows))
    agrees = np.isclose(decoded, lowest + (codes + 0.5) * cell, atol=1e-4 * cell.max())
    assert agrees.mean() > 0.999  # the rest lie on the border of two cells


@pytest.mark.parametrize("bits", [4, 6, 8])
def test_it_beats_every_range_statistic_of_faiss_on_real_embeddings(bits: int) -> None:
    rows = load_dataset("sample").base.read(0, 6000)
    quantizer = get_quantizer("sq", bits=bits).fit(rows[:4000])
    ours = relative_error(quantizer.decode(quantizer.encode(rows[4000:])), rows[4000:])
    kind = faiss.ScalarQuantizer
    for statistic, argument in [
        (kind.RS_minmax, 0.0),
        (kind.RS_meanstd, 2.5),
        (kind.RS_meanstd, 3.0),
        (kind.RS_quantiles, 0.01),
        (kind.RS_quantiles, 0.001),
    ]:
        reference = kind(rows.shape[1], getattr(kind, f"QT_{bits}bit"))
        reference.rangestat, reference.rangestat_arg = statistic, argument
        reference.train(rows[:4000])
        assert ours < relative_error(reference.decode(reference.compute_codes(rows[4000:])), rows[4000:])


def test_fp16_is_that_of_numpy_and_saturates() -> None:
    rows = (np.random.default_rng(2).standard_normal((50, 6)) * 100).astype(np.float32)
    quantizer = get_quantizer("sq", bits="fp16").fit(rows)
    np.testing.assert_array_equal(quantizer.decode(quantizer.encode(rows)), rows.astype(np.float16))
    extremes = np.array([[1e30, -1e30, 65504, -7e4, 0, 1]], np.float32)
    np.testing.assert_array_equal(
        quantizer.decode(quantizer.encode(extremes)), [[65504, -65504, 65504, -65504, 0, 1]]
    )


def test_bf16_keeps_eight_bits_of_the_mantissa() -> None:
    rows = (np.random.default_rng(3).standard_normal((200, 5)) * 1e20).astype(np.float32)
    quantizer = get_quantizer("sq", bits="bf16").fit(rows)
    assert np.abs(quantizer.decode(quantizer.encode(rows)) / rows - 1).max() <= 2**-8


def test_a_constant_dimension_is_kept_exactly() -> None:
    rows = np.random.default_rng(4).standard_normal((100, 3)).astype(np.float32)
    rows[:, 1] = 0.7
    quantizer = get_quantizer("sq", bits=4).fit(rows)
    np.testing.assert_array_equal(quantizer.decode(quantizer.encode(rows))[:, 1], rows[:, 1])


@pytest.mark.parametrize("bits", ["4", 6, "8", "bf16"])
def test_bits_may_be_written_as_text(bits: int | str) -> None:
    assert get_quantizer("sq", bits=bits).config == {"bits": int(bits) if bits != "bf16" else "bf16"}


@pytest.mark.parametrize("bits", [5, "5", "fp8", 16, True, None])
def test_other_bits_are_refused_with_the_valid_ones(bits: object) -> None:
    with pytest.raises(InputError, match=r"4, 6, 8, 'fp16' or 'bf16'"):
        get_quantizer("sq", bits=bits)


@pytest.mark.parametrize(
    ("budget", "d", "bits"), [(4, 384, 4), (5.9, 384, 4), (6, 384, 6), (8, 9, 8), (16, 9, "fp16"), (32, 9, "fp16")]
)
def test_the_rule_for_budgets(budget: float, d: int, bits: int | str) -> None:
    assert SQ.for_budget(budget, d) == ScalarParameters(bits=bits)


@pytest.mark.parametrize(("budget", "d", "lowest"), [(2, 384, "4"), (4, 9, "4.445")])
def test_a_budget_that_is_too_small_names_the_lowest(budget: float, d: int, lowest: str) -> None:
    with pytest.raises(InfeasibleBudget, match=f"at least {lowest} bits per dimension at d={d}, not {budget}"):
        SQ.for_budget(budget, d)
