"""Download a data set ahead of its use, such as on the login node of a cluster."""

from pathlib import Path

from vq_benchmark.datasets.catalog import CATALOG, CatalogEntry
from vq_benchmark.datasets.hosted.downloads import require_space
from vq_benchmark.datasets.hosted.hosted_dataset import HostedDataset
from vq_benchmark.datasets.hosted.registry import MANIFEST
from vq_benchmark.datasets.load_options import LoadOptions
from vq_benchmark.datasets.resolving import resolve
from vq_benchmark.errors import InputError
from vq_benchmark.machine.memory import readable_bytes


def is_kept(entry: CatalogEntry, cache: Path) -> bool:
    """Whether all files of a hosted data set are in the cache already."""
    hosted = MANIFEST.get(entry.name)
    return hosted is not None and hosted.files.are_kept(hosted, cache)


def fetch(name: str, options: LoadOptions) -> Path | None:
    """Download what is missing of a data set by name; the path of its vectors, or None if they are generated.

    Several files have the path of their folder.

    Raises:
        InputError: there is no such data set, it cannot be downloaded, or the disk is too full; nothing is downloaded
            where the size is known and does not fit.
    """
    plain, _, _ = name.partition("@")
    found = resolve(name)
    if plain in MANIFEST:
        _require_room(MANIFEST[plain], options)
    elif plain in CATALOG and CATALOG[plain].offline:
        options.report.say(f"{plain} needs no network: {CATALOG[plain].how_to}.")
    stored = found.open(options)
    paths = stored.base.paths
    if not paths:
        return None
    return paths[0] if len(paths) == 1 else paths[0].parent


def _require_room(hosted: HostedDataset, options: LoadOptions) -> None:
    """Say how much is to be downloaded, and refuse what does not fit on the disk."""
    share = min(options.limit or hosted.n, hosted.n) / hosted.n
    size = int(hosted.download_bytes * share)
    places = [place for _, place in hosted.files.paths(hosted, options.cache)]
    missing = max(size - sum(map(_bytes_at, places)), 0)
    if hosted.files.are_kept(hosted, options.cache):
        options.report.say(f"{hosted.name} is in the cache already.")
        return
    at_least = "" if hosted.published_bytes else "at least "
    options.report.say(f"{hosted.name}: {at_least}{readable_bytes(missing)} to download to {str(options.cache)!r}")
    try:
        require_space(options.cache, missing)
    except InputError as error:
        raise InputError(f"{hosted.name} does not fit: {error}") from error


def _bytes_at(place: Path) -> int:
    """The bytes of a file, of its part that is downloaded, or of the files of a folder."""
    parts = place.iterdir() if place.is_dir() else (place, place.with_name(f"{place.name}.part"))
    return sum(path.stat().st_size for path in parts if path.is_file())
