"""What the fields of text collections are called: one table. Of several names in one record the first counts."""

from collections.abc import Mapping, Sequence

IDENTIFIER = (
    "_id", "id", "pid", "docid", "doc_id", "docno", "passage_id", "passage-id", "corpus_id", "corpus-id",
    "qid", "query_id", "query-id",
)  # fmt: skip
"""Of a passage or a query: BEIR and MTEB, MS MARCO v1, v2 and v2.1, ir_datasets, TREC."""
TEXT = ("text", "passage", "segment", "contents", "content", "body", "query", "question")
TITLE = ("title",)

QUERY = ("query-id", "query_id", "qid", "queryid", "topic_id", "topic", "query")
PASSAGE = (
    "corpus-id", "corpus_id", "passage-id", "passage_id", "pid", "docid", "doc_id", "doc-id", "docno", "document",
    "doc", "passage", "base_row", "row",
)  # fmt: skip
RELEVANCE = ("score", "relevance", "rel", "label", "grade", "judgement", "judgment", "qrel", "rating")


def first_place(names: Sequence[str], known: Sequence[str]) -> int | None:
    """The place in `names` of the first known name that is among them; None if none is."""
    return next((names.index(name) for name in known if name in names), None)


def first_value(record: Mapping[str, object], known: Sequence[str]) -> object:
    """The value under the first known name that has one; None if none has."""
    return next((record[name] for name in known if record.get(name) is not None), None)
