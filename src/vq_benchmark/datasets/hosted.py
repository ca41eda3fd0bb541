"""From an entry of the manifest to its parts: each kind of files has its own way."""

from dataclasses import replace

from vq_benchmark.datasets.big_ann import open_big_ann
from vq_benchmark.datasets.downloads import Wanted, fetched
from vq_benchmark.datasets.formats.registry import open_dataset
from vq_benchmark.datasets.hub_shards import open_hub_shards
from vq_benchmark.datasets.huggingface import Hub
from vq_benchmark.datasets.judged_shards import open_judged_shards
from vq_benchmark.datasets.manifest import (
    BigAnnFiles,
    HostedDataset,
    HubFile,
    HubShards,
    JudgedHubShards,
    UrlFile,
)
from vq_benchmark.datasets.places import url_place
from vq_benchmark.datasets.request import Request
from vq_benchmark.datasets.stored import StoredDataset
from vq_benchmark.errors import InputError


def open_hosted(hosted: HostedDataset, request: Request) -> StoredDataset:
    """The parts of a hosted data set; what is missing of them is downloaded into the cache.

    Raises:
        InputError: it cannot be had; the sentence says how to get it by hand.
    """
    files = hosted.files
    if request.revision is not None and isinstance(files, UrlFile | BigAnnFiles):
        raise InputError(f"{hosted.name!r} has no revisions to choose from; only repositories have.")
    stored = _opened(hosted, request)
    n = stored.whole_n or stored.base.n
    if n == hosted.n:
        return stored
    return replace(stored, notes=(*stored.notes, f"the manifest says {hosted.n} rows, the files hold {n}."))


def _opened(hosted: HostedDataset, request: Request) -> StoredDataset:
    files = hosted.files
    match files:
        case UrlFile():
            return _open_url_file(hosted, files, request)
        case HubFile():
            return _open_hub_file(files, request)
        case HubShards():
            return _open_shards(hosted, files, request)
        case JudgedHubShards():
            return open_judged_shards(hosted, files, request)
        case BigAnnFiles():
            return open_big_ann(hosted, files, request)


def _open_url_file(hosted: HostedDataset, files: UrlFile, request: Request) -> StoredDataset:
    path = url_place(hosted, files, request.cache)
    record = fetched(Wanted(files.url, path, files.sha256, homepage=hosted.homepage), request.report)
    return replace(open_dataset(path, column=request.column), revision=f"sha256:{record.sha256}")


def _open_hub_file(files: HubFile, request: Request) -> StoredDataset:
    hub = Hub(files.repository, request.cache, request.report, request.revision or files.revision)
    listing = hub.listing()
    (entry, *_) = hub.files(listing, files.path)
    return replace(open_dataset(hub.file(listing, entry), column=request.column), revision=listing.origin)


def _open_shards(hosted: HostedDataset, files: HubShards, request: Request) -> StoredDataset:
    hub = Hub(files.repository, request.cache, request.report, request.revision or files.revision)
    listing = hub.listing()
    opened = open_hub_shards(hub, listing, hub.files(listing, files.base), request.column or files.column, request)
    return StoredDataset(
        opened.base,
        metric=hosted.metric,
        revision=listing.origin,
        whole_n=opened.base.n if opened.complete else hosted.n,
        notes=opened.notes,
    )
