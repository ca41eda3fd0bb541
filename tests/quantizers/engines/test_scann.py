"""ScaNN's codes without a tree, `score_ah(2)`, against `pq` with the codebooks that the library trained."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from engine_answers import K, scores_of

from vq_benchmark.quantizers.base import Quantizer
from vq_benchmark.quantizers.registry import get_quantizer

SHARE = 0.99
"""Of the answers that must be ours: the library rounds its tables to 8 bits."""


@pytest.fixture
def searcher(engine: Callable[[str], ModuleType], sample) -> object:
    builder = engine("scann.scann_ops.py.scann_ops_pybind").builder(sample[0], K, "dot_product")
    return builder.set_n_training_threads(1).score_ah(2).build()


def with_codebooks_of(folder: Path, engine: Callable[[str], ModuleType], base: np.ndarray) -> Quantizer:
    """`pq` of two dimensions per sub-vector with the library's codebooks."""
    read = engine("scann.proto.centers_pb2").CentersForAllSubspaces.FromString
    centers = read((folder / "ah_codebook.pb").read_bytes()).subspace_centers
    codebooks = np.array([[entry.feature_value_float for entry in block.center] for block in centers], np.float32)
    pq = get_quantizer("pq", m=base.shape[1] // 2, nbits=4)
    pq.restore({"codebooks": codebooks}, base.shape[1])
    return pq


def test_codes_are_the_nearest_entries_of_plain_product_quantization(searcher, engine, sample, tmp_path) -> None:
    base, queries = sample
    searcher.serialize(str(tmp_path))
    pq = with_codebooks_of(tmp_path, engine, base)
    stored = np.load(tmp_path / "hashed_dataset.npy")
    assert stored.shape == (len(base), base.shape[1] // 2)  # a byte for each on disk, half a byte in memory
    np.testing.assert_array_equal(pq._code.pack(stored), pq.encode(base))

    scores = scores_of(pq, base, queries)
    found = np.array([searcher.search(row)[0] for row in queries])
    worst = -np.sort(-scores, axis=1)[:, K - 1 : K]
    spread = np.take_along_axis(scores, found, axis=1)
    assert (spread >= worst).mean() > SHARE
