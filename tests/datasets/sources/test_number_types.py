"""Every type of number becomes the float32 it means, exactly or not at all."""

import zipfile

import h5py
import numpy as np
import pytest

from vq_benchmark.datasets.formats import opening
from vq_benchmark.datasets.loading import load_dataset
from vq_benchmark.datasets.sources.number_types import (
    BFLOAT16,
    EXACT,
    FLOAT8,
    as_float32,
    common_type,
    type_name,
)
from vq_benchmark.errors import InputError

INTEGERS = ("int16", "uint16", "int32", "uint32", "int64", "uint64", "bool")


def integers(dtype):
    rows = np.random.default_rng(0).integers(0, 2 if dtype == "bool" else 128, (40, 5))
    return rows.astype(dtype)


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("extension", ["npy", "npz", "h5"])
def test_integers_are_read_exactly(tmp_path, dtype, extension):
    rows, path = integers(dtype), tmp_path / f"a.{extension}"
    if extension == "h5":
        with h5py.File(path, "w") as file:
            file["train"] = rows
    else:
        np.save(path, rows) if extension == "npy" else np.savez_compressed(path, base=rows)
    source = opening.open_vectors(path)
    assert source.dtype == dtype
    np.testing.assert_array_equal(source.read(3, 29), rows[3:29].astype(np.float32))


@pytest.mark.parametrize("value", [EXACT + 1, -EXACT - 1, 1 << 60])
@pytest.mark.parametrize("order", ["C", "F"])
def test_an_integer_beyond_2_to_the_24_is_named(tmp_path, value, order):
    rows = integers("int64")
    rows[0, 0] = EXACT
    rows[31, 3] = value
    np.save(tmp_path / "a.npy", np.asarray(rows, order=order))
    source = opening.open_vectors(tmp_path / "a.npy")
    np.testing.assert_array_equal(source.read(0, 31), rows[:31])
    with pytest.raises(InputError, match=f"a.npy': row 31, column 3 holds {value}, but float32 .* 16777216; scale"):
        source.read(20, 40)


def test_bfloat16_is_the_upper_half_of_float32(tmp_path):
    wide = np.random.default_rng(0).standard_normal((40, 5)).astype(np.float32)
    bits = (wide.view(np.uint32) >> 16).astype(np.uint16)
    expected = (bits.astype(np.uint32) << 16).view(np.float32)
    np.save(tmp_path / "a.npy", bits.view("V2"))  # as numpy saves an array of ml_dtypes.bfloat16
    np.savez_compressed(tmp_path / "a.npz", base=bits.view("V2"))
    for name in ("a.npy", "a.npz"):
        dataset = load_dataset(tmp_path / name, num_queries=1)
        assert type_name(dataset.base.dtype) == "bfloat16"
        assert f"{name} holds 2-byte values without a type, as numpy writes bfloat16" in " ".join(dataset.notes)
        np.testing.assert_array_equal(dataset.base.with_held_out_rows().read(0, 40), expected)


@pytest.mark.parametrize(
    ("name", "byte", "value"),
    [
        ("float8_e4m3fn", 0x7E, 448.0), ("float8_e4m3fn", 0x01, 2.0**-9), ("float8_e4m3fn", 0xB8, -1.0),
        ("float8_e4m3fn", 0x08, 2.0**-6), ("float8_e4m3fn", 0x80, -0.0),
        ("float8_e5m2", 0x7B, 57344.0), ("float8_e5m2", 0x01, 2.0**-16), ("float8_e5m2", 0xBC, -1.0),
        ("float8_e5m2", 0x7C, np.inf),
    ],
)  # fmt: skip
def test_float8_has_the_values_of_its_paper(name, byte, value):
    found = as_float32(np.array([[byte]], np.uint8).view(FLOAT8[name]))
    assert found.dtype == np.float32 and found.tolist() == [[value]]
    assert np.isnan(as_float32(np.array([[0x7F]], np.uint8).view(FLOAT8[name]))).all()


