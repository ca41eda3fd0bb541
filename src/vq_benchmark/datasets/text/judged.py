"""One pass over the passages: their number, their fingerprint, and the rows of the judged ones."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from vq_benchmark.arrays import IdArray
from vq_benchmark.datasets.text.collection_files import TextFiles
from vq_benchmark.datasets.text.qrels import Relevances, read_judged_pairs
from vq_benchmark.datasets.text.records import TextRecord, read_records
from vq_benchmark.errors import InputError


@dataclass(frozen=True)
class Passages:
    """The first n passages of a file."""

    path: Path
    n: int
    fingerprint: str
    """BLAKE2b over identifiers and texts, 32 hex digits: the same in every file format."""

    def read(self) -> Iterator[TextRecord]:
        """The passages in order, one at a time."""
        return islice(read_records(self.path), self.n)


@dataclass(frozen=True)
class Collection:
    """Everything to embed."""

    passages: Passages
    queries: list[TextRecord]
    """With judgements, only those that have a relevant passage; empty if there are none."""
    qrels: IdArray | None
    """(judgements, 3) int64: query number, passage number, relevance; None without judgements."""
    notes: tuple[str, ...]

    @property
    def queries_fingerprint(self) -> str:
        """The fingerprint of queries and judgements."""
        digest = _digest_of(self.queries)
        if self.qrels is not None:
            digest.update(self.qrels.tobytes())
        return digest.hexdigest()


def read_collection(text: TextFiles, limit: int | None = None) -> Collection:
    """Read all queries and judgements, and the passages (or the first `limit` of them) once, without keeping them.

    It takes the memory of the judgements and of the used queries.

    Raises:
        InputError: a line has the wrong layout, there are no passages, a judged identifier occurs twice, or no judged
            query has a text.
    """
    if limit is not None and limit < 1:
        raise InputError(f"invalid --limit {limit}: it must be at least 1.")
    relevances = read_judged_pairs(text.qrels) if text.qrels is not None else {}
    passages, rows = _scan(text.passages, limit, {passage for _, passage in relevances})
    if text.queries is None:
        return Collection(passages, [], None, text.notes)
    if text.qrels is None:
        queries = list(_distinct(text.queries, read_records(text.queries)))
        note = "these queries have no judgements; add some with --qrels."
        return Collection(passages, queries, None, (*text.notes, note))
    kept = {pair: relevance for pair, relevance in relevances.items() if pair[1] in rows}
    answerable = {query for (query, _), relevance in kept.items() if relevance > 0}
    wanted = (record for record in read_records(text.queries) if record.id in answerable)
    queries = list(_distinct(text.queries, wanted))
    if answerable and not queries:
        raise InputError(f"{str(text.queries)!r} holds none of the queries that {str(text.qrels)!r} judges.")
    notes = _losses(relevances, kept, answerable, len(queries), passages.n)
    return Collection(passages, queries, _numbered(kept, queries, rows), (*text.notes, *notes))


def _scan(path: Path, limit: int | None, wanted: set[str]) -> tuple[Passages, dict[str, int]]:
    rows: dict[str, int] = {}
    n = 0

    def found() -> Iterator[TextRecord]:
        nonlocal n
        for record in islice(read_records(path), limit):
            if record.id in wanted and rows.setdefault(record.id, n) != n:
                raise InputError(
                    f"{str(path)!r} has the judged passage {record.id!r} twice, as passages {rows[record.id]} and "
                    f"{n}, counted from 0."
                )
            n += 1
            yield record

    fingerprint = _digest_of(found()).hexdigest()
    if not n:
        raise InputError(f"{str(path)!r} holds no passages.")
    return Passages(path, n, fingerprint), rows


def _digest_of(records: Iterable[TextRecord]) -> "hashlib.blake2b":
    digest = hashlib.blake2b(digest_size=16)
    for name, text in records:
        encoded = text.encode()
        digest.update(f"{name} {len(encoded)} ".encode() + encoded)
    return digest


def _distinct(path: Path, records: Iterable[TextRecord]) -> Iterator[TextRecord]:
    seen: set[str] = set()
    for record in records:
        if record.id in seen:
            raise InputError(f"{str(path)!r} has the query {record.id!r} twice.")
        seen.add(record.id)
        yield record


def _numbered(kept: Relevances, queries: list[TextRecord], rows: dict[str, int]) -> IdArray:
    numbers = {record.id: number for number, record in enumerate(queries)}
    judged = [
        (numbers[query], rows[passage], relevance) for (query, passage), relevance in kept.items() if query in numbers
    ]
    return np.array(sorted(judged), dtype=np.int64).reshape(len(judged), 3)


def _losses(
    relevances: Relevances, kept: Relevances, answerable: set[str], num_queries: int, n: int
) -> Iterator[str]:
    """Sentences on judgements that cannot be used."""
    dropped = len(relevances) - len(kept)
    if dropped:
        yield f"{dropped:,} of {len(relevances):,} judgements are dropped: their passages are not among the {n:,}."
    asked = len({query for query, _ in relevances})
    if asked > len(answerable):
        lost = asked - len(answerable)
        yield f"{lost:,} of {asked:,} judged queries are dropped: they have no relevant passage left."
    if num_queries < len(answerable):
        yield f"{len(answerable) - num_queries:,} judged queries are dropped: their texts are missing."
