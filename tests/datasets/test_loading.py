"""From a name or a path to a data set: directories, hold-out, limit, metric, fingerprint, and every refusal."""

import json

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vq_benchmark.datasets.catalog import list_datasets
from vq_benchmark.datasets.checks.unusable_rows import check_rows, probe_rows
from vq_benchmark.datasets.fingerprint import fingerprint_array, fingerprint_base
from vq_benchmark.datasets.formats.opening import write_vectors
from vq_benchmark.datasets.loading import load_dataset
from vq_benchmark.datasets.sources.vector_source import ArraySource
from vq_benchmark.datasets.splitting import default_held_out
from vq_benchmark.errors import InputError


def rows(n: int, d: int = 6, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture
def directory(tmp_path):
    """A data set of 50 base rows with 8 queries, neighbours, judged queries and a stated metric."""
    where = tmp_path / "my data"
    where.mkdir()
    np.save(where / "base.npy", rows(50))
    write_vectors(where / "queries.fbin", ArraySource(rows(8, seed=1)), "float32")
    write_vectors(where / "learn.fvecs", ArraySource(rows(20, seed=2)), "float32")
    np.save(where / "neighbors.npy", np.arange(16).reshape(8, 2))
    np.save(where / "title_queries.npy", rows(4, seed=3))
    (where / "title_qrels.tsv").write_text("0\t0\t10\t1\n1 0 40 2\n\n1 0 10 0\n2  0\t49 1\n3 0 11 1\n")
    (where / "dataset.json").write_text(json.dumps({"metric": "ip", "source": "made up"}))
    return where


def test_directory(directory):
    dataset = load_dataset(directory)
    assert (dataset.name, dataset.n, dataset.d, dataset.distance, dataset.notes) == ("my data", 50, 6, "ip", ())
    np.testing.assert_array_equal(dataset.base.read(0, 50), rows(50))
    np.testing.assert_array_equal(dataset.queries, rows(8, seed=1))
    np.testing.assert_array_equal(dataset.learn.read(0, 20), rows(20, seed=2))
    np.testing.assert_array_equal(dataset.neighbors, np.arange(16).reshape(8, 2))
    np.testing.assert_array_equal(dataset.judgements.queries, rows(4, seed=3))
    assert dataset.judgements.qrels.tolist() == [[0, 10, 1], [1, 40, 2], [1, 10, 0], [2, 49, 1], [3, 11, 1]]


def test_qrels_without_a_prefix_judge_the_queries(directory):
    (directory / "qrels.tsv").write_text("7 0 3 1\n")
    dataset = load_dataset(directory, num_queries=2)
    np.testing.assert_array_equal(dataset.judgements.queries, rows(8, seed=1))
    assert dataset.judgements.qrels.tolist() == [[7, 3, 1]]
    assert any("title_qrels.tsv" in note for note in dataset.notes)


@pytest.fixture
def with_own_rows(directory):
    """Titles 0, 1 and 3 have the identifiers of base rows, 30, 10 and 5; a judged passage of title 1 is missing."""
    (directory / "ids.txt").write_text("".join(f"doc {row}\n" for row in range(50)))
    (directory / "title_query_ids.txt").write_text("doc 30\ndoc 10\nother\ndoc 5\n")
    with (directory / "title_qrels.tsv").open("a") as file:
        file.write("1 0 -1 3.0\n3 0 5 1\n")
    return directory


def test_rows_with_the_identifier_of_a_judged_query(with_own_rows):
    dataset = load_dataset(with_own_rows)
    assert dataset.judgements.own_rows.tolist() == [30, 10, -1, 5]
    assert dataset.judgements.qrels.tolist()[-2:] == [[1, -1, 3], [3, 5, 1]]
    assert "3 of 4 judged queries have the identifier of a base row" in dataset.notes[0]
    assert "for 1 of them that row is judged relevant and counts as not found" in dataset.notes[1]
    kept = load_dataset(with_own_rows, identical_ids="keep")
    assert (kept.judgements.own_rows, kept.notes) == (None, ())
    (with_own_rows / "dataset.json").write_text('{"identical_ids": "keep"}')
    assert load_dataset(with_own_rows).judgements.own_rows is None
    assert load_dataset(with_own_rows, identical_ids="ignore").judgements.own_rows is not None
    (with_own_rows / "dataset.json").write_text('{"identical_ids": "drop"}')
    with pytest.raises(InputError, match=r"states identical_ids 'drop'; it can be ignore or keep"):
        load_dataset(with_own_rows)
    (with_own_rows / "dataset.json").unlink()
    cosine = load_dataset(with_own_rows, metric="cosine")
    assert cosine.judgements.own_rows.tolist() == [30, 10, -1, 5]


def test_own_rows_and_missing_rows_under_a_limit_and_a_hold_out(with_own_rows):
    limited = load_dataset(with_own_rows, limit=20)
    assert limited.judgements.own_rows.tolist() == [-1, 5]  # of titles 0 and 3
    assert limited.judgements.qrels.tolist() == [[0, 10, 1], [1, 11, 1], [1, 5, 1]]
    (with_own_rows / "title_qrels.tsv").write_text("0 0 -1 1\n1 0 -1 2\n1 0 3 1\n")
    assert load_dataset(with_own_rows, limit=2).judgements.qrels.tolist() == [[0, -1, 1]]  # title 1 lost its row
    (with_own_rows / "queries.fbin").unlink()
    (with_own_rows / "neighbors.npy").unlink()
    whole = rows(50)
    held = load_dataset(with_own_rows, num_queries=10, split_seed=1)
    queries = [int(np.flatnonzero((rows(4, seed=3) == each).all(axis=1))[0]) for each in held.judgements.queries]
    for query, row in zip(queries, held.judgements.own_rows.tolist(), strict=True):
        expected = whole[[30, 10, 0, 5][query]]
        if query == 2 or (held.queries == expected).all(axis=1).any():
            assert row == -1
        else:
            np.testing.assert_array_equal(held.base.read(row, row + 1)[0], expected)


def test_identifiers_that_do_not_fit_are_not_used(with_own_rows):
    with (with_own_rows / "ids.txt").open("a") as file:
        file.write("one more\n")
    dataset = load_dataset(with_own_rows)
    assert dataset.judgements.own_rows is None
    assert dataset.notes == ("ids.txt is not used: it has 51 identifiers, but there are 50 vectors.",)


def test_first_queries_with_their_neighbours(directory):
    dataset = load_dataset(directory, num_queries=3)
    np.testing.assert_array_equal(dataset.queries, rows(8, seed=1)[:3])
    np.testing.assert_array_equal(dataset.neighbors, np.arange(6).reshape(3, 2))
    assert "first 3 of 8 queries" in dataset.notes[0]


def test_limit_drops_what_no_longer_applies(directory):
    dataset = load_dataset(directory, limit=20)
    assert dataset.n == 20 and dataset.neighbors is None
    np.testing.assert_array_equal(dataset.judgements.queries, rows(4, seed=3)[[0, 3]])
    assert dataset.judgements.qrels.tolist() == [[0, 10, 1], [1, 11, 1]]
    assert [word in " ".join(dataset.notes) for word in ("first 20 of 50", "neighbours", "2 judged")] == [True] * 3
    assert load_dataset(directory, limit=5).judgements is None


def test_held_out_rows_are_the_queries_and_not_in_the_base(tmp_path):
    np.save(tmp_path / "a.npy", rows(50))
    dataset = load_dataset(tmp_path / "a.npy", num_queries=9, split_seed=4)
    together = np.concatenate((dataset.base.read(0, dataset.n), dataset.queries))
    assert dataset.n == 41 and "9 of 50 rows held out by seed 4" in dataset.notes[0]
    np.testing.assert_array_equal(np.sort(together, axis=0), np.sort(rows(50), axis=0))
    again = load_dataset(tmp_path / "a.npy", num_queries=9, split_seed=4)
    np.testing.assert_array_equal(again.queries, dataset.queries)
    assert again.fingerprint == dataset.fingerprint
    other = load_dataset(tmp_path / "a.npy", num_queries=9, split_seed=5)
    assert other.fingerprint != dataset.fingerprint and not np.array_equal(other.queries, dataset.queries)


@pytest.mark.parametrize(
    ("n", "queries"),
    [(2, 1), (9, 1), (19, 1), (20, 2), (1_999, 199), (2_000, 200), (9_999, 999), (10_000, 1_000), (10**6, 1_000)],
)
def test_at_most_a_tenth_of_the_base_is_held_out_by_default(n, queries):
    assert default_held_out(n) == queries


@given(n=st.integers(10, 10**9))
def test_the_default_hold_out_has_no_cliff(n):
    smaller, larger = default_held_out(n), default_held_out(n + 1)
    assert 0 <= larger - smaller <= 1 and larger <= (n + 1) / 10


def test_a_base_without_queries_loses_a_tenth(tmp_path):
    np.save(tmp_path / "a.npy", rows(2_000))
    dataset = load_dataset(tmp_path / "a.npy")
    assert (dataset.n, len(dataset.queries)) == (1_800, 200)
    with_queries = tmp_path / "with queries"
    with_queries.mkdir()
    np.save(with_queries / "base.npy", rows(2_000))
    np.save(with_queries / "queries.npy", rows(300, seed=1))
    dataset = load_dataset(with_queries)
    assert (dataset.n, len(dataset.queries)) == (2_000, 300)


def test_the_limit_comes_before_the_hold_out(tmp_path):
    np.save(tmp_path / "a.npy", rows(50))
    dataset = load_dataset(tmp_path / "a.npy", num_queries=9, limit=20)
    together = np.concatenate((dataset.base.read(0, dataset.n), dataset.queries))
    np.testing.assert_array_equal(np.sort(together, axis=0), np.sort(rows(50)[:20], axis=0))


def test_judgements_follow_their_rows_through_the_hold_out(directory):
    (directory / "queries.fbin").unlink()
    (directory / "neighbors.npy").unlink()
    dataset = load_dataset(directory, num_queries=30)
    judged = rows(4, seed=3).tolist()
    relevant = {0: {10}, 1: {40}, 2: {49}, 3: {11}}
    for query, row, relevance in dataset.judgements.qrels:
        original = judged.index(dataset.judgements.queries[query].tolist())
        found = np.flatnonzero((rows(50) == dataset.base.read(row, row + 1)).all(axis=1))[0]
        assert relevance == 0 or found in relevant[original]
    held_out = {int(np.flatnonzero((rows(50) == query).all(axis=1))[0]) for query in dataset.queries}
    assert len(dataset.judgements.queries) == sum(not rows_of <= held_out for rows_of in relevant.values())


def test_queries_path(directory, tmp_path):
    np.save(tmp_path / "q.npy", rows(5, seed=9))
    dataset = load_dataset(directory, queries_path=tmp_path / "q.npy")
    np.testing.assert_array_equal(dataset.queries, rows(5, seed=9))
    assert dataset.n == 50 and dataset.neighbors is None and "neighbours" in dataset.notes[0]
    with h5py.File(tmp_path / "q.hdf5", "w") as file:
        file["train"], file["test"] = rows(30), rows(3, seed=8)
    for path in (tmp_path / "q.hdf5", directory):
        expected = rows(3, seed=8) if path.suffix else rows(8, seed=1)
        np.testing.assert_array_equal(load_dataset(directory, queries_path=path).queries, expected)


@pytest.mark.parametrize("scale", [1, 7])
def test_metric_not_stated(tmp_path, scale):
    np.save(tmp_path / "a.npy", unit(rows(50)) * scale)
    dataset = load_dataset(tmp_path / "a.npy", num_queries=5)
    assert dataset.distance == ("cosine" if scale == 1 else "l2")
    assert "metric not stated" in dataset.notes[-1] and "--metric" in dataset.notes[-1]
    asked = load_dataset(tmp_path / "a.npy", num_queries=5, metric="ip")
    assert asked.distance == "ip" and len(asked.notes) == 1
    assert asked.fingerprint != dataset.fingerprint


def test_the_metric_asked_for_wins_over_the_stated_one(directory):
    dataset = load_dataset(directory, metric="l2")
    assert dataset.distance == "l2" and dataset.neighbors is None
    assert "states the metric ip" in dataset.notes[0] and "neighbours are dropped" in dataset.notes[0]


def test_cosine_normalises_everything(directory):
    np.save(directory / "base.npy", rows(50).astype(np.float16))
    dataset = load_dataset(directory, metric="cosine")
    parts = dataset.base.read(0, 50), dataset.queries, dataset.learn.read(0, 20), dataset.judgements.queries
    for part in parts:
        np.testing.assert_allclose(np.linalg.norm(part, axis=1), 1, atol=1e-6)
    assert "float16" in dataset.notes[-1]


def test_sample():
    dataset = load_dataset("sample")
    assert (dataset.n, dataset.d, dataset.distance, dataset.queries.shape) == (10_000, 384, "cosine", (500, 384))
    assert dataset.learn.n == 500 and dataset.judgements.qrels.shape == (500, 3)
    base = dataset.base.read(0, dataset.n)
    keys = {row.tobytes() for row in base}
    assert len(keys) == dataset.n
    assert not any(query.tobytes() in keys for query in (*dataset.queries, *dataset.judgements.queries))
    scores = dataset.judgements.queries @ base.T
    relevant = scores[dataset.judgements.qrels[:, 0], dataset.judgements.qrels[:, 1]]
    ranks = (scores > relevant[:, None]).sum(axis=1)
    assert np.where(ranks < 10, 1 / (ranks + 1), 0).mean() == pytest.approx(0.716, abs=0.005)  # as the data card says


def test_catalog_sizes_are_those_of_the_data():
    for entry in list_datasets():
        if entry.name == "msmarco" or entry.downloads:  # see test_msmarco and test_catalog
            continue
        dataset = load_dataset(entry.name)
        assert (dataset.n, dataset.d, dataset.distance) == (entry.n, entry.d, entry.distance)


def test_a_name_that_is_a_folder_too_is_remarked_on(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sample").mkdir()
    assert any("write ./sample for the file or folder" in note for note in load_dataset("sample").notes)


def test_fingerprint_is_of_the_vectors_not_of_the_format(tmp_path):
    vectors = rows(3000)
    found = {}
    for name in ("a.npy", "a.fbin", "a.fvecs", "a.parquet"):
        write_vectors(tmp_path / name, ArraySource(vectors), "float32")
        found[name] = load_dataset(tmp_path / name, num_queries=7).fingerprint
    np.savez(tmp_path / "a.npz", base=vectors)
    with h5py.File(tmp_path / "a.hdf5", "w") as file:
        file["train"] = vectors
    for name in ("a.npz", "a.hdf5"):
        found[name] = load_dataset(tmp_path / name, num_queries=7).fingerprint
    assert len(set(found.values())) == 1 and len(found) == 6


def test_fingerprint_changes_with_what_it_is_over():
    base = rows(5000)
    original = fingerprint_base(ArraySource(base), "l2")
    assert fingerprint_base(ArraySource(base.copy()), "l2") == original
    changed = base.copy()
    changed[probe_rows(5000)[500], 3] += 1e-6
    different = [
        fingerprint_base(ArraySource(base), "ip"),
        fingerprint_base(ArraySource(base), "l2", split="other"),
        fingerprint_base(ArraySource(base[:-1]), "l2"),
        fingerprint_base(ArraySource(base.astype(np.float64)), "l2"),
        fingerprint_base(ArraySource(changed), "l2"),
    ]
    assert len({original, *different}) == 6
    assert fingerprint_array(base) == fingerprint_array(base.copy()) != fingerprint_array(changed)
    assert fingerprint_array(base) != fingerprint_array(base.reshape(2500, 12))


@pytest.mark.parametrize("n", [1, 32, 1023, 1024, 1025, 5000, 10**12])
def test_probe_rows(n):
    numbers = probe_rows(n)
    assert min(n, 990) <= len(numbers) <= 1024 and numbers[0] == 0 and numbers[-1] == n - 1
    assert np.all(np.diff(numbers) > 0)


def test_check_rows_names_count_and_first():
    bad = rows(10)
    bad[[4, 7], 1] = np.nan, np.inf
    with pytest.raises(InputError, match=r"^2 of the base rows .* the first is row 1004;"):
        check_rows(bad, 1000, "l2")
    zero = rows(10)
    zero[6] = 0
    check_rows(zero, 0, "l2")
    with pytest.raises(InputError, match=r"^1 of the learn rows .* zero vectors, the first is row 6;"):
        check_rows(zero, 0, "cosine", what="learn")
    check_rows(rows(0), 0, "cosine")


def test_bad_rows_can_be_loaded_unchecked(tmp_path):
    bad = rows(50)
    bad[3] = np.nan
    np.save(tmp_path / "a.npy", bad)
    assert load_dataset(tmp_path / "a.npy", num_queries=5, check=False).n == 45


def save(array, name="base.npy", **others):
    def make(where):
        np.save(where / name, array)
        for other, content in others.items():
            np.save(where / f"{other}.npy", content)
        return where if others or name != "base.npy" else where / name

    return make


def write_bytes(name, content):
    def make(where):
        (where / name).write_bytes(content)
        return where / name

    return make


def cut(name, by=1):
    def make(where):
        write_vectors(where / name, ArraySource(rows(9)), "float32")
        content = (where / name).read_bytes()
        (where / name).write_bytes(content[:-by] if by > 0 else content + bytes(-by))
        return where / name

    return make


def write_text(**contents):
    def make(where):
        np.save(where / "base.npy", rows(50))
        np.save(where / "queries.npy", rows(5))
        for name, content in contents.items():
            (where / name.replace("_", ".").replace("-", "_")).write_text(content)
        return where

    return make


def parquet(**columns):
    def make(where):
        pq.write_table(pa.table(columns), where / "a.parquet")
        return where / "a.parquet"

    return make


def hdf5(**arrays):
    def make(where):
        with h5py.File(where / "a.hdf5", "w") as file:
            for name, array in arrays.items():
                file[name] = array
        return where / "a.hdf5"

    return make


def with_bad_row(value, row=17):
    bad = rows(50)
    bad[row] = value
    return bad


REFUSALS = [
    ("missing file", lambda where: where / "no such.npy", {}, "there is no file '.*no such.npy'"),
    ("unknown name", lambda where: "syntetic", {}, "did you mean 'synthetic'.*sample, synthetic"),
    ("name too long", lambda where: "x" * 300, {}, "cannot be read: File name too long"),
    ("unknown extension", write_bytes("a.xyz", b"1"), {}, "no known extension.*.fbin"),
    ("empty directory", lambda where: where, {}, "no other file of base vectors"),
    (
        "two bases",
        lambda where: cut("base.fbin")(save(rows(9), other=rows(9))(where)).parent,
        {},
        "base.fbin, base.npy",
    ),
    ("no npy", write_bytes("a.npy", b"hello"), {}, "no valid .npy header"),
    ("empty npy file", write_bytes("a.npy", b""), {}, "no valid .npy header"),
    ("truncated npy", cut("a.npy"), {}, "truncated: 9 x 6"),
    ("long npy", cut("a.npy", -3), {}, "too long: 9 x 6"),
    (
        "wide integers",
        save(np.arange(10).reshape(5, 2) << 30),
        {},
        "integers exactly only up to 16777216",
    ),
    ("complex", save(rows(5).astype(complex)), {}, "complex128"),
    ("objects", save(np.array([[{}]], dtype=object)), {}, "Python objects"),
    ("one axis", save(rows(5)[:, 0]), {}, r"shape \(5,\)"),
    ("no rows", save(rows(0)), {}, "is empty"),
    ("no columns", save(rows(5, 0)), {}, "every row of .* is null or empty, so none of its 5 rows"),
    (
        "NaN",
        save(with_bad_row(np.nan)),
        {"num_queries": 5},
        "1 of 45 base rows .2.22 %. cannot be measured: 1 .* NaN or infinite values, the first is row 17;",
    ),
    (
        "infinite",
        save(with_bad_row(np.inf)),
        {"num_queries": 5},
        "1 of 45 base rows .2.22 %. cannot be measured: 1 .* NaN or infinite values, the first is row 17;",
    ),
    ("overflow", save(with_bad_row(1.0).astype(np.float64) * 1e300), {"num_queries": 5}, "NaN or infinite"),
    ("NaN query", save(rows(50), queries=with_bad_row(np.nan, 2)), {}, "1 of 50 queries .*first is row 2;"),
    (
        "zero",
        save(with_bad_row(0)),
        {"num_queries": 5, "metric": "cosine"},
        "1 zero vector under cosine, the first is row 17;",
    ),
    (
        "zero query",
        save(rows(9), queries=with_bad_row(0)),
        {"metric": "cosine"},
        "1 of 50 queries .*first is row 17;",
    ),
    ("d of queries", save(rows(9), queries=rows(9, 7)), {}, "dimension 6, but the queries have 7"),
    ("all held out", save(rows(50)), {"num_queries": 50}, "50 queries cannot be held out of 50"),
    ("no queries wanted", save(rows(50)), {"num_queries": 0}, "num_queries is 0; it must be at least 1"),
    ("empty queries", save(rows(50), queries=rows(0)), {}, "queries file is empty"),
    ("no limit", save(rows(50)), {"limit": 0}, "dataset_limit is 0; it must be at least 1"),
    ("size of a file", save(rows(50)), {"num_samples": 7}, "--dataset-limit"),
    ("size of the sample", lambda where: "sample", {"dim": 7}, "--dataset-limit"),
    ("metric", save(rows(50)), {"num_queries": 5, "metric": "l1"}, "metric is 'l1'; it must be .*cosine"),
    ("column of npy", save(rows(50)), {"vector_column": "emb"}, "no columns"),
    (
        "qrels",
        write_text(qrels_tsv="0 0 3 1\n0 0 yes 1\n"),
        {},
        "line 2: query '0' and base row 'yes' must be numbers of rows",
    ),
    ("qrels' rows", write_text(qrels_tsv="0 0 50 1\n"), {}, "line 1: query 0 and base row 50 must be below 5 and 50"),
    ("dataset.json", write_text(dataset_json="[1"), {}, "not a JSON object"),
    ("stated metric", write_text(dataset_json='{"metric": "hamming"}'), {}, "states the metric 'hamming'"),
    ("truncated fbin", cut("a.fbin"), {}, "truncated: its header says 9 x 6 float32 values, which need 224"),
    ("long fbin", cut("a.fbin", -8), {}, "too long"),
    ("no header", write_bytes("a.fbin", b"1234"), {}, "header alone is 8 bytes"),
    ("truncated fvecs", cut("a.fvecs"), {}, "truncated or not a .fvecs"),
    ("empty fvecs", write_bytes("a.fvecs", b""), {}, "is empty"),
    (
        "changing d",
        write_bytes("a.bvecs", b"\x02\0\0\0ab" * 3 + b"\x03\0\0\0ab"),
        {},
        "row 3 has dimension 3, but row 0 has 2",
    ),
    ("no zip", write_bytes("a.npz", b"hello"), {}, "cannot be read: .*zip"),
    ("no hdf5", write_bytes("a.hdf5", b"hello"), {}, "cannot be read"),
    ("no train", hdf5(other=rows(9)[0]), {}, "no data set of vectors, such as .*train.*it has other"),
    ("sparse", hdf5(train=np.arange(9, dtype=np.int32)), {}, "shape"),
    ("no parquet", write_bytes("a.parquet", b"hello"), {}, "cannot be read"),
    (
        "no vectors",
        parquet(a=[1, 2], b=["x", "y"]),
        {},
        "no column of lists of numbers, or of other vectors; it has a, b",
    ),
    ("two columns", parquet(a=rows(9).tolist(), b=rows(9).tolist()), {}, "holds a, b; only one .*--vector-column"),
    ("no such column", parquet(a=rows(9).tolist()), {"vector_column": "z"}, "no column 'z' .* it has a"),
    (
        "ragged",
        parquet(a=[[1.0, 2.0], [3.0]]),
        {"num_queries": 1},
        "row 1 of 'a' has dimension 1, but others have dimension 2",
    ),
    ("missing row", parquet(a=[[1.0, 2.0], None]), {"num_queries": 1}, "1 null, empty or .*, the first is row 1;"),
    (
        "missing value",
        parquet(a=[[1.0, 2.0], [1.0, None]]),
        {"num_queries": 1},
        "1 null, empty or .*, the first is row 1;",
    ),
    ("empty parquet", parquet(a=pa.array([], pa.list_(pa.float32()))), {}, "is empty"),
]


@pytest.mark.parametrize(
    ("make", "arguments", "message"), [case[1:] for case in REFUSALS], ids=[case[0] for case in REFUSALS]
)
def test_refusals(tmp_path, make, arguments, message):
    target = make(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(InputError, match=message) as refusal:
        load_dataset(target, **arguments)
    assert "\n" not in str(refusal.value)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_file_that_shrinks_after_it_was_opened_is_refused(tmp_path):
    np.save(tmp_path / "a.npy", rows(50))
    dataset = load_dataset(tmp_path / "a.npy", num_queries=5)
    (tmp_path / "a.npy").write_bytes((tmp_path / "a.npy").read_bytes()[:-1])
    with pytest.raises(InputError, match="was truncated after it was opened"):
        dataset.base.read(0, dataset.n)
