"""A quantizer of the user's own through every command, and what happens when its code changes."""

import json
from collections.abc import Callable
from contextvars import copy_context
from pathlib import Path

import pytest
from adding_page import WIDEST

from vq_benchmark.results.database import Database
from vq_benchmark.results.models import load_model
from vq_benchmark.studies.study import Study

CHANGED = WIDEST.replace("1e-9", "2e-9")


@pytest.fixture
def widest(tmp_path: Path) -> Path:
    folder = tmp_path / "my methods"
    folder.mkdir()
    path = folder / "widest.py"
    path.write_text(WIDEST)
    return path


def rows(db: str = "results.db", method: str = "widest") -> list:
    return [run for run in Database(Path(db)).runs("status = 'done'") if run.method == method]


def test_methods_shows_it(program: Callable, widest: Path) -> None:
    assert "Bytes for the widest dimensions" in program("methods", "--plugin", widest).out
    assert "dimensions to store" in program("methods", "widest", "--plugin", widest).out
    refused = program("methods", "widest")
    assert refused.code == 2
    assert "there is no method 'widest'" in refused.err


@pytest.mark.parametrize("command", ["run", "sweep", "export"])
def test_a_plugin_that_cannot_be_used_is_one_line(
    program: Callable, vectors: Path, widest: Path, command: str
) -> None:
    widest.write_text("1 / 0")
    output = ["--output", "out"] if command == "export" else []
    ran = program(command, "--plugin", widest, "--dataset", vectors, "--method", "widest", *output)
    assert ran.code == 2
    assert ran.err == f"vq-benchmark: cannot load plugin '{widest}': ZeroDivisionError: division by zero.\n"


def test_changed_code_makes_a_new_model_and_a_new_row(program: Callable, vectors: Path, widest: Path) -> None:
    arguments = ("run", "--plugin", widest, "--dataset", vectors, "--method", "widest", "--param", "kept=4")
    arguments += ("--db-path", "results.db", "--codebooks-dir", "models")
    assert program(*arguments).code == 0
    assert "1 of 1 cells were already done" in program(*arguments).out
    widest.write_text(CHANGED)
    assert program(*arguments).code == 0
    first, second = rows()
    assert first.run_id != second.run_id
    assert first.environment["model_id"] != second.environment["model_id"]
    assert first.environment["plugin"]["source"] == second.environment["plugin"]["source"] == str(widest)
    assert first.environment["plugin"]["sha256"] != second.environment["plugin"]["sha256"]
    assert len(list(Path("models").glob("widest-*.npz"))) == 2
    widest.write_text(WIDEST)
    assert "1 of 1 cells were already done" in program(*arguments).out


def test_plot_and_merge_need_no_plugin(program: Callable, vectors: Path, widest: Path) -> None:
    arguments = ("run", "--plugin", widest, "--dataset", vectors, "--method", "widest", "--param", "kept=4")
    for name, start, end in (("a", 0, 4096), ("b", 4096, 5000)):
        chunk = ("--data-chunk-start", start, "--data-chunk-end", end)
        assert program(*arguments, *chunk, "--db-path", f"{name}.db").code == 0
    widest.unlink()
    assert program("merge", "results.db", "a.db", "b.db").code == 0
    assert len(rows()) == 1
    assert "widest" in program("plot", "--db-path", "results.db", "--metrics", "mse", "--output-dir", "plots").out
    assert list(Path("plots").glob("*.png"))


def test_worker_processes_and_chunks_give_the_same_row(program: Callable, vectors: Path, widest: Path) -> None:
    arguments = ("sweep", "--plugin", widest, "--dataset", vectors, "--method", "widest,none", "--bits", "2,4")
    assert program(*arguments, "--db-path", "whole.db").code == 0
    divided = (*arguments, "--db-path", "results.db", "--chunks", 2, "--workers", 2, "--threads", 2)
    assert program(*divided, "--codebooks-dir", "other").code == 0
    for one, other in zip(rows("whole.db"), rows(), strict=True):
        assert one.run_id == other.run_id
        assert one.metrics["recall_at_10"] == other.metrics["recall_at_10"]
        assert one.metrics["mse"] == other.metrics["mse"]


def test_a_study_file_names_it(program: Callable, vectors: Path, widest: Path) -> None:
    study = {"dataset": str(vectors), "plugins": str(widest), "methods": ["widest"], "bits": [4]}
    Path("study.yaml").write_text(json.dumps(study))
    assert program("sweep", "--config", "study.yaml", "--db-path", "results.db").code == 0
    assert len(rows()) == 1


def test_all_includes_it(program: Callable, vectors: Path, widest: Path) -> None:
    values = {"dataset": str(vectors), "plugins": "my methods/widest.py", "methods": "all"}
    study = copy_context().run(Study.parse, values)
    assert "widest" in study.methods
    assert study.plugins == [str(widest)]


def test_tasks_find_it_by_the_manifest_and_refuse_other_code(
    program: Callable, vectors: Path, widest: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sweep = ("sweep", "--plugin", "my methods/widest.py", "--dataset", vectors, "--method", "widest", "--bits", 4)
    sweep += ("--study-dir", "study", "--chunks", 2, "--db-path", "results.db")
    assert program(*sweep).code == 0
    manifest = json.loads(Path("study/manifest.json").read_text())
    assert manifest["study"]["plugins"] == [str(widest)]
    task = ("slurm", "task", tmp_path / "study", "fit", 0)
    for model in Path("codebooks").glob("*.npz"):
        model.unlink()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert program(*task).code == 0
    assert len(list((tmp_path / "codebooks").glob("widest-*.npz"))) == 1
    for model in (tmp_path / "codebooks").glob("*.npz"):
        model.unlink()
    widest.write_text(CHANGED)
    refused = program(*task)
    assert refused.code == 1
    assert "the code of widest changed since the study in" in refused.err
    widest.unlink()
    assert f"plugin '{widest}' is not a file" in program(*task).err


def test_export_and_load_with_the_same_code(program: Callable, vectors: Path, widest: Path) -> None:
    run = ("run", "--plugin", widest, "--dataset", vectors, "--method", "widest", "--bits", 4)
    assert program(*run, "--db-path", "results.db").code == 0
    stored = ("--run-id", rows()[0].run_id, "--db-path", "results.db", "--dataset", vectors)
    assert program("export", *stored, "--plugin", widest, "--output", "out").code == 0
    without = program("export", *stored, "--output", "new")
    assert without.code == 2
    assert "there is no method 'widest'" in without.err
    refused = program("export", *stored, "--plugin", widest, "--output", "out.faiss")
    assert refused.code == 2
    assert "faiss has no index" in refused.err
    quantizer, _ = copy_context().run(load_model, "out/model.npz", plugins=[str(widest)])
    assert quantizer.name == "widest"
    widest.write_text(CHANGED)
    changed = program("export", *stored, "--plugin", widest, "--output", "new")
    assert changed.code == 2
    assert "was fitted with different code for widest" in changed.err
