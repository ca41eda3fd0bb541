"""Passages, queries and judgements as they are found: odd bytes are kept, and bad lines are named."""

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vq_benchmark.datasets.text import lines
from vq_benchmark.datasets.text.collection_files import find_text
from vq_benchmark.datasets.text.qrels import highest_relevances, read_judgements
from vq_benchmark.datasets.text.records import TextRecord, read_records
from vq_benchmark.errors import InputError

HOSTILE = [
    'a "quoted" start, and one " alone',
    '"',
    "a\ttab and another\t",
    "a carriage return\rin the middle, \x85 \u2028 \x0b \x0c \x1c which are line ends to others",
    "nul \x00 and U+FFFD \ufffd",
    "",
    "   spaces around   ",
    "日本語, emoji 🦆, combining e\u0301, right to left \u200f",
    "back\\slash, \\n and \\t as two characters each",
    "mojibake: donâ\x80\x99t",
]


@pytest.mark.parametrize("name", ["collection.tsv", "collection.tsv.gz", "COLLECTION.TSV"])
def test_texts_of_tsv_are_kept_as_they_are(tmp_path, name):
    content = "".join(f"{number}\t{text}\n" for number, text in enumerate(HOSTILE)).encode()
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    assert list(read_records(path)) == [TextRecord(str(number), text) for number, text in enumerate(HOSTILE)]


texts = st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"])).filter(
    lambda x: not x.endswith("\r")
)
names = st.text(st.characters(categories=["L", "N", "P"]), min_size=1).filter(lambda x: not x.startswith("\ufeff"))


@given(st.lists(st.tuples(names, texts), max_size=8), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_any_texts_survive_tsv(tmp_path_factory, records, line_end, ends):
    path = tmp_path_factory.mktemp("tsv") / "texts.tsv"
    content = line_end.join("\t".join(record) for record in records) + (line_end if ends and records else "")
    path.write_bytes(content.encode())
    assert list(read_records(path)) == records


@given(st.lists(st.tuples(names, texts), max_size=8))
def test_any_texts_survive_json_lines(tmp_path_factory, records):
    path = tmp_path_factory.mktemp("jsonl") / "texts.jsonl"
    path.write_text("".join(json.dumps({"_id": name, "text": text}) + "\n" for name, text in records))
    assert list(read_records(path)) == records


def test_bytes_that_are_not_utf8_and_a_byte_order_mark(tmp_path):
    path = tmp_path / "texts.tsv"
    path.write_bytes(b"\xef\xbb\xbf7\tcaf\xe9 \xff\r\n8\tlast")
    assert list(read_records(path)) == [TextRecord("7", "caf\ufffd \ufffd"), TextRecord("8", "last")]


def test_titles_stand_before_texts_in_beir(tmp_path):
    path = tmp_path / "corpus.jsonl"
    objects = [
        {"_id": "a", "title": "Ducks", "text": "They swim."},
        {"_id": "b", "title": "", "text": " as it is "},
        {"_id": 3, "title": None, "text": "a number as its name", "metadata": {}},
        {"_id": "d", "title": "only a title", "text": ""},
    ]
    path.write_text("\n".join(map(json.dumps, objects)))
    assert [record.text for record in read_records(path)] == [
        "Ducks They swim.", " as it is ", "a number as its name", "only a title",
    ]  # fmt: skip


def test_half_of_a_surrogate_pair_becomes_text_that_can_be_encoded(tmp_path):
    path = tmp_path / "corpus.jsonl"
    path.write_text('{"_id": "a", "text": "\\ud83e duck"}')
    assert [record.text for record in read_records(path)] == ["? duck"]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.tsv", b"1\tfine\nno tab here\n", ["line 2", "no tab here"]),
        ("a.tsv", b"1\tfine\n\nno tab after a blank line\n", ["line 3", "no tab"]),
        ("a.tsv", b"1\tfine\n \tno name\n", ["line 2", "empty"]),
        ("a.tsv", b"id\ttext\ttitle\n1\tx\n", ["line 2", "2 columns", "has 3"]),
        ("a.jsonl", b'{"_id": "a\\nb", "text": "x"}', ["line 1", "line end"]),
        ("a.jsonl", b'{"_id": true, "text": "x"}', ["line 1", "_id and text"]),
        ("a.tsv", b"x" * 500, ["line 1", "\u2026"]),
        ("a.jsonl", b'{"_id": "1", "text": "x"}\n{"_id": "2", "te', ["line 2", "JSON"]),
        ("a.jsonl", b'["1", "x"]', ["line 1", "_id"]),
        ("a.jsonl", b'{"_id": "1"}', ["line 1", "_id and text", "pid"]),
        ("a.jsonl", b'{"_id": "1", "text": "x", "title": 4}', ["line 1", "title"]),
        ("a.jsonl", b'{"_id": "", "text": "x"}', ["line 1", "empty"]),
        ("a.jsonl", b"[" * 100_000, ["line 1", "JSON"]),
        ("a.txt", b"1\tx\n", [".tsv", ".jsonl"]),
        ("a.tsv.gz", gzip.compress(b"1\tx\n" * 1000, mtime=0)[:-20], ["cannot be read"]),
        ("a.tsv.gz", gzip.compress(b"1\tx\n" * 1000, mtime=0)[:12] + b"garbage", ["cannot be read"]),
    ],
)
def test_bad_files_are_refused_by_line(tmp_path, name, content, words):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError) as refused:
        list(read_records(path))
    for word in [name, *words]:
        assert word in str(refused.value)


