"""The sample: real embeddings that ship inside the package. Its data card is sample_data/README.md."""

from importlib.resources import as_file, files

from vq_benchmark.datasets.parts.directory import files_of_directory
from vq_benchmark.datasets.parts.parts import open_parts
from vq_benchmark.datasets.raw_dataset import RawDataset


def open_sample() -> RawDataset:
    """10,000 base rows, 500 queries, 500 learn rows and 500 judged title queries of dimension 384, float16."""
    with as_file(files("vq_benchmark.datasets") / "sample_data") as directory:
        return open_parts(files_of_directory(directory))
