"""Export a model and the codes of a base: a faiss index in one file, or codes and model in a folder."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import faiss
import numpy as np
from numpy.lib import format as numpy_format

from vq_benchmark.datasets.distance_names import Distance
from vq_benchmark.datasets.formats.format import write_values
from vq_benchmark.datasets.formats.opening import open_vectors
from vq_benchmark.datasets.sources.vector_source import VectorSource
from vq_benchmark.errors import InputError
from vq_benchmark.evaluation.content import ContentDigest
from vq_benchmark.evaluation.search_index import filled_index
from vq_benchmark.evaluation.tiling import DEFAULT_BATCH_SIZE, OnBlock, Pass, content_digest, tiles
from vq_benchmark.machine.atomic_files import atomic_folder, atomic_write
from vq_benchmark.quantizers.base import Quantizer
from vq_benchmark.quantizers.registry import quantizer_class
from vq_benchmark.results.database import Run
from vq_benchmark.results.models import load_model, model_hash, save_model
from vq_benchmark.studies.fitting import model_path

INDEX_SUFFIX = ".faiss"
CODES_FILE, MODEL_FILE = "codes.npy", "model.npz"
LEFT_OUT_FILE = "left_out.npy"
"""Row numbers (m,) int64 of rows that cannot be measured, if there are any; their codes are zero bytes."""
EXPORTED = {CODES_FILE, MODEL_FILE}


def check_output(output: Path, method: str) -> None:
    """Refuse an unusable output before any work is done.

    Raises:
        InputError: a .faiss file of a method without a search index, a folder that holds something else than an
            export, a file in place of a folder or the reverse, or a place that does not take files.
    """
    with _writing(output):
        if output.suffix == INDEX_SUFFIX:
            if not quantizer_class(method).has_search_index():
                raise InputError(
                    f"faiss has no index for the codes of {method}, so it cannot be exported to {str(output)!r}; "
                    f"give a folder as --output to get {CODES_FILE} and {MODEL_FILE}."
                )
            if output.is_dir():
                raise InputError(f"{str(output)!r} is a folder; --output must be a file for the index.")
        elif output.exists() and not output.is_dir():
            raise InputError(
                f"{str(output)!r} is a file; --output must be a new folder, or end in {INDEX_SUFFIX} for an index."
            )
        elif output.is_dir() and {path.name for path in output.iterdir()} - {LEFT_OUT_FILE} not in (set(), EXPORTED):
            raise InputError(f"the folder {str(output)!r} is not empty; choose another --output.")
        place = next(folder for folder in output.absolute().parents if folder.exists())
        if not (place.is_dir() and os.access(place, os.W_OK)):
            raise InputError(f"{str(output)!r} cannot be written: {str(place)!r} is not a writable folder.")


def is_exported(
    quantizer: Quantizer,
    base: VectorSource,
    fingerprint: str,
    distance: Distance,
    output: Path,
    batch_size: int = DEFAULT_BATCH_SIZE,
) -> bool:
    """Whether `output` is a folder that already holds this export, which takes a pass over the base.

    Raises:
        InputError: it holds a different one; the message says what differs.
    """
    with _writing(output):
        if output.suffix == INDEX_SUFFIX or not output.is_dir() or not any(output.iterdir()):
            return False
    earlier, metadata = load_model(output / MODEL_FILE)
    codes = open_vectors(output / CODES_FILE)
    found = {
        "model": f"{earlier.name} {metadata['content_hash'][:12]}",
        "data": metadata.get("dataset_fingerprint", "unknown"),
        "metric": metadata.get("metric"),
        "size": f"{codes.n} x {codes.d} bytes",
    }
    wanted = {
        "model": f"{quantizer.name} {model_hash(quantizer)[:12]}",
        "data": fingerprint,
        "metric": distance,
        "size": f"{base.n} x {quantizer.code_bytes} bytes",
    }
    if found == wanted:
        name = "content of the data"
        found[name] = metadata.get("content", "unknown")
        wanted[name] = content_digest(base, distance, Pass(batch_size=batch_size)).hex
    different = [
        f"its {name} is {found[name]}, expected {wanted[name]}" for name in wanted if found[name] != wanted[name]
    ]
    if different:
        raise InputError(
            f"the folder {str(output)!r} holds a different export: {', '.join(different)}; choose another --output."
        )
    return True


def export(
    quantizer: Quantizer,
    base: VectorSource,
    distance: Distance,
    output: Path,
    *,
    fingerprint: str = "unknown",
    batch_size: int = DEFAULT_BATCH_SIZE,
    on_block: OnBlock | None = None,
) -> int:
    """Write a faiss index if `output` ends in .faiss, else a folder with `codes.npy` and `model.npz`; all or nothing.

    A folder that already holds this export is left unchanged. Returns the number of rows that are left out because
    they cannot be measured: they are not in an index, and in a folder `left_out.npy` lists them.

    Args:
        base: its memory use is one block of vectors, plus all codes for a faiss index.
        fingerprint: of the data set; a later call compares it.

    Raises:
        InputError: see `check_output`; or a row is bad, or the disk is full.
    """
    check_output(output, quantizer.name)
    if is_exported(quantizer, base, fingerprint, distance, output, batch_size):
        return 0
    with _writing(output):
        if output.suffix == INDEX_SUFFIX:
            index = filled_index(quantizer, base, distance, batch_size=batch_size, on_block=on_block)
            if index is None:
                raise InputError(f"faiss has no index for {quantizer.name} with {quantizer.config}.")
            with atomic_write(output) as file:
                faiss.write_index(index, faiss.PyCallbackIOWriter(file.write))
            return int(base.n - index.ntotal)
        with atomic_folder(output) as folder:
            content, left_out = ContentDigest(), [np.empty(0, dtype=np.int64)]
            with atomic_write(folder / CODES_FILE) as file:
                shape = (base.n, quantizer.code_bytes)
                header = {"descr": "|u1", "fortran_order": False, "shape": shape}
                numpy_format.write_array_header_1_0(file, header)
                for tile in tiles(base, distance, Pass[None](batch_size=batch_size, on_block=on_block)):
                    codes = np.zeros((tile.stop - tile.first, quantizer.code_bytes), dtype=np.uint8)
                    if len(tile.vectors):
                        codes[tile.ids - tile.first] = quantizer.encode(tile.vectors)
                    write_values(file, codes)
                    left_out.append(np.setdiff1d(np.arange(tile.first, tile.stop), tile.ids, assume_unique=True))
                    tile.note(content)
            if content.left_out.count:
                with atomic_write(folder / LEFT_OUT_FILE) as file:
                    np.save(file, np.concatenate(left_out), allow_pickle=False)
            metadata = {"metric": distance, "dataset_fingerprint": fingerprint, "content": content.hex}
            save_model(quantizer, folder / MODEL_FILE, metadata=metadata)
            return content.left_out.count


def stored_model(run: Run, codebooks_dir: Path) -> Quantizer:
    """The fitted quantizer that a row was measured with.

    Raises:
        InputError: the row has no model, or its file is missing or holds a different model.
    """
    if "model_id" not in run.environment:
        raise InputError(f"run {run.run_id} ({run.status}) has no fitted model.")
    path = model_path(codebooks_dir, run.method, run.environment["model_id"])
    if not path.is_file():
        raise InputError(
            f"the model of run {run.run_id} is not at {str(path)!r}; give its folder with --codebooks-dir, or fit it "
            "again with --method."
        )
    quantizer, metadata = load_model(path)
    if metadata["content_hash"] != run.environment["model_hash"]:
        raise InputError(f"{str(path)!r} was refitted since run {run.run_id}, so it is a different model.")
    return quantizer


@contextmanager
def _writing(output: Path) -> Iterator[None]:
    """Turn an error of the file system into one sentence."""
    try:
        yield
    except OSError as error:
        raise InputError(f"{str(output)!r} cannot be written: {error.strerror or error}.") from error
