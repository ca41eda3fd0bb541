"""The table of hosted data sets in docs/DATASETS.md, from the manifest: run this file to write it anew."""

from pathlib import Path

from vq_benchmark.datasets.hosted.hosted_dataset import HostedDataset
from vq_benchmark.datasets.hosted.registry import MANIFEST

DOCUMENT = Path(__file__).parents[2] / "docs" / "DATASETS.md"
BEGIN, END = "<!-- hosted: begin -->\n", "<!-- hosted: end -->\n"
HEADER = (
    "| name | what | rows | dimension | stored as | queries | metric | disk | memory | licence |\n"
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n"
)
PROCESS_BYTES = 300e6
ROWS_IN_MEMORY = 2 * 16_384 + 20_000
"""Of a run with the default options: a block and its reconstruction, and the training sample."""


def table() -> str:
    """The table, with a row for each data set of the manifest."""
    return HEADER + "".join(map(_row, MANIFEST.values()))


def written() -> str:
    """The table as the document has it."""
    return DOCUMENT.read_text(encoding="utf-8").split(BEGIN)[1].split(END)[0]


def _row(hosted: HostedDataset) -> str:
    queries = f"{hosted.num_queries:,}" if hosted.num_queries else "held out"
    disk = _size(hosted.download_bytes) if hosted.published_bytes else f"≥ {_size(hosted.vector_bytes)}"
    memory = _size(PROCESS_BYTES + ROWS_IN_MEMORY * 4 * hosted.d)
    cells = (
        f"`{hosted.name}`", hosted.description, f"{hosted.n:,}", str(hosted.d), hosted.dtype, queries,
        hosted.distance, disk, memory, hosted.licence,
    )  # fmt: skip
    return f"| {' | '.join(cells)} |\n"


def _size(count: float) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


if __name__ == "__main__":
    text = DOCUMENT.read_text(encoding="utf-8")
    DOCUMENT.write_text(text.replace(BEGIN + written() + END, BEGIN + table() + END), encoding="utf-8")
