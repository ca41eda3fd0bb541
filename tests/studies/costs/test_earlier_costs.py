"""What rows of earlier studies say about the cost of a new one."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from vq_benchmark.machine.progress import SilentReporter
from vq_benchmark.results.database import Database
from vq_benchmark.studies.cell_run import CPU_SECONDS
from vq_benchmark.studies.cells import Machine
from vq_benchmark.studies.costs.calibration import Line
from vq_benchmark.studies.costs.earlier_costs import earlier_costs
from vq_benchmark.studies.local.cells import run_cells
from vq_benchmark.studies.planning import draft_manifest
from vq_benchmark.studies.study import Study


@pytest.fixture
def planned(tmp_path):
    """A method whose parameters are not in the order of the alphabet, two engines that share one, and two seeds."""
    rng = np.random.default_rng(0)
    np.save(tmp_path / "base.npy", rng.standard_normal((500, 8)).astype(np.float32))
    study = Study.parse(
        {
            "dataset": str(tmp_path / "base.npy"), "num_queries": 20, "methods": ["sq-global"], "seeds": [0, 1],
            "engines": ["usearch:b1", "pgvector:bit"], "k": 5, "max_candidates": 10, "train_size": 300,
            "num_pairs": 50,
        }
    )  # fmt: skip
    options = study.options(Machine(cache_dir=tmp_path / "cache", codebooks_dir=tmp_path / "codebooks"))
    dataset = study.load()
    return draft_manifest(study, tmp_path / "study", dataset, options), dataset, options


def measured(planned, path: Path, *numbers: int) -> list[float]:
    """Measure these configurations into a database; returns the CPU time per row of each."""
    manifest, dataset, options = planned
    cells = [manifest.configurations[number].cell((0, dataset.n)) for number in numbers]
    run_cells(dataset, options, cells, Database(path), "x", SilentReporter())
    return [run.environment[CPU_SECONDS] for run in Database(path).runs()]


def test_a_row_counts_for_all_seeds_of_its_configuration_and_for_no_other_engine(planned, tmp_path):
    manifest, dataset, _ = planned
    plain = [each for each in manifest.configurations if not each.engine]
    assert [each.seed for each in plain] == [0, 1]
    assert list(plain[0].config) != sorted(plain[0].config)  # a database sorts them
    (seconds,) = measured(planned, tmp_path / "earlier.db", manifest.configurations.index(plain[0]))
    assert earlier_costs(manifest, dataset, [tmp_path / "earlier.db"]) == {
        each.run_id: Line(per_row=seconds) for each in plain
    }

    engine = [each for each in manifest.configurations if each.engine == "usearch:b1"]
    (seconds,) = measured(planned, tmp_path / "engine.db", manifest.configurations.index(engine[0]))
    assert earlier_costs(manifest, dataset, [tmp_path / "engine.db"]) == {
        each.run_id: Line(per_row=seconds) for each in engine
    }


def test_rows_of_other_data_and_missing_or_broken_databases_say_nothing(planned, tmp_path):
    manifest, dataset, _ = planned
    measured(planned, tmp_path / "earlier.db", 0)
    (tmp_path / "broken.db").write_text("not a database")
    assert earlier_costs(manifest, replace(dataset, name="another"), [tmp_path / "earlier.db"]) == {}
    assert earlier_costs(manifest, dataset, [tmp_path / "none.db", tmp_path / "broken.db"]) == {}
