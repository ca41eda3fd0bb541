"""One file at a URL that holds the whole data set."""

from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import ClassVar
from urllib.parse import urlsplit

from vq_benchmark.datasets.formats.opening import open_dataset
from vq_benchmark.datasets.hosted.downloads import Wanted, fetched
from vq_benchmark.datasets.hosted.hosted_dataset import HostedDataset
from vq_benchmark.datasets.load_options import LoadOptions
from vq_benchmark.datasets.raw_dataset import RawDataset


@dataclass(frozen=True)
class UrlFile:
    """A file at a URL, such as an HDF5 file of ann-benchmarks."""

    url: str
    sha256: str | None = None
    has_revisions: ClassVar[bool] = False

    def open(self, hosted: HostedDataset, options: LoadOptions) -> RawDataset:
        path = self._path(hosted, options.cache)
        record = fetched(Wanted(self.url, path, self.sha256, homepage=hosted.homepage), options.report)
        return replace(open_dataset(path, column=options.column), revision=f"sha256:{record.sha256}")

    def paths(self, hosted: HostedDataset, cache: Path) -> list[tuple[str, Path]]:
        return [(self.url, self._path(hosted, cache))]

    def are_kept(self, hosted: HostedDataset, cache: Path) -> bool:
        return all(place.is_file() for _, place in self.paths(hosted, cache))

    def _path(self, hosted: HostedDataset, cache: Path) -> Path:
        return cache / "datasets" / hosted.name / PurePosixPath(urlsplit(self.url).path).name
