"""Google's library: what we read from its files is what its search computes."""

from pathlib import Path

import numpy as np
import pytest

from vq_benchmark.errors import InfeasibleBudget, InputError
from vq_benchmark.quantizers.methods.scann_library import ScannLibrary, ScannLibraryParameters
from vq_benchmark.quantizers.parts.packing import unpack
from vq_benchmark.quantizers.registry import get_quantizer

needs_library = pytest.mark.skipif(ScannLibrary.unavailable() is not None, reason=str(ScannLibrary.unavailable()))


def test_a_budget_gives_sub_vectors_of_four_bits_until_there_is_room_for_eight() -> None:
    assert ScannLibrary.for_budget(1, 384) == ScannLibraryParameters(dims_per_block=4)
    assert ScannLibrary.for_budget(2, 384) == ScannLibraryParameters(dims_per_block=2)
    assert ScannLibrary.for_budget(5, 384) == ScannLibraryParameters(dims_per_block=1)
    assert ScannLibrary.for_budget(8, 384) == ScannLibraryParameters(dims_per_block=1, nbits=8)
    with pytest.raises(InfeasibleBudget, match=r"at least 0\.2 bits"):
        ScannLibrary.for_budget(0.1, 40)


def test_impossible_parameters_are_refused() -> None:
    with pytest.raises(InputError, match="dims_per_block=50 must be at most d=40"):
        ScannLibraryParameters(dims_per_block=50).check_dimension(40)
    with pytest.raises(InputError, match="one of 4, 8"):
        ScannLibraryParameters.parse("scann-library", {"nbits": 5})


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    rows = np.random.default_rng(0).standard_normal((2000, 62)).astype(np.float32)
    return rows * np.linspace(2, 0.5, 62, dtype=np.float32)


@needs_library
@pytest.mark.parametrize("nbits", [4, 8])
def test_codes_and_scores_are_those_of_the_library_trained_on_the_same_rows(
    rows: np.ndarray, nbits: int, tmp_path: Path
) -> None:
    from scann.scann_ops.py import scann_ops_pybind

    quantizer = get_quantizer("scann-library", dims_per_block=4, nbits=nbits).fit(rows)
    unit = np.float32(np.sqrt(np.square(rows, dtype=np.float64).sum() / len(rows)))
    searcher = (
        scann_ops_pybind.builder(rows / unit, 2000, "dot_product")
        .set_n_training_threads(1)
        .score_ah(4, anisotropic_quantization_threshold=0.2, hash_type={4: "lut16", 8: "lut256"}[nbits])
        .build()
    )
    searcher.serialize(str(tmp_path))
    codes = quantizer.encode(rows)
    np.testing.assert_array_equal(unpack(codes, 16, nbits), np.load(tmp_path / "hashed_dataset.npy"))
    queries = np.random.default_rng(1).standard_normal((5, 62)).astype(np.float32)
    scores = quantizer.project_queries(queries) @ quantizer.decode_for_scores(codes).T
    for query, expected in zip(queries, scores, strict=True):
        ids, found = searcher.search(query)
        assert np.corrcoef(found, expected[ids])[0, 1] > 0.999
        np.testing.assert_allclose(found * unit, expected[ids], atol=0.02 * np.linalg.norm(query) * unit)


@needs_library
def test_few_training_vectors_are_refused(rows: np.ndarray) -> None:
    with pytest.raises(InputError, match="at least 256 training vectors"):
        get_quantizer("scann-library", nbits=8).fit(rows[:100])
