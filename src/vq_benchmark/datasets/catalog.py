"""The data sets that can be loaded by name: one row each."""

from collections.abc import Callable
from dataclasses import dataclass

from vq_benchmark.datasets.distance_names import Distance
from vq_benchmark.datasets.hosted.hosted_dataset import HostedDataset
from vq_benchmark.datasets.hosted.registry import MANIFEST
from vq_benchmark.datasets.load_options import LoadOptions
from vq_benchmark.datasets.msmarco import NAME as MSMARCO
from vq_benchmark.datasets.msmarco import open_msmarco
from vq_benchmark.datasets.raw_dataset import RawDataset
from vq_benchmark.datasets.sample import open_sample
from vq_benchmark.datasets.sources.synthetic import DEFAULT_DIM, DEFAULT_NUM_VECTORS, open_synthetic
from vq_benchmark.errors import InputError
from vq_benchmark.machine.suggestions import did_you_mean


@dataclass(frozen=True)
class CatalogEntry:
    """A data set with a name, and the facts needed to choose it."""

    name: str
    description: str
    n: int
    d: int
    distance: Distance
    licence: str
    size_bytes: int
    """On disk, after the download; 0 if nothing is stored."""
    how_to: str
    """How to get it or use it, as a phrase."""
    open: Callable[[LoadOptions], RawDataset]
    any_size: bool = False
    """Whether `num_samples` and `dim` can be chosen."""
    downloads: bool = False
    """Whether it is downloaded when it is first used."""
    offline: bool = False
    """Whether it is ready without a network, on any machine."""


def _open_synthetic(options: LoadOptions) -> RawDataset:
    n = DEFAULT_NUM_VECTORS if options.num_samples is None else options.num_samples
    d = DEFAULT_DIM if options.dim is None else options.dim
    return open_synthetic(n, d, options.num_queries)


def _hosted_entry(hosted: HostedDataset) -> CatalogEntry:
    return CatalogEntry(
        name=hosted.name,
        description=hosted.description,
        n=hosted.n,
        d=hosted.d,
        distance=hosted.distance,
        licence=hosted.licence,
        size_bytes=hosted.download_bytes,
        how_to=f"downloaded on first use; see {hosted.homepage}",
        open=hosted.open,
        downloads=True,
    )


CATALOG: dict[str, CatalogEntry] = {
    entry.name: entry
    for entry in (
        *map(_hosted_entry, MANIFEST.values()),
        CatalogEntry(
            name=MSMARCO,
            description="MS MARCO passages with judged queries, embedded by you (d and size: all-MiniLM-L6-v2)",
            n=8_841_823,
            d=384,
            distance="cosine",
            licence="non-commercial research",
            size_bytes=6_790_520_064,
            how_to="unpack collectionandqueries.tar.gz, then run `vq-benchmark embed` (see DATASETS.md)",
            open=lambda options: open_msmarco(options.cache / MSMARCO),
        ),
        CatalogEntry(
            name="sample",
            description="PyPI package summaries embedded with all-MiniLM-L6-v2, with judged titles as queries",
            n=10_000,
            d=384,
            distance="cosine",
            licence="see the data card (embeddings of public package metadata)",
            size_bytes=8_844_000,
            how_to="included in the package",
            open=lambda options: open_sample(),
            offline=True,
        ),
        CatalogEntry(
            name="synthetic",
            description="clustered vectors with a power-law spectrum, generated as they are read",
            n=DEFAULT_NUM_VECTORS,
            d=DEFAULT_DIM,
            distance="l2",
            licence="none",
            size_bytes=0,
            how_to="choose any size with --num-samples and --dim",
            open=_open_synthetic,
            any_size=True,
            offline=True,
        ),
    )
}


def list_datasets() -> tuple[CatalogEntry, ...]:
    """Every catalog entry, in alphabetical order of names."""
    return tuple(CATALOG[name] for name in sorted(CATALOG))


def unknown_dataset(name: str) -> InputError:
    """The error for a name that is neither in the catalog nor the path of a file."""
    here = ", ".join(sorted(entry.name for entry in CATALOG.values() if not entry.downloads))
    hint = did_you_mean(name, CATALOG, most=3)
    return InputError(
        f"there is no data set or file {name!r}; {hint}give {here}, another name listed by `vq-benchmark datasets`, "
        "hf:OWNER/NAME for a repository on Hugging Face, or the path of a vector file or directory."
    )
