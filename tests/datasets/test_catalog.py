"""Every hosted data set from a host that has it in its real schema, by its name in the catalog."""

from dataclasses import replace
from fnmatch import fnmatch
from urllib.parse import urlsplit

import numpy as np
import pytest
from hosted_files import host_dataset
from hosting import COMMIT

from vq_benchmark.datasets.catalog import CATALOG
from vq_benchmark.datasets.hosted.big_ann import BigAnnFiles
from vq_benchmark.datasets.hosted.registry import MANIFEST
from vq_benchmark.datasets.hosted.url_file import UrlFile
from vq_benchmark.datasets.loading import load_dataset
from vq_benchmark.errors import InputError

N = 60


def expected(rows: np.ndarray, metric: str) -> np.ndarray:
    rows = rows.astype(np.float64)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True) if metric == "cosine" else rows


@pytest.mark.parametrize("name", MANIFEST)
def test_every_hosted_data_set_loads_in_its_own_schema(host, name):
    hosted = MANIFEST[name]
    content = host_dataset(host, hosted, N)
    limit = 40 if isinstance(hosted.files, BigAnnFiles) and hosted.n < hosted.files.hosted_rows else None
    dataset = load_dataset(name, num_queries=None if content.queries is not None else 5, limit=limit)
    assert (dataset.name, dataset.d, dataset.distance) == (name, hosted.d, hosted.distance)
    if not isinstance(hosted.files, BigAnnFiles):
        assert f"the catalog lists {hosted.n} rows, but the files hold {N}." in dataset.notes
    assert dataset.base.dtype.name == hosted.dtype
    assert dataset.n == (limit or (N if content.queries is not None else N - 5))
    if content.queries is None:
        together = np.concatenate([dataset.base.read(0, dataset.n), dataset.queries])
        np.testing.assert_allclose(
            np.sort(together, axis=0), np.sort(expected(content.base, hosted.distance), axis=0), atol=1e-6
        )
    else:
        base, queries = (expected(rows, hosted.distance) for rows in (content.base, content.queries))
        np.testing.assert_allclose(dataset.base.read(0, dataset.n), base[: dataset.n], atol=1e-6)
        np.testing.assert_allclose(dataset.queries, queries, atol=1e-6)
        if limit is None:
            np.testing.assert_array_equal(dataset.neighbors, content.neighbors)
    if isinstance(hosted.files, UrlFile | BigAnnFiles):
        assert dataset.revision.startswith("sha256:")
    else:
        assert dataset.revision.endswith(f"@{COMMIT}")
    asked = len(host.requests)
    again = load_dataset(name, num_queries=None if content.queries is not None else 5, limit=limit)
    assert (again.fingerprint, again.revision) == (dataset.fingerprint, dataset.revision)
    assert len(host.requests) == asked  # all is there


def test_the_catalog_says_what_the_manifest_says():
    for name, hosted in MANIFEST.items():
        entry = CATALOG[name]
        assert (entry.n, entry.d, entry.distance, entry.licence) == (
            hosted.n,
            hosted.d,
            hosted.distance,
            hosted.licence,
        )
        assert entry.downloads and entry.size_bytes >= hosted.vector_bytes / 4 and hosted.citation and hosted.homepage


def test_names_of_the_field_are_in_the_catalog():
    wanted = (
        "cohere-msmarco dbpedia-100k dbpedia-1536 dbpedia-3072 glove-100-angular sift-128-euclidean "
        "gist-960-euclidean agnews-mxbai-1024-euclidean arxiv-nomic-768-normalized yahoo-minilm-384-normalized "
        "laion-clip-512-normalized imagenet-align-640-normalized coco-nomic-768-normalized bigann deep msturing "
        "text2image"
    )
    assert set(wanted.split()) <= set(CATALOG)


