"""Training queries in a sweep: in identity, model, rows and tables; refused where a method has no use for them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from vq_benchmark import load_dataset, sweep
from vq_benchmark.api.results import Results
from vq_benchmark.errors import InputError
from vq_benchmark.reports.comparison import comparisons
from vq_benchmark.reports.formatting import query_text
from vq_benchmark.reports.paired_rows import chosen
from vq_benchmark.results.models import load_model

D = 32


def rows(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, D)).astype(np.float32)


@pytest.fixture
def measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Results]:
    monkeypatch.setenv("CODEBOOKS_DIR", str(tmp_path / "codebooks"))
    monkeypatch.setenv("CHECKPOINT_DIR", str(tmp_path / "checkpoints"))

    def measure(train_queries: np.ndarray | None, methods: str = "segmented-eden") -> Results:
        dataset = load_dataset(rows(300, 0), queries=rows(20, 1), train_queries=train_queries, metric="ip")
        return sweep(dataset, methods, 3, db_path=tmp_path / "rows.db", train_size=200, cache_dir=tmp_path)

    return measure


def test_rows_with_and_without_are_apart(measured: Callable[..., Results], tmp_path: Path) -> None:
    runs = [run for asked in (None, rows(50, 2), rows(40, 3)) for run in measured(asked).runs]
    assert [run.train_queries for run in runs] == [0, 50, 40]
    assert len({run.run_id for run in runs}) == 3
    assert [query_text(run) for run in runs] == ["", "trained on 50 queries", "trained on 40 queries"]
    (comparison,) = comparisons(runs)
    assert len(comparison.summaries) == 3 and comparison.superseded == 0
    assert chosen("segmented-eden:train_queries=50", runs).runs == (runs[1],)
    stored = [load_model(path)[1].get("train_queries") for path in (tmp_path / "codebooks").iterdir()]
    assert sorted(each["vectors"] for each in stored if each) == [40, 50] and stored.count(None) == 1


def test_a_method_without_a_use_for_them_is_refused(measured: Callable[..., Results]) -> None:
    found = measured(rows(50, 2), "segmented-eden,sq")
    assert [run.method for run in found.runs] == ["segmented-eden"]
    reason = "sq does not train on queries; measure it without --train-queries (saq, segmented-eden, trellis do)."
    assert found.notes == (f"not run: {reason}",)
    with pytest.raises(InputError, match="sq does not train on queries"):
        measured(rows(50, 2), "sq")
