"""OSQ: known answers of Lucene's algorithm, a port of it in numpy, and what its scores are."""

import numpy as np
import pytest

from vq_benchmark.errors import InfeasibleBudget
from vq_benchmark.quantizers.methods.osq import Osq
from vq_benchmark.quantizers.parts.packing import unpack
from vq_benchmark.quantizers.registry import get_quantizer

F = np.float32
VECTOR = np.array([[-3, -1, -1, 0, 1, 1, 2, 5]], F) / 4
QUERY = np.array([[1, 0, -1, 2, 0, 1, -2, 3]], F) / 4
SPREAD = {1: 0.798, 2: 1.493, 4: 2.514, 7: 3.611, 8: 3.922}
KNOWN = {
    1: ([-0.4679145, 0.8422461], [0, 0, 0, 0, 1, 1, 1, 1]),
    2: ([-0.8584906, 1.1226416], [0, 1, 1, 1, 2, 2, 2, 3]),
    4: ([-0.7849824, 1.2010385], [0, 4, 4, 6, 8, 8, 10, 15]),
    7: ([-0.75, 1.25], [0, 32, 32, 48, 64, 64, 79, 127]),
}


def centred(bits: int, **parameters: str) -> Osq:
    """An osq whose centre is zero."""
    return get_quantizer("osq", bits=bits, **parameters).fit(np.concatenate([VECTOR, -VECTOR]))


def parts(codes: np.ndarray, bits: int, d: int) -> tuple[np.ndarray, ...]:
    """Ends, correction, sum and integers of codes."""
    floats = np.ascontiguousarray(codes[:, :12]).view("<f4")
    sums = np.ascontiguousarray(codes[:, 12:16]).view("<i4")[:, 0]
    return floats[:, :2], floats[:, 2], sums, unpack(np.ascontiguousarray(codes[:, 16:]), d, bits if bits <= 4 else 8)


def loss(y: np.ndarray, a: F, e: F, top: int) -> float:
    step = (e - a) / F(top)
    off = y - (float(a) + float(step) * np.floor((np.clip(y, a, e) - a) * (F(1) / step) + 0.5))
    along = float((y * off).sum(dtype=np.float64))
    return 0.9 * along**2 / float(np.square(y, dtype=np.float64).sum()) + 0.1 * float(np.square(off).sum())


def port(y: np.ndarray, bits: int) -> tuple[F, F, list[float]]:
    """The ends for one vector, and the losses on the way."""
    top, wide = 2**bits - 1, y.astype(np.float64)
    reach = SPREAD[bits] * wide.std()
    a, e = (F(np.clip(end, y.min(), y.max())) for end in (wide.mean() - reach, wide.mean() + reach))
    losses, weight = [loss(y, a, e, top)], 0.9 / (wide @ wide)
    for _ in range(5):
        s = np.floor((np.clip(y, a, e) - a) * (F(top) / (e - a)) + 0.5) / top
        rows = np.stack([1 - s, s])
        matrix = weight * np.outer(rows @ wide, rows @ wide) + 0.1 * rows @ rows.T
        if np.linalg.det(matrix) == 0:
            break
        new_a, new_e = np.linalg.solve(matrix, rows @ wide).astype(F)
        if max(abs(new_a - a), abs(new_e - e)) < 1e-8 or loss(y, new_a, new_e, top) > losses[-1]:
            break
        a, e = new_a, new_e
        losses.append(loss(y, a, e, top))
    return a, e, losses


@pytest.mark.parametrize("bits", KNOWN)
def test_the_known_answers(bits: int) -> None:
    ends, _, sums, integers = parts(centred(bits).encode(VECTOR), bits, 8)
    np.testing.assert_allclose(ends[0], KNOWN[bits][0], atol=2e-7)
    assert integers[0].tolist() == KNOWN[bits][1]
    assert sums[0] == sum(KNOWN[bits][1])


def test_the_known_scores_with_a_query_of_4_bits() -> None:
    dot, l2 = centred(1), centred(1, similarity="l2")
    score = dot.project_queries(QUERY) @ dot.decode_for_scores(dot.encode(VECTOR)).T
    assert score[0, 0] == pytest.approx(0.1871657, abs=1e-6)
    codes = l2.encode(VECTOR)
    score = l2.project_queries(QUERY) @ l2.decode_for_scores(codes).T
    distance = float(np.square(QUERY).sum()) + l2.squared_norms(codes)[0] - 2 * score[0, 0]
    assert distance == pytest.approx(3.5006685, abs=1e-6)


def test_two_values_are_coded_exactly() -> None:
    vector = np.array([[1, 1, -1, -1]], F)
    quantizer = get_quantizer("osq", bits=1, queries="float").fit(np.concatenate([vector, -vector]))
    np.testing.assert_allclose(quantizer.decode(quantizer.encode(vector)), vector, atol=1e-6)


