"""docs/METRICS.md names every metric that there can be, and no other."""

import itertools
import re
from pathlib import Path

import numpy as np
import pytest

from vq_benchmark.evaluation.bootstrap import RESAMPLES
from vq_benchmark.evaluation.evaluate import evaluate, exact_truths
from vq_benchmark.evaluation.metrics import finished_metrics
from vq_benchmark.evaluation.ranking import ndcg
from vq_benchmark.evaluation.search_speed import search_metrics
from vq_benchmark.evaluation.streaming import WARM_UP_ROWS, PassSettings
from vq_benchmark.evaluation.tiling import TILE_ROWS
from vq_benchmark.quantizers.parts.faiss_index import flat_index
from vq_benchmark.results.database import VIEW_METRICS

TEXT = (Path(__file__).parents[2] / "docs" / "METRICS.md").read_text()
ROWS = [line.split(" | ")[0] for line in TEXT.splitlines() if line.startswith("| `")]
NAMED = {name for row in ROWS for name in re.findall(r"`([a-z_0-9]+)`", row)} - {"ip", "cosine", "l2"}
OF_THE_CELL = {"fit_seconds", "peak_memory_bytes", "data_block_bytes"}


def test_every_metric_has_one_row_and_every_row_is_a_metric(make_dataset, rounding) -> None:
    produced = set()
    for k, settings in ((100, PassSettings()), (37, PassSettings()), (100, PassSettings(with_scores=False))):
        dataset = make_dataset("l2", n=4 * TILE_ROWS, judged="own")
        produced |= set(finished_metrics(evaluate(rounding, dataset, k=k, settings=settings)))
    index = flat_index(dataset.d, "l2")
    index.add(dataset.queries)
    index.add(dataset.queries)
    for k in (10, 3):
        truth = exact_truths(dataset, k).queries
        produced |= set(search_metrics(index, dataset, truth, 0, itertools.count().__next__))
    values = {re.sub(r"_at_(37|3)$", "_at_k", name) for name in produced if not name.endswith("_ci")}
    assert values | OF_THE_CELL == NAMED
    for name in NAMED:
        assert sum(f"`{name}`" in row for row in ROWS) == 1


def test_metrics_with_an_interval_are_the_ones_that_are_said_to_have_one(make_dataset, rounding) -> None:
    metrics = finished_metrics(evaluate(rounding, make_dataset("l2", n=3000, judged="own")))
    sections = dict(re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL))
    with_interval = "".join(
        sections[title]
        for title in ("Reconstruction", "Score errors", "Distances between base vectors", "Ranking", "Judged queries")
    )
    for name in metrics:
        if not name.endswith("_ci"):
            assert (f"`{name}`" in with_interval) == (f"{name}_ci" in metrics), name


def test_the_formula_of_the_paired_interval_is_the_one_in_use(make_dataset, rounding) -> None:
    measurement = evaluate(rounding, make_dataset("l2", n=3000, queries=40, judged="same"))
    grades: dict[int, dict[int, int]] = {}
    for query, row, grade in measurement.qrels.tolist():
        if grade > 0:
            grades.setdefault(query, {})[row] = grade
    rankings = {"exact": measurement.truth.ids, "quantized": measurement.accumulators.top.ids}
    names = {"np": np, "seed": measurement.key.seed} | {
        name: ndcg(ids[list(grades)], list(grades.values()), 10) for name, ids in rankings.items()
    }
    (code,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    exec(code, names)
    metrics = finished_metrics(measurement)
    assert metrics["ndcg_at_10_loss"] == pytest.approx((names["exact"] - names["quantized"]).mean(), rel=1e-12)
    assert metrics["ndcg_at_10_loss_ci"] == pytest.approx(names["interval"].tolist(), rel=1e-9)
    assert metrics["ndcg_at_10_loss_ci"][0] < metrics["ndcg_at_10_loss"] < metrics["ndcg_at_10_loss_ci"][1]


def test_the_columns_of_the_view_are_metrics() -> None:
    assert set(VIEW_METRICS) <= NAMED


def test_the_numbers_in_the_text_are_those_of_the_code() -> None:
    for number in (TILE_ROWS, RESAMPLES):
        assert f"{number:,}" in TEXT
    assert f"up to {WARM_UP_ROWS} vectors" in TEXT
    assert f"{PassSettings().candidates} by default" in TEXT
