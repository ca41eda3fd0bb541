"""Repositories on Hugging Face: names, splits, pinned revisions, tokens, and what goes wrong."""

import multiprocessing
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hosting import COMMIT, Hosted

from vq_benchmark.datasets.loading import load_dataset
from vq_benchmark.errors import InputError

REPOSITORY = "someone/vectors"


def rows(n=30, d=6, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)


def parquet(vectors, column="emb", **others):
    buffer = pa.BufferOutputStream()
    pq.write_table(pa.table({column: vectors.tolist(), **others}), buffer)
    return Hosted(buffer.getvalue().to_pybytes())


@pytest.fixture
def repository(host):
    """Train shards, a test split and a second configuration, found by their paths."""
    made = host.repository(REPOSITORY)
    made.files = {
        "README.md": Hosted(b"# vectors"),
        "data/train-00000-of-00002.parquet": parquet(rows(20)),
        "data/train-00001-of-00002.parquet": parquet(rows(10, seed=1)),
        "data/test-00000-of-00001.parquet": parquet(rows(12, seed=2)),
        "small/train-00000-of-00001.parquet": parquet(rows(8, seed=3)),
    }
    return made


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (":data:train", (20, 10)),
        (":test", (12,)),
        (":data:test", (12,)),
        (":small", (8,)),
        (f"@{COMMIT}:small:train", (8,)),
        ("@main:test", (12,)),
    ],
)
def test_configurations_and_splits_by_path(repository, parts, expected):
    dataset = load_dataset(f"hf:{REPOSITORY}{parts}", num_queries=2)
    assert dataset.n + 2 == sum(expected)
    assert dataset.revision == f"{REPOSITORY}@{COMMIT}"


@pytest.mark.parametrize("parts", ["", ":data"])
def test_splits_are_the_parts_that_they_are_named_after(repository, parts):
    repository.files["data/validation-00000-of-00001.parquet"] = parquet(rows(5))
    repository.files["a.csv"] = repository.files["b.csv"] = Hosted(b"1")
    dataset = load_dataset(f"hf:{REPOSITORY}{parts}", num_queries=7)
    np.testing.assert_array_equal(dataset.base.read(0, 30), np.concatenate((rows(20), rows(10, seed=1))))
    np.testing.assert_array_equal(dataset.queries, rows(12, seed=2)[:7])
    assert {origin.name: origin.use for origin in dataset.origins} == {
        "'emb' in data/train-00000-of-00002.parquet to train-00001-of-00002.parquet (2 files)": "base",
        "data/test-00000-of-00001.parquet": "queries",
        "data/validation-00000-of-00001.parquet": None,
        "small/train-00000-of-00001.parquet": None,
        "README.md": "description",
        "a.csv to b.csv (2 files)": None,
    }
    notes = " ".join(dataset.notes)
    for note in (
        "data/validation-00000-of-00001.parquet is not used: give it with --queries-path to search for a validation",
        "small/train-00000-of-00001.parquet is not used: it belongs to another configuration; add :small to use that",
        "a.csv to b.csv (2 files) is not used: files of this kind hold no vectors",
    ):
        assert note in notes


def test_a_split_that_is_said_is_all_that_is_used(repository):
    dataset = load_dataset(f"hf:{REPOSITORY}:train", num_queries=2)
    assert dataset.n == 28
    assert (
        "small/train-00000-of-00001.parquet are not used: the name of the data set says which split is used."
        in (dataset.notes[-1])
    )


def test_a_test_split_without_vectors_leaves_queries_to_be_held_out(host):
    made = host.repository(REPOSITORY)
    buffer = pa.BufferOutputStream()
    pq.write_table(pa.table({"label": [1, 2]}), buffer)
    made.files = {"train.parquet": parquet(rows()), "test.parquet": Hosted(buffer.getvalue().to_pybytes())}
    dataset = load_dataset(f"hf:{REPOSITORY}", num_queries=2)
    assert dataset.n == 28
    assert "test.parquet is not used: it cannot be searched for, as " in " ".join(dataset.notes)


def test_neighbours_of_a_split_are_checked_and_used(host):
    base, queries = rows(40), rows(4, seed=1)
    order = np.argsort(((queries[:, None] - base) ** 2).sum(axis=2), axis=1)[:, :5]
    host.repository(REPOSITORY).files = {
        "train.parquet": parquet(base),
        "test.parquet": parquet(queries),
        "neighbors.parquet": parquet(order, "neighbors_id"),
    }
    dataset = load_dataset(f"hf:{REPOSITORY}", metric="l2")
    np.testing.assert_array_equal(dataset.neighbors, order)


