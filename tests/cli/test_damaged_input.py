"""Damaged files through the program: exit code 2, one line that names the file, no traceback, nothing written."""

import io
import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

ROWS = np.random.default_rng(0).standard_normal((60, 8)).astype(np.float32)
HUGE = 10**12
MEASURE = ("--method", "sq", "--bits", 8, "--db-path", "x.db", "--num-queries", 5)
DEEP = "[" * 100_000


def npy(array: np.ndarray, *changes: tuple[bytes, bytes]) -> bytes:
    """The bytes of an .npy file, with parts of its header replaced by others of the same length."""
    buffer = io.BytesIO()
    np.save(buffer, array)
    data = buffer.getvalue()
    for old, new in changes:
        assert old in data
        data = data.replace(old, new.ljust(len(old)) if len(new) <= len(old) else new, 1)
    return data


def unclosed(array: np.ndarray) -> bytes:
    return npy(array, (b"}", b" "))


def claiming(array: np.ndarray, rows: int) -> bytes:
    """An array whose header claims so many rows."""
    old = f"({len(array)}, {array.shape[1]}), }}".encode()
    spaces = b" " * (len(str(rows)) - len(str(len(array))))
    return npy(array, (old + spaces, f"({rows}, {array.shape[1]}), }}".encode()))


def npz(path: Path, compression: int, **members: bytes) -> None:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(f"{name}.npy", data)


def patched(path: Path, place: Callable[[bytes], int], new: bytes) -> None:
    data = bytearray(path.read_bytes())
    start = place(data)
    data[start : start + len(new)] = new
    path.write_bytes(data)


def damaged_deflate(path: Path) -> None:
    npz(path, zipfile.ZIP_DEFLATED, base=npy(ROWS))
    patched(path, lambda data: 60, b"\xff" * 40)


def unknown_compression(path: Path) -> None:
    npz(path, zipfile.ZIP_DEFLATED, base=npy(ROWS))
    patched(path, lambda data: data.index(b"PK\x01\x02") + 10, b"\x63\0")


