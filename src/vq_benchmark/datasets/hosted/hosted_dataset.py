"""A data set that is downloaded when it is first used, and what each kind of hosted files must do."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Protocol

import numpy as np

from vq_benchmark.datasets.distance_names import Distance
from vq_benchmark.datasets.load_options import LoadOptions
from vq_benchmark.datasets.raw_dataset import RawDataset
from vq_benchmark.errors import InputError


class HostedFiles(Protocol):
    """Where the files of a data set are and how they become its parts: one class for each kind of hosting."""

    has_revisions: ClassVar[bool]
    """Whether `LoadOptions.revision` can choose a version."""

    def open(self, hosted: "HostedDataset", options: LoadOptions) -> RawDataset:
        """The parts of the data set; missing files are downloaded into `options.cache`.

        Raises:
            InputError: a file cannot be downloaded, or has other content than expected.
        """
        ...

    def paths(self, hosted: "HostedDataset", cache: Path) -> list[tuple[str, Path]]:
        """(what to download, where to put it) for each file, or pattern of files, in the folder `cache`."""
        ...

    def are_kept(self, hosted: "HostedDataset", cache: Path) -> bool:
        """Whether all files are in the folder `cache`, so that nothing has to be downloaded."""
        ...


@dataclass(frozen=True)
class HostedDataset:
    """A data set that is downloaded when it is first used."""

    name: str
    description: str
    n: int
    d: int
    dtype: str
    """As stored."""
    num_queries: int
    """0: none are hosted, so they are held out of the base."""
    distance: Distance
    licence: str
    citation: str
    homepage: str
    files: HostedFiles
    published_bytes: int | None = None
    """Size of the download, if the host states it."""

    @property
    def vector_bytes(self) -> int:
        """The size of the base vectors as stored."""
        return self.n * self.d * np.dtype(self.dtype).itemsize

    @property
    def download_bytes(self) -> int:
        """Size of the download: as published, or at least that of the base vectors as stored."""
        return self.published_bytes or self.vector_bytes

    def open(self, options: LoadOptions) -> RawDataset:
        """The parts of the data set; missing files are downloaded into `options.cache`.

        Raises:
            InputError: a file cannot be downloaded; the sentence says how to get it without this program.
        """
        if options.revision is not None and not self.files.has_revisions:
            raise InputError(
                f"{self.name!r} has only one version, so @{options.revision} does not apply; only data sets on "
                "Hugging Face have revisions."
            )
        stored = self.files.open(self, options)
        n = stored.whole_n or stored.base.n
        if n == self.n:
            return stored
        return replace(stored, notes=(*stored.notes, f"the catalog lists {self.n} rows, but the files hold {n}."))
