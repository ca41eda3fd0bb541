"""One file of a repository on Hugging Face that holds the whole data set."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from vq_benchmark.datasets.formats.opening import open_dataset
from vq_benchmark.datasets.hosted.hosted_dataset import HostedDataset
from vq_benchmark.datasets.hosted.huggingface import Hub, address_and_place
from vq_benchmark.datasets.load_options import LoadOptions
from vq_benchmark.datasets.raw_dataset import RawDataset


@dataclass(frozen=True)
class HubFile:
    """A file in a data set repository on Hugging Face, such as an HDF5 file of VIBE."""

    repository: str
    path: str
    revision: str | None = None
    has_revisions: ClassVar[bool] = True

    def open(self, hosted: HostedDataset, options: LoadOptions) -> RawDataset:
        hub = Hub(self.repository, options.cache, options.report, options.revision or self.revision)
        listing = hub.listing()
        (entry, *_) = hub.files(listing, self.path)
        return replace(open_dataset(hub.file(listing, entry), column=options.column), revision=listing.origin)

    def paths(self, hosted: HostedDataset, cache: Path) -> list[tuple[str, Path]]:
        return [address_and_place(self.repository, self.path, cache)]

    def are_kept(self, hosted: HostedDataset, cache: Path) -> bool:
        return all(place.is_file() for _, place in self.paths(hosted, cache))
