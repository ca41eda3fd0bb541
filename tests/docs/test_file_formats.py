"""The table of file formats states the versions that the code writes."""

import re
from pathlib import Path

import numpy as np
import pytest

from vq_benchmark.datasets.sources.parquet import row_index
from vq_benchmark.evaluation import accumulators, measurement, metric_set, per_query, sample_summary
from vq_benchmark.evaluation.ground_truths import ground_truth, ground_truth_files
from vq_benchmark.quantizers.registry import get_quantizer
from vq_benchmark.results import checkpoints, database, models
from vq_benchmark.studies import plan, spectra

PROJECT = Path(__file__).parents[2]
VERSION = r"^(?:(?:FORMAT_|SCHEMA_)?VERSION = \d+|FORMAT = ArchiveFormat\()"
PAGE = (PROJECT / "docs" / "FILE_FORMATS.md").read_text()
WRITTEN = {
    "results database": database.SCHEMA_VERSION,
    "metric set": metric_set.VERSION,
    "model": models.FORMAT.version,
    "ground truth": ground_truth_files.FORMAT.version,
    "measurement": measurement.FORMAT.version,
    "training sample of a row": sample_summary.VERSION,
    "values of each query": per_query.FORMAT.version,
    "sums inside": accumulators.FORMAT.version,
    "checkpoint": checkpoints.FORMAT_VERSION,
    "unfinished ground truth": ground_truth.FORMAT.version,
    "study": plan.FORMAT_VERSION,
    "eigenvalues of a training sample": spectra.FORMAT.version,
    "index of parquet": row_index.FORMAT_VERSION,
}


@pytest.mark.parametrize(("kind", "version"), WRITTEN.items())
def test_the_table_states_the_version_that_is_written(kind, version):
    (stated,) = re.findall(rf"^\| {kind}\b.*\| (\d+) \|", PAGE, re.MULTILINE)
    assert int(stated) == version


def test_every_version_in_the_code_stands_in_the_table():
    sources = (PROJECT / "src").rglob("*.py")
    declared = [re.findall(VERSION, path.read_text(), re.MULTILINE) for path in sources]
    assert sum(map(len, declared)) == len(WRITTEN) == len(re.findall(r"^\|.*\| \d+ \|", PAGE, re.MULTILINE))


def test_the_example_shows_what_an_archive_holds(tmp_path, monkeypatch, capsys):
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    quantizer = get_quantizer("none").fit(np.eye(8, dtype=np.float32))
    monkeypatch.chdir(tmp_path)
    Path("exported").mkdir()
    models.save_model(quantizer, Path("exported/model.npz"), metadata={})
    exec(compile(example, "example", "exec"), {})
    assert capsys.readouterr().out.split()[:2] == [str(models.FORMAT.version), "none"]