def test_a_file_without_line_ends_is_not_read_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "MAX_LINE_BYTES", 100)
    path = tmp_path / "a.tsv"
    path.write_bytes(b"1\t" + b"x" * 10_000)
    with pytest.raises(InputError, match="line 1: it is longer than 100 bytes"):
        list(read_records(path))


def test_blank_lines_are_skipped_anywhere(tmp_path):
    table, objects = tmp_path / "collection.tsv", tmp_path / "corpus.jsonl"
    table.write_bytes(b"\n  \r\n1\tone\n\n\t\n2\ttwo\n\n")
    objects.write_text('\n{"_id": "1", "text": "one"}\n \n{"_id": "2", "text": "two"}\n\n')
    for path in (table, objects):
        assert list(read_records(path)) == [TextRecord("1", "one"), TextRecord("2", "two")]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("pid\tpassage\n7\ta\tb\n", ("7", "a\tb")),
        ("\nid\ttext\ttitle\n7\tbody\thead\n", ("7", "head body")),
        ("Text\tDocID\nbody\t7\n", ("7", "body")),
        ("_id\ttitle\ttext\n7\t\tbody\n", ("7", "body")),
        ("id one\tsome text\n", ("id one", "some text")),
    ],
)
def test_a_header_names_the_columns_of_tsv(tmp_path, content, expected):
    path = tmp_path / "collection.tsv"
    path.write_text(content)
    assert list(read_records(path)) == [expected]


@pytest.mark.parametrize(
    ("name", "fields", "expected"),
    [
        ("msmarco_passage_00.gz", {"pid": "m_00_5", "passage": "a", "docid": "D1"}, ("m_00_5", "a")),
        ("v2.1.jsonl", {"docid": "d#0", "url": "u", "title": "T", "segment": "s", "start_char": 0}, ("d#0", "T s")),
        ("corpus.jsonl", {"id": "a b", "title": None, "text": "x"}, ("a b", "x")),
        ("corpus.json", {"doc_id": 3, "contents": "x"}, ("3", "x")),
        ("queries.jsonl", {"query_id": "q", "query": "why"}, ("q", "why")),
    ],
)  # fmt: skip
def test_the_keys_of_other_collections(tmp_path, name, fields, expected):
    content = json.dumps(fields).encode()
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    assert list(read_records(tmp_path / name)) == [expected]


def judged(path):
    return [(one.query, one.passage, one.relevance) for one in read_judgements(path)]


EITHER_WAY = [("q1", "p1", 1), ("q2", "p2", -1), ("q1", "p 3", 2)]


@pytest.mark.parametrize(
    "content",
    [
        "q1\t0\tp1\t1\nq2\t0\tp2\t-1\n\nq1\t0\tp 3\t2\n",
        "\nquery-id\tcorpus-id\tscore\nq1\tp1\t1.0\nq2\tp2\t-1.0\n \nq1\tp 3\t2.\n",
        "q1\tp1\t1\r\nq2\tp2\t-1\r\nq1\tp 3\t2e0\r\n",
        "qid\titer\tpid\trel\nq1\t0\tp1\t1\nq2\t0\tp2\t-1\nq1\t0\tp 3\t2\n",
        "a\tb\tc\td\nq1\t0\tp1\t1\nq2\t0\tp2\t-1\nq1\t0\tp 3\t2\n",
        "score\tdocid\tqid\n1\tp1\tq1\n-1\tp2\tq2\n2\tp 3\tq1\n",
        '{"query-id": "q1", "corpus-id": "p1", "score": 1}\n\n{"query-id": "q2", "corpus-id": "p2", "score": -1.0}\n'
        '{"query-id": "q1", "corpus-id": "p 3", "score": "2"}',
    ],
)
def test_judgements_as_others_write_them(tmp_path, content):
    (tmp_path / "qrels").write_text(content)
    assert judged(tmp_path / "qrels") == EITHER_WAY


