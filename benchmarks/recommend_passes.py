"""Passes over the base that `recommend` makes, against a sweep over the same grid, and whether both answer the same.

    python benchmarks/recommend_passes.py [--dataset sample] [--bits 1,2,3] [--method pq,saq] [--train-size 20000]

The search runs first, in an empty database. Then a sweep measures everything else of the grid, in the same database,
and the answer is taken from all rows. A pass is one read, encoding and scoring of all base vectors by one
configuration. Interrupt it and run it again with the same --folder to resume.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from vq_benchmark.studies.recommending.grid import DEFAULT_METHODS

PROGRAM = [sys.executable, "-m", "vq_benchmark"]


def called(folder: Path, *arguments: str) -> str:
    """What a command prints; its progress goes to this terminal."""
    done = subprocess.run([*PROGRAM, *arguments], cwd=folder, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode > 1:
        sys.exit(done.returncode)
    return done.stdout


def compared(folder: Path, dataset: str, grid: list[str], target: list[str], data: list[str]) -> dict[str, Any]:
    """The answers of the search and of the sweep, and the passes of the search."""
    here = ["--db-path", "results.db"]
    measured = ["--dataset", dataset, *data, *grid, *here]
    searched_path = folder / "searched.json"
    if not searched_path.exists():
        searched_path.write_text(called(folder, "recommend", *measured, *target, "--json"))
    searched = json.loads(searched_path.read_text())
    called(folder, "sweep", *measured, "--no-equal-bits")
    full = json.loads(called(folder, "recommend", *target, *here, "--json"))
    search = searched["search"]
    return {
        "configurations": search["configurations"],
        "measured": len(search["measured"]),
        "measured_on_part": len(search["measured_on_part"]),
        "part_rows": search["part_rows"],
        "passes": search["passes"],
        "passes_of_a_sweep": search["passes_of_a_sweep"],
        "share": search["passes"] / search["passes_of_a_sweep"],
        "search": _named(searched["chosen"]),
        "sweep": _named(full["chosen"]),
        "same": _runs(searched["chosen"]) == _runs(full["chosen"]),
    }


def _named(chosen: dict[str, Any] | None) -> str | None:
    if chosen is None:
        return None
    values = {name: value for name, value in chosen["config"].items() if value is not None}
    return " ".join([chosen["method"], *(f"{name}={value}" for name, value in values.items())])


def _runs(chosen: dict[str, Any] | None) -> list[str] | None:
    return None if chosen is None else chosen["runs"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", default="sample")
    parser.add_argument("--metric", default=None)
    parser.add_argument("--method", default=",".join(DEFAULT_METHODS))
    parser.add_argument("--bits", default="1,1.5,2,2.5,3,3.5,4,5,6")
    parser.add_argument("--train-size", default="20000")
    parser.add_argument("--target", default="recall_at_10=0.95")
    parser.add_argument("--rerank", default=None)
    parser.add_argument("--vectors", default="1M")
    parser.add_argument("--folder", type=Path, default=None)
    given = parser.parse_args()
    dataset = str(Path(given.dataset).absolute()) if Path(given.dataset).exists() else given.dataset
    grid = ["--method", given.method, "--bits", given.bits, "--train-size", given.train_size]
    target = ["--target", given.target, "--vectors", given.vectors]
    target += [] if given.rerank is None else ["--rerank", given.rerank]
    data = [] if given.metric is None else ["--metric", given.metric]
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        print(json.dumps(compared(folder.absolute(), dataset, grid, target, data), indent=2))


if __name__ == "__main__":
    main()
