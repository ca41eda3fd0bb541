"""The parts of a data set on disk: which file holds which, and how they are opened."""

from dataclasses import dataclass, replace
from pathlib import Path

from vq_benchmark.datasets.dataset import DISTANCES, Distance, Judgements
from vq_benchmark.datasets.formats import opening
from vq_benchmark.datasets.raw_dataset import RawDataset
from vq_benchmark.datasets.row_qrels import read_qrels
from vq_benchmark.datasets.shards import open_base
from vq_benchmark.datasets.sources.vector_source import VectorSource
from vq_benchmark.errors import InputError
from vq_benchmark.machine.damage import reading
from vq_benchmark.machine.documents import parsed_json


@dataclass(frozen=True)
class PartFiles:
    """The files of a data set; only the base is always there."""

    base: tuple[Path, ...] = ()
    """One file, or several whose vectors are one base, in order."""
    queries: Path | None = None
    learn: Path | None = None
    neighbors: Path | None = None
    qrels: Path | None = None
    judged_queries: Path | None = None
    """The queries that `qrels` judges; they may be `queries` themselves."""
    description: Path | None = None
    """A JSON object that may state the metric."""
    notes: tuple[str, ...] = ()


def open_parts(files: PartFiles, *, column: str | None = None, cache: Path | None = None) -> RawDataset:
    """The data set in these files; the index of a base in parquet is kept in the folder `cache`.

    Raises:
        InputError: a file is missing, cannot be read, or is not what its name says.
    """
    return with_parts(open_base(files.base, column, cache), files, column=column)


def with_parts(stored: RawDataset, files: PartFiles, *, column: str | None = None) -> RawDataset:
    """A data set whose base is open, with the other parts from their files; these win over what came with the base.

    Raises:
        InputError: as `open_parts`.
    """
    neighbors = stored.neighbors if files.queries is None else None
    return replace(
        stored,
        queries=stored.queries if files.queries is None else _open_vectors(files.queries, column),
        learn=stored.learn if files.learn is None else _open_vectors(files.learn, column),
        neighbors=neighbors if files.neighbors is None else opening.read_ids(files.neighbors),
        judgements=_open_judgements(files, stored.base.n),
        distance=stored.distance or _stated_distance(files.description),
        notes=stored.notes + files.notes,
    )


def _open_vectors(path: Path, column: str | None) -> VectorSource:
    return opening.open_vectors(path, column=column if opening.format_of(path).has_columns else None)


def _open_judgements(files: PartFiles, n: int) -> Judgements | None:
    if files.qrels is None or files.judged_queries is None:
        return None
    source = opening.open_vectors(files.judged_queries)
    queries = source.read(0, source.n)
    return Judgements(queries, read_qrels(files.qrels, len(queries), n))


def _stated_distance(path: Path | None) -> Distance | None:
    if path is None:
        return None
    with reading(path, ValueError, what="a JSON object"):
        content = parsed_json(path.read_bytes())
    if not isinstance(content, dict):
        raise InputError(f"{str(path)!r} is not a JSON object.")
    distance = content.get("metric")
    if distance is not None and distance not in DISTANCES:
        raise InputError(f"{str(path)!r} states the metric {distance!r}; it can be {', '.join(DISTANCES)}.")
    return distance
