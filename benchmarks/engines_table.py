"""The table of docs/ENGINES.md: every setting of every engine, measured on the sample and on other vectors.

    python benchmarks/engines_table.py sample base.npy --db-path engines.db --write docs/ENGINES.md

It measures what `engines.db` lacks, so a killed call can be repeated; with `--stored` nothing is measured, and data
sets need not be named. A setting that was not measured on one of them has an empty place there. `--write` puts the
table between the marks of the page, replacing the existing one.
"""

import argparse
import re
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from vq_benchmark.quantizers.engines.choosing import BY_NAME, engine_names
from vq_benchmark.reports.comparison import Comparison, Summary, comparisons
from vq_benchmark.reports.reranking import RECALL_AT_10, answered, second_stage
from vq_benchmark.results.database import Database

BEGIN, END = "<!-- made by benchmarks/engines_table.py -->", "<!-- end of the table of engines -->"
PLACE = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
VECTORS = 100_000_000


def main() -> None:
    """Measure what is missing, and print the table or put it into a page."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("datasets", nargs="*", help="names or paths, as --dataset takes them")
    parser.add_argument("--db-path", type=Path, default=Path("engines.db"))
    parser.add_argument("--stored", action="store_true", help="measure nothing")
    parser.add_argument("--write", type=Path, default=None, help="the page to put the table into")
    given = parser.parse_args()
    if given.write is not None and len(PLACE.findall(given.write.read_text(encoding="utf-8"))) != 1:
        sys.exit(f"{given.write} needs the lines {BEGIN!r} and {END!r} once, around the table; nothing was written.")
    for dataset in [] if given.stored else given.datasets:
        words = ["--dataset", dataset, "--engine", ",".join(engine_names()), "--db-path", str(given.db_path)]
        subprocess.run([sys.executable, "-m", "vq_benchmark", "sweep", *words], check=True)
    groups = comparisons(run for run in Database(given.db_path).runs("status = 'done'") if run.engine in BY_NAME)
    made = f"{BEGIN}\n\n{table(sorted(groups, key=lambda group: group.n))}\n\n{END}"
    if given.write is None:
        print(made)
        return
    page = given.write.read_text(encoding="utf-8")
    given.write.write_text(PLACE.sub(lambda _: made, page), encoding="utf-8")


def table(groups: Sequence[Comparison]) -> str:
    """The table in Markdown: one row for each setting, two columns for each data set."""
    names = [f"{group.dataset}: {what}" for group in groups for what in ("codes", "answer")]
    header = ("setting", "code", "bytes", "GB per 100 M", *names, "re-ranking", "truth", "compared")
    found = [{each.engine: each for each in group.summaries} for group in groups]
    rows = [line(name, [each.get(name) for each in found], groups[0]) for name in BY_NAME if any_has(name, found)]
    return "\n".join([f"| {' | '.join(header)} |", f"|{' --- |' * len(header)}", *rows])


def any_has(name: str, found: Iterable[dict[str, Summary]]) -> bool:
    """Whether a setting was measured on any data set."""
    return any(name in each for each in found)


def line(name: str, summaries: Sequence[Summary | None], group: Comparison) -> str:
    """One row: what a setting costs, and what it finds on each data set."""
    measured = next(each for each in summaries if each is not None)
    given, size = BY_NAME[name].at(group.d, group.metric), int(measured.value("code_bytes") or 0)
    code = " ".join([measured.method, *(f"{name}={value}" for name, value in given.parameters.items())])
    recalls = [text for each in summaries for text in both_recalls(each)]
    rerank = f"`{given.rerank}`" if given.rerank else "none"
    sizes = (f"{size:,}", f"{size * VECTORS / 1e9:.1f}")
    cells = (f"`{name}`", f"`{code}`", *sizes, *recalls, rerank, given.truth, given.checked)
    return f"| {' | '.join(cells)} |"


def both_recalls(summary: Summary | None) -> tuple[str, str]:
    """Recall@10 of the codes, and of the answer where there is a second stage."""
    if summary is None:
        return "", ""
    codes = share(summary.value(RECALL_AT_10))
    return codes, share(summary.value(answered(summary, RECALL_AT_10))) if second_stage(summary) else ""


def share(value: float | None) -> str:
    """A recall as the page writes it."""
    if value is None:
        return ""
    return "1.000" if value > 0.9995 else f"{value:.3f}".removeprefix("0")


if __name__ == "__main__":
    main()
