"""Where the files of hosted data sets come from and where they lie in the cache, for us and for a person."""

from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from vq_benchmark.datasets.hosted.registry import (
    BigAnnFiles,
    HostedDataset,
    HubFile,
    HubShards,
    JudgedHubShards,
    UrlFile,
)

HUB = "https://huggingface.co"


def url_place(hosted: HostedDataset, files: UrlFile, cache: Path) -> Path:
    """The place of the file of a set that is one file at a URL."""
    return cache / "datasets" / hosted.name / PurePosixPath(urlsplit(files.url).path).name


def hub_folder(repository: str, revision: str | None, cache: Path) -> Path:
    """The folder of a repository; one for each revision that is asked for by name."""
    pinned = "" if revision is None else f"@{revision.replace('/', '--')}"
    return cache / "huggingface" / f"{repository.replace('/', '--')}{pinned}"


def big_ann_folder(hosted: HostedDataset, cache: Path) -> Path:
    """The folder of a set of big-ann-benchmarks and its cuts."""
    return cache / "datasets" / hosted.name.partition("-")[0]


def big_ann_base(hosted: HostedDataset, files: BigAnnFiles, rows: int, cache: Path) -> Path:
    """The place of the first rows of the base, or of all of it."""
    cut = "" if rows == files.hosted_rows else f".first-{rows}"
    return big_ann_folder(hosted, cache) / f"base{cut}{_extension(files.base)}"


def big_ann_queries(hosted: HostedDataset, files: BigAnnFiles, cache: Path) -> Path:
    """The place of the queries."""
    return big_ann_folder(hosted, cache) / f"queries{_extension(files.queries)}"


def big_ann_neighbors(hosted: HostedDataset, rows: int, cache: Path) -> Path:
    """The place of the neighbours among the first rows."""
    return big_ann_folder(hosted, cache) / f"neighbors.first-{rows}.ibin"


def files_by_hand(hosted: HostedDataset, cache: Path) -> list[tuple[str, Path]]:
    """(what to get, where to put it), for each file or pattern of files of a data set."""
    files = hosted.files
    match files:
        case UrlFile():
            return [(files.url, url_place(hosted, files, cache))]
        case HubFile():
            return [_hub_file(files.repository, files.path, cache)]
        case HubShards():
            return [_hub_file(files.repository, files.base, cache)]
        case JudgedHubShards():
            repository = files.shards.repository
            return [_hub_file(repository, path, cache) for path in (files.shards.base, files.queries)]
        case BigAnnFiles():
            cut = (
                ""
                if hosted.n == files.hosted_rows
                else f" (its first {hosted.n:,} rows, and that number in its header)"
            )
            neighbors = dict(files.neighbors).get(hosted.n)
            found = [
                (files.base + cut, big_ann_base(hosted, files, hosted.n, cache)),
                (files.queries, big_ann_queries(hosted, files, cache)),
            ]
            return found + ([] if neighbors is None else [(neighbors, big_ann_neighbors(hosted, hosted.n, cache))])


def _hub_file(repository: str, path: str, cache: Path) -> tuple[str, Path]:
    place = hub_folder(repository, None, cache) / path
    if "*" in path:
        folder = PurePosixPath(path).parent
        return f"{HUB}/datasets/{repository}/tree/main/{folder}: {PurePosixPath(path).name}", place.parent
    return f"{HUB}/datasets/{repository}/resolve/main/{path}", place


def _extension(url: str) -> str:
    return PurePosixPath(urlsplit(url).path).suffix
