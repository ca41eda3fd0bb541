"""Collections in parquet, as newer repositories of MTEB and BEIR have them, against the same ones in JSON lines."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vq_benchmark.datasets.text.collection_files import find_text
from vq_benchmark.datasets.text.judged import read_collection
from vq_benchmark.datasets.text.qrels import read_judgements
from vq_benchmark.datasets.text.records import read_records
from vq_benchmark.errors import InputError

PASSAGES = [{"_id": f"p {number}", "title": "t" * (number % 2), "text": f"text {number}"} for number in range(30)]
QUERIES = [{"_id": f"q{number}", "text": f"query {number}"} for number in range(4)]
JUDGED = [{"query-id": f"q{number}", "corpus-id": f"p {number * 7}", "score": 1 + number % 2} for number in range(4)]


def parquet(path, rows, files=1):
    path.parent.mkdir(parents=True, exist_ok=True)
    for number, part in enumerate(np.array_split(np.arange(len(rows)), files)):
        table = pa.Table.from_pylist([rows[row] for row in part])
        pq.write_table(table, path.with_name(f"{path.name}-{number:05}-of-{files:05}.parquet"), row_group_size=7)


def lines(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture
def expected(tmp_path):
    folder = tmp_path / "lines"
    for name, rows in {"corpus": PASSAGES, "queries": QUERIES, "qrels/test": JUDGED}.items():
        lines(folder / f"{name}.jsonl", rows)
    return read_collection(find_text(folder))


@pytest.mark.parametrize(
    ("corpus", "queries", "qrels"),
    [
        ("corpus/corpus", "queries/queries", "qrels/test"),
        ("corpus/test", "queries/test", "qrels/test"),
        ("corpus/corpus", "queries/queries", "data/test"),
        ("corpus/corpus", "queries/queries", "default/test"),
    ],
)
@pytest.mark.parametrize("files", [1, 12])
def test_the_same_collection_in_parquet(tmp_path, expected, corpus, queries, qrels, files):
    folder = tmp_path / "set"
    parquet(folder / corpus, PASSAGES, files)
    parquet(folder / queries, QUERIES)
    parquet(folder / qrels, [{**each, "score": float(each["score"])} for each in JUDGED], min(files, 2))
    found = read_collection(find_text(folder))
    assert list(found.passages.read()) == list(expected.passages.read())
    assert found.passages.fingerprint == expected.passages.fingerprint
    assert found.queries == expected.queries
    np.testing.assert_array_equal(found.qrels, expected.qrels)


@pytest.mark.parametrize(
    "names", [("0000", "0001"), ("corpus_0", "corpus_1"), ("part.0", "part.1"), ("test-2", "test-10")]
)
def test_all_shards_of_a_split_are_read_and_no_others(tmp_path, names):
    (tmp_path / "corpus").mkdir()
    for name, part in zip(names, np.array_split(np.arange(len(PASSAGES)), 2), strict=True):
        table = pa.Table.from_pylist([PASSAGES[row] for row in part])
        pq.write_table(table, tmp_path / "corpus" / f"{name}.parquet")
    other = pa.Table.from_pylist([{"_id": "other", "text": "of another split"}])
    pq.write_table(other, tmp_path / "corpus" / "zz-extra-0.parquet")
    if names[0] == "test-2":
        pq.write_table(other, tmp_path / "corpus" / "test-extra-0.parquet")
    found = read_collection(find_text(tmp_path))
    assert [each.text for each in found.passages.read()] == [each.text for each in read_all(tmp_path, names)]


def read_all(folder, names):
    return [each for name in names for each in read_records(folder / "corpus" / f"{name}.parquet")]


def test_only_layouts_of_beir_ignore_identical_ids(tmp_path):
    parquet(tmp_path / "corpus" / "corpus", PASSAGES)
    parquet(tmp_path / "mine", PASSAGES)
    assert find_text(tmp_path).identical_ids == "ignore"
    assert find_text(tmp_path / "mine-00000-of-00001.parquet").identical_ids == "keep"


def test_queries_of_the_judged_split_are_used_and_other_judgements_are_named(tmp_path):
    parquet(tmp_path / "corpus" / "corpus", PASSAGES)
    for split in ("dev", "test"):
        parquet(tmp_path / "queries" / split, QUERIES)
        parquet(tmp_path / "qrels" / split, JUDGED)
    found = find_text(tmp_path)
    assert (found.queries.name, found.qrels.name) == ("test-00000-of-00001.parquet",) * 2
    assert "such as dev-00000-of-00001.parquet" in found.notes[0]


def test_files_given_by_name(tmp_path):
    for name, rows in {"a": PASSAGES, "b": QUERIES, "c": JUDGED}.items():
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / f"{name}.parquet")
    found = read_collection(find_text(*(tmp_path / f"{name}.parquet" for name in "abc")))
    assert (found.passages.n, len(found.queries), len(found.qrels)) == (30, 4, 4)


@pytest.mark.parametrize(
    ("read", "rows", "message"),
    [
        (
            read_records,
            [PASSAGES[0], {"_id": "x", "text": None}],
            r"a.parquet', row 1: .* is not an object with the str",
        ),
        (read_records, [{"a": 1}], "has none of the columns of text or judgements; it has"),
        (read_judgements, [{**JUDGED[0], "score": 0.5}], "a.parquet', row 0: .* has the relevance 0.5, which is not"),
        (read_judgements, [{"query-id": "q", "score": 1}], "row 0: .* is not an object with query-id, corpus-id and"),
    ],
)
def test_bad_rows_are_refused_by_their_number(tmp_path, read, rows, message):
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    with pytest.raises(InputError, match=message):
        list(read(tmp_path / "a.parquet"))
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match=r"a.parquet' cannot be read"):
        list(read(tmp_path / "a.parquet"))
