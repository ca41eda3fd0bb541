"""The billion-scale sets of big-ann-benchmarks, whole or cut off after their first rows.

A cut is a range of the hosted file's bytes, with the number of rows in its header corrected, as the benchmark's own
tools make it.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import ClassVar
from urllib.parse import urlsplit

import numpy as np

from vq_benchmark.arrays import IdArray
from vq_benchmark.datasets.formats import fbin
from vq_benchmark.datasets.hosted.downloads import Wanted, fetched
from vq_benchmark.datasets.hosted.hosted_dataset import HostedDataset
from vq_benchmark.datasets.load_options import LoadOptions
from vq_benchmark.datasets.raw_dataset import RawDataset
from vq_benchmark.datasets.sources.wrappers import PrefixSource
from vq_benchmark.errors import InputError

HEADER = struct.Struct("<II")


@dataclass(frozen=True)
class BigAnnFiles:
    """Files of big-ann-benchmarks; the first rows of the base can be downloaded alone."""

    base: str
    queries: str
    neighbors: tuple[tuple[int, str], ...]
    """(rows, url): the exact neighbours among that many first rows."""
    hosted_rows: int
    """Rows in the hosted file; the data set may be the first of them."""
    has_revisions: ClassVar[bool] = False

    def open(self, hosted: HostedDataset, options: LoadOptions) -> RawDataset:
        """The base, or its first rows, with the queries, and with neighbours if they are published for these rows."""
        rows = min(hosted.n, options.limit or hosted.n)
        base_path, revision = self._fetched_base(hosted, rows, options)
        queries = self._queries_path(hosted, options.cache)
        fetched(Wanted(self.queries, queries, homepage=hosted.homepage), options.report)
        base = fbin.open_vectors(base_path, None)
        return RawDataset(
            base=base if base.n <= rows else PrefixSource(base, rows),
            queries=fbin.open_vectors(queries, None),
            neighbors=self._fetched_neighbors(hosted, rows, options),
            distance=hosted.distance,
            revision=revision,
            whole_n=hosted.n,
        )

    def paths(self, hosted: HostedDataset, cache: Path) -> list[tuple[str, Path]]:
        is_whole = hosted.n == self.hosted_rows
        cut = "" if is_whole else f" (its first {hosted.n:,} rows, with that number in its header)"
        found = [
            (self.base + cut, self._base_path(hosted, hosted.n, cache)),
            (self.queries, self._queries_path(hosted, cache)),
        ]
        neighbors = dict(self.neighbors).get(hosted.n)
        return found if neighbors is None else [*found, (neighbors, _neighbors_path(hosted, hosted.n, cache))]

    def are_kept(self, hosted: HostedDataset, cache: Path) -> bool:
        """A set that is the first rows of another is kept too if that one is."""
        (_, base), *others = self.paths(hosted, cache)
        bases = base, self._base_path(hosted, self.hosted_rows, cache)
        return any(path.is_file() for path in bases) and all(place.is_file() for _, place in others)

    def _base_path(self, hosted: HostedDataset, rows: int, cache: Path) -> Path:
        """Where the first rows of the base are, or all of it."""
        cut = "" if rows == self.hosted_rows else f".first-{rows}"
        return _folder(hosted, cache) / f"base{cut}{_extension(self.base)}"

    def _queries_path(self, hosted: HostedDataset, cache: Path) -> Path:
        return _folder(hosted, cache) / f"queries{_extension(self.queries)}"

    def _fetched_base(self, hosted: HostedDataset, rows: int, options: LoadOptions) -> tuple[Path, str]:
        """The base, or the cut of it, and its revision; a cut is not downloaded if the whole file exists."""
        whole_path = self._base_path(hosted, self.hosted_rows, options.cache)
        whole = Wanted(self.base, whole_path, homepage=hosted.homepage)
        cut = replace(
            whole,
            path=self._base_path(hosted, rows, options.cache),
            first_bytes=HEADER.size + rows * hosted.d * np.dtype(hosted.dtype).itemsize,
            finish=_header_of(rows, hosted.d),
        )
        wanted = whole if rows == self.hosted_rows or whole_path.is_file() else cut
        return wanted.path, f"sha256:{fetched(wanted, options.report).sha256}"

    def _fetched_neighbors(self, hosted: HostedDataset, rows: int, options: LoadOptions) -> IdArray | None:
        url = dict(self.neighbors).get(rows)
        if url is None:
            return None
        path = _neighbors_path(hosted, rows, options.cache)
        fetched(Wanted(url, path, homepage=hosted.homepage), options.report)
        return fbin.read_ids(path)


def _folder(hosted: HostedDataset, cache: Path) -> Path:
    """One folder for a set and its cuts."""
    return cache / "datasets" / hosted.name.partition("-")[0]


def _neighbors_path(hosted: HostedDataset, rows: int, cache: Path) -> Path:
    return _folder(hosted, cache) / f"neighbors.first-{rows}.ibin"


def _extension(url: str) -> str:
    return PurePosixPath(urlsplit(url).path).suffix


def _header_of(rows: int, d: int) -> Callable[[Path], None]:
    """A function that checks the header of a cut file and writes the number of rows into it."""

    def write(path: Path) -> None:
        with path.open("r+b") as file:
            hosted_rows, hosted_d = HEADER.unpack(file.read(HEADER.size))
            if hosted_d != d or hosted_rows < rows:
                raise InputError(
                    f"{str(path)!r} is not the expected file: its header says {hosted_rows} x {hosted_d}, but {rows} "
                    f"rows of dimension {d} are needed."
                )
            file.seek(0)
            file.write(HEADER.pack(rows, d))

    return write