def test_only_the_shards_that_are_needed_are_downloaded(host):
    host_dataset(host, MANIFEST["dbpedia-1536"], N)
    dataset = load_dataset("dbpedia-1536", limit=25, num_queries=5)
    assert dataset.n == 20
    assert sum(path.endswith(".parquet") for method, path, _ in host.requests if method == "GET") == 2
    assert any("2 of 3 shards" in note for note in dataset.notes)
    assert any("the first 25 of 1000000 base rows" in note for note in dataset.notes)
    whole = load_dataset("dbpedia-1536", num_queries=5)
    assert whole.n == N - 5
    assert load_dataset("dbpedia-1536", limit=25, num_queries=5).fingerprint == dataset.fingerprint


def test_a_learn_set_of_queries_is_not_trained_on(host):
    host_dataset(host, MANIFEST["imagenet-align-640-normalized"], N)
    dataset = load_dataset("imagenet-align-640-normalized")
    assert dataset.learn is None and any("queries' distribution" in note for note in dataset.notes)


def test_a_cut_of_a_big_set_is_a_range_of_its_bytes(host):
    content = host_dataset(host, MANIFEST["bigann"], N)
    dataset = load_dataset("bigann", limit=10)
    assert host.gets("base.1B.u8bin") == [f"bytes=0-{8 + 10 * 128 - 1}"]
    np.testing.assert_array_equal(dataset.base.read(0, 10), content.base[:10])
    assert dataset.neighbors is None and any("first 10 of 1000000000" in note for note in dataset.notes)
    load_dataset("bigann", limit=20)
    assert len(host.gets("base.1B.u8bin")) == 2
    load_dataset("bigann")
    load_dataset("bigann", limit=30)  # the whole file is there now
    assert len(host.gets("base.1B.u8bin")) == 3


def test_a_cut_for_which_neighbours_are_published_has_them(host, monkeypatch):
    hosted = MANIFEST["deep"]
    content = host_dataset(host, hosted, N)
    (_, whole), (_, hundred), (_, ten) = hosted.files.neighbors
    files = BigAnnFiles(hosted.files.base, hosted.files.queries, ((N, whole), (40, hundred), (30, ten)), N)
    small = replace(hosted, n=N, files=files)
    monkeypatch.setitem(CATALOG, "deep", replace(CATALOG["deep"], open=small.open))
    dataset = load_dataset("deep")
    np.testing.assert_array_equal(dataset.neighbors, content.neighbors)
    cut = load_dataset("deep", limit=30)  # those of the host are of all rows
    assert any("the base has rows 0 to 29" in note for note in cut.notes)
    assert cut.neighbors is None or cut.neighbors.max() < 30


def test_a_cut_longer_than_the_hosted_file_is_refused(host):
    host_dataset(host, MANIFEST["bigann"], N)
    with pytest.raises(InputError, match=r"has only .* bytes.*yourself"):
        load_dataset("bigann-10M")


def test_a_cut_of_a_file_of_another_dimension_is_refused(host):
    host_dataset(host, MANIFEST["bigann"], N)
    hosted = host.files["/dl.fbaipublicfiles.com/billion-scale-ann-benchmarks/bigann/base.1B.u8bin"]
    hosted.content = hosted.content[:4] + b"\x40\0\0\0" + hosted.content[8:]
    with pytest.raises(InputError, match=r"header says 60 x 64, but 10 rows of dimension 128"):
        load_dataset("bigann", limit=10)


