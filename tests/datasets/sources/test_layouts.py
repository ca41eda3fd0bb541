"""The ways in which Arrow and parquet files keep vectors: each reads as the matrix that was written."""

import json
import pickle
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

from vq_benchmark.datasets.formats import opening
from vq_benchmark.datasets.loading import load_dataset
from vq_benchmark.datasets.sources.number_types import type_name
from vq_benchmark.errors import InputError

N, D = 90, 6
VECTORS = np.random.default_rng(0).standard_normal((N, D)).astype(np.float32)
ROUNDED = (VECTORS.view(np.uint32) >> 16).astype(np.uint16)
FORMATS = ("parquet", "arrow", "feather")


class Bfloat16(pa.ExtensionType):
    """As Lance keeps it."""

    def __init__(self):
        super().__init__(pa.binary(2), "lance.bfloat16")

    def __arrow_ext_serialize__(self):
        return b""

    @classmethod
    def __arrow_ext_deserialize__(cls, storage_type, serialized):
        return cls()


class Embedding(pa.ExtensionType):
    """As a library of its own might keep it."""

    stored = pa.list_(pa.float32())

    def __init__(self):
        super().__init__(self.stored, "someone.embedding")

    def __arrow_ext_serialize__(self):
        return b""

    @classmethod
    def __arrow_ext_deserialize__(cls, storage_type, serialized):
        return cls()


def fixed(values, d=D):
    return pa.FixedSizeListArray.from_arrays(pa.array(np.asarray(values).ravel()), d)


def raw(bits=ROUNDED):
    return pa.array([each.tobytes() for each in bits.ravel()], pa.binary(2))


def tensor(shape):
    return pa.ExtensionArray.from_storage(pa.fixed_shape_tensor(pa.float32(), shape), fixed(VECTORS))


def lists_of_one(rows=VECTORS):
    return pa.array([[row.tolist()] for row in rows], pa.list_(pa.list_(pa.float32())))


def texts(rows=VECTORS, form=json.dumps):
    return pa.array([form(row.tolist()) for row in rows])


ONE_COLUMN = {
    "fixed_shape_tensor": lambda: tensor([D]),
    "tensor of one row": lambda: tensor([1, D]),
    "extension of lists": lambda: pa.ExtensionArray.from_storage(Embedding(), fixed(VECTORS).cast(Embedding.stored)),
    "lists of one list": lists_of_one,
    "fixed lists of one list": lambda: pa.FixedSizeListArray.from_arrays(fixed(VECTORS), 1),
    "bytes": lambda: pa.array([row.tobytes() for row in VECTORS]),
    "large bytes": lambda: pa.array([row.tobytes() for row in VECTORS], pa.large_binary()),
    "bytes of one length": lambda: pa.array([row.tobytes() for row in VECTORS], pa.binary(4 * D)),
    "text": texts,
    "text without spaces": lambda: texts(form=lambda row: json.dumps(row, separators=(",", ":"))),
    "text of one list": lambda: texts(form=lambda row: f" [{row}]\n"),
    "large text": lambda: texts().cast(pa.large_string()),
}  # fmt: skip


def write(path, columns, batch=40):
    table = pa.table({"id": range(len(next(iter(columns.values())))), **columns})
    if path.suffix == ".parquet":
        pq.write_table(table, path, row_group_size=batch)
    elif path.suffix == ".feather":
        pa.feather.write_feather(table, path, chunksize=batch)
    else:
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, table.schema) as writer:
            writer.write_table(table, max_chunksize=batch)
    return path


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("layout", ONE_COLUMN)
def test_one_column(tmp_path, form, layout):
    path = write(tmp_path / f"a.{form}", {"emb": ONE_COLUMN[layout]()})
    source = opening.open_vectors(path)
    assert (source.n, source.d, type_name(source.dtype)) == (N, D, "float32")
    for start, stop in [(0, N), (30, 55), (80, N), (5, 6)]:
        np.testing.assert_array_equal(source.read(start, stop), VECTORS[start:stop])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(source)).read(39, 41), VECTORS[39:41])  # noqa: S301
    assert any("bytes" in note or "text" in note for note in source.notes) == ("bytes" in layout or "text" in layout)