@pytest.mark.parametrize(
    "files",
    [
        {"corpus/corpus-00000-of-00001.parquet": "base", "queries/queries-00000-of-00001.parquet": "queries"},
        {"corpus/train/0000.parquet": "base", "queries/train/0000.parquet": "queries"},  # @refs/convert/parquet
        {"default/train/0000.parquet": "base", "default/test/0000.parquet": "queries"},
        {"train-00000-of-00001-4b2e0c9a.parquet": "base", "eval-00000-of-00001-aa11bb22.parquet": "queries"},
    ],
)
def test_layouts_of_repositories(host, files):
    content = {"base": parquet(rows()), "queries": parquet(rows(5, seed=1))}
    host.repository(REPOSITORY).files = {path: content[part] for path, part in files.items()}
    dataset = load_dataset(f"hf:{REPOSITORY}")
    assert (dataset.n, len(dataset.queries)) == (30, 5)
    assert {origin.name.removeprefix("'emb' in "): origin.use for origin in dataset.origins} == files


def test_splits_that_could_all_be_the_base_are_refused_by_name(host):
    made = host.repository(REPOSITORY)
    made.files = {"data/en-0.parquet": parquet(rows()), "data/de-0.parquet": parquet(rows(12))}
    with pytest.raises(
        InputError, match="holds en, de; only one of them can be the base vectors; choose it with :SPLIT"
    ):
        load_dataset(f"hf:{REPOSITORY}")
    assert load_dataset(f"hf:{REPOSITORY}:de", num_queries=2).n == 10


def test_configurations_and_splits_of_the_card(repository):
    repository.card = {
        "configs": [
            {"config_name": "passages", "data_files": [{"split": "train", "path": "data/train*"}]},
            {"config_name": "others", "data_files": {"split": "dev", "path": ["data/test*", "small/*"]}},
        ]
    }
    assert load_dataset(f"hf:{REPOSITORY}", num_queries=2).n == 28
    assert load_dataset(f"hf:{REPOSITORY}:others", num_queries=2).n == 18
    assert load_dataset(f"hf:{REPOSITORY}:others:dev", num_queries=2).n == 18
    with pytest.raises(InputError, match="has no 'others:train'; it has passages:train, others:dev"):
        load_dataset(f"hf:{REPOSITORY}:others:train")


def test_the_column_of_vectors(host):
    vectors = rows(30)
    host.repository(REPOSITORY).files["a.parquet"] = parquet(vectors, title=["t"] * 30, second=vectors.tolist())
    assert load_dataset(f"hf:{REPOSITORY}", num_queries=2, vector_column="second").n == 28
    with pytest.raises(InputError, match="no column 'third'"):
        load_dataset(f"hf:{REPOSITORY}", num_queries=2, vector_column="third")


def test_a_revision_stays_until_another_is_asked_for(repository):
    first = load_dataset(f"hf:{REPOSITORY}:test", num_queries=2)
    repository.commit = "f" * 40
    repository.files["data/test-00000-of-00001.parquet"] = parquet(rows(12, seed=9))
    again = load_dataset(f"hf:{REPOSITORY}:test", num_queries=2)
    assert (again.revision, again.fingerprint) == (first.revision, first.fingerprint)
    other = load_dataset(f"hf:{REPOSITORY}@main:test", num_queries=2)
    assert other.revision == f"{REPOSITORY}@{'f' * 40}" and other.fingerprint != first.fingerprint


def test_a_file_that_is_not_what_the_listing_says_is_refused(repository, tmp_path):
    path = "data/test-00000-of-00001.parquet"
    load_dataset(f"hf:{REPOSITORY}:test", num_queries=2)
    stored = tmp_path / "cache" / "huggingface" / "someone--vectors" / path
    stored.write_bytes(stored.read_bytes()[::-1])
    with pytest.raises(InputError, match=r"has the wrong content: its SHA-256 is"):
        load_dataset(f"hf:{REPOSITORY}:test", num_queries=2)


@pytest.mark.parametrize(
    "name",
    ["../../x.parquet", "/etc/x.parquet", "data/../../x.parquet", "data//x.parquet", "a\\x.parquet", "\x1bx.parquet"],
)
def test_a_listing_that_leads_out_of_the_cache_is_refused(name, repository, tmp_path, host):
    outside = tmp_path / "cache" / "huggingface" / name
    if not name.startswith("/"):
        outside.parent.mkdir(parents=True, exist_ok=True)
        outside.write_bytes(parquet(rows()).content)
    before = sorted(tmp_path.rglob("*"))
    repository.files[name] = parquet(rows())
    with pytest.raises(InputError, match="which is not inside the repository; none of its files are used"):
        load_dataset(f"hf:{REPOSITORY}", num_queries=2)
    assert sorted(tmp_path.rglob("*")) == before
    assert host.gets("parquet") == []


def test_a_kept_listing_that_was_changed_leads_nowhere_else(repository, tmp_path):
    load_dataset(f"hf:{REPOSITORY}:test", num_queries=2)
    listing = tmp_path / "cache" / "huggingface" / "someone--vectors" / "listing.json"
    listing.write_text(listing.read_text().replace("data/test-0", "../data/test-0"))
    with pytest.raises(InputError, match="which is not inside the repository"):
        load_dataset(f"hf:{REPOSITORY}:test", num_queries=2)