class TestCohere:
    def test_judgements_are_of_the_passages_of_a_document(self, host):
        content = host_dataset(host, MANIFEST["cohere-msmarco"], N)
        dataset = load_dataset("cohere-msmarco")
        np.testing.assert_allclose(dataset.judgements.queries, expected(content.queries, "cosine")[[0, 2]], atol=1e-6)
        assert sorted(dataset.judgements.qrels.tolist()) == [
            [0, 6, 2],
            [0, 7, 2],
            [0, 18, 0],
            [0, 19, 0],
            [1, 40, 3],
            [1, 41, 3],
        ]
        assert any("judgements apply to documents" in note for note in dataset.notes)

    def test_neighbours_are_of_the_whole_and_not_used_for_a_prefix(self, host):
        content = host_dataset(host, MANIFEST["cohere-msmarco"], N)
        whole = load_dataset("cohere-msmarco")
        np.testing.assert_array_equal(whole.neighbors, content.neighbors)
        for limit in (10, 45):  # within the first shard, and with all shards
            part = load_dataset("cohere-msmarco", limit=limit)
            assert part.n == limit and part.neighbors is None
            assert any("top1k_offsets are not used" in note for note in part.notes)
        assert part.judgements.qrels[:, 1].max() == 41

    def test_the_rows_of_documents_are_looked_up_once(self, host, monkeypatch):
        host_dataset(host, MANIFEST["cohere-msmarco"], N)
        first = load_dataset("cohere-msmarco")
        monkeypatch.setattr("vq_benchmark.datasets.hosted.cohere._passages", lambda base: pytest.fail("read again"))
        np.testing.assert_array_equal(load_dataset("cohere-msmarco").judgements.qrels, first.judgements.qrels)

    def test_a_repository_that_has_moved_is_found(self, host):
        host_dataset(host, MANIFEST["cohere-msmarco"], N)
        name = "Cohere/msmarco-v2.1-embed-english-v3"
        host.repositories["CohereLabs/msmarco-v2.1-embed-english-v3"] = host.repositories.pop(name)
        host.moved[name] = "CohereLabs/msmarco-v2.1-embed-english-v3"
        assert load_dataset("cohere-msmarco").n == N

    def test_other_columns_are_refused(self, host):
        host_dataset(host, MANIFEST["cohere-msmarco"], N)
        repository = host.repository("Cohere/msmarco-v2.1-embed-english-v3")
        repository.files["queries_parquet/queries.parquet"] = next(iter(repository.files.values()))
        with pytest.raises(InputError, match=r"has no column 'qrels'; it has docid, title, text, emb"):
            load_dataset("cohere-msmarco")


@pytest.mark.parametrize("name", ["sample@abc", "sift-128-euclidean@abc", "synthetic@1"])
def test_sets_without_revisions_refuse_one(host, name):
    with pytest.raises(InputError, match="has only one version"):
        load_dataset(name)


def test_a_revision_can_be_pinned_by_name(host):
    host_dataset(host, MANIFEST["dbpedia-100k"], N)
    assert load_dataset(f"dbpedia-100k@{COMMIT}", num_queries=5).revision.endswith(COMMIT)
    with pytest.raises(InputError, match="there is no such revision"):
        load_dataset("dbpedia-100k@elsewhere", num_queries=5)


@pytest.mark.parametrize("name", MANIFEST)
def test_files_put_where_the_list_says_need_no_network(host, tmp_path, name):
    hosted = MANIFEST[name]
    content = host_dataset(host, hosted, 30, 4)
    small = isinstance(hosted.files, BigAnnFiles) and hosted.n < hosted.files.hosted_rows
    hosted = replace(hosted, n=30) if small else hosted
    for source, place in hosted.files.paths(hosted, tmp_path / "by hand"):
        for path, found in found_at(host, source):
            target = place if place.suffix else place / path.rpartition("/")[2]
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(found)
    host.files.clear()
    host.repositories.clear()
    limit = 30 if small else None
    dataset = load_dataset(name, cache_dir=tmp_path / "by hand", num_queries=4, limit=limit)
    assert dataset.n + (0 if content.queries is not None else 4) == 30


def found_at(host, source):
    """The hosted files that a person finds there."""
    source = source.partition(" (")[0]
    if "huggingface.co" not in source:
        parts = urlsplit(source)
        return [(parts.path, host.files[f"/{parts.netloc}{parts.path}"].content)]
    address, _, pattern = source.rpartition(": ") if ": " in source else (source, "", "")
    repository_and_path = address.partition("/datasets/")[2].replace("/resolve/main/", "/tree/main/")
    repository, _, path = repository_and_path.partition("/tree/main/")
    wanted = f"{path}/{pattern}" if pattern else path
    return [(name, file.content) for name, file in host.repository(repository).files.items() if fnmatch(name, wanted)]
