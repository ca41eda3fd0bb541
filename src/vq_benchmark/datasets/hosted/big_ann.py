"""The billion-scale sets of big-ann-benchmarks, whole or cut off after their first rows.

A cut is a range of the hosted file's bytes, with the number of rows in its header made right, as the benchmark's own
tools make it.
"""

import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from vq_benchmark.arrays import IdArray
from vq_benchmark.datasets.formats import fbin
from vq_benchmark.datasets.hosted.cache_paths import big_ann_base, big_ann_neighbors, big_ann_queries
from vq_benchmark.datasets.hosted.downloads import Wanted, fetched
from vq_benchmark.datasets.hosted.registry import BigAnnFiles, HostedDataset
from vq_benchmark.datasets.load_options import LoadOptions
from vq_benchmark.datasets.raw_dataset import RawDataset
from vq_benchmark.datasets.sources.vector_source import PrefixSource
from vq_benchmark.errors import InputError

HEADER = struct.Struct("<II")


def open_big_ann(hosted: HostedDataset, files: BigAnnFiles, options: LoadOptions) -> RawDataset:
    """The base, or its first rows, with the queries, and with neighbours where they are known for so many rows.

    Raises:
        InputError: a file cannot be had, or is not what it should be.
    """
    rows = min(hosted.n, options.limit or hosted.n)
    base_path, revision = _fetched_base(hosted, files, rows, options)
    queries = big_ann_queries(hosted, files, options.cache)
    fetched(Wanted(files.queries, queries, homepage=hosted.homepage), options.report)
    base = fbin.open_vectors(base_path, None)
    return RawDataset(
        base=base if base.n <= rows else PrefixSource(base, rows),
        queries=fbin.open_vectors(queries, None),
        neighbors=_neighbors(hosted, files, rows, options),
        metric=hosted.metric,
        revision=revision,
        whole_n=hosted.n,
    )


def _fetched_base(hosted: HostedDataset, files: BigAnnFiles, rows: int, options: LoadOptions) -> tuple[Path, str]:
    """The base, or the cut of it; a cut is not fetched if the whole is there."""
    whole = Wanted(
        files.base, big_ann_base(hosted, files, files.hosted_rows, options.cache), homepage=hosted.homepage
    )
    cut = replace(
        whole,
        path=big_ann_base(hosted, files, rows, options.cache),
        first_bytes=HEADER.size + rows * hosted.d * np.dtype(hosted.dtype).itemsize,
        finish=_header_of(rows, hosted.d),
    )
    wanted = whole if rows == files.hosted_rows or whole.path.is_file() else cut
    return wanted.path, f"sha256:{fetched(wanted, options.report).sha256}"


def _header_of(rows: int, d: int) -> Callable[[Path], None]:
    """A function that writes the number of rows into the header of a cut file, after checking the rest of it."""

    def write(path: Path) -> None:
        with path.open("r+b") as file:
            hosted_rows, hosted_d = HEADER.unpack(file.read(HEADER.size))
            if hosted_d != d or hosted_rows < rows:
                raise InputError(
                    f"{str(path)!r} is no part of the file it should be: its header says {hosted_rows} x {hosted_d}, "
                    f"but {rows} rows of dimension {d} are needed."
                )
            file.seek(0)
            file.write(HEADER.pack(rows, d))

    return write


def _neighbors(hosted: HostedDataset, files: BigAnnFiles, rows: int, options: LoadOptions) -> IdArray | None:
    url = dict(files.neighbors).get(rows)
    if url is None:
        return None
    path = big_ann_neighbors(hosted, rows, options.cache)
    fetched(Wanted(url, path, homepage=hosted.homepage), options.report)
    return fbin.read_ids(path)
