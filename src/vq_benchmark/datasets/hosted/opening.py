"""From an entry of the manifest to its parts: each kind of files has its own way."""

from dataclasses import replace

from vq_benchmark.datasets.formats.opening import open_dataset
from vq_benchmark.datasets.hosted.big_ann import open_big_ann
from vq_benchmark.datasets.hosted.cache_paths import url_place
from vq_benchmark.datasets.hosted.cohere import open_judged_shards
from vq_benchmark.datasets.hosted.downloads import Wanted, fetched
from vq_benchmark.datasets.hosted.hub_shards import open_hub_shards
from vq_benchmark.datasets.hosted.huggingface import Hub
from vq_benchmark.datasets.hosted.registry import (
    BigAnnFiles,
    HostedDataset,
    HubFile,
    HubShards,
    JudgedHubShards,
    UrlFile,
)
from vq_benchmark.datasets.load_options import LoadOptions
from vq_benchmark.datasets.raw_dataset import RawDataset
from vq_benchmark.errors import InputError


def open_hosted(hosted: HostedDataset, options: LoadOptions) -> RawDataset:
    """The parts of a hosted data set; what is missing of them is downloaded into the cache.

    Raises:
        InputError: it cannot be had; the sentence says how to get it by hand.
    """
    files = hosted.files
    if options.revision is not None and isinstance(files, UrlFile | BigAnnFiles):
        raise InputError(f"{hosted.name!r} has no revisions to choose from; only repositories have.")
    stored = _opened(hosted, options)
    n = stored.whole_n or stored.base.n
    if n == hosted.n:
        return stored
    return replace(stored, notes=(*stored.notes, f"the manifest says {hosted.n} rows, the files hold {n}."))


def _opened(hosted: HostedDataset, options: LoadOptions) -> RawDataset:
    files = hosted.files
    match files:
        case UrlFile():
            return _open_url_file(hosted, files, options)
        case HubFile():
            return _open_hub_file(files, options)
        case HubShards():
            return _open_shards(hosted, files, options)
        case JudgedHubShards():
            return open_judged_shards(hosted, files, options)
        case BigAnnFiles():
            return open_big_ann(hosted, files, options)


def _open_url_file(hosted: HostedDataset, files: UrlFile, options: LoadOptions) -> RawDataset:
    path = url_place(hosted, files, options.cache)
    record = fetched(Wanted(files.url, path, files.sha256, homepage=hosted.homepage), options.report)
    return replace(open_dataset(path, column=options.column), revision=f"sha256:{record.sha256}")


def _open_hub_file(files: HubFile, options: LoadOptions) -> RawDataset:
    hub = Hub(files.repository, options.cache, options.report, options.revision or files.revision)
    listing = hub.listing()
    (entry, *_) = hub.files(listing, files.path)
    return replace(open_dataset(hub.file(listing, entry), column=options.column), revision=listing.origin)


def _open_shards(hosted: HostedDataset, files: HubShards, options: LoadOptions) -> RawDataset:
    hub = Hub(files.repository, options.cache, options.report, options.revision or files.revision)
    listing = hub.listing()
    opened = open_hub_shards(hub, listing, hub.files(listing, files.base), options.column or files.column, options)
    return RawDataset(
        opened.base,
        metric=hosted.metric,
        revision=listing.origin,
        whole_n=opened.base.n if opened.complete else hosted.n,
        notes=opened.notes,
    )