def test_the_fingerprint_is_that_of_the_matrix(tmp_path):
    np.save(tmp_path / "a.npy", VECTORS)
    expected = load_dataset(tmp_path / "a.npy", num_queries=3).fingerprint
    for layout, column in ONE_COLUMN.items():
        path = write(tmp_path / "a.parquet", {"emb": column()})
        assert load_dataset(path, num_queries=3).fingerprint == expected, layout
    path = write(tmp_path / "b.parquet", {f"emb_{number}": column for number, column in enumerate(VECTORS.T)})
    assert load_dataset(path, num_queries=3).fingerprint == expected


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("kind", ["list", "fixed", "stated"])
def test_bfloat16(tmp_path, form, kind):
    values = raw() if kind != "stated" else pa.ExtensionArray.from_storage(Bfloat16(), raw())
    offsets = pa.array(np.arange(0, N * D + 1, D), pa.int32())
    lists = (
        pa.FixedSizeListArray.from_arrays(values, D) if kind == "fixed" else pa.ListArray.from_arrays(offsets, values)
    )
    source = opening.open_vectors(write(tmp_path / f"a.{form}", {"emb": lists}))
    assert type_name(source.dtype) == "bfloat16"
    np.testing.assert_array_equal(source.read(7, N), (ROUNDED[7:].astype(np.uint32) << 16).view(np.float32))
    assert source.notes == (() if kind == "stated" else (
        "'emb' holds 2-byte values without a type; they are read as bfloat16.",
    ))  # fmt: skip


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("names", ["{}", "emb_{}", "dim_{:03}", "feature.{}"])
@pytest.mark.parametrize("first", [0, 1])
def test_a_column_for_each_number(tmp_path, form, names, first):
    called = [names.format(number) for number in range(first, first + 12)]
    wide = np.random.default_rng(1).integers(-99, 99, (N, 12)).astype(np.float32)
    columns = dict(zip(called, wide.T, strict=True))
    columns = {name: columns[name] for name in sorted(called)}  # emb_10 comes before emb_2
    columns[called[3]] = columns[called[3]].astype(np.int8)
    path = write(tmp_path / f"a.{form}", {"label": ["x"] * N, **columns})
    source = opening.open_vectors(path)
    np.testing.assert_array_equal(source.read(0, N), wide)
    assert source.notes == (
        f"'{called[0]} to {called[-1]}' are 12 columns, each of which holds one number of the vector.",
    )
    prefix = names.partition("{")[0].rstrip("_.")
    if prefix:
        np.testing.assert_array_equal(opening.open_vectors(path, column=prefix).read(3, 50), wide[3:50])


def test_a_gap_and_few_columns_are_not_a_vector(tmp_path):
    for names in (["emb_0", "emb_1", "emb_2", "emb_4"], ["emb_0", "emb_1", "emb_2"]):
        path = write(tmp_path / "a.parquet", dict(zip(names, VECTORS.T, strict=False)))
        with pytest.raises(
            InputError, match="has no column of lists of numbers, or of other vectors; it has id, emb_0"
        ):
            opening.open_vectors(path)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("layout", ["lists of one list", "bytes", "text"])
def test_missing_rows_are_nan(tmp_path, form, layout):
    column = ONE_COLUMN[layout]().to_pylist()
    column[0] = column[41] = None
    column[42] = type(column[1])() if layout != "text" else "[]"
    types = {"bytes": pa.binary(), "text": pa.string(), "lists of one list": pa.list_(pa.list_(pa.float32()))}
    source = opening.open_vectors(write(tmp_path / f"a.{form}", {"emb": pa.array(column, types[layout])}))
    expected = VECTORS.copy()
    expected[[0, 41, 42]] = np.nan
    np.testing.assert_array_equal(source.read(0, N), expected)


