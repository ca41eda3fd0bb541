"""The table of docs/ENGINES.md: every setting of every engine, measured on the packaged sample.

    python benchmarks/engines_table.py engines.db [--write docs/ENGINES.md]

`engines.db` is what `vq-benchmark sweep --dataset sample --engine ENGINE,…` stored; settings without a row are left
out. `--write` puts the table between the marks of the page, replacing the existing one.
"""

import argparse
import re
import sys
from pathlib import Path

from vq_benchmark.quantizers.engines.choosing import BY_NAME
from vq_benchmark.results.database import Database, Run

BEGIN, END = "<!-- made by benchmarks/engines_table.py -->", "<!-- end of the table of engines -->"
HEADER = (
    "setting", "code", "bytes", "GB per 100 M", "recall@10 of the codes", "re-ranking", "recall@10 of the answer",
    "truth", "compared",
)  # fmt: skip


def line(run: Run) -> str:
    """One row: what a setting costs and finds."""
    setting = BY_NAME[run.engine]
    answer = run.metrics.get("recall_at_10_reranked")
    size = run.metrics["code_bytes"]
    given = BY_NAME[run.engine].at(run.d, run.metric).parameters
    code = " ".join([run.method, *(f"{name}={value}" for name, value in given.items())])
    cells = (
        f"`{run.engine}`", f"`{code}`", f"{size:,}", f"{size / 10:.1f}", share(run.metrics["recall_at_10"]),
        f"`{setting.rerank}`" if setting.rerank else "none", "" if answer is None else share(answer), setting.truth,
        setting.checked,
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


def share(value: float) -> str:
    """A recall as the page writes it."""
    return "1.000" if value > 0.9995 else f"{value:.3f}".removeprefix("0")


def table(runs: list[Run]) -> str:
    """The table in Markdown, one row for each setting, the newest where there are several, by engine."""
    newest = {run.engine: run for run in sorted(runs, key=lambda run: run.created_at)}
    rows = [line(newest[name]) for name in BY_NAME if name in newest]
    return "\n".join([f"| {' | '.join(HEADER)} |", f"|{' --- |' * len(HEADER)}", *rows])


def main() -> None:
    """Print the table, or put it into a page."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("database", type=Path)
    parser.add_argument("--write", type=Path, default=None, help="the page to put the table into")
    given = parser.parse_args()
    runs = [run for run in Database(given.database).runs() if run.engine in BY_NAME and run.status == "done"]
    made = f"{BEGIN}\n\n{table(runs)}\n\n{END}"
    if given.write is None:
        print(made)
        return
    page = given.write.read_text()
    page, count = re.subn(f"{re.escape(BEGIN)}.*?{re.escape(END)}", lambda _: made, page, flags=re.DOTALL)
    if count != 1:
        sys.exit(f"{given.write} needs the lines {BEGIN!r} and {END!r} once, around the table; nothing was written.")
    given.write.write_text(page)


if __name__ == "__main__":
    main()