@pytest.mark.parametrize("bits", [1, 2, 4, 7, 8])
def test_codes_are_those_of_a_port(bits: int) -> None:
    rows = np.random.default_rng(bits).standard_normal((60, 96)).astype(F) * np.linspace(0.1, 2, 96, dtype=F)
    quantizer = get_quantizer("osq", bits=bits).fit(rows)
    ends, _, sums, integers = parts(quantizer.encode(rows), bits, 96)
    same = 0
    for row, found, numbers in zip(rows - quantizer.state()["centre"], ends, integers, strict=True):
        a, e, losses = port(row, bits)
        assert losses == sorted(losses, reverse=True)
        expected = np.floor((np.clip(row, a, e) - a) / ((e - a) / F(2**bits - 1)) + 0.5)
        same += np.allclose(found, [a, e], atol=1e-6) and (numbers == expected).all()
    assert same >= 58  # sums in another order decide the rest, where a value lies between two levels
    np.testing.assert_array_equal(sums, integers.sum(axis=1))


@pytest.mark.parametrize("bits", [1, 4])
def test_scores_are_the_integer_formula_of_lucene(bits: int) -> None:
    rows = (np.random.default_rng(0).standard_normal((50, 33)) + 0.3).astype(F)
    quantizer = get_quantizer("osq", bits=bits).fit(rows)
    other = get_quantizer("osq", bits=4).fit(rows)
    (low, high), corrections, sums, k = (
        each.astype(np.float64).T for each in parts(quantizer.encode(rows), bits, 33)
    )
    (qlow, qhigh), qcorrections, qsums, kq = (
        each.astype(np.float64).T for each in parts(other.encode(rows[:7]), 4, 33)
    )
    step, qstep = (high - low) / (2**bits - 1), (qhigh - qlow) / 15
    affine = 33 * np.outer(qlow, low) + np.outer(qlow, step * sums) + np.outer(qstep * qsums, low)
    affine += np.outer(qstep, step) * (kq.T @ k)
    centre = quantizer.state()["centre"].astype(np.float64)
    expected = affine + qcorrections[:, None] + corrections - centre @ centre
    scores = quantizer.project_queries(rows[:7]) @ quantizer.decode_for_scores(quantizer.encode(rows)).T
    np.testing.assert_allclose(scores, expected, atol=1e-4)


@pytest.mark.parametrize(("bits", "error"), [(1, 0.361), (2, 0.126), (4, 0.0111), (7, 0.0002)])
def test_gaussian_errors(bits: int, error: float) -> None:
    rows = np.random.default_rng(1).standard_normal((1500, 384)).astype(F)
    quantizer = get_quantizer("osq", bits=bits).fit(rows)
    codes = quantizer.encode(rows)
    relative = np.square(rows - quantizer.decode(codes)).sum() / np.square(rows).sum()
    assert relative == pytest.approx(error, rel=0.02)
    slope = (rows * quantizer.decode_for_scores(codes)[:, :384]).sum() / np.square(rows).sum()
    assert slope > {1: 0.94, 2: 0.955}.get(bits, 0.99)


def test_l2_distances_use_the_stored_norms() -> None:
    rows = (np.random.default_rng(2).standard_normal((300, 64)) * 2 + 1).astype(F)
    quantizer = get_quantizer("osq", bits=4, similarity="l2").fit(rows)
    codes, queries = quantizer.encode(rows), rows[:5] + F(0.2)
    scores = quantizer.project_queries(queries) @ quantizer.decode_for_scores(codes).T
    found = np.square(queries).sum(axis=1)[:, None] + quantizer.squared_norms(codes) - 2 * scores
    exact = np.square(queries[:, None] - rows[None]).sum(axis=2)
    assert np.abs(found - exact).mean() < 0.02 * exact.mean()


def test_the_mean_can_be_normalised() -> None:
    rows = (np.random.default_rng(3).standard_normal((200, 16)) + 2).astype(F)
    centre = get_quantizer("osq", centre="unit-mean").fit(rows).state()["centre"]
    np.testing.assert_allclose(centre, rows.mean(axis=0) / np.linalg.norm(rows.mean(axis=0)), atol=1e-6)


def test_budgets_count_the_side_information() -> None:
    with pytest.raises(InfeasibleBudget, match=r"at least 1\.334"):
        Osq.for_budget(1, 384)
    chosen = [Osq.for_budget(budget, 384).bits for budget in (1.34, 2, 2.4, 4, 8, 8.4)]
    assert chosen == [1, 1, 2, 2, 4, 8]