def test_missing_numbers_are_nan(tmp_path):
    for name, columns in {
        "text": {"emb": ["[1, null, 3]", "[NaN, 2, -Infinity]"]},
        "wide": {f"x{number}": pa.array([1, None] if number else [7, 8]) for number in range(4)},
    }.items():
        found = opening.open_vectors(write(tmp_path / f"{name}.parquet", columns)).read(0, 2)
        expected = [[7, 1, 1, 1], [8, *[np.nan] * 3]] if name == "wide" else [[1, np.nan, 3], [np.nan, 2, -np.inf]]
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("form", FORMATS)
def test_several_vectors_of_a_row_are_refused_by_name(tmp_path, form):
    ragged = [[[1.0, 2.0]]] * 5 + [[[1.0, 2.0]] * 3]
    message = (
        r"a.{}': .*'colbert' holds .*vectors of a row .multi-vector, as of ColBERT.*name another column with "
        "--vector-column"
    )
    for column, place in [
        (pa.array(ragged), "row 5 of 'colbert' holds 3 vectors"),
        (pa.FixedSizeListArray.from_arrays(fixed(VECTORS), 3), "'colbert' holds 3 vectors"),
        (tensor([2, 3]), "holds 2 vectors"),
        (pa.array(["[[1, 2], [3, 4]]"] * 3), "row 0 of 'colbert' holds several vectors"),
    ]:  # fmt: skip
        path = write(tmp_path / f"a.{form}", {"colbert": column})
        with pytest.raises(InputError, match=message.format(form)) as refusal:
            source = opening.open_vectors(path, column="colbert")
            source.read(0, source.n)
        assert place in str(refusal.value) and "\n" not in str(refusal.value)


def test_another_column_is_used_beside_one_of_several_vectors(tmp_path):
    columns = {
        "colbert": pa.FixedSizeListArray.from_arrays(fixed(VECTORS, 2), 3),
        "dense": fixed(VECTORS),
    }
    dataset = load_dataset(write(tmp_path / "a.parquet", columns), num_queries=3)
    assert dataset.d == D
    assert "'colbert' in a.parquet is not used: each of its rows holds 3 vectors." in dataset.notes


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([b"1234567"] * 3, "row 0 of 'emb' holds 7 bytes, which are not values of float32"),
        ([VECTORS[0].astype("f8").tobytes()] * 3, "'emb' holds bytes that are probably not float32; save the column"),
        ([(VECTORS[0] / 20).astype("f2").tobytes()] * 3, "'emb' holds bytes that are probably not float32"),
        (["[1, 2]", "[1, x]"], r"row 1 of 'emb' holds '1, x', which is not a list of numbers such as \[0.1, 0.2\]"),
        (["[0.1 0.2]"], r"row 0 of 'emb' holds '0.1 0.2', which is not a list of numbers"),
        (["[1, 2]", "[1, 2, 3]"], "row 1 of 'emb' has dimension 3, but others have dimension 2"),
        ([b"1234", b"12345678"], "row 1 of 'emb' has dimension 2, but others have dimension 1"),
    ],
)
@pytest.mark.parametrize("form", FORMATS)
def test_what_is_no_vector_is_named_by_its_row(tmp_path, form, content, message):
    path = write(tmp_path / f"a.{form}", {"emb": content})
    with pytest.raises(InputError, match=message):
        opening.open_vectors(path).read(0, len(content))


@pytest.mark.parametrize(
    ("columns", "base"),
    [
        ({"codes": [[1, 2]] * 9}, "codes"),  # integers are vectors if nothing else is
        ({"codes": [[1, 2]] * 9, "values": [[0.5, 2]] * 9}, "values"),
        ({"codes": [[1, 2]] * 9, "embedding": ["[0.5, 2]"] * 9}, "embedding"),
        ({"sha": [b"12345678"] * 9, "codes": [[1, 2]] * 9}, "codes"),
        ({"embedding_model": ["a"] * 9, "text": ["[1]"] * 9, "vec": [[0.5, 2]] * 9}, "vec"),
        ({"lists": [[0.5, 2]] * 9, **{f"x{number}": [0.5] * 9 for number in range(5)}}, "lists"),
        ({f"{name}_{number}": [0.5] * 9 for name in ("aux", "emb") for number in range(5)}, "emb_0 to emb_4"),
    ],
)
@pytest.mark.parametrize("form", FORMATS)
def test_which_column_is_the_base(tmp_path, form, columns, base):
    dataset = load_dataset(write(tmp_path / f"a.{form}", columns), num_queries=1)
    used = [origin.name for origin in dataset.origins if origin.use == "base"]
    assert used == [f"{base!r} in a.{form}"]


