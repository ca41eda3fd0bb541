"""MS MARCO passages: 8,841,823 texts, embedded by the user, with judged queries.

Bajaj et al., "MS MARCO: A Human Generated MAchine Reading COmprehension Dataset", arXiv:1611.09268.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from vq_benchmark.arrays import Array
from vq_benchmark.datasets.dataset import Dataset
from vq_benchmark.datasets.directory import directory_parts, find_part, open_directory
from vq_benchmark.datasets.formats.format import require_matrix, require_vector_dtype
from vq_benchmark.datasets.formats.registry import open_vectors
from vq_benchmark.datasets.loading import prepare_dataset
from vq_benchmark.datasets.source import ArraySource, VectorSource
from vq_benchmark.datasets.stored import StoredDataset
from vq_benchmark.datasets.text.files import PASSAGES, find_text
from vq_benchmark.datasets.text.records import read_records
from vq_benchmark.errors import InputError

NAME = "msmarco"
ARCHIVE = "https://msmarco.z22.web.core.windows.net/msmarcoranking/collectionandqueries.tar.gz"


def load_msmarco_dataset(
    data_path: str | Path,
    max_samples: int | None = None,
    precomputed_embeddings: Array | str | Path | None = None,
) -> Dataset:
    """MS MARCO, or another text collection, with its embeddings.

    Args:
        data_path: a folder that `vq-benchmark embed` wrote, which may also hold the text.
        max_samples: use the first so many passages.
        precomputed_embeddings: vectors (n, d) of the passages in the order of the collection, or a file of them,
            instead of those of the folder. Queries and judgements are those of the folder if it has vectors of them.

    Raises:
        InputError: the folder holds no vectors, or the given ones are not as many as the passages.
    """
    folder = Path(data_path).expanduser()
    stored = (
        open_msmarco(folder)
        if precomputed_embeddings is None
        else _with_embeddings(folder, precomputed_embeddings, max_samples)
    )
    return prepare_dataset(NAME, stored, limit=max_samples)


def open_msmarco(folder: Path) -> StoredDataset:
    """The vectors, queries and judgements that `embed` wrote to a folder.

    Raises:
        InputError: there are none; the sentence says how to make them.
    """
    if folder.is_dir() and find_part(folder, "base") is not None:
        return open_directory(folder)
    embedding = f"`vq-benchmark embed {folder} --model MODEL --output {folder}`"
    if folder.is_dir() and _text_in(folder):
        raise InputError(
            f"{str(folder)!r} holds the text of {NAME} but no vectors of it; make them with {embedding}."
        )
    raise InputError(f"{NAME} is not in {str(folder)!r}; unpack {ARCHIVE} there, and make vectors with {embedding}.")


def _with_embeddings(folder: Path, embeddings: Array | str | Path, max_samples: int | None) -> StoredDataset:
    base = _opened(embeddings)
    passages = _count_passages(folder)
    enough = passages in (None, base.n) or (max_samples is not None and max_samples <= base.n < passages)
    if not enough:
        raise InputError(
            f"there are {base.n} embeddings, but {passages} passages in {str(folder)!r}; there must be one of each "
            "passage, in their order, or of the first max_samples."
        )
    stored = directory_parts(folder, StoredDataset(base))
    if stored.judgements is None:
        note = "there are no vectors of judged queries in the folder, so no judgements are used."
        stored = replace(stored, notes=(*stored.notes, note))
    return stored


def _opened(embeddings: Array | str | Path) -> VectorSource:
    if isinstance(embeddings, str | Path):
        return open_vectors(Path(embeddings).expanduser())
    array = np.asarray(embeddings)
    what = Path("precomputed_embeddings")
    require_matrix(what, array.shape)
    require_vector_dtype(what, array.dtype)
    return ArraySource(array)


def _count_passages(folder: Path) -> int | None:
    return sum(1 for _ in read_records(find_text(folder).passages)) if _text_in(folder) else None


def _text_in(folder: Path) -> bool:
    return any((folder / f"{name}{suffix}").is_file() for name in PASSAGES for suffix in ("", ".gz"))
