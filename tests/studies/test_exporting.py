"""Exports: whole or absent, what they hold, and what is refused."""

from pathlib import Path

import faiss
import numpy as np
import pytest

from vq_benchmark.datasets.sources.vector_source import ArraySource
from vq_benchmark.errors import InputError
from vq_benchmark.evaluation.tiling import TILE_ROWS
from vq_benchmark.quantizers.registry import get_quantizer
from vq_benchmark.results.models import load_model
from vq_benchmark.studies.exporting import check_output, export

N, D = 2 * TILE_ROWS + 500, 8


@pytest.fixture
def base() -> ArraySource:
    return ArraySource(np.random.default_rng(0).standard_normal((N, D)).astype(np.float32))


class FailingSource(ArraySource):
    """Breaks off after the first tile."""

    def read(self, start, stop):
        if start > 0:
            raise OSError(5, "the disk is gone")
        return super().read(start, stop)


@pytest.mark.parametrize("name", ["eden", "pq"])
def test_a_folder_holds_codes_and_model(base, name, tmp_path):
    quantizer = get_quantizer(name).fit(base.read(0, 2000)) if name == "eden" else get_quantizer("pq", m=4)
    quantizer.fit(base.read(0, 2000))
    export(quantizer, base, "l2", tmp_path / "new" / "v1.2")
    codes = np.load(tmp_path / "new" / "v1.2" / "codes.npy")
    model, metadata = load_model(tmp_path / "new" / "v1.2" / "model.npz")
    assert codes.dtype == np.uint8
    np.testing.assert_array_equal(codes, quantizer.encode(base.read(0, N)))
    np.testing.assert_array_equal(model.decode(codes), quantizer.decode(codes))
    assert metadata["metric"] == "l2"
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["v1.2"]


@pytest.mark.parametrize("output", ["index.faiss", "folder"])
def test_nothing_is_left_of_an_export_that_fails(base, output, tmp_path):
    quantizer = get_quantizer("sq").fit(base.read(0, 2000))
    with pytest.raises(InputError, match="the disk is gone"):
        export(quantizer, FailingSource(base.read(0, N)), "l2", tmp_path / output, batch_size=1)
    assert list(tmp_path.iterdir()) == []


def test_an_index_that_cannot_be_replaced_stays(base, tmp_path):
    quantizer = get_quantizer("sq").fit(base.read(0, 2000))
    path = tmp_path / "i.faiss"
    export(quantizer, base, "l2", path)
    before = path.read_bytes()
    with pytest.raises(InputError):
        export(quantizer, FailingSource(base.read(0, N)), "l2", path, batch_size=1)
    assert path.read_bytes() == before
    assert faiss.read_index(str(path)).ntotal == N


@pytest.mark.parametrize(
    ("output", "method", "words"),
    [
        ("i.faiss", "eden", "faiss has no index for the codes of eden"),
        ("folder.faiss", "sq", "is a folder"),
        ("full", "sq", "not empty"),
        ("file", "sq", "is a file"),
        ("file/i.faiss", "sq", "is not a writable folder"),
        ("file/deep/folder", "sq", "is not a writable folder"),
        ("x" * 300, "sq", "File name too long"),
        (".", "sq", "not empty"),
    ],
)
def test_hostile_outputs_are_refused_before_any_work(tmp_path, monkeypatch, output, method, words):
    monkeypatch.chdir(tmp_path)
    for folder in ("folder.faiss", "full/inner"):
        Path(folder).mkdir(parents=True)
    Path("file").write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(InputError, match=words):
        check_output(Path(output), method)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_full_disk_is_one_sentence(base):
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    index = get_quantizer("sq").fit(base.read(0, 2000)).search_index("l2")
    with Path("/dev/full").open("wb", buffering=0) as full, pytest.raises(OSError, match="No space"):
        faiss.write_index(index, faiss.PyCallbackIOWriter(full.write))
