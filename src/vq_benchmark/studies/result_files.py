"""The names of the files whose existence says that a task is done, and a look at them that loads no library."""

import json
from importlib.metadata import version
from pathlib import Path

from vq_benchmark.evaluation import metric_set
from vq_benchmark.evaluation.spans import Span
from vq_benchmark.studies.stages import Task

MANIFEST_FILE, RESULTS_FILE = "manifest.json", "results.db"
WHOLE_TRUTH = Path("truth", "whole.npz")


def truth_file(rows: Span) -> Path:
    """The exact neighbours among the rows of a chunk, in the folder of the study."""
    start, stop = rows
    return Path("truth", f"{start}-{stop}.npz")


def evaluate_file(task: Task) -> Path:
    """The row of a configuration on a chunk, in the folder of the study."""
    return Path("results", f"{task.name}.db")


def is_surely_done(folder: Path, stage: str, index: int) -> bool:
    """Whether a task is done. False also where this look cannot tell, and `Manifest` must.

    An array that is submitted again has thousands of such tasks, and each would load all libraries to do nothing.
    """
    try:
        manifest = json.loads((folder / MANIFEST_FILE).read_bytes())
        release = manifest["package_version"].rsplit(".", 1)[0]
        if (release, manifest["metric_set"]) != (version("vq-benchmark").rsplit(".", 1)[0], metric_set.VERSION):
            return False
        match stage:
            case "truth":
                start, stop = manifest["chunks"][index]
                file = truth_file((int(start), int(stop)))
            case "reduce" if index == 0:
                file = WHOLE_TRUTH
            case "evaluate":
                file = evaluate_file(Task("evaluate", index))
            case _:
                return False
        return index >= 0 and (folder / file).exists()
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
        return False
