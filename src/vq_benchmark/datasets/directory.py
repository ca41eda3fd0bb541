"""A directory as a data set: base.*, and optionally queries, learn, neighbours, judgements and a metric.

base.npy                                    the vectors
base/*.npy, data/train-*.parquet            or the vectors in many files of one format, or *.npy alone
queries.npy  learn.npy                      vectors of the same dimension
neighbors.ivecs                             for each query, row numbers of the base
qrels.tsv                                   judgements of queries.*
title_queries.npy  title_qrels.tsv          judged queries of their own, under any name
dataset.json                                {"metric": "cosine"}
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from vq_benchmark.datasets.formats import opening
from vq_benchmark.datasets.parts import PartFiles
from vq_benchmark.datasets.shards import base_shards
from vq_benchmark.errors import InputError
from vq_benchmark.machine.damage import reading

QRELS, DESCRIPTION = "qrels.tsv", "dataset.json"


def files_of_directory(directory: Path) -> PartFiles:
    """The files of the data set in a directory.

    Raises:
        InputError: there is no base, or a part could be one of several files.
    """
    base = find_part(directory, "base")
    shards = base_shards(directory) if base is None else [base]
    if not shards:
        known = ", ".join(opening.formats())
        raise InputError(f"{str(directory)!r} holds no file of vectors; the formats are {known}.")
    return replace(files_beside_base(directory), base=tuple(shards))


def files_beside_base(directory: Path) -> PartFiles:
    """All parts in a directory except the base.

    Raises:
        InputError: a part could be one of several files, or judged queries are missing.
    """
    entries = _entries(directory)
    qrels = [path for path in entries if path.name == QRELS or path.name.endswith(f"_{QRELS}")]
    qrels.sort(key=lambda path: path.name != QRELS)
    judged_queries = _part(entries, directory, qrels[0].name.removesuffix(QRELS) + "queries") if qrels else None
    if qrels and judged_queries is None:
        missing = f"{qrels[0].name.removesuffix(QRELS)}queries.*"
        raise InputError(f"{str(qrels[0])!r} judges queries, but there is no {missing} file with their vectors.")
    description = directory / DESCRIPTION
    return PartFiles(
        queries=_part(entries, directory, "queries"),
        learn=_part(entries, directory, "learn"),
        neighbors=_part(entries, directory, "neighbors"),
        qrels=qrels[0] if qrels else None,
        judged_queries=judged_queries,
        description=description if description.is_file() else None,
        notes=tuple(f"{path.name} is not used: only one set of judgements can be." for path in qrels[1:]),
    )


def find_part(directory: Path, stem: str) -> Path | None:
    """The file `stem`.* of a known format in a directory, or None.

    Raises:
        InputError: there are several.
    """
    return _part(_entries(directory), directory, stem)


def _part(entries: Sequence[Path], directory: Path, stem: str) -> Path | None:
    known = opening.formats()
    found = [path for path in entries if path.stem == stem and path.suffix.lower() in known]
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise InputError(f"{str(directory)!r} holds {names}; only one of them can be the {stem} vectors.")
    return found[0] if found else None


def _entries(directory: Path) -> list[Path]:
    with reading(directory):
        return sorted(directory.iterdir())