@pytest.mark.parametrize("order", ["C", "F"])
def test_float8_whose_name_is_in_the_file_is_read(tmp_path, order):
    """As ml_dtypes writes float8_e5m2, the only float8 whose description says which it is."""
    codes = np.random.default_rng(0).integers(0, 0x7B, (40, 5)).astype(np.uint8)
    expected = (codes.astype(np.uint16) << 8).view(np.float16).astype(np.float32)
    np.save(tmp_path / "a.npy", np.asarray(codes, order=order))
    np.savez(tmp_path / "a.npz", base=np.asarray(codes, order=order))
    np.savez_compressed(tmp_path / "b.npz", base=np.asarray(codes, order=order))
    for name in ("a.npy", "a.npz", "b.npz"):
        path = tmp_path / name
        rewrite(path, b"'|u1'", b"'<f1'")
        source = opening.open_vectors(path)
        assert type_name(source.dtype) == "float8_e5m2"
        np.testing.assert_array_equal(source.read(3, 33), expected[3:33])


def rewrite(path, old, new):
    """Replace bytes in a .npy file, or in the members of an archive."""
    if path.suffix == ".npy":
        path.write_bytes(path.read_bytes().replace(old, new, 1))
        return
    with zipfile.ZipFile(path) as archive:
        members = {info: archive.read(info).replace(old, new, 1) for info in archive.infolist()}
    with zipfile.ZipFile(path, "w") as archive:
        for info, content in members.items():
            archive.writestr(info.filename, content, info.compress_type)


def test_types_without_a_name_or_without_a_meaning_are_refused(tmp_path):
    for rows, message in [
        (
            np.ones((4, 2), "V1"),
            r"holds 1-byte values without a type \(perhaps float8.*; save the array as float32, .* python -c ",
        ),
        (np.ones((4, 2), "c8"), "holds complex64 values; vectors may be float32, float16"),
        (np.full((4, 2), "x"), "holds <U1 values"),
    ]:
        np.save(tmp_path / "a.npy", rows)
        with pytest.raises(InputError, match=message):
            opening.open_vectors(tmp_path / "a.npy")


def test_the_common_type_holds_all_values():
    types = {"float16": np.dtype("f2"), "float32": np.dtype(">f4"), "bfloat16": BFLOAT16, "int8": np.dtype("i1")}
    for names, expected in [
        (["float16", "float32"], "float32"),
        (["float16", "bfloat16"], "float32"),
        (["bfloat16"], "bfloat16"),
        (["int8", "float16"], "float16"),
        (["float32"], "float32"),
    ]:
        assert type_name(common_type(types[name] for name in names)) == expected


@pytest.mark.parametrize("shape", [(300, 5), (7, 150), (1, 3)])
@pytest.mark.parametrize("dtype", ["f4", "f2", ">f8", "i2"])
@pytest.mark.parametrize("extension", ["npy", "npz"])
def test_fortran_order_is_read_by_any_range(tmp_path, shape, dtype, extension):
    rows = np.asfortranarray(np.random.default_rng(0).integers(0, 99, shape).astype(dtype))
    path = tmp_path / f"a.{extension}"
    np.save(path, rows) if extension == "npy" else np.savez(path, base=rows)
    source = opening.open_vectors(path)
    for start, stop in [(0, shape[0]), (shape[0] // 3, shape[0] // 2), (shape[0], shape[0])]:
        np.testing.assert_array_equal(source.read(start, stop), rows[start:stop].astype(np.float32))
    assert any("Fortran order" in note for note in source.notes) == (min(shape) > 1)
    if min(shape) > 1:
        path.write_bytes(path.read_bytes()[:-20])
        with pytest.raises(InputError, match=r"truncated|cannot be read"):
            opening.open_vectors(path).read(0, shape[0])


def test_fortran_order_has_the_fingerprint_of_rows(tmp_path):
    rows = np.random.default_rng(0).standard_normal((500, 70)).astype(np.float32)
    np.save(tmp_path / "c.npy", rows)
    np.save(tmp_path / "f.npy", np.asfortranarray(rows))
    by_row, by_column = (load_dataset(tmp_path / name, num_queries=9) for name in ("c.npy", "f.npy"))
    assert by_row.fingerprint == by_column.fingerprint
    np.testing.assert_array_equal(by_row.queries, by_column.queries)