def damaged_chunk(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("train", data=ROWS, chunks=(60, 8), compression="gzip")
        place = file["train"].id.get_chunk_info(0).byte_offset
    patched(path, lambda data: place, b"\xff" * 40)


def soft_link_loop(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["train"], file["test"] = h5py.SoftLink("/test"), h5py.SoftLink("/train")


def huge_hdf5(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["train"], file["test"] = ROWS, ROWS[:5]
        file.create_dataset("neighbors", shape=(HUGE, 8), dtype="i8", chunks=(1024, 8))


def huge_columns(path: Path) -> None:
    neighbors = claiming(np.zeros((5, 8), np.int64), HUGE)
    npz(path, zipfile.ZIP_STORED, base=npy(ROWS), queries=npy(ROWS[:5]), neighbors=neighbors)


VECTOR_FILES: dict[str, tuple[str, Callable[[Path], object]]] = {
    "npy, unclosed bracket": ("a.npy", lambda path: path.write_bytes(unclosed(ROWS))),
    "npy, 10^12 rows": ("a.npy", lambda path: path.write_bytes(claiming(ROWS, HUGE))),
    "npy, less than no rows": ("a.npy", lambda path: path.write_bytes(npy(ROWS, (b"(60, 8), }  ", b"(-60, -8), }")))),
    "npz, unclosed bracket": ("a.npz", lambda path: npz(path, zipfile.ZIP_STORED, base=unclosed(ROWS))),
    "npz deflated, unclosed bracket": ("a.npz", lambda path: npz(path, zipfile.ZIP_DEFLATED, base=unclosed(ROWS))),
    "npz deflated, damaged": ("a.npz", damaged_deflate),
    "npz deflated, unknown method": ("a.npz", unknown_compression),
    "npz deflated, 10^12 rows": ("a.npz", lambda path: npz(path, zipfile.ZIP_DEFLATED, base=claiming(ROWS, HUGE))),
    "hdf5, damaged chunk": ("a.hdf5", damaged_chunk),
    "hdf5, loop of links": ("a.hdf5", soft_link_loop),
}


def assert_refused(ran, tmp_path: Path, before: set[Path], *words: object) -> None:
    assert ran.code == 2, (ran.out, ran.err)
    assert ran.err.startswith("vq-benchmark: ") and ran.err.count("\n") == 1, ran.err
    for word in words:
        assert str(word) in ran.err
    assert set(tmp_path.rglob("*")) == before, "something was written"


@pytest.mark.parametrize("case", VECTOR_FILES)
def test_vector_files(program, tmp_path, case):
    name, make = VECTOR_FILES[case]
    make(tmp_path / name)
    before = set(tmp_path.rglob("*"))
    assert_refused(program("run", "--dataset", name, *MEASURE), tmp_path, before, name)


@pytest.mark.parametrize(("name", "make"), [("a.npz", huge_columns), ("a.hdf5", huge_hdf5)])
def test_neighbours_of_10_to_the_12_rows_are_dropped(program, tmp_path, name, make):
    make(tmp_path / name)
    ran = program("run", "--dataset", name, *MEASURE)
    assert ran.code == 0, ran.err
    assert "the stored neighbours are dropped: " in ran.err, ran.err


@pytest.mark.parametrize("data", [unclosed(np.zeros((5, 8), int)), claiming(np.zeros((5, 8), int), HUGE)])
def test_ground_truth(program, tmp_path, data):
    np.save(tmp_path / "a.npy", ROWS)
    (tmp_path / "gt.npy").write_bytes(data)
    before = set(tmp_path.rglob("*"))
    ran = program("run", "--dataset", "a.npy", *MEASURE, "--ground-truth-path", "gt.npy", "--metric", "l2")
    assert ran.err.splitlines()[-1].startswith("vq-benchmark: 'gt.npy'") or "gt.npy" in ran.err.splitlines()[-1]
    assert ran.code == 2 and "Traceback" not in ran.err
    assert set(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("folder", ["codebooks", "checkpoints"])
def test_a_damaged_model_or_checkpoint_costs_its_work_and_no_more(program, tmp_path, folder):
    np.save(tmp_path / "a.npy", ROWS)
    assert program("run", "--dataset", "a.npy", *MEASURE, "--checkpoint-every", 1).code == 0
    if folder == "codebooks":
        (path,) = (tmp_path / folder).glob("*.npz")
    else:
        (run_id,) = sqlite3.connect(tmp_path / "x.db").execute("SELECT run_id FROM runs").fetchone()
        path = tmp_path / folder / f"{run_id}.npz"
        path.parent.mkdir(exist_ok=True)
    npz(path, zipfile.ZIP_DEFLATED, header=unclosed(np.zeros((3, 3))))
    ran = program("run", "--dataset", "a.npy", *MEASURE, "--force")
    assert ran.code == 0 and "Traceback" not in ran.err
    assert "Fitting it again" in ran.err if folder == "codebooks" else "damaged" in ran.err


def test_a_results_database_that_is_not_utf_8(program, tmp_path):
    np.save(tmp_path / "a.npy", ROWS)
    assert program("run", "--dataset", "a.npy", *MEASURE).code == 0
    with sqlite3.connect(tmp_path / "x.db") as connection:
        connection.execute("UPDATE runs SET dataset = CAST(x'ff' AS TEXT)")
    (tmp_path / "schema.db").write_bytes((tmp_path / "x.db").read_bytes().replace(b"TABLE runs", b"TABLE \xffuns"))
    before = set(tmp_path.rglob("*"))
    for name in ("x.db", "schema.db"):
        assert_refused(program("plot", "--db-path", name), tmp_path, before, name)
        ran = program("merge", "out.db", name)
        assert ran.code == 1 and name in ran.err and "Traceback" not in ran.err
        (tmp_path / "out.db").unlink(missing_ok=True)


@pytest.mark.parametrize(
    "text",
    [
        f"dataset: sample\nmethods: sq\nbits: {'9' * 5000}\n",
        f"dataset: {DEEP}\n",
        "a: &a [*a]\n",
        "a: !!bool maybe\n",
    ],
    ids=["digits", "depth", "loop", "tag"],
)
def test_studies(program, tmp_path, text):
    (tmp_path / "study.yaml").write_text(text)
    before = set(tmp_path.rglob("*"))
    assert_refused(program("sweep", "--config", "study.yaml", "--db-path", "x.db"), tmp_path, before, "study.yaml")


@pytest.mark.parametrize("text", [DEEP, '{"metric": ' + "9" * 5000 + "}", "[]", "\xff"])
@pytest.mark.parametrize("name", ["dataset.json", "manifest.json"])
def test_documents(program, tmp_path, name, text):
    folder = tmp_path / "folder"
    folder.mkdir()
    np.save(folder / "base.npy", ROWS)
    (folder / name).write_bytes(text.encode("latin-1"))
    before = set(tmp_path.rglob("*"))
    command = ("run", "--dataset", "folder", *MEASURE) if name == "dataset.json" else ("slurm", "status", "folder")
    assert_refused(program(*command), tmp_path, before, name)


def test_a_name_that_begins_like_a_home(program, tmp_path):
    np.save(tmp_path / "~root.npy", ROWS)
    assert program("run", "--dataset=./~root.npy", *MEASURE).code == 0
    assert program("sweep", "--dataset=./~root.npy", *MEASURE).code == 0


def wide_parquet(path: Path) -> None:
    """One row of 10^7 equal values, which take a few hundred bytes."""
    d = 10_000_000
    lists = pa.FixedSizeListArray.from_arrays(pa.array(np.zeros(d, np.float32)), d)
    pq.write_table(pa.table({"emb": lists}), path)


def bomb_npz(path: Path) -> None:
    np.savez_compressed(path, base=np.zeros((500_000, 64), np.float32))


def wide_chunks(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("train", shape=(1_000_000, 16), dtype="f4", chunks=(1_000_000, 16), compression="gzip")
        file["train"][:1] = 1


@pytest.mark.parametrize(
    ("name", "make"), [("a.parquet", wide_parquet), ("a.npz", bomb_npz), ("a.hdf5", wide_chunks)]
)
def test_what_does_not_fit_into_memory_is_refused_before_it_is_read(program, tmp_path, name, make):
    make(tmp_path / name)
    before = set(tmp_path.rglob("*"))
    ran = program("run", "--dataset", name, *MEASURE, "--memory-limit", "400M")
    assert_refused(ran, tmp_path, before, name, "of 400.0 MiB are left (--memory-limit)")


def external_link(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["train"] = h5py.ExternalLink("other.hdf5", "/train")


def link_of_a_link(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["inner"] = h5py.ExternalLink("other.hdf5", "/")
        file["train"] = h5py.SoftLink("/inner/train")


def external_storage(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("train", shape=ROWS.shape, dtype="f4", external=[("other.hdf5", 0, ROWS.nbytes)])


def virtual_source(path: Path) -> None:
    layout = h5py.VirtualLayout(ROWS.shape, "f4")
    layout[:] = h5py.VirtualSource("other.hdf5", "train", ROWS.shape)
    with h5py.File(path, "w") as file:
        file.create_virtual_dataset("train", layout)


@pytest.mark.parametrize("make", [external_link, link_of_a_link, external_storage, virtual_source])
def test_hdf5_that_leads_to_another_file_is_refused(program, tmp_path, make):
    with h5py.File(tmp_path / "other.hdf5", "w") as file:
        file["train"] = ROWS
    make(tmp_path / "a.hdf5")
    before = set(tmp_path.rglob("*"))
    assert_refused(program("run", "--dataset", "a.hdf5", *MEASURE), tmp_path, before, "a.hdf5", "other.hdf5")


def test_hdf5_whose_links_stay_inside_is_read(program, tmp_path):
    with h5py.File(tmp_path / "a.hdf5", "w") as file:
        file["group/rows"] = ROWS
        file["again"] = h5py.SoftLink("group")
        layout = h5py.VirtualLayout(ROWS.shape, "f4")
        layout[:] = h5py.VirtualSource(".", "/again/rows", ROWS.shape)
        file.create_virtual_dataset("train", layout)
    assert program("run", "--dataset", "a.hdf5", *MEASURE).code == 0
