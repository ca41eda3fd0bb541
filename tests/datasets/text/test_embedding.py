"""Shards: killed anywhere, shared out in any way, the vectors are those of an undisturbed run."""

import json
import os
import shutil
import signal
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vq_benchmark import load_dataset
from vq_benchmark.datasets.text import encoding
from vq_benchmark.datasets.text.embedding import Cut, embed
from vq_benchmark.datasets.text.encoding import Precision
from vq_benchmark.errors import BadRows, InputError, Stopped
from vq_benchmark.machine.signals import stopping

FILES = ("base.npy", "queries.npy", "ids.txt", "query_ids.txt", "qrels.tsv", "dataset.json")


def contents(folder) -> dict[str, bytes]:
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES), "something is left over"
    return {name: (folder / name).read_bytes() for name in FILES}


def test_the_directory_is_a_data_set(tmp_path, collection, fake_encoder):
    done = embed(collection(50), tmp_path, fake_encoder(), cut=Cut(shard_rows=20))
    assert (done.texts, done.missing_shards, done.joined) == (55, 0, True)
    dataset = load_dataset(tmp_path)
    assert (dataset.n, dataset.d, dataset.distance, dataset.base.dtype) == (50, 6, "cosine", np.float16)
    assert dataset.judgements.qrels.tolist() == [[query, 10 * query, 1] for query in range(5)]
    assert (tmp_path / "ids.txt").read_text().split() == [f"p{row}" for row in range(50)]
    assert (tmp_path / "query_ids.txt").read_text().split() == [f"q{row}" for row in range(0, 50, 10)]
    described = json.loads((tmp_path / "dataset.json").read_text())
    assert (described["model"], described["model_revision"], described["dimension"]) == ("fake", "1", 6)
    assert described["text_fingerprint"] == described["passages"]["text_fingerprint"]
    assert contents(tmp_path)


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_each_row_is_the_vector_of_its_text(tmp_path, collection, fake_encoder, dtype):
    found = collection(30)
    embed(found, tmp_path, fake_encoder(), Precision(batch_size=1, normalize=False, dtype=dtype), Cut(7))
    texts = [record.text for record in found.passages.read()]
    expected = np.concatenate([fake_encoder().encode([text], "passage") for text in texts])
    np.testing.assert_array_equal(np.load(tmp_path / "base.npy"), expected.astype(dtype))
    queries = np.concatenate([fake_encoder().encode([record.text], "query") for record in found.queries])
    np.testing.assert_array_equal(np.load(tmp_path / "queries.npy"), queries.astype(dtype))


def test_normalised_rows_have_unit_norm(tmp_path, collection, fake_encoder):
    embed(collection(30), tmp_path, fake_encoder(), Precision(dtype="float32"))
    np.testing.assert_allclose(np.linalg.norm(np.load(tmp_path / "base.npy"), axis=1), 1, rtol=1e-6)


