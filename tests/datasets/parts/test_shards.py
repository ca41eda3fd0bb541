"""One base in many files: their order, their fingerprint, and what cannot be joined."""

import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from vq_benchmark.datasets.formats import opening
from vq_benchmark.datasets.loading import load_dataset
from vq_benchmark.datasets.parts.directory import files_of_directory
from vq_benchmark.datasets.parts.shards import in_order, shards_of_pattern
from vq_benchmark.datasets.sources.sampling import take
from vq_benchmark.datasets.sources.vector_source import ArraySource
from vq_benchmark.errors import InputError

VECTORS = np.random.default_rng(0).standard_normal((600, 6)).astype(np.float32)


def write(path, rows):
    path.parent.mkdir(exist_ok=True)
    match path.suffix:
        case ".npz":
            np.savez_compressed(path, embeddings=rows)
        case ".h5":
            with h5py.File(path, "w") as file:
                file["vectors"] = rows
        case _:
            opening.write_vectors(path, ArraySource(rows), "float32")


def write_shards(folder, extension, count=12):
    for number, rows in enumerate(np.array_split(VECTORS, count)):
        write(folder / f"img_emb_{number}{extension}", rows)


def refused(given, message, **arguments):
    with pytest.raises(InputError, match=message) as refusal:
        load_dataset(given, **arguments)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("extension", [".npy", ".npz", ".h5", ".fbin", ".fvecs", ".parquet"])
def test_files_of_any_format_are_one_base_in_natural_order(tmp_path, extension):
    write_shards(tmp_path / "set", extension)
    np.save(tmp_path / "one.npy", VECTORS)
    one = load_dataset(tmp_path / "one.npy", num_queries=9)
    listed = in_order((tmp_path / "set").iterdir())
    for given in (
        tmp_path / "set",
        str(tmp_path / "set" / "img_emb_*"),
        str(tmp_path / "s*" / f"*{extension}"),
        listed,
    ):
        many = load_dataset(given, num_queries=9, cache_dir=tmp_path / "cache")
        assert many.fingerprint == one.fingerprint
        np.testing.assert_array_equal(many.base.read(0, many.n), one.base.read(0, one.n))
        np.testing.assert_array_equal(many.queries, one.queries)
        np.testing.assert_array_equal(many.training_sample(200, 3), one.training_sample(200, 3))
        assert many.files is not None and len(many.files) == 12


def test_numbers_in_names_count_by_their_value():
    paths = [Path(name) for name in ("a/10.npy", "a/9.npy", "a/2b.npy", "b/1.npy", "a/²3.npy")]
    assert [str(path) for path in in_order(paths)] == ["a/2b.npy", "a/9.npy", "a/10.npy", "a/²3.npy", "b/1.npy"]


def test_types_that_differ_are_read_and_counted(tmp_path):
    whole = VECTORS.astype(np.float16).astype(np.float32)
    np.save(tmp_path / "one.npy", whole)
    (tmp_path / "set").mkdir()
    np.save(tmp_path / "set" / "0.npy", whole[:200].astype(np.float16))
    np.save(tmp_path / "set" / "1.npy", whole[200:])
    many, one = load_dataset(tmp_path / "set"), load_dataset(tmp_path / "one.npy")
    assert many.fingerprint == one.fingerprint and many.base.dtype == np.float32
    assert any("float16 in 1, float32 in 1" in note for note in many.notes)


def test_another_dimension_is_named(tmp_path):
    write_shards(tmp_path / "set", ".npy", 4)
    for number in (1, 2):
        np.save(tmp_path / "set" / f"img_emb_{number}.npy", np.ones((3, 7 + number), np.float32))
    refused(tmp_path / "set", "img_emb_0.npy' has 6, but img_emb_1.npy has 8, img_emb_2.npy has 9; give a pattern")
    assert load_dataset(str(tmp_path / "set" / "img_emb_[03].npy")).d == 6


def test_an_empty_shard_adds_nothing(tmp_path):
    write_shards(tmp_path / "set", ".npy", 3)
    np.save(tmp_path / "set" / "img_emb_00.npy", np.empty((0, 0), np.float32))
    assert load_dataset(tmp_path / "set", num_queries=100).n == 500


def test_several_series_are_refused_by_name(tmp_path):
    write_shards(tmp_path / "set", ".npy", 3)
    np.save(tmp_path / "set" / "text_emb_0.npy", VECTORS)
    refused(tmp_path / "set", r"img_emb_0.npy to img_emb_2.npy .3 files., text_emb_0.npy; only one of them")
    assert load_dataset(str(tmp_path / "set" / "text*"), num_queries=1).n == 599


def test_other_parts_of_shards_are_named(tmp_path):
    for number in range(2):
        np.savez(tmp_path / f"{number}.npz", base=VECTORS[:300], queries=VECTORS[300:305])
    dataset = load_dataset(tmp_path, num_queries=10)
    assert dataset.n == 590 and any("only the base vectors are joined" in note for note in dataset.notes)


def test_compressed_members_are_in_memory_one_at_a_time(tmp_path):
    write_shards(tmp_path / "set", ".npz", 3)
    base = load_dataset(tmp_path / "set", num_queries=1).base.with_held_out_rows()
    np.testing.assert_array_equal(base.read(150, 450), VECTORS[150:450])
    np.testing.assert_array_equal(take(base, [599, 0, 300]), VECTORS[[599, 0, 300]])
    assert sum(shard._values is not None for shard in base.sources) == 1
    assert base.held_bytes == VECTORS[:200].nbytes


def test_ten_thousand_files_are_ordered_and_opened_fast(tmp_path):
    (tmp_path / "set").mkdir()
    np.save(tmp_path / "one.npy", VECTORS[:1])
    content = (tmp_path / "one.npy").read_bytes()
    for number in range(10_000):
        (tmp_path / "set" / f"{number}.npy").write_bytes(content)
    before = time.process_time()
    paths = files_of_directory(tmp_path / "set").base
    assert time.process_time() - before < 1.5  # 5 s for all of it
    assert [path.stem for path in paths] == [str(number) for number in range(10_000)]


def test_patterns_of_no_known_format_find_nothing(tmp_path):
    (tmp_path / "a.txt").write_text("")
    assert shards_of_pattern(str(tmp_path / "*.txt")) == shards_of_pattern(str(tmp_path / "a.txt")) == []
