"""The worked example of docs/ADDING_A_QUANTIZER.md, run as it stands there."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import vq_benchmark.quantizers.methods as package
from vq_benchmark.quantizers import registry
from vq_benchmark.results.models import load_model, save_model

DOCS = Path(__file__).parents[2] / "docs" / "ADDING_A_QUANTIZER.md"


@pytest.fixture
def sphere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The module of the example, in a folder that counts as one of the package's."""
    block = re.search(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert block
    (tmp_path / "sphere.py").write_text(block[1], encoding="utf-8")
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    registry.registered.cache_clear()
    registry.registered()
    yield sys.modules["vq_benchmark.quantizers.methods.sphere"]
    del sys.modules["vq_benchmark.quantizers.methods.sphere"]
    registry.registered.cache_clear()


def test_the_example_works(sphere: ModuleType, tmp_path: Path) -> None:
    assert "sphere" in registry.list_quantizers()
    rows = np.random.default_rng(0).standard_normal((400, 30)).astype(np.float32)
    errors = []
    for bits in (2, 4, 6, 8):
        quantizer = registry.get_quantizer("sphere", bits=bits).fit(rows[:300])
        codes = quantizer.encode(rows)
        assert codes.shape == (400, quantizer.code_bytes)
        np.testing.assert_array_equal(codes[7:8], quantizer.encode(rows[7:8]))
        decoded = quantizer.decode(codes)
        errors.append(float(np.square(rows - decoded).sum() / np.square(rows).sum()))
        save_model(quantizer, tmp_path / "model.npz", metadata={})
        np.testing.assert_array_equal(load_model(tmp_path / "model.npz")[0].decode(codes), decoded)
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.001


def test_its_budgets_are_kept(sphere: ModuleType) -> None:
    assert sphere.Sphere.for_budget(4.2, 384) == sphere.SphereParameters(bits=4)
    with pytest.raises(sphere.InfeasibleBudget, match=r"at least 2\.042 bits"):
        sphere.Sphere.for_budget(2, 384)


def test_the_pieces_it_names_exist() -> None:
    table = DOCS.read_text(encoding="utf-8").split("## Pieces that exist")[1]
    files = re.findall(r"`([\w/]+\.py)`", table)
    assert files
    for file in files:
        assert (Path(package.__path__[0]) / file).is_file(), file
