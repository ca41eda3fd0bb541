"""docs/METRICS.md names every metric that there can be, and no other."""

import itertools
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from vq_benchmark.evaluation.evaluate import evaluate, exact_truths
from vq_benchmark.evaluation.metric_records import RECORDS, record_of
from vq_benchmark.evaluation.metrics import finished_metrics
from vq_benchmark.evaluation.ranking import ndcg
from vq_benchmark.evaluation.search_speed import search_metrics
from vq_benchmark.evaluation.statistics.bootstrap import RESAMPLES
from vq_benchmark.evaluation.streaming import WARM_UP_ROWS, PassSettings
from vq_benchmark.evaluation.tiling import TILE_ROWS
from vq_benchmark.quantizers.parts.faiss_index import flat_index
from vq_benchmark.results.database import VIEW_METRICS

TEXT = (Path(__file__).parents[2] / "docs" / "METRICS.md").read_text()
SECTIONS = dict(re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL))


def rows_of(text: str) -> list[list[str]]:
    """The cells of the table rows that define metrics."""
    return [re.split(r" \| ", line.strip("| ")) for line in text.splitlines() if line.startswith("| `")]


def names_in(cell: str) -> list[str]:
    return re.findall(r"`([a-z_0-9]+)`", cell)


SECTION_OF = {
    name: section
    for section, text in SECTIONS.items()
    if section != "Scores"  # its table is of the distances
    for cells in rows_of(text)
    for name in names_in(cells[0])
}
BETTER_OF = {
    name: cells[places["better"]] if places["better"] < len(cells) else ""
    for text in SECTIONS.values()
    for header in re.findall(r"^\| (name .*) \|$", text, re.MULTILINE)
    for places in [{title: place for place, title in enumerate(header.split(" | "))}]
    for cells in rows_of(text)
    for name in names_in(cells[0])
}


def member(name: str) -> str:
    """`recall_at_k` as one of the names that results have."""
    return re.sub(r"_at_k$", "_at_37", name)


@pytest.fixture
def produced(make_dataset, rounding) -> set[str]:
    """Names of all values that a pass and a search can give, `_ci` included."""
    names = set()
    dataset = make_dataset("l2", n=4 * TILE_ROWS, judged="own")
    for k, settings in (
        (100, PassSettings(rerank="os=2,from=int8")), (37, PassSettings()), (100, PassSettings(with_scores=False)),
    ):  # fmt: skip
        names |= set(finished_metrics(evaluate(rounding, dataset, k=k, settings=settings, trained_on=np.arange(9))))
    index = flat_index(dataset.d, "l2")
    index.add(dataset.queries)
    index.add(dataset.queries)
    for k in (10, 3):
        truth = exact_truths(dataset, k).queries
        names |= set(search_metrics(index, dataset, truth, 0, itertools.count().__next__))
    return names


def test_every_metric_has_one_row_and_every_row_is_a_metric(produced) -> None:
    measured = {name for name in produced if not name.endswith("_ci")}
    of_the_cell = {record.name for record in RECORDS if record.needs == "cell"}
    assert {re.sub(r"_at_(37|3)$", "_at_k", name) for name in measured} | of_the_cell == set(SECTION_OF)
    firsts = [name for text in SECTIONS.values() for cells in rows_of(text) for name in names_in(cells[0])]
    assert [name for name in SECTION_OF if firsts.count(name) != 1] == []


def test_every_record_stands_where_it_says() -> None:
    for record in RECORDS:
        rows = [name for name in SECTION_OF if record.match(member(name))]
        assert rows, f"docs/METRICS.md has no row for {record.name}"
        assert {SECTION_OF[name] for name in rows} == {record.section}, record.name
        for name in rows:
            assert (BETTER_OF[name] if BETTER_OF[name] in ("higher", "lower") else None) == record.better, name


def test_every_row_and_every_value_is_of_one_record(produced) -> None:
    for name in {member(name) for name in SECTION_OF} | {name for name in produced if not name.endswith("_ci")}:
        assert [record.name for record in RECORDS if record.match(name)] != [], name
        assert sum(record.match(name) is not None for record in RECORDS) == 1, name


def test_metrics_with_an_interval_are_the_ones_that_are_said_to_have_one(produced) -> None:
    for name in produced:
        if not name.endswith("_ci"):
            assert (f"{name}_ci" in produced) == (record_of(name).interval is not None), name
    without = {section for section, text in SECTIONS.items() if "no interval" in text}
    assert without == {"Size", "Time and memory"}
    assert {record.section for record in RECORDS if record.interval}.isdisjoint(without)
    for section in ("Reconstruction", "Score errors", "Distances between base vectors"):
        assert all(
            cells[-1].startswith("normal") or "transformed from" in cells[-1] for cells in rows_of(SECTIONS[section])
        )
        assert {record.interval for record in RECORDS if record.section == section} == {"normal"}
    for section in ("Ranking", "Judged queries"):
        assert "bootstrap" in SECTIONS[section]
        assert {record.interval for record in RECORDS if record.section == section} == {"bootstrap"}


def test_records_load_without_the_libraries_that_compute() -> None:
    """Tables and figures read them, and must start at once."""
    code = "import sys, vq_benchmark.evaluation.metric_records; print({'numpy', 'numba', 'faiss'} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "set()\n"


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
    assert set(VIEW_METRICS) <= set(SECTION_OF)


def test_the_numbers_in_the_text_are_those_of_the_code() -> None:
    for number in (TILE_ROWS, RESAMPLES):
        assert f"{number:,}" in TEXT
    assert f"up to {WARM_UP_ROWS} vectors" in TEXT
    assert f"{PassSettings().max_candidates} by default" in TEXT
