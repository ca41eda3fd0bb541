"""What of a collection is embedded: judged queries with a relevant passage, in the rows where it stands."""

import gzip
import json

import pytest

from vq_benchmark.datasets.text import repeated_ids
from vq_benchmark.datasets.text.collection_files import TextFiles, find_text
from vq_benchmark.datasets.text.judged import read_collection
from vq_benchmark.datasets.text.repeated_ids import repeated_hashes
from vq_benchmark.errors import InputError


@pytest.fixture
def marco(tmp_path):
    """Ten passages p0 to p9, four queries, of which q4 has no relevant passage and q9 is not judged."""
    (tmp_path / "collection.tsv").write_text("".join(f"p{row}\tpassage {row}\n" for row in range(10)))
    (tmp_path / "queries.dev.tsv").write_text("q9\tunjudged\nq2\tsecond\nq1\tfirst\nq4\tfourth\n")
    (tmp_path / "qrels.dev.tsv").write_text("q1 0 p7 1\nq1 0 p2 2\nq1 0 p3 0\nq2 0 p9 1\nq4 0 p1 0\nq5 0 p1 1\n")
    return tmp_path


def test_judgements_by_row_numbers(marco):
    found = read_collection(find_text(marco))
    assert found.passages.n == 10
    assert [record.id for record in found.queries] == ["q2", "q1"]
    assert found.qrels.tolist() == [[0, 9, 1], [1, 2, 2], [1, 3, 0], [1, 7, 1]]
    assert found.notes == (
        "dropped 1 of 4 judged queries for which no relevant passage is left.",
        "dropped 1 judged query without a text.",
    )


def test_a_limit_drops_judgements_and_says_how_many(marco):
    found = read_collection(find_text(marco), limit=3)
    assert [record.id for record in found.passages.read()] == ["p0", "p1", "p2"]
    assert [record.id for record in found.queries] == ["q1"]
    assert found.qrels.tolist() == [[0, 2, 2]]
    assert "dropped 3 of 6 judgements of passages that are not among the 3." in found.notes


def test_a_limit_that_leaves_no_judgement_leaves_no_queries(marco):
    found = read_collection(find_text(marco), limit=1)
    assert (found.queries, found.qrels.tolist()) == ([], [])


def test_all_queries_without_judgements(marco):
    found = read_collection(find_text(marco, marco / "queries.dev.tsv"))
    assert len(found.queries) == 4
    assert found.qrels is None
    assert "--qrels" in found.notes[0]


def test_the_fingerprint_is_that_of_the_text_not_of_its_layout(marco, tmp_path):
    plain = read_collection(TextFiles(marco / "collection.tsv")).passages
    packed, objects = tmp_path / "same.tsv.gz", tmp_path / "same.jsonl"
    packed.write_bytes(gzip.compress((marco / "collection.tsv").read_bytes()))
    objects.write_text("".join(json.dumps({"_id": f"p{row}", "text": f"passage {row}"}) + "\n" for row in range(10)))
    for same in (packed, objects):
        assert read_collection(TextFiles(same)).passages.fingerprint == plain.fingerprint
    assert read_collection(TextFiles(packed), 9).passages.fingerprint != plain.fingerprint


def test_records_that_run_together_have_another_fingerprint(tmp_path):
    one, other = tmp_path / "one.jsonl", tmp_path / "other.jsonl"
    one.write_text('{"_id": "a", "text": "xb 1 y"}')
    other.write_text('{"_id": "a", "text": "x"}\n{"_id": "b", "text": "y"}')
    first, second = (read_collection(TextFiles(path)).passages.fingerprint for path in (one, other))
    assert first != second


def append(path, text):
    with path.open("a") as file:
        file.write(text)


def test_the_same_text_twice_is_used_once(marco):
    before = read_collection(find_text(marco))
    append(marco / "collection.tsv", "p7\tpassage 7\np11\tnew\np7\tpassage 7\np1\tpassage 1\n")
    append(marco / "queries.dev.tsv", "q1\tfirst\n")
    found = read_collection(find_text(marco))
    assert [record.id for record in found.passages.read()] == [f"p{row}" for row in range(10)] + ["p11"]
    assert (found.passages.n, found.queries) == (11, before.queries)
    assert found.qrels.tolist() == before.qrels.tolist()
    assert found.notes[:2] == (
        "dropped 3 passages whose identifier and text occur earlier.",
        "dropped 1 query whose identifier and text occur earlier.",
    )
    (marco / "plain.tsv").write_text("".join(f"{row.id}\t{row.text}\n" for row in found.passages.read()))
    assert read_collection(TextFiles(marco / "plain.tsv")).passages.fingerprint == found.passages.fingerprint


@pytest.mark.parametrize(
    ("name", "added", "words"),
    [
        ("collection.tsv", "p5\tonce more\n", ["passage 'p5' twice", "records 5 and 10", "--keep-first"]),
        ("queries.dev.tsv", "q1\tonce more\n", ["query 'q1' twice", "--keep-first"]),
    ],
)
def test_identifiers_of_two_texts(marco, name, added, words):
    before = read_collection(find_text(marco))
    append(marco / name, added)
    with pytest.raises(InputError) as refused:
        read_collection(find_text(marco))
    for word in words:
        assert word in str(refused.value)
    first = read_collection(find_text(marco), keep_first=True)
    assert list(first.passages.read()) == list(before.passages.read())
    assert (first.queries, first.passages.fingerprint) == (before.queries, before.passages.fingerprint)
    assert any("with another text" in note for note in first.notes)