def test_two_possible_columns_are_refused_and_either_may_be_named(tmp_path):
    columns = {f"{name}_{number}": [0.5] * 9 for name in ("left", "right") for number in range(4)}
    path = write(tmp_path / "a.parquet", columns)
    with pytest.raises(
        InputError, match=r"holds left_0 to left_3, right_0 to right_3; .*choose it with --vector-column"
    ):
        opening.open_vectors(path)
    assert opening.open_vectors(path, column="right").d == 4
    path = write(tmp_path / "b.parquet", {"blob": [VECTORS[0].tobytes()] * 9, "note": ["[1, 2]"] * 9})
    with pytest.raises(InputError, match="has no column of lists of numbers, or of other vectors"):
        opening.open_vectors(path)
    assert opening.open_vectors(path, column="blob").d == D
    assert opening.open_vectors(path, column="note").d == 2


def test_shards_may_differ_in_how_they_keep_vectors(tmp_path):
    layouts = ("text", "bytes", "lists of one list", "fixed_shape_tensor")
    for number, layout in enumerate(layouts):
        write(tmp_path / f"{number}.parquet", {"emb": ONE_COLUMN[layout]()})
    dataset = load_dataset(str(tmp_path / "*.parquet"), num_queries=1)
    source = dataset.base.with_held_out_rows()
    np.testing.assert_array_equal(source.read(0, 4 * N), np.tile(VECTORS, (4, 1)))
    notes = " ".join(dataset.notes)
    assert "'emb' holds text, which is slow to read" in notes and "'emb' holds bytes; they are read" in notes


PASS = """
import sys
from pathlib import Path
from vq_benchmark.datasets.formats import opening
from vq_benchmark.machine.memory import peak_bytes
source = opening.open_vectors(Path(sys.argv[1]))
source.read(0, 1)
before = peak_bytes()
for start in range(0, source.n, 1000):
    source.read(start, min(start + 1000, source.n))
print(peak_bytes() - before, source.held_bytes)
"""


@pytest.mark.parametrize("layout", ["text", "columns"])
def test_memory_is_bounded(tmp_path, layout):
    """Far less than the file takes when it is read whole: 40 MB of text, or 51 MB of columns."""
    rows = (
        np.random.default_rng(0).standard_normal((400_000 if layout == "columns" else 60_000, 32)).astype(np.float32)
    )
    columns = {
        "text": lambda: {"emb": texts(rows[:300]).take(np.arange(len(rows)) % 300)},
        "columns": lambda: {f"emb_{number}": column for number, column in enumerate(rows.T)},
    }[layout]()
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table(columns), path, row_group_size=60_000, use_dictionary=False)
    ended = subprocess.run([sys.executable, "-c", PASS, path], capture_output=True, text=True, check=True)
    grown, held = map(int, ended.stdout.split())
    assert grown < held < 30e6


@pytest.mark.parametrize(
    ("cell", "kind"),
    [
        (np.ndarray.tobytes, pa.binary_view()),
        (lambda row: str(row.tolist()), pa.string_view()),
        (np.ndarray.tolist, pa.list_view(pa.float32())),
        (np.ndarray.tolist, pa.large_list_view(pa.float32())),
        (lambda row: [row.tolist()], pa.list_view(pa.list_(pa.float32()))),
        (np.ndarray.tolist, pa.large_list(pa.float32())),
    ],
    ids=lambda value: str(value) if isinstance(value, pa.DataType) else "",
)
def test_views_are_read_like_what_they_show(tmp_path, cell, kind):
    path = write(tmp_path / "a.arrow", {"emb": pa.array([cell(row) for row in VECTORS], kind)})
    np.testing.assert_array_equal(opening.open_vectors(path).read(3, N), VECTORS[3:])
