"""Folders of save_to_disk, single and of several splits, as the library writes them."""

import json

import numpy as np
import pyarrow as pa
import pytest

from vq_benchmark.datasets.loading import load_dataset
from vq_benchmark.errors import InputError

BASE, QUERIES = (np.random.default_rng(seed).normal(size=(n, 4)).astype(np.float32) for seed, n in enumerate((40, 9)))


def arrow(path, columns):
    table = pa.table(columns)
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, table.schema) as writer:
        writer.write_table(table)


def save(folder, vectors, files=2, **state):
    """What `Dataset.save_to_disk` leaves."""
    folder.mkdir(parents=True)
    names = [f"data-{number:05}-of-{files:05}.arrow" for number in range(files)]
    for name, rows in zip(names, np.array_split(vectors, files), strict=True):
        arrow(folder / name, {"text": ["x"] * len(rows), "emb": rows.tolist()})
    state = {"_data_files": [{"filename": name} for name in names], "_format_type": None, **state}
    (folder / "state.json").write_text(json.dumps(state))
    (folder / "dataset_info.json").write_text("{}")
    return folder


def select(folder, key="_indices_files"):
    """As older releases saved the result of `select`, `shuffle` and `train_test_split`."""
    arrow(folder / "indices.arrow", {"indices": pa.array([3, 1], pa.uint64())})
    state = json.loads((folder / "state.json").read_text())
    (folder / "state.json").write_text(json.dumps({**state, key: [{"filename": "indices.arrow"}]}))


def uses(dataset):
    return {origin.name: origin.use for origin in dataset.origins}


def test_splits_are_the_parts_that_they_are_named_after(tmp_path):
    save(tmp_path / "set" / "train", BASE)
    save(tmp_path / "set" / "test", QUERIES, files=1)
    save(tmp_path / "set" / "validation", QUERIES)
    save(tmp_path / "set" / "odd", QUERIES)
    (tmp_path / "set" / "dataset_dict.json").write_text('{"splits": ["train", "test", "validation", "odd"]}')
    dataset = load_dataset(tmp_path / "set")
    np.testing.assert_array_equal(dataset.base.read(0, 40), BASE)
    np.testing.assert_array_equal(dataset.queries, QUERIES)
    found = uses(dataset)
    assert found["test/data-00000-of-00001.arrow"] == "queries"
    assert found["validation/data-00000-of-00002.arrow to data-00001-of-00002.arrow (2 files)"] is None
    assert found["odd/data-00000-of-00002.arrow to data-00001-of-00002.arrow (2 files)"] is None
    assert found["dataset_dict.json"] == "description"


def test_the_only_split_is_the_base_whatever_its_name(tmp_path):
    save(tmp_path / "set" / "en", BASE)
    assert load_dataset(tmp_path / "set", num_queries=4).n == 36
    save(tmp_path / "set" / "de", BASE)
    with pytest.raises(InputError, match=r"holds de/data.*, en/data.*; only one of them can be the base vectors"):
        load_dataset(tmp_path / "set")
    assert load_dataset(tmp_path / "set" / "de", num_queries=4).n == 36


def test_files_of_a_cache_are_not_rows(tmp_path):
    folder = save(tmp_path / "set", BASE)
    arrow(folder / "cache-5f3a.arrow", {"emb": QUERIES.tolist()})
    dataset = load_dataset(folder, num_queries=4)
    assert dataset.n == 36
    assert "cache-5f3a.arrow is not used: state.json beside it does not list it." in dataset.notes


@pytest.mark.parametrize("key", ["_indices_files", "_indices_data_files"])
@pytest.mark.parametrize("split", ["train", "test", ""])
def test_a_selection_is_refused_with_the_line_that_writes_it_out(tmp_path, key, split):
    for part, rows in {"train": BASE, "test": QUERIES}.items():
        save(tmp_path / "set" / part, rows)
    select(tmp_path / "set" / (split or "train"), key)
    folder = tmp_path / "set" if split else tmp_path / "set" / "train"
    with pytest.raises(InputError, match=r"a selection of those in its files; .*flatten_indices\(\).save_to_disk\("):
        load_dataset(folder)


def test_what_is_not_used_may_be_a_selection(tmp_path):
    for part in ("train", "test", "validation", "calibration"):
        save(tmp_path / "set" / part, QUERIES if part == "test" else BASE)
    select(tmp_path / "set" / "validation")
    select(tmp_path / "set" / "calibration")
    dataset = load_dataset(tmp_path / "set")
    assert dataset.learn is None and len(dataset.queries) == 9
    assert "the rows of '" in " ".join(dataset.notes)


def test_a_damaged_description_is_one_sentence(tmp_path):
    save(tmp_path / "set", BASE)
    (tmp_path / "set" / "state.json").write_text("{")
    with pytest.raises(InputError, match=r"state.json' is not a JSON object"):
        load_dataset(tmp_path / "set")
