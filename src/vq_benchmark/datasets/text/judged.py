"""One pass over the passages: their number, their fingerprint, and the rows of the judged ones."""

import hashlib
from collections.abc import Collection as Container
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from vq_benchmark.arrays import IdArray
from vq_benchmark.datasets.dataset import NOT_IN_BASE, IdenticalIds
from vq_benchmark.datasets.text.qrels import Relevances, highest_relevances
from vq_benchmark.datasets.text.records import TextRecord
from vq_benchmark.datasets.text.repeated_ids import Distinct, repeated_hashes
from vq_benchmark.datasets.text.text_source import Part, TextSource
from vq_benchmark.errors import InputError
from vq_benchmark.machine.wording import number_of


@dataclass(frozen=True)
class Passages:
    """The distinct ones of the first passages of a collection."""

    part: Part[TextRecord]
    limit: int | None
    n: int
    fingerprint: str
    """BLAKE2b over identifiers and texts, 32 hex digits: the same in every file format."""
    distinct: Distinct | None = None
    """Drops repeated passages; None: there are none."""

    def read(self) -> Iterator[TextRecord]:
        """The passages in order, one at a time."""
        records = islice(self.part.read(), self.limit)
        kept = records if self.distinct is None else replace(self.distinct).of(records)
        return islice(kept, self.n)


@dataclass(frozen=True)
class Collection:
    """Everything to embed."""

    passages: Passages
    queries: list[TextRecord]
    """With judgements, only those that have a relevant passage; empty if there are none."""
    qrels: IdArray | None
    """(judgements, 3) int64: query number, passage number, relevance; None without judgements. A passage that is not
    in the collection has the number −1."""
    notes: tuple[str, ...]
    identical_ids: IdenticalIds = "keep"
    """What judged metrics do with the passage that has the identifier of the query."""

    @property
    def queries_fingerprint(self) -> str:
        """The fingerprint of queries and judgements."""
        digest = _digest_of(self.queries)
        if self.qrels is not None:
            digest.update(self.qrels.tobytes())
        return digest.hexdigest()


def read_collection(text: TextSource, limit: int | None = None, *, keep_first: bool = False) -> Collection:
    """Read all queries and judgements, and the passages (or the first `limit` of them) once, without keeping them.

    It takes the memory of the judgements and of the used queries. If passages are repeated, they are read twice.

    Args:
        keep_first: of texts with the same identifier, use the first; by default only equal texts may repeat.

    Raises:
        InputError: a line has the wrong layout, there are no passages, an identifier stands for two texts, or no
            judged query has a text or no judged passage exists.
    """
    if limit is not None and limit < 1:
        raise InputError(f"invalid --limit {limit}: it must be at least 1.")
    judgements, differing = highest_relevances(text.judgement_part.read() if text.judgement_part else ())
    if text.judgement_part is not None and not judgements:
        raise InputError(f"{text.judgement_part.name} holds no judgements.")
    passages, rows = _scan(text.passage_part, limit, {passage for _, passage in judgements}, keep_first=keep_first)
    notes = [*text.notes, *(passages.distinct.notes() if passages.distinct else ())]
    if text.query_part is None:
        return Collection(passages, [], None, tuple(notes), text.identical_ids)
    distinct = Distinct("query", text.query_part.name, keep_first)
    if text.judgement_part is None:
        queries = list(distinct.of(text.query_part.read()))
        notes += [*distinct.notes(), "these queries have no judgements; add some with --qrels."]
        return Collection(passages, queries, None, tuple(notes), text.identical_ids)
    if limit is not None:  # what lies beyond is unknown, so only judgements of these passages count
        kept = {pair: relevance for pair, relevance in judgements.items() if pair[1] in rows}
    elif rows:
        kept = judgements
    else:
        raise InputError(
            f"{text.passage_part.name} holds none of the passages that {text.judgement_part.name} judges."
        )
    answerable = {query for (query, _), relevance in kept.items() if relevance > 0}
    queries = list(distinct.of(record for record in text.query_part.read() if record.id in answerable))
    if answerable and not queries:
        raise InputError(f"{text.query_part.name} holds none of the queries that {text.judgement_part.name} judges.")
    if differing:
        repeats = number_of(differing, "judgement repeats", "judgements repeat")
        notes.append(f"{repeats} a pair with another relevance; the highest counts.")
    notes += [*distinct.notes(), *_losses(judgements, kept, rows, len(queries), passages.n)]
    qrels = _numbered(kept, queries, rows)
    return Collection(passages, queries, qrels, tuple(notes), text.identical_ids)


def _scan(
    part: Part[TextRecord], limit: int | None, wanted: Container[str], *, keep_first: bool
) -> tuple[Passages, dict[str, int]]:
    """The passages, and the rows of the wanted ones; a second pass is needed only if identifiers are repeated."""
    rows: dict[str, int] = {}
    n, digest = 0, hashlib.blake2b(digest_size=16)

    def names(records: Iterator[TextRecord]) -> Iterator[str]:
        nonlocal n
        for record in records:
            if record.id in wanted:
                rows.setdefault(record.id, n)
            n += 1
            _add(digest, record)
            yield record.id

    repeated = repeated_hashes(names(islice(part.read(), limit)))
    distinct = None
    if repeated:
        distinct = Distinct("passage", part.name, keep_first, repeated)
        rows, n, digest = {}, 0, hashlib.blake2b(digest_size=16)
        for _ in names(distinct.of(islice(part.read(), limit))):
            pass
    if not n:
        raise InputError(f"{part.name} holds no passages.")
    return Passages(part, limit, n, digest.hexdigest(), distinct), rows


def _digest_of(records: Iterable[TextRecord]) -> "hashlib.blake2b":
    digest = hashlib.blake2b(digest_size=16)
    for record in records:
        _add(digest, record)
    return digest


def _add(digest: "hashlib.blake2b", record: TextRecord) -> None:
    """Add a record. An identifier with spaces is told from an identifier and a length by a space before it."""
    name, text = record
    encoded = text.encode()
    length = f" {len(name)} " if " " in name else ""
    digest.update(f"{length}{name} {len(encoded)} ".encode() + encoded)


def _numbered(kept: Relevances, queries: list[TextRecord], rows: dict[str, int]) -> IdArray:
    numbers = {record.id: number for number, record in enumerate(queries)}
    judged = [
        (numbers[query], rows.get(passage, NOT_IN_BASE), relevance)
        for (query, passage), relevance in kept.items()
        if query in numbers
    ]
    return np.array(sorted(judged), dtype=np.int64).reshape(len(judged), 3)


def _losses(
    judgements: Relevances, kept: Relevances, rows: dict[str, int], num_queries: int, n: int
) -> Iterator[str]:
    """Sentences on judgements that cannot be used, or never met."""
    missing = [passage for _, passage in kept if passage not in rows]
    if missing:
        yield (
            f"the passages of {len(missing):,} of {len(judgements):,} judgements are not in the corpus, such as "
            f"{missing[0]!r}; they count as not found, as in trec_eval."
        )
    dropped = len(judgements) - len(kept)
    if dropped:
        yield f"dropped {dropped:,} of {len(judgements):,} judgements of passages that are not among the {n:,}."
    answerable = {query for (query, _), relevance in kept.items() if relevance > 0}
    asked = len({query for query, _ in judgements})
    if asked > len(answerable):
        lost = asked - len(answerable)
        yield f"dropped {lost:,} of {asked:,} judged queries for which no relevant passage is left."
    if num_queries < len(answerable):
        without_text = number_of(len(answerable) - num_queries, "judged query", "judged queries")
        yield f"dropped {without_text} without a text."
