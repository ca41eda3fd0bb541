"""MS MARCO passages: 8,841,823 texts, embedded by the user, with judged queries.

Bajaj et al., "MS MARCO: A Human Generated MAchine Reading COmprehension Dataset", arXiv:1611.09268.
"""

from dataclasses import replace
from pathlib import Path

from vq_benchmark.datasets.parts.directory import files_of_directory
from vq_benchmark.datasets.parts.parts import open_parts
from vq_benchmark.datasets.raw_dataset import RawDataset
from vq_benchmark.datasets.text.collection_files import holds_passages
from vq_benchmark.errors import InputError

NAME = "msmarco"
ARCHIVE = "https://msmarco.z22.web.core.windows.net/msmarcoranking/collectionandqueries.tar.gz"


def open_msmarco(folder: Path) -> RawDataset:
    """The vectors, queries and judgements that `embed` wrote to a folder.

    Queries and passages are numbered alike by accident, so passages with the number of the query stay in its ranking.

    Raises:
        InputError: there are none; the sentence says how to compute them.
    """
    if folder.is_dir() and any(path.stem == "base" for path in folder.iterdir()):
        found = open_parts(files_of_directory(folder))
        return replace(found, identical_ids=found.identical_ids or "keep")
    embedding = f"`vq-benchmark embed {folder} --model MODEL --output {folder}`"
    if folder.is_dir() and holds_passages(folder):
        raise InputError(f"{str(folder)!r} holds the text of {NAME} but no vectors; compute them with {embedding}.")
    raise InputError(
        f"{NAME} is not in {str(folder)!r}; unpack {ARCHIVE} there and compute vectors with {embedding}."
    )
