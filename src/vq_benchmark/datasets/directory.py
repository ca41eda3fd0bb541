"""A directory as a data set: base.*, and optionally queries, learn, neighbours, judgements and a metric.

base.npy                                    the vectors
base/*.parquet, data/train-*.parquet        or the vectors in many files, or *.parquet alone
queries.npy  learn.npy                      vectors of the same dimension
neighbors.ivecs                             for each query, row numbers of the base
qrels.tsv                                   judgements of queries.*
title_queries.npy  title_qrels.tsv          judged queries of their own, under any name
dataset.json                                {"metric": "cosine"}
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from vq_benchmark.arrays import IdArray
from vq_benchmark.datasets.dataset import METRICS, Judgements, Metric
from vq_benchmark.datasets.formats import opening
from vq_benchmark.datasets.parquet_files import base_shards, open_file, open_shards
from vq_benchmark.datasets.raw_dataset import RawDataset
from vq_benchmark.datasets.sources.vector_source import VectorSource
from vq_benchmark.errors import InputError
from vq_benchmark.machine.damage import reading
from vq_benchmark.machine.documents import parsed_json

MOST_RELEVANT = 2**31 - 1


def open_directory(directory: Path, *, column: str | None = None, cache: Path | None = None) -> RawDataset:
    """The data set in a directory; the index of a base in many files is kept in the folder `cache`.

    Raises:
        InputError: there is no base.* or more than one, or a file is not what its name says.
    """
    base_path = find_part(directory, "base")
    if base_path is None:
        shards = base_shards(directory)
        if shards:
            return directory_parts(directory, RawDataset(open_shards(shards, column, cache)), column=column)
        known = ", ".join(opening.formats())
        raise InputError(f"{str(directory)!r} holds no base.* file and no parquet shards; the formats are {known}.")
    return directory_parts(directory, open_file(base_path, column, cache), column=column)


def directory_parts(directory: Path, stored: RawDataset, *, column: str | None = None) -> RawDataset:
    """What was stored with the base vectors, with all that the directory holds beside them.

    Raises:
        InputError: as `open_directory`.
    """
    queries, learn = find_part(directory, "queries"), find_part(directory, "learn")
    neighbors = find_part(directory, "neighbors")
    judgements, notes = _judgements(directory, stored.base.n)
    return replace(
        stored,
        queries=_open(queries, column) if queries else stored.queries,
        learn=_open(learn, column) if learn else stored.learn,
        neighbors=opening.read_ids(neighbors) if neighbors else stored.neighbors if not queries else None,
        judgements=judgements,
        metric=stored.metric or _stated_metric(directory / "dataset.json"),
        notes=stored.notes + notes,
    )


def find_part(directory: Path, stem: str) -> Path | None:
    """The file `stem`.* of a known format in a directory, or None.

    Raises:
        InputError: there are several.
    """
    known = opening.formats()
    found = [path for path in _entries(directory) if path.stem == stem and path.suffix.lower() in known]
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise InputError(f"{str(directory)!r} holds {names}; only one of them can be the {stem} vectors.")
    return found[0] if found else None


def _entries(directory: Path) -> list[Path]:
    with reading(directory):
        return sorted(directory.iterdir())


def _open(path: Path, column: str | None) -> VectorSource:
    return opening.open_vectors(path, column=column if opening.format_of(path).has_columns else None)


def _judgements(directory: Path, n: int) -> tuple[Judgements | None, tuple[str, ...]]:
    qrels = [path for path in _entries(directory) if path.name == "qrels.tsv" or path.name.endswith("_qrels.tsv")]
    qrels.sort(key=lambda path: path.name != "qrels.tsv")
    if not qrels:
        return None, ()
    queries_path = find_part(directory, qrels[0].name.removesuffix("qrels.tsv") + "queries")
    if queries_path is None:
        raise InputError(
            f"{str(qrels[0])!r} judges queries that are not there: no {qrels[0].name[:-9]}queries.* file."
        )
    source = opening.open_vectors(queries_path)
    queries = source.read(0, source.n)
    unused = tuple(f"{path.name} is not used; only one set of judgements is." for path in qrels[1:])
    return Judgements(queries, read_qrels(qrels[0], len(queries), n)), unused


def read_qrels(path: Path, num_queries: int, n: int) -> IdArray:
    """Judgements in the TREC layout `query 0 base_row relevance`, any white space, as (judgements, 3) int64.

    Raises:
        InputError: a line is not of that layout, or names a query or a base row that does not exist.
    """
    with reading(path):
        text = path.read_text(encoding="utf-8", errors="replace")
    judged = []
    for number, line in enumerate(text.splitlines(), start=1):
        fields = line.split()
        if not fields:
            continue
        try:
            query, _, row, relevance = (int(field) for field in fields)
        except ValueError:
            raise InputError(
                f"{str(path)!r}, line {number}: {line!r} is not four integers: query 0 base_row relevance."
            ) from None
        if abs(relevance) > MOST_RELEVANT:
            raise InputError(f"{str(path)!r}, line {number}: the relevance must be at most {MOST_RELEVANT}.")
        if not (0 <= query < num_queries and 0 <= row < n):
            raise InputError(
                f"{str(path)!r}, line {number}: query {query} and base row {row} must be below {num_queries} and {n}."
            )
        judged.append((query, row, relevance))
    return np.array(judged, dtype=np.int64).reshape(len(judged), 3)


def _stated_metric(path: Path) -> Metric | None:
    if not path.is_file():
        return None
    with reading(path, ValueError, what="a JSON object"):
        content = parsed_json(path.read_bytes())
    if not isinstance(content, dict):
        raise InputError(f"{str(path)!r} is not a JSON object.")
    metric = content.get("metric")
    if metric is not None and metric not in METRICS:
        raise InputError(f"{str(path)!r} states the metric {metric!r}; it can be {', '.join(METRICS)}.")
    return metric