def test_judged_passages_that_are_not_in_the_corpus_keep_their_place(marco):
    append(marco / "qrels.dev.tsv", "q2 0 gone 3\nq9 0 lost 1\n")
    found = read_collection(find_text(marco))
    assert [record.id for record in found.queries] == ["q9", "q2", "q1"]
    assert found.qrels.tolist() == [[0, -1, 1], [1, -1, 3], [1, 9, 1], [2, 2, 2], [2, 3, 0], [2, 7, 1]]
    said = "the passages of 2 of 8 judgements are not in the corpus, such as 'gone'"
    assert any(said in note for note in found.notes)
    assert [-1] not in read_collection(find_text(marco), limit=10).qrels[:, 1:2].tolist()
    (marco / "qrels.dev.tsv").write_text("q1 0 x 1\n")
    with pytest.raises(InputError, match="none of the passages"):
        read_collection(find_text(marco))


def test_pairs_that_are_judged_twice(marco):
    append(marco / "qrels.dev.tsv", "q1 0 p7 3\nq1 0 p2 2\n")
    found = read_collection(find_text(marco))
    assert found.qrels.tolist() == [[0, 9, 1], [1, 2, 2], [1, 3, 0], [1, 7, 3]]
    assert "1 judgement repeats a pair with another relevance; the highest counts." in found.notes


def test_identifiers_with_spaces_do_not_run_together(tmp_path):
    one, other = tmp_path / "one.jsonl", tmp_path / "other.jsonl"
    one.write_text('{"_id": "a 1 x", "text": ""}')
    other.write_text('{"_id": "a", "text": "x"}')
    first, second = (read_collection(TextFiles(path)).passages.fingerprint for path in (one, other))
    assert first != second


def test_repeated_identifiers_are_found_among_many(monkeypatch):
    monkeypatch.setattr(repeated_ids, "PENDING", 100)
    monkeypatch.setattr(repeated_ids, "SPOOLED_BYTES", 64)  # so that temporary files are used
    names = [f"name {number}" for number in range(3000)]
    assert repeated_hashes(names) == set()
    again = ["name 5", "name 2999", "name 5"]
    assert repeated_hashes(names + again) == set(map(hash, again))
    assert repeated_hashes([]) == set()


def test_no_judgement_at_all(marco):
    (marco / "qrels.dev.tsv").write_text("query-id\tcorpus-id\tscore\n\n")
    with pytest.raises(InputError, match=r"qrels\.dev\.tsv' holds no judgements"):
        read_collection(find_text(marco))


def test_queries_of_other_judgements(marco):
    (marco / "queries.dev.tsv").write_text("x\tnone of them\n")
    with pytest.raises(InputError, match="none of the queries"):
        read_collection(find_text(marco))


@pytest.mark.parametrize(("content", "limit", "word"), [("", None, "no passages"), ("a\tb\n", 0, "--limit")])
def test_nothing_to_embed(tmp_path, content, limit, word):
    path = tmp_path / "a.tsv"
    path.write_text(content)
    with pytest.raises(InputError, match=word):
        read_collection(TextFiles(path), limit)


@pytest.mark.parametrize(
    ("name", "expected"), [("collection.tsv", "keep"), ("corpus.jsonl", "ignore"), ("corpus.tsv.gz", "ignore")]
)
def test_identical_identifiers_count_as_in_the_benchmark_of_that_layout(marco, name, expected):
    passages = (marco / "collection.tsv").read_text()
    (marco / "collection.tsv").unlink()
    if name.endswith(".jsonl"):
        lines = (line.split("\t") for line in passages.splitlines())
        passages = "".join(json.dumps({"_id": id_, "text": text}) + "\n" for id_, text in lines)
    (marco / name).write_text(passages)
    assert read_collection(find_text(marco)).identical_ids == expected
    (marco / "qrels.dev.tsv").unlink()
    assert read_collection(find_text(marco)).identical_ids == expected


def test_a_first_line_that_is_skipped_without_naming_its_columns_is_said(marco):
    qrels = marco / "qrels.dev.tsv"
    plain, lines = read_collection(find_text(marco)), qrels.read_text()
    qrels.write_text("query-id\tcorpus-id\tscore\nq1\tp7\t1\n")
    assert not any("header" in note for note in read_collection(find_text(marco)).notes)
    qrels.write_text(f"\nfrage null dokument note\n{lines}")
    found = read_collection(find_text(marco))
    said = "holds no number, so it is skipped as a header: 'frage null dokument note'."
    assert [note for note in found.notes if note.endswith(said)] and found.qrels.tolist() == plain.qrels.tolist()
    given = read_collection(find_text(marco / "collection.tsv", marco / "queries.dev.tsv", qrels))
    assert [note for note in given.notes if note.endswith(said)]
