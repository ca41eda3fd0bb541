"""Collections of ir_datasets: from a data set made here, because its own need a network."""

import pytest

from vq_benchmark.datasets.text.collection_files import find_text
from vq_benchmark.datasets.text.ir_collection import open_collection
from vq_benchmark.datasets.text.judged import read_collection
from vq_benchmark.errors import InputError

NAME = "vq-benchmark-test/tiny"


@pytest.fixture
def registered(tmp_path):
    """A data set of ir_datasets under NAME, and one of documents alone, from the files of a folder in its formats."""
    ir_datasets = pytest.importorskip("ir_datasets", reason="ir_datasets is an optional extra")
    from ir_datasets.datasets.base import Dataset
    from ir_datasets.formats import TrecQrels, TsvDocs, TsvQueries
    from ir_datasets.util import LocalDownload

    (tmp_path / "collection.tsv").write_text("p0\tnone\np1\tsome text\np2\tmore\n")
    (tmp_path / "queries.test.tsv").write_text("q1\twhat text\nq2\twhy\n")
    (tmp_path / "qrels.test.tsv").write_text("q1 0 p1 2\nq2 0 p0 1\nq2 0 p9 1\n")
    docs = TsvDocs(LocalDownload(tmp_path / "collection.tsv"), namespace="t", lang="en")
    queries = TsvQueries(LocalDownload(tmp_path / "queries.test.tsv"), namespace="t", lang="en")
    qrels = TrecQrels(LocalDownload(tmp_path / "qrels.test.tsv"), {2: "very", 1: "somewhat"})
    made = {NAME: Dataset(docs, queries, qrels), f"{NAME}-docs": Dataset(docs), f"{NAME}-queries": Dataset(queries)}
    for name, dataset in made.items():
        ir_datasets.registry.register(name, dataset)
    yield tmp_path
    for name in made:
        del ir_datasets.registry._registered[name]


def test_it_is_the_same_as_files_with_that_content(registered):
    found, files = read_collection(open_collection(f"irds:{NAME}")), read_collection(find_text(registered))
    assert list(found.passages.read()) == list(files.passages.read())
    assert found.queries == files.queries
    assert found.qrels.tolist() == files.qrels.tolist() == [[0, 1, 2], [1, -1, 1], [1, 0, 1]]
    assert found.passages.fingerprint == files.passages.fingerprint
    assert found.notes == files.notes
    assert read_collection(open_collection(f"irds:{NAME}"), limit=2).passages.n == 2


def test_documents_alone_and_queries_alone(registered):
    found = read_collection(open_collection(f"irds:{NAME}-docs"))
    assert (found.passages.n, found.queries, found.qrels) == (3, [], None)
    assert "no queries and no qrels" in found.notes[0]
    with pytest.raises(InputError, match="has no documents"):
        open_collection(f"irds:{NAME}-queries")


def test_what_ir_datasets_does_not_have(registered):
    with pytest.raises(InputError, match="has no data set 'no/such'"):
        open_collection("irds:no/such")
    (registered / "collection.tsv").unlink()
    with pytest.raises(InputError, match="cannot be read by ir_datasets"):
        read_collection(open_collection(f"irds:{NAME}"))


def test_other_names_are_refused():
    with pytest.raises(InputError, match=r"--collection is 'beir/scifact'; it must be irds:NAME"):
        open_collection("beir/scifact")


def test_without_the_extra(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ir_datasets", None)
    with pytest.raises(InputError, match=r"pip install 'vq-benchmark\[irds\]'"):
        open_collection("irds:beir/scifact")
