"""The parts of a data set on disk: which file holds which, and how they are opened."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np

from vq_benchmark.arrays import IdArray
from vq_benchmark.datasets.dataset import IdenticalIds, Judgements
from vq_benchmark.datasets.distance_names import DISTANCES, Distance, named_distance
from vq_benchmark.datasets.formats import opening
from vq_benchmark.datasets.own_rows import find_own_rows
from vq_benchmark.datasets.parts.origins import Origin, shown
from vq_benchmark.datasets.parts.part_names import PARTS, Part
from vq_benchmark.datasets.parts.shards import open_files, open_side_files
from vq_benchmark.datasets.raw_dataset import RawDataset
from vq_benchmark.datasets.row_qrels import read_qrels
from vq_benchmark.errors import InputError
from vq_benchmark.machine.damage import reading
from vq_benchmark.machine.documents import parsed_json


@dataclass(frozen=True)
class PartFiles:
    """The files of a data set; only the base is always there. Several files of a part are in order."""

    base: tuple[Path, ...] = ()
    queries: tuple[Path, ...] = ()
    learn: tuple[Path, ...] = ()
    neighbors: tuple[Path, ...] = ()
    qrels: Path | None = None
    judged_queries: tuple[Path, ...] = ()
    """The queries that `qrels` judges; they may be `queries` themselves."""
    description: Path | None = None
    """A JSON object that may state the metric."""
    origins: tuple[Origin, ...] = ()
    """What became of every file; where it is empty, the base alone speaks."""
    undecided: Mapping[Part, str] = field(default_factory=dict)


def open_parts(files: PartFiles, *, column: str | None = None, cache: Path | None = None) -> RawDataset:
    """The data set in these files; the index of a base in parquet is kept in the folder `cache`.

    Raises:
        InputError: a file is missing, cannot be read, or is not what its name says.
    """
    return with_parts(open_files(files.base, column, cache), files, column=column, cache=cache)


def with_parts(
    stored: RawDataset, files: PartFiles, *, column: str | None = None, cache: Path | None = None
) -> RawDataset:
    """A data set whose base is open, with the other parts from their files; these win over what came with the base.

    Training vectors and neighbours that cannot be read are left out with a note.

    Raises:
        InputError: queries or judgements cannot be read.
    """
    judgements, notes = _open_judgements(files, stored.base.n, column)
    described = _description(files.description)
    given = {part for part in PARTS if getattr(files, part)}
    inside = [_replaced(each, given - {"base"}) for each in stored.origins]
    itself = (
        (Origin(shown(files.base, files.base[0].parent), "base"),)
        if files.base and not inside and not files.origins
        else ()
    )
    made = replace(
        stored,
        queries=open_side_files(files.queries, column, cache).base if files.queries else stored.queries,
        neighbors=None if files.queries else stored.neighbors,
        judgements=judgements,
        distance=stored.distance or _stated_distance(files.description, described),
        identical_ids=_stated_identical_ids(files.description, described),
        notes=stored.notes + notes,
        origins=(*itself, *inside, *(each for each in files.origins if not (inside and each.use == "base"))),
        undecided={**stored.undecided, **files.undecided},
    )
    if files.learn:
        made = made.trying("learn", lambda: open_side_files(files.learn, column, cache).base)
    return made.trying("neighbors", lambda: _read_ids(files.neighbors)) if files.neighbors else made


def _replaced(origin: Origin, given: Collection[Part]) -> Origin:
    """What becomes of an array of the base's container if files hold some parts."""
    if origin.use in given:
        return replace(origin, use=None, reason="a file beside it holds this part")
    return origin


def _read_ids(paths: Sequence[Path]) -> IdArray:
    return np.concatenate([opening.read_ids(path) for path in paths])


def _open_judgements(files: PartFiles, n: int, column: str | None) -> tuple[Judgements | None, tuple[str, ...]]:
    """The judgements, and a note if the identifiers beside them cannot be used."""
    if files.qrels is None or not files.judged_queries:
        return None, ()
    source = open_side_files(files.judged_queries, column).base
    queries = source.read(0, source.n)
    own_rows, notes = find_own_rows(files.qrels, len(queries), n)
    return Judgements(queries, read_qrels(files.qrels, len(queries), n), own_rows), notes


def _description(path: Path | None) -> dict[str, Any]:
    """The JSON object that describes the folder; empty if there is none."""
    if path is None:
        return {}
    with reading(path, ValueError, what="a JSON object"):
        content = parsed_json(path.read_bytes())
    if not isinstance(content, dict):
        raise InputError(f"{str(path)!r} is not a JSON object.")
    return content


def _stated_distance(path: Path | None, description: Mapping[str, Any]) -> Distance | None:
    stated = description.get("metric")
    distance = None if stated is None else named_distance(str(stated))
    if stated is not None and distance is None:
        raise InputError(f"{str(path)!r} states the metric {stated!r}; it can be {', '.join(DISTANCES)}.")
    return distance


def _stated_identical_ids(path: Path | None, description: Mapping[str, Any]) -> IdenticalIds | None:
    stated = description.get("identical_ids")
    possible = get_args(IdenticalIds)
    if stated is not None and stated not in possible:
        raise InputError(f"{str(path)!r} states identical_ids {stated!r}; it can be {' or '.join(possible)}.")
    return cast("IdenticalIds | None", stated)
