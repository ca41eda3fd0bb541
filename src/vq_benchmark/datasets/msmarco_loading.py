"""MS MARCO from Python, with embeddings made by `embed` or elsewhere."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from vq_benchmark.arrays import Array
from vq_benchmark.datasets.data_spec import selected
from vq_benchmark.datasets.dataset import Dataset
from vq_benchmark.datasets.formats.format import require_matrix, require_vector_dtype
from vq_benchmark.datasets.formats.opening import open_vectors
from vq_benchmark.datasets.loading import prepare_dataset
from vq_benchmark.datasets.msmarco import NAME, open_msmarco
from vq_benchmark.datasets.parts.directory import files_beside_base
from vq_benchmark.datasets.parts.parts import with_parts
from vq_benchmark.datasets.raw_dataset import RawDataset
from vq_benchmark.datasets.sources.vector_source import ArraySource, VectorSource
from vq_benchmark.datasets.text.collection_files import find_text, holds_passages
from vq_benchmark.datasets.text.records import read_records
from vq_benchmark.errors import InputError
from vq_benchmark.machine.locations import input_path


def load_msmarco_dataset(
    data_path: str | Path,
    max_samples: int | None = None,
    precomputed_embeddings: Array | str | Path | None = None,
) -> Dataset:
    """MS MARCO, or another text collection, with its embeddings.

    Args:
        data_path: a folder that `vq-benchmark embed` wrote, which may also hold the text.
        max_samples: use only this many first passages.
        precomputed_embeddings: vectors (n, d) of the passages in the order of the collection, or a file of them,
            to use instead of those in the folder. Queries and judgements come from the folder if it has their
            vectors.

    Raises:
        InputError: the folder holds no vectors, or the number of given vectors is not that of the passages.
    """
    folder = input_path(data_path)
    stored = (
        open_msmarco(folder)
        if precomputed_embeddings is None
        else _with_embeddings(folder, precomputed_embeddings, max_samples)
    )
    return prepare_dataset(NAME, stored, selected(NAME, {"dataset_limit": max_samples}))


def _with_embeddings(folder: Path, embeddings: Array | str | Path, max_samples: int | None) -> RawDataset:
    base = _opened(embeddings)
    passages = _count_passages(folder)
    enough = passages in (None, base.n) or (max_samples is not None and max_samples <= base.n < passages)
    if not enough:
        raise InputError(
            f"there are {base.n} embeddings, but {passages} passages in {str(folder)!r}; give one embedding "
            "per passage, in the same order, or one for each of the first max_samples."
        )
    stored = with_parts(RawDataset(base), files_beside_base(folder))
    if stored.judgements is None:
        note = "judgements are not used: the folder has no vectors of judged queries."
        stored = replace(stored, notes=(*stored.notes, note))
    return stored


def _opened(embeddings: Array | str | Path) -> VectorSource:
    if isinstance(embeddings, str | Path):
        return open_vectors(input_path(embeddings))
    array = np.asarray(embeddings)
    what = Path("precomputed_embeddings")
    require_matrix(what, array.shape)
    require_vector_dtype(what, array.dtype)
    return ArraySource(array)


def _count_passages(folder: Path) -> int | None:
    return sum(1 for _ in read_records(find_text(folder).passages)) if holds_passages(folder) else None