def test_texts_of_similar_length_share_a_batch(tmp_path, collection, fake_encoder):
    encoder = fake_encoder()
    embed(collection(64, every=100), tmp_path, encoder, Precision(batch_size=8))
    passages = encoder.batches[:8]
    lengths = [len(text) for batch in passages for text in batch]
    assert [len(batch) for batch in passages] == [8] * 8
    assert lengths == sorted(lengths, reverse=True)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    n=st.integers(1, 40),
    shard_rows=st.integers(4, 50),
    batch_size=st.integers(1, 9),
    lives=st.lists(st.integers(0, 12), max_size=5),
)
def test_kills_change_nothing(tmp_path_factory, collection, fake_encoder, killed, n, shard_rows, batch_size, lives):
    found, precision, cut = collection(n), Precision(batch_size), Cut(shard_rows)
    whole, broken = tmp_path_factory.mktemp("whole"), tmp_path_factory.mktemp("broken")
    with mock.patch.object(encoding, "WINDOW_ROWS", 8):
        embed(found, whole, fake_encoder(), precision, cut)
        for life in lives:
            try:
                embed(found, broken, fake_encoder(lives=life), precision, cut)
            except killed:
                assert not (broken / "base.npy").exists()
        embed(found, broken, fake_encoder(), precision, cut)
        assert contents(broken) == contents(whole)
        assert embed(found, broken, fake_encoder(lives=0), precision, cut).texts == 0


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(n=st.integers(1, 30), shard_rows=st.integers(4, 30), data=st.data())
def test_shards_in_any_order_make_the_same_data_set(tmp_path_factory, collection, fake_encoder, n, shard_rows, data):
    found, count = collection(n), -(-n // shard_rows)
    whole, shared = tmp_path_factory.mktemp("whole"), tmp_path_factory.mktemp("shared")
    embed(found, whole, fake_encoder(), cut=Cut(shard_rows))
    order = data.draw(st.permutations(range(count)))
    for place, number in enumerate(order, start=1):
        done = embed(found, shared, fake_encoder(), cut=Cut(shard_rows, number))
        assert (done.missing_shards, done.joined) == (count - place, place == count)
    assert contents(shared) == contents(whole)


@contextmanager
def dying_after(steps: int, death: type[Exception]):
    """Let so many changes of names on disk happen, by which files appear and go, and none after them."""
    left = iter(range(steps))

    def mortal(original):
        def call(*args, **options):
            if next(left, None) is None:
                raise death
            return original(*args, **options)

        return call

    with ExitStack() as patches:
        for owner, name in (
            (Path, "replace"),
            (Path, "unlink"),
            (Path, "mkdir"),
            (Path, "rmdir"),
            (shutil, "rmtree"),
        ):
            patches.enter_context(mock.patch.object(owner, name, mortal(getattr(owner, name))))
        yield


def test_kills_between_any_two_changes_on_disk_change_nothing(tmp_path, collection, fake_encoder, killed):
    found, cut = collection(20), Cut(10)
    embed(found, tmp_path / "whole", fake_encoder(), cut=cut)
    whole, steps = contents(tmp_path / "whole"), 0
    while True:
        broken = tmp_path / str(steps)
        try:
            with dying_after(steps, killed):
                embed(found, broken, fake_encoder(), cut=cut)
            break
        except killed:
            embed(found, broken, fake_encoder(), cut=cut)
            assert contents(broken) == whole
        steps += 1
    assert steps > 15


def test_the_last_task_joins_and_a_killed_join_is_left_to_the_whole_command(
    tmp_path, collection, fake_encoder, killed
):
    found = collection(20)
    embed(found, tmp_path, fake_encoder(), cut=Cut(10, 0))
    with pytest.raises(killed):
        embed(found, tmp_path, fake_encoder(lives=1), cut=Cut(10, 1))  # dies at the queries
    again = embed(found, tmp_path, fake_encoder(), cut=Cut(10, 1))
    assert (again.missing_shards, again.joined) == (0, False)
    assert embed(found, tmp_path, fake_encoder(), cut=Cut(10)).joined
    assert contents(tmp_path)


def test_a_stop_ends_after_a_batch_and_keeps_whole_shards(tmp_path, collection, fake_encoder):
    class Signalling(fake_encoder):
        def encode(self, texts, kind):
            if len(self.batches) == 3:
                os.kill(os.getpid(), signal.SIGTERM)
            return super().encode(texts, kind)

    found, encoder = collection(40), Signalling()
    with stopping(), pytest.raises(Stopped, match="SIGTERM stopped embedding passages after 10 rows"):
        embed(found, tmp_path, encoder, Precision(batch_size=4), Cut(10))
    assert len(encoder.batches) == 4
    embed(found, tmp_path, fake_encoder(), Precision(batch_size=4), Cut(10))
    embed(found, tmp_path / "whole", fake_encoder(), Precision(batch_size=4), Cut(10))
    whole = contents(tmp_path / "whole")
    assert {name: (tmp_path / name).read_bytes() for name in FILES} == whole


@pytest.mark.parametrize("finished", [False, True])
@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"encoder": {"revision": "2"}}, "model_revision was '1' and is '2'"),
        ({"encoder": {"prompts": {"passage": "", "query": "q: "}}}, "prompt was 'p: ' and is ''"),
        ({"precision": {"batch_size": 3}}, "batch_size was 4 and is 3"),
        ({"precision": {"dtype": "float32"}}, "dtype was 'float16' and is 'float32'"),
        ({"precision": {"normalize": False}}, "normalize was True and is False"),
        ({"cut": {"shard_rows": 5}}, "shard_rows was 10 and is 5"),
        ({"n": 29}, "n was 30 and is 29"),
    ],
)
def test_other_parameters_are_refused_and_named(tmp_path, collection, fake_encoder, killed, change, word, finished):
    precision, cut = Precision(batch_size=4), Cut(10)
    if finished:
        embed(collection(30), tmp_path, fake_encoder(), precision, cut)
    else:
        with pytest.raises(killed):
            embed(collection(30), tmp_path, fake_encoder(lives=4), precision, cut)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(InputError, match="other parameters") as refused:
        embed(
            collection(change.get("n", 30)),
            tmp_path,
            fake_encoder(**change.get("encoder", {})),
            replace(precision, **change.get("precision", {})),
            replace(cut, **change.get("cut", {})),
        )
    assert word in str(refused.value)
    assert sorted(tmp_path.rglob("*")) == before


