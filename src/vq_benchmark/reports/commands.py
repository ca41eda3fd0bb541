"""The command that measures a stored configuration again."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vq_benchmark.datasets.catalog import CATALOG
from vq_benchmark.datasets.data_spec import DataSpec
from vq_benchmark.machine.validation import option_words
from vq_benchmark.results.database import Run
from vq_benchmark.studies.cells import OPTIONS_KEY
from vq_benchmark.studies.measure_spec import MeasureSpec

OF_EARLIER_RELEASES = (
    "This row is of an earlier release, which did not store the options that select part of the data or change the "
    "measurement; repeat yours."
)
PATHS = ("dataset", *(name for name, info in DataSpec.model_fields.items() if info.annotation == Path | None))
"""Fields that hold a path, the data set perhaps."""
OF_SEARCH = ("train_size", "ground_truth_path", "slow")
"""Fields of `MeasureSpec` that `recommend` has options for."""
OF_ARRAYS = "This row was measured in Python, on vectors that no command can name."


def rerun_command(run: Run) -> str:
    """A shell line that runs the configuration and seed of a row; empty if its data have no name to give."""
    data = data_words(run)
    if not data:
        return ""
    words = ["vq-benchmark", "run", *data, *(["--engine", run.engine] if run.engine else ["--method", run.method])]
    for name, value in run.config.items():
        if value is not None and not run.engine:
            words += ["--param", f"{name}={value}"]
    words += ["--seed", str(run.seed)]
    if run.query_bits != "float" and not run.engine:
        words += ["--query-bits", run.query_bits]
    if plugin := run.environment.get("plugin"):
        words += ["--plugin", str(plugin.get("source"))]
    return shlex.join([*words, *measure_words(run)])


def again(run: Run) -> str:
    """How to measure a row again, as the end of a sentence."""
    command = rerun_command(run)
    return f"measure it again: {command} --force" if command else "measure it again with force=True"


def rerun_caveat(run: Run) -> str:
    """Why that line may not give the same row, or is empty; empty itself where neither is so."""
    options = _options(run)
    if options is None:
        return OF_EARLIER_RELEASES
    return "" if options.get("data") else OF_ARRAYS


def data_words(run: Run, folder: Path | None = None) -> list[str]:
    """The options that select the vectors of a row; none if no options can.

    Args:
        folder: where the command will be run; paths below it are relative to it. None: paths are absolute.
    """
    options = _options(run)
    if options is None:
        return ["--dataset", _file_of(run), "--metric", run.metric]
    data = options.get("data") or {}
    below = {name: _below(folder, data[name]) for name in PATHS if folder is not None and name in data}
    return option_words(DataSpec, {**data, **below})


def measure_words(run: Run) -> list[str]:
    """The options of measurement of a row that are no defaults, as far as it states them."""
    return option_words(MeasureSpec, measure_of(run))


def measure_of(run: Run) -> Mapping[str, Any]:
    """The options of measurement of a row that are no defaults, by name; empty if it states none."""
    return (_options(run) or {}).get("measure") or {}


def search_words(measure: Mapping[str, Any]) -> list[str]:
    """Those of the options of measurement that `recommend` takes, so that it reuses rows that were measured so."""
    return option_words(MeasureSpec, {name: measure[name] for name in OF_SEARCH if name in measure})


def _below(folder: Path | None, path: str) -> str:
    """A path relative to a folder, where it is below it and does not read like the name of a data set."""
    if folder is None or not Path(path).is_absolute() or not Path(path).is_relative_to(folder):
        return path
    relative = str(Path(path).relative_to(folder))
    return path if relative in {".", *CATALOG} else relative


def _options(run: Run) -> Mapping[str, Any] | None:
    """The options that a row states; None if it is of a release that stored none."""
    found = run.environment.get(OPTIONS_KEY)
    return found if isinstance(found, Mapping) else None


def _file_of(run: Run) -> str:
    """The file or folder that was read, where it has the name of the data set; otherwise that name."""
    content = run.environment.get("content") or {}
    for file in content.get("files") or []:
        path = Path(str(file["path"]))
        for candidate in (path, path.parent):
            if run.dataset in (candidate.name, candidate.stem):
                return str(candidate)
    return run.dataset