def test_judgements_between_any_white_space(tmp_path):
    path = tmp_path / "qrels.txt"
    path.write_text("1\t0\tp1\t1\n2 0  p2 0\r\n\n 1\t \t0 p3 2 \n1 0 p1 1\n")
    assert highest_relevances(read_judgements(path)) == ({("1", "p1"): 1, ("2", "p2"): 0, ("1", "p3"): 2}, 0)
    path.write_text("1 0 p 2\n1 0 p 1\n1 0 p 3\n")
    assert highest_relevances(read_judgements(path)) == ({("1", "p"): 3}, 2)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("1 0 p 1\n1 p 1\n", ["line 2"]),
        ("1 0 p 1\n1 0 p yes\n", ["line 2", "yes"]),
        ("1 0 p yes\n", ["line 1", "yes"]),
        ("1 0 p 1 extra\n", ["line 1"]),
        ("q p s\nq p s\n", ["line 2"]),
        ("1 0 p 0.5\n", ["line 1", "relevance 0.5", "whole number"]),
        ("1 0 p nan\n", ["line 1", "nan"]),
        ("1 0 p 3000000000\n", ["line 1", "2147483647"]),
        ('{"query-id": "1", "corpus-id": "p"}\n', ["line 1", "score"]),
        ('{"query-id": "1", "corpus-id": "p", "score": true}\n', ["line 1", "score"]),
        ('{"query-id": "1"', ["line 1", "JSON"]),
    ],
)
def test_bad_judgements_are_refused_by_line(tmp_path, content, words):
    path = tmp_path / "qrels.tsv"
    path.write_text(content)
    with pytest.raises(InputError) as refused:
        list(read_judgements(path))
    for word in ["qrels.tsv", *words]:
        assert word in str(refused.value)


def made(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("")
    return folder


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["collection.tsv"], ("collection.tsv", None, None)),
        (
            ["collection.tsv", "queries.dev.small.tsv", "queries.dev.tsv", "queries.train.tsv", "queries.eval.tsv",
             "qrels.dev.small.tsv", "qrels.train.tsv"],
            ("collection.tsv", "queries.dev.small.tsv", "qrels.dev.small.tsv"),
        ),
        (
            ["collection.tsv.gz", "queries.dev.tsv.gz", "qrels.dev.small.tsv"],
            ("collection.tsv.gz", "queries.dev.tsv.gz", "qrels.dev.small.tsv"),
        ),
        (
            ["corpus.jsonl", "queries.jsonl", "qrels/train.tsv", "qrels/test.tsv", "qrels/dev.tsv"],
            ("corpus.jsonl", "queries.jsonl", "qrels/test.tsv"),
        ),
        (
            ["corpus.jsonl", "queries.jsonl", "qrels/dev.jsonl", "qrels/test.jsonl", "qrels/._a.tsv", "qrels/a.txt"],
            ("corpus.jsonl", "queries.jsonl", "qrels/test.jsonl"),
        ),
        # what embed itself writes is not taken for text
        (
            ["collection.tsv", "qrels.tsv", "queries.npy", "base.npy", ".qrels.dev.tsv.x.tmp"],
            ("collection.tsv", None, None),
        ),
    ],
)  # fmt: skip
def test_folders_are_recognised(tmp_path, names, expected):
    found = find_text(made(tmp_path, *names))
    parts = (found.passages, found.queries, found.qrels)
    assert tuple(part and part.relative_to(tmp_path).as_posix() for part in parts) == expected


def test_other_judgements_are_named_and_can_be_chosen(tmp_path):
    names = ("corpus.jsonl", "queries.jsonl", "qrels/train.tsv", "qrels/test.tsv")
    folder = made(tmp_path, *names)
    assert "train.tsv" in find_text(folder).notes[0]
    assert find_text(folder, qrels=folder / "qrels/train.tsv").qrels == folder / "qrels/train.tsv"


def test_given_queries_have_no_judgements_but_those_given(tmp_path):
    folder = made(tmp_path, "collection.tsv", "queries.dev.tsv", "qrels.dev.tsv", "mine.tsv")
    assert find_text(folder, folder / "mine.tsv").qrels is None
    assert find_text(folder / "collection.tsv").queries is None


@pytest.mark.parametrize(
    ("path", "queries", "qrels", "word"),
    [
        ("nothing", None, None, "nothing"),
        (".", "nothing.tsv", None, "nothing.tsv"),
        ("empty", None, None, "collection.tsv"),
        ("collection.tsv", None, "qrels.x.tsv", "--queries"),
        (".", None, "qrels.x.tsv", "--queries"),
    ],
)
def test_what_is_missing_is_named(tmp_path, path, queries, qrels, word):
    folder = made(tmp_path, "collection.tsv", "qrels.x.tsv", "empty/other.txt")
    with pytest.raises(InputError, match=word):
        find_text(folder / path, queries and folder / queries, qrels and folder / qrels)
