"""ScaNN's anisotropic loss: its own kernels against numpy, and PQ on its own objective."""

import numpy as np
import pytest

from vq_benchmark.quantizers.methods.scann import anisotropic_loss, descend, parallel_weight, refine_anisotropic
from vq_benchmark.quantizers.parts.kmeans import nearest_entries, train_codebooks, transposed
from vq_benchmark.quantizers.registry import get_quantizer

D, M, NBITS = 32, 8, 4


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    rows = np.random.default_rng(2).standard_normal((1500, D)) * np.geomspace(1, 0.3, D) + 0.1
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def looked_up(codebooks: np.ndarray, entries: np.ndarray) -> np.ndarray:
    return codebooks[np.arange(len(codebooks)), entries].reshape(len(entries), -1)


def test_the_loss_is_lower_than_that_of_pq(rows: np.ndarray) -> None:
    weight = parallel_weight(0.2, 384)
    assert weight == pytest.approx(383 * 0.04 / 0.96 - 1)
    quantizer = get_quantizer("scann", m=M, nbits=NBITS, threshold=0.5).fit(rows)
    pq = get_quantizer("pq", m=M, nbits=NBITS).fit(rows)
    weight = parallel_weight(0.5, D)
    ours = anisotropic_loss(rows, quantizer.decode_for_scores(quantizer.encode(rows)), weight).mean()
    assert ours < 0.8 * anisotropic_loss(rows, pq.decode(pq.encode(rows)), weight).mean()


def test_no_round_of_training_raises_the_loss(rows: np.ndarray) -> None:
    start = train_codebooks(rows, M, NBITS, seed=0)
    losses = []
    for rounds in range(6):
        codebooks, entries = refine_anisotropic(rows, start, 5.0, rounds)
        losses.append(anisotropic_loss(rows, looked_up(codebooks, entries), 5.0).sum())
    assert (np.diff(losses) < 1e-6 * losses[0]).all()
    assert losses[-1] < 0.95 * losses[0]


def test_no_single_change_of_a_code_lowers_the_loss(rows: np.ndarray) -> None:
    codebooks = train_codebooks(rows, 2, NBITS, seed=0)
    entries = nearest_entries(rows, transposed(codebooks))
    for _ in range(4):  # each call makes a few sweeps
        descend(rows, transposed(codebooks), 5.0, entries)
    loss = anisotropic_loss(rows, looked_up(codebooks, entries), 5.0)
    for j in range(2):
        for entry in range(1 << NBITS):
            changed = entries.copy()
            changed[:, j] = entry
            assert (anisotropic_loss(rows, looked_up(codebooks, changed), 5.0) > loss - 1e-5).all()


def test_a_threshold_of_zero_is_pq(rows: np.ndarray) -> None:
    scann = get_quantizer("scann", m=M, nbits=NBITS, threshold=0).fit(rows)
    pq = get_quantizer("pq", m=M, nbits=NBITS).fit(rows)
    errors = [np.square(rows - z.decode(z.encode(rows))).sum() for z in (scann, pq)]
    assert errors[0] == pytest.approx(errors[1], rel=0.03)


def test_decoding_shrinks_to_least_squares(rows: np.ndarray) -> None:
    quantizer = get_quantizer("scann", m=M, nbits=NBITS, threshold=0.6).fit(rows)
    codes = quantizer.encode(rows)
    longer, decoded = quantizer.decode_for_scores(codes), quantizer.decode(codes)
    assert np.square(rows - decoded).sum() < np.square(rows - longer).sum()
    slope = (decoded * rows).sum() / np.square(decoded).sum()
    assert slope == pytest.approx(1, abs=0.02)