def test_other_queries_keep_the_passages(tmp_path, collection, fake_encoder):
    embed(collection(40), tmp_path, fake_encoder(), cut=Cut(10))
    base = (tmp_path / "base.npy").read_bytes()
    done = embed(collection(40, every=5), tmp_path, fake_encoder(), cut=Cut(10))
    assert (done.texts, done.joined) == (8, True)
    assert load_dataset(tmp_path).judgements.qrels.tolist() == [[query, 5 * query, 1] for query in range(8)]
    assert contents(tmp_path)["base.npy"] == base


def test_a_task_that_comes_late_leaves_the_data_set_alone(tmp_path, collection, fake_encoder):
    found = collection(40)
    embed(found, tmp_path, fake_encoder(), cut=Cut(10))
    before = contents(tmp_path)
    (tmp_path / ".shards").mkdir()  # as if the task that joined was still tidying up
    (tmp_path / ".shards" / "config.json").write_text(json.dumps(json.loads(before["dataset.json"])["passages"]))
    assert embed(found, tmp_path, fake_encoder(lives=0), cut=Cut(10, 3)).joined
    assert contents(tmp_path) == before


def test_vectors_that_another_process_needs_are_never_removed(tmp_path, collection, fake_encoder):
    found = collection(40)
    embed(found, tmp_path, fake_encoder(), cut=Cut(10))
    kept = tmp_path / ".shards" / "0123456789abcdef.npy"
    kept.parent.mkdir()
    kept.write_text("hours of work")
    embed(found, tmp_path, fake_encoder(), cut=Cut(10))
    assert kept.read_text() == "hours of work"


def test_without_queries(tmp_path, collection, fake_encoder):
    embed(replace(collection(40), queries=[], qrels=None), tmp_path, fake_encoder())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["base.npy", "dataset.json", "ids.txt"]
    assert load_dataset(tmp_path).n == 36


@pytest.mark.parametrize("name", ["base.npy", "base.fbin", "queries.npy", "qrels.tsv", "dataset.json", "ids.txt"])
def test_a_folder_with_other_data_is_left_alone(tmp_path, collection, fake_encoder, name):
    (tmp_path / name).write_text("mine")
    with pytest.raises(InputError, match=name):
        embed(collection(10), tmp_path, fake_encoder())
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "mine"


def test_the_text_may_lie_in_the_same_folder(tmp_path, collection, fake_encoder):
    for name in ("collection.tsv", "queries.dev.tsv", "queries.jsonl", "qrels.dev.tsv"):
        (tmp_path / name).write_text("text")
    embed(collection(10), tmp_path, fake_encoder())
    assert load_dataset(tmp_path).judgements is not None


@pytest.mark.parametrize("value", [np.nan, 1e6])
def test_vectors_that_cannot_be_stored_are_refused(tmp_path, collection, fake_encoder, value):
    class Bad(fake_encoder):
        def encode(self, texts, kind):
            vectors = super().encode(texts, kind)
            vectors[[text.endswith("17") for text in texts], 2] = value
            return vectors

    with pytest.raises(BadRows, match=r"1 of the passage rows .* row 17"):
        embed(collection(30), tmp_path, Bad(), Precision(normalize=False), Cut(10))
    assert not (tmp_path / "base.npy").exists()


def test_a_damaged_shard_is_named(tmp_path, collection, fake_encoder, killed):
    found = collection(20)
    embed(found, tmp_path, fake_encoder(), cut=Cut(10, 0))
    (shard,) = tmp_path.rglob("00000.npy")
    np.save(shard, np.zeros((3, 6), dtype=np.float16))
    with pytest.raises(InputError, match="3 x 6 float16 vectors instead of 10 x 6 float16; delete it"):
        embed(found, tmp_path, fake_encoder(), cut=Cut(10))
    shard.unlink()
    assert embed(found, tmp_path, fake_encoder(), cut=Cut(10)).joined


def test_a_text_that_becomes_shorter_is_refused(tmp_path, collection, fake_encoder):
    found = collection(20)
    path = Path(found.passages.part.name.strip("'"))
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:15]))
    with pytest.raises(InputError, match="truncated"):
        embed(found, tmp_path, fake_encoder(), cut=Cut(10))
    assert not (tmp_path / "base.npy").exists()


@pytest.mark.parametrize(
    ("precision", "cut", "word"),
    [
        (Precision(batch_size=0), Cut(), "--batch-size"),
        (Precision(dtype="int8"), Cut(), "float16 or float32"),
        (Precision(), Cut(0), "--shard-rows"),
        (Precision(), Cut(10, -1), "--shard"),
        (Precision(), Cut(10, 2), "shard 2 does not exist; there are 2 shards, 0 to 1"),
    ],
)
def test_impossible_options(tmp_path, collection, fake_encoder, precision, cut, word):
    with pytest.raises(InputError, match=word):
        embed(collection(20), tmp_path, fake_encoder(), precision, cut)
    assert list(tmp_path.iterdir()) == []
