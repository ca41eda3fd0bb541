"""The command that measures a stored configuration again."""

import shlex
from pathlib import Path

from vq_benchmark.results.database import Run

CAVEAT = "A row does not store the options that select part of the data or change the measurement; repeat yours."


def rerun_command(run: Run) -> str:
    """A shell line that runs the configuration and seed of a row."""
    words = ["vq-benchmark", "run", "--dataset", _data(run), "--metric", run.metric]
    if run.engine:
        return shlex.join([*words, "--engine", run.engine, "--seed", str(run.seed)])
    words += ["--method", run.method]
    for name, value in run.config.items():
        if value is not None:
            words += ["--param", f"{name}={value}"]
    words += ["--seed", str(run.seed)]
    if run.query_bits != "float":
        words += ["--query-bits", run.query_bits]
    if plugin := run.environment.get("plugin"):
        words += ["--plugin", str(plugin.get("source"))]
    return shlex.join(words)


def _data(run: Run) -> str:
    """The file or folder that was read, where it has the name of the data set; otherwise that name."""
    content = run.environment.get("content") or {}
    for file in content.get("files") or []:
        path = Path(str(file["path"]))
        for candidate in (path, path.parent):
            if run.dataset in (candidate.name, candidate.stem):
                return str(candidate)
    return run.dataset
