"""The README's first answer: runs its command in an empty folder and makes a Markdown table of the results.

    python benchmarks/readme_table.py [--write]

Prints the table; `--write` puts it into the README, between the marks there.
"""

import argparse
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from vq_benchmark.reports.sizes import Sizes, parsed_count, sized
from vq_benchmark.results.database import Database, Run

README = Path(__file__).parents[1] / "README.md"
MARKS = ("<!-- made by benchmarks/readme_table.py -->", "<!-- end -->")
COMMAND = re.compile(r"^vq-benchmark (sweep --dataset sample .*)$", re.MULTILINE)
HEADER = ("method", "bits/dim", "smaller", "recall@1", "recall@10", "recall@100", "MRR@10")


def results(text: str, folder: Path) -> list[Run]:
    """The rows of the first sweep of the sample in a document, run in a folder; smallest first, for its --vectors.

    Raises:
        subprocess.CalledProcessError: the command failed.
    """
    command = COMMAND.search(text)
    assert command is not None, "the README shows no sweep of the sample"
    places = {"DB_PATH": "results.db", "CODEBOOKS_DIR": "codebooks", "VQ_CACHE_DIR": "cache"}
    subprocess.run(
        [sys.executable, "-m", "vq_benchmark", *shlex.split(command[1])],
        env=os.environ | {name: str(folder / place) for name, place in places.items()},
        cwd=folder, stdout=subprocess.PIPE, check=True,
    )  # fmt: skip
    runs = Database(folder / "results.db").runs("status = 'done'", with_accumulators=False)
    asked = re.search(r"--vectors (\S+)", command[1])
    shown = sized(runs, Sizes(None if asked is None else parsed_count(asked[1])))
    return sorted(shown, key=lambda run: (run.metrics["total_bits_per_dim"], run.method))


def rows(runs: list[Run]) -> Iterator[list[str]]:
    """The cells of the table, one list per run; recall with half the width of its 95 % interval."""
    for run in runs:
        metrics = run.metrics
        yield [
            f"`{run.method}`",
            f"{metrics['total_bits_per_dim']:.4g}",
            f"{metrics['total_compression_ratio']:.1f}×",
            *(_with_interval(metrics, f"recall_at_{k}") for k in (1, 10, 100)),
            f"{metrics['mrr_at_10']:.3f}",
        ]


def _with_interval(metrics: dict[str, float], name: str) -> str:
    low, high = metrics[f"{name}_ci"]
    return f"{metrics[name]:.3f} ± {(high - low) / 2:.3f}"


def table(runs: list[Run]) -> str:
    """The rows under their header, in Markdown."""
    lines = [HEADER, ("---", *["---:"] * (len(HEADER) - 1)), *rows(runs)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def shown(text: str) -> list[list[str]]:
    """The cells of the table that a document shows, without its header."""
    between = text.split(MARKS[0])[1].split(MARKS[1])[0]
    return [line.strip("| ").split(" | ") for line in between.split("\n") if line.startswith("| `")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    text = README.read_text()
    with tempfile.TemporaryDirectory() as folder:
        made = table(results(text, Path(folder)))
    if not arguments.write:
        print(made)
        return
    begin, end = map(re.escape, MARKS)
    README.write_text(re.sub(rf"(?<={begin}\n).*?(?={end})", lambda _: f"\n{made}\n\n", text, flags=re.DOTALL))


if __name__ == "__main__":
    main()
