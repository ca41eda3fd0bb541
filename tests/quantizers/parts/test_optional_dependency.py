from pathlib import Path

import numpy as np
import pytest

from vq_benchmark.datasets.loading import load_dataset
from vq_benchmark.quantizers.parts.optional_dependency import missing_extra
from vq_benchmark.quantizers.registry import registered
from vq_benchmark.studies.cells import Grid, Machine, Options, Refusal, cells_of
from vq_benchmark.studies.measure_spec import MeasureSpec


def test_what_is_missing_is_said_with_what_to_install() -> None:
    assert missing_extra("no-such-package", "1.0") == (
        "no-such-package is not installed; run pip install 'vq-benchmark[no-such-package]'."
    )
    major, minor = np.__version__.split(".")[:2]
    assert missing_extra("numpy", f"{major}.{minor}") is None
    assert str(missing_extra("numpy", "0.1")).startswith(f"it needs numpy 0.1, not {np.__version__}")


@pytest.mark.parametrize("method", ["rabitqlib", "scann-library"])
def test_a_sweep_refuses_what_is_not_installed_with_the_reason(
    method: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(registered()[method], "unavailable", classmethod(lambda cls: "it is not installed."))
    options = Options(MeasureSpec(), Machine(cache_dir=tmp_path, codebooks_dir=tmp_path))
    cells, refusals = cells_of(Grid({method: [], "none": []}, [4.0]), load_dataset("sample"), options, (0, 10))
    assert [cell.method for cell in cells] == ["none"]
    assert refusals == [Refusal(method, f"{method} cannot run here: it is not installed.")]


def test_externals_are_those_that_run_other_libraries() -> None:
    assert {name for name, cls in registered().items() if cls.external} == {"rabitqlib", "scann-library"}
