"""Cohere's MS MARCO v2.1: shards of passages, and one file with queries, judgements and neighbours.

The columns of the queries: `emb`; `qrels`, pairs of a document and its relevance, for the judged ones; and
`top1k_offsets`, the nearest passages, numbered over all shards one after another. Judgements apply to documents, and
a passage is named `DOCUMENT#PART`: every passage of a judged document gets its relevance.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from vq_benchmark.arrays import FloatArray, IdArray
from vq_benchmark.datasets.dataset import Judgements
from vq_benchmark.datasets.formats.format import as_ids
from vq_benchmark.datasets.hosted.hosted_dataset import HostedDataset
from vq_benchmark.datasets.hosted.hub_shards import HubShards
from vq_benchmark.datasets.hosted.huggingface import address_and_place, has_files
from vq_benchmark.datasets.load_options import LoadOptions
from vq_benchmark.datasets.raw_dataset import RawDataset
from vq_benchmark.datasets.sources.number_types import as_float32
from vq_benchmark.datasets.sources.parquet.columns import DAMAGE, as_matrix, first_length
from vq_benchmark.datasets.sources.parquet.parquet_source import BUFFER_BYTES, ParquetSource
from vq_benchmark.datasets.sources.vector_source import ArraySource
from vq_benchmark.errors import InputError
from vq_benchmark.machine.archive import pack, unpack
from vq_benchmark.machine.atomic_files import atomic_write
from vq_benchmark.machine.damage import reading
from vq_benchmark.machine.progress import Reporter

EMBEDDINGS, JUDGED, NEIGHBORS, DOCUMENT = "emb", "qrels", "top1k_offsets", "docid"
BATCH_ROWS = 65_536


@dataclass(frozen=True)
class _Queries:
    vectors: FloatArray
    judged: list[tuple[int, str, int]]
    """(query, document, relevance)."""
    neighbors: IdArray


@dataclass(frozen=True)
class JudgedHubShards:
    """Shards with a file of queries that also holds judgements and neighbours, as Cohere publishes them."""

    shards: HubShards
    queries: str
    has_revisions: ClassVar[bool] = True

    def open(self, hosted: HostedDataset, options: LoadOptions) -> RawDataset:
        """The passages with queries and judgements, and with neighbours if all passages are used."""
        hub = self.shards.hub(options)
        listing = hub.listing()
        (entry, *_) = hub.files(listing, self.queries)
        queries = _read_queries(hub.file(listing, entry))
        opened = self.shards.open_base(hub, listing, options)
        base, notes = opened.base, list(opened.notes)
        neighbors: IdArray | None = queries.neighbors
        if not opened.complete or (options.limit is not None and options.limit < base.n):
            neighbors = None
            notes.append(
                f"{NEIGHBORS} are not used: they are neighbours among all passages, not among the first ones."
            )
        judgements = _judgements(queries, base, options.cache, options.report)
        if judgements is not None:
            notes.append("judgements apply to documents: every passage of a judged document gets its relevance.")
        return RawDataset(
            base=base,
            queries=ArraySource(queries.vectors),
            neighbors=neighbors,
            judgements=judgements,
            distance=hosted.distance,
            revision=listing.origin,
            whole_n=base.n if opened.complete else hosted.n,
            notes=tuple(notes),
        )

    def paths(self, hosted: HostedDataset, cache: Path) -> list[tuple[str, Path]]:
        repository = self.shards.repository
        return [address_and_place(repository, path, cache) for path in (self.shards.base, self.queries)]

    def are_kept(self, hosted: HostedDataset, cache: Path) -> bool:
        return all(has_files(self.shards.repository, path, cache) for path in (self.shards.base, self.queries))


def _read_queries(path: Path) -> _Queries:
    with reading(path, *DAMAGE):
        schema = pq.read_schema(path)
    missing = [name for name in (EMBEDDINGS, JUDGED, NEIGHBORS) if name not in schema.names]
    if missing:
        raise InputError(f"{str(path)!r} has no column {missing[0]!r}; it has {', '.join(schema.names)}.")
    with reading(path, *DAMAGE):
        table = pq.read_table(path, columns=[EMBEDDINGS, JUDGED, NEIGHBORS])
        vectors, neighbors = (
            as_matrix(path, name, lists, first_length(lists))
            for name, lists in ((name, table.column(name).combine_chunks()) for name in (EMBEDDINGS, NEIGHBORS))
        )
        judged = [
            (query, document, relevance)
            for query, pairs in enumerate(table.column(JUDGED).to_pylist())
            for document, relevance in (_pair(path, query, pair) for pair in pairs or ())
        ]
    return _Queries(as_float32(vectors), judged, as_ids(path, neighbors))


def _pair(path: Path, query: int, pair: Any) -> tuple[str, int]:
    try:
        document, relevance = pair.values() if isinstance(pair, dict) else pair
        return str(document), int(relevance)
    except (TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{str(path)!r}: {pair!r} in {JUDGED!r} of row {query} is not a pair [document, relevance]."
        ) from error


def _judgements(queries: _Queries, base: ParquetSource, cache: Path, report: Reporter) -> Judgements | None:
    """Judgements of base rows, and the queries that have any."""
    documents = sorted({document for _, document, _ in queries.judged})
    if not documents:
        return None
    rows, found = _rows_of_documents(base, documents, cache / "judged-rows", report)
    order = np.argsort(found, kind="stable")
    rows, found = rows[order], found[order]
    number = {document: index for index, document in enumerate(documents)}
    judged_queries = sorted({query for query, _, _ in queries.judged})
    new_number = {query: index for index, query in enumerate(judged_queries)}
    qrels = [
        (new_number[query], row, relevance)
        for query, document, relevance in queries.judged
        for row in rows[slice(*np.searchsorted(found, (number[document], number[document] + 1)))].tolist()
    ]
    if not qrels:
        return None
    return Judgements(queries.vectors[judged_queries], np.array(qrels, dtype=np.int64))


def _rows_of_documents(
    base: ParquetSource, documents: Sequence[str], cache: Path, report: Reporter
) -> tuple[IdArray, IdArray]:
    """(rows,) int64 whose passages belong to one of the documents, and (rows,) int64 numbers of these documents.

    One pass over the column of names, in the memory of one batch; the result is kept in the folder `cache`.
    """
    of_documents = hashlib.blake2b(json.dumps(documents).encode(), digest_size=8).hexdigest()
    kept = cache / f"{base.index.identity}-{of_documents}.npz"
    if kept.is_file():
        with suppress(ValueError, KeyError, OSError):  # damaged: find them again
            arrays = unpack(kept.read_bytes())[1]
            return arrays["rows"], arrays["documents"]
    names = pa.array(documents, pa.string())
    rows, found = [], []
    with report.task("finding the judged passages", base.n) as update:
        for first, passages in _passages(base):
            document = pc.index_in(pc.replace_substring_regex(passages, "#.*$", ""), names)
            whole = pc.index_in(passages, names)
            number = pc.fill_null(pc.coalesce(whole, document), -1).to_numpy(zero_copy_only=False)
            at = np.flatnonzero(number >= 0)
            rows.append(first + at)
            found.append(number[at].astype(np.int64))
            update(first + len(passages))
    result = np.concatenate(rows).astype(np.int64), np.concatenate(found)
    # the result is only cached: a full or read-only disk must not stop the run
    with suppress(InputError), atomic_write(kept) as file:
        file.write(pack({}, {"rows": result[0], "documents": result[1]}))
    return result


def _passages(base: ParquetSource) -> Iterator[tuple[int, "pa.Array[Any]"]]:
    """The names of all passages in batches, each with the number of its first row."""
    first = 0
    for path in base.paths:
        with (
            reading(path, *DAMAGE),
            pq.ParquetFile(path, buffer_size=BUFFER_BYTES, pre_buffer=False) as file,
        ):
            if DOCUMENT not in file.schema_arrow.names:
                raise InputError(f"{str(path)!r} has no column {DOCUMENT!r}, so judgements cannot be used.")
            for batch in file.iter_batches(BATCH_ROWS, columns=[DOCUMENT], use_threads=False):
                yield first, batch.column(0)
                first += len(batch)