def test_a_file_put_there_offline_is_compared_with_what_the_host_states(repository, tmp_path):
    path = tmp_path / "cache" / "huggingface" / "someone--vectors" / "data" / "test-00000-of-00001.parquet"
    path.parent.mkdir(parents=True)
    path.write_bytes(parquet(rows(12, seed=5)).content)
    repository.status = 503
    load_dataset(f"hf:{REPOSITORY}:test", num_queries=2)  # its hash is recorded
    repository.status = None
    for _ in range(2):
        with pytest.raises(InputError, match=r"has the wrong content: its SHA-256 is .* to download it again\."):
            load_dataset(f"hf:{REPOSITORY}:test", num_queries=2)
    path.unlink()
    load_dataset(f"hf:{REPOSITORY}:test", num_queries=2)
    assert path.read_bytes() == repository.files["data/test-00000-of-00001.parquet"].content


def test_a_file_that_comes_damaged_is_removed(repository, tmp_path):
    load_dataset(f"hf:{REPOSITORY}:test", num_queries=2)
    repository.files["small/train-00000-of-00001.parquet"] = parquet(rows(8, seed=4))
    with pytest.raises(InputError, match=r"did not have the SHA-256 that the host states and was deleted; try again"):
        load_dataset(f"hf:{REPOSITORY}:small", num_queries=2)
    assert not list(tmp_path.rglob("small/*.parquet"))


def test_a_broken_connection_is_tried_again(repository, host):
    repository.files["data/test-00000-of-00001.parquet"].breaks = [100]
    assert load_dataset(f"hf:{REPOSITORY}:test", num_queries=2).n == 10
    assert len(host.gets("test-00000-of-00001.parquet")) == 2


def _in_process(queue):
    dataset = load_dataset(f"hf:{REPOSITORY}:data:train", num_queries=2)
    queue.put(dataset.n)


def test_processes_that_want_the_same_files_at_once_fetch_them_once(repository, host):
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    together = [context.Process(target=_in_process, args=(queue,)) for _ in range(4)]
    for each in together:
        each.start()
    assert [queue.get(timeout=30) for _ in together] == [28] * 4
    for each in together:
        each.join()
    assert len(host.gets("train-00000-of-00002.parquet")) == len(host.gets("train-00001-of-00002.parquet")) == 1


def test_files_put_there_by_hand_need_no_network(repository, tmp_path, host):
    folder = tmp_path / "cache" / "huggingface" / "someone--vectors" / "data"
    folder.mkdir(parents=True)
    (folder / "train-0.parquet").write_bytes(parquet(rows()).content)
    repository.status = 503
    dataset = load_dataset(f"hf:{REPOSITORY}", num_queries=2)
    assert dataset.n == 28 and dataset.revision == f"{REPOSITORY}@unknown"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("hf:nobody/nothing", r"there is no such repository.*yourself from https://huggingface.co/datasets/nobody"),
        (f"hf:{REPOSITORY}@nowhere", "there is no such revision"),
        (f"hf:{REPOSITORY}:validation", r"has no 'validation'; it has data/train, data/test, small/train"),
        ("hf:only-a-name", r"must be hf:OWNER/NAME"),
        (f"hf:{REPOSITORY}:a:b:c", r"must be hf:OWNER/NAME"),
        ("hf:a--b/c..d", r"invalid repository name|no such repository"),
    ],
)
def test_refusals(repository, name, message):
    with pytest.raises(InputError, match=message) as refusal:
        load_dataset(name)
    assert "\n" not in str(refusal.value)


def test_several_configurations_without_a_usual_one_are_refused(host):
    host.repository(REPOSITORY).files |= {"a/x.parquet": parquet(rows()), "b/x.parquet": parquet(rows(12))}
    with pytest.raises(InputError, match="has vectors in a, b; add one of them, as :a"):
        load_dataset(f"hf:{REPOSITORY}")
    assert load_dataset(f"hf:{REPOSITORY}:b", num_queries=2).n == 10


def test_a_repository_without_parquet_is_refused(host):
    host.repository(REPOSITORY).files["a.npy"] = Hosted(b"1")
    with pytest.raises(InputError, match=r"holds no .parquet files; add @refs/convert/parquet"):
        load_dataset(f"hf:{REPOSITORY}")


def test_a_missing_file_is_refused_with_the_way_by_hand(repository, host):
    load_dataset(f"hf:{REPOSITORY}:test", num_queries=2)
    del repository.files["small/train-00000-of-00001.parquet"]
    with pytest.raises(InputError, match=r"small/train-00000-of-00001.parquet .* has no such file.*yourself"):
        load_dataset(f"hf:{REPOSITORY}:small")


def test_no_network_and_offline(monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(InputError, match=r"the file list of .* cannot be downloaded: .*yourself from"):
        load_dataset(f"hf:{REPOSITORY}", cache_dir="/nonexistent-cache")
    program = f"from vq_benchmark import load_dataset; load_dataset('hf:{REPOSITORY}', cache_dir='/nonexistent')"
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "HF_HUB_OFFLINE is set" in ended.stderr
