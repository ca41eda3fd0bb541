"""Files of data set repositories on Hugging Face, pinned to one revision.

The listing of a repository (its revision, and the names, sizes and hashes of its files) is requested once and kept.
From then on the same revision is used, and only missing files need a network. HF_ENDPOINT, HF_TOKEN and
HF_HUB_OFFLINE work as in huggingface_hub.
"""

import errno
import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any

from vq_benchmark.datasets.hosted.downloads import Wanted, exclusive, present, require_space
from vq_benchmark.datasets.parts.shards import natural_key
from vq_benchmark.errors import InputError
from vq_benchmark.machine.atomic_files import atomic_write
from vq_benchmark.machine.documents import parsed_json, validated
from vq_benchmark.machine.locations import is_below
from vq_benchmark.machine.progress import Reporter

HUB = "https://huggingface.co"
LISTING = "listing.json"
NO_PLACE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES)


@dataclass(frozen=True)
class HubEntry:
    """A file of a repository."""

    path: str
    size: int | None
    sha256: str | None
    """Only for files in the host's large file storage; None for others."""


@dataclass(frozen=True)
class Listing:
    """A repository at one revision."""

    repository: str
    revision: str | None
    """The commit; None if the user put the files there, so that it is unknown."""
    entries: tuple[HubEntry, ...]
    configurations: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    """(configuration, split, patterns) as declared by the card of the repository."""

    def __post_init__(self) -> None:
        """Raise InputError if a name leads out of the folder of the repository."""
        for entry in self.entries:
            if not is_below(entry.path):
                raise InputError(
                    f"the file list of {self.repository} contains {entry.path!r}, which is not inside the "
                    "repository; none of its files are used."
                )

    @property
    def origin(self) -> str:
        """The repository and its revision in one word, as results show it."""
        return f"{self.repository}@{self.revision or 'unknown'}"

    def matching(self, pattern: str) -> list[HubEntry]:
        """Files whose path matches a pattern with *, sorted by the numbers in their names."""
        found = [entry for entry in self.entries if fnmatchcase(entry.path, pattern)]
        return sorted(found, key=lambda entry: natural_key(entry.path))


class Hub:
    """One repository in the cache."""

    def __init__(self, repository: str, cache: Path, report: Reporter, revision: str | None = None) -> None:
        self.repository = repository
        self.report = report
        self.folder = hub_folder(repository, revision, cache)
        self._asked = revision

    def listing(self) -> Listing:
        """The kept listing, else that of the host, else one of the files that the user put into the folder.

        Raises:
            InputError: there is no such repository or revision, or neither network nor files.
        """
        kept = _read_listing(self.folder / LISTING)
        if kept is not None:
            return kept
        try:
            listing = self._hosted_listing()
        except InputError:
            own = self._files_in_folder()
            if own is None:
                raise
            self.report.say(f"cannot list the files of {self.repository}; using those in {str(self.folder)!r}.")
            return own
        with atomic_write(self.folder / LISTING) as file:
            file.write(json.dumps(asdict(listing), indent=1).encode())
        return listing

    def file(self, listing: Listing, entry: HubEntry) -> Path:
        """The path of a file, which is downloaded if it is missing.

        Raises:
            InputError: it cannot be downloaded, or its hash differs from the listing.
        """
        wanted = Wanted(self._page(entry.path), self.folder / entry.path, entry.sha256, homepage=self._page())
        if present(wanted, self.report) is None:
            with exclusive(wanted.path):  # huggingface_hub may delete a file that another process has just downloaded
                self._fetch(wanted, listing, entry)
        return wanted.path

    def _fetch(self, wanted: Wanted, listing: Listing, entry: HubEntry) -> None:
        """Download a file, unless another process did while this one waited."""
        if present(wanted, self.report) is None:
            size = f" ({entry.size / 1e6:,.1f} MB)" if entry.size else ""
            self.report.say(f"downloading {entry.path} of {listing.origin}{size}")
            require_space(self.folder, entry.size or 0)
            self._download(listing, entry)
            self._check(wanted, listing, entry)

    def files(self, listing: Listing, pattern: str) -> list[HubEntry]:
        """The entries that match a pattern; InputError if none does."""
        found = listing.matching(pattern)
        if not found:
            raise InputError(f"{listing.origin} has no file {pattern!r}; {self._manual_way(pattern)}.")
        return found

    def _check(self, wanted: Wanted, listing: Listing, entry: HubEntry) -> None:
        try:
            present(wanted, self.report)
        except InputError as error:
            wanted.path.unlink()
            raise InputError(
                f"{entry.path} of {listing.origin} did not have the SHA-256 that the host states and was deleted; "
                f"try again, or {self._manual_way(entry.path)}."
            ) from error

    def _hosted_listing(self) -> Listing:
        from huggingface_hub import HfApi

        with self._translated(LISTING):
            info = HfApi(endpoint=endpoint()).dataset_info(
                self.repository, revision=self._asked, files_metadata=True, timeout=_timeout()
            )
        entries = tuple(
            HubEntry(each.rfilename, each.size, None if each.lfs is None else each.lfs.sha256)
            for each in info.siblings or ()
        )
        card = {} if info.card_data is None else info.card_data.to_dict()
        return Listing(self.repository, info.sha, entries, tuple(_declared(card.get("configs") or ())))

    def _download(self, listing: Listing, entry: HubEntry) -> None:
        from huggingface_hub import hf_hub_download
        from huggingface_hub.utils import disable_progress_bars

        if not sys.stderr.isatty():
            disable_progress_bars()
        with self._translated(entry.path):
            hf_hub_download(
                self.repository,
                entry.path,
                repo_type="dataset",
                revision=listing.revision,
                local_dir=self.folder,
                endpoint=endpoint(),
            )

    def _files_in_folder(self) -> Listing | None:
        paths = [
            path
            for path in self.folder.rglob("*")
            if path.is_file() and not any(part.startswith(".") for part in path.relative_to(self.folder).parts)
        ]
        entries = tuple(
            HubEntry(path.relative_to(self.folder).as_posix(), path.stat().st_size, None) for path in sorted(paths)
        )
        return Listing(self.repository, None, entries) if entries else None

    def _page(self, path: str = "") -> str:
        kind = "resolve" if path else "tree"
        return f"{HUB}/datasets/{self.repository}/{kind}/{self._asked or 'main'}/{path}".rstrip("/")

    def _manual_way(self, path: str) -> str:
        if path == LISTING:
            return f"download its files yourself from {self._page()} and put them into {str(self.folder)!r}"
        return f"download {path} yourself from {self._page()} and save it as {str(self.folder / path)!r}"

    @contextmanager
    def _translated(self, path: str) -> Iterator[None]:
        """Turn errors of huggingface_hub into one sentence that says how to get the file otherwise."""
        try:
            yield
        except Exception as error:
            reason = _reason(error)
            if reason is None:
                raise
            what = "the file list" if path == LISTING else path
            raise InputError(
                f"{what} of {self.repository} cannot be downloaded: {reason}; {self._manual_way(path)}."
            ) from error


def hub_folder(repository: str, revision: str | None, cache: Path) -> Path:
    """The folder of a repository in the cache; one for each revision that is asked for by name."""
    pinned = "" if revision is None else f"@{revision.replace('/', '--')}"
    return cache / "huggingface" / f"{repository.replace('/', '--')}{pinned}"


def has_files(repository: str, pattern: str, cache: Path) -> bool:
    """Whether the cache has all files of a repository that match a pattern, and the listing that tells."""
    folder = hub_folder(repository, None, cache)
    listing = _read_listing(folder / LISTING)
    entries = listing.matching(pattern) if listing is not None else []
    return bool(entries) and all((folder / entry.path).is_file() for entry in entries)


def address_and_place(repository: str, path: str, cache: Path) -> tuple[str, Path]:
    """Where a person finds a file of a repository, or the files of a pattern with *, and where to put it."""
    place = hub_folder(repository, None, cache) / path
    if "*" in path:
        folder = PurePosixPath(path).parent
        return f"{HUB}/datasets/{repository}/tree/main/{folder}: {PurePosixPath(path).name}", place.parent
    return f"{HUB}/datasets/{repository}/resolve/main/{path}", place


def _reason(error: BaseException) -> str | None:
    """The reason in a few words; None for an error of neither the network nor the host."""
    from huggingface_hub import errors

    reasons: tuple[tuple[type[BaseException], str], ...] = (
        (errors.GatedRepoError, "you have to accept its terms first; do so on its page and set HF_TOKEN"),
        (errors.RepositoryNotFoundError, "there is no such repository, or it is private: set HF_TOKEN"),
        (errors.RevisionNotFoundError, "there is no such revision"),
        (errors.OfflineModeIsEnabled, "HF_HUB_OFFLINE is set"),
        (errors.LocalEntryNotFoundError, "the host cannot be reached; check the network"),
        (errors.EntryNotFoundError, "the host has no such file"),
    )
    for kind, reason in reasons:
        if isinstance(error, kind):
            return reason
    if isinstance(error, errors.HfHubHTTPError):
        return f"the host answers {error.response.status_code}"
    if isinstance(error, errors.HFValidationError):
        return "invalid repository name, it must be OWNER/NAME"
    if isinstance(error, OSError) and error.errno in NO_PLACE:
        return f"the cache folder cannot be written ({error.strerror}); choose another with --cache-dir"
    if isinstance(error, OSError) or type(error).__module__.partition(".")[0] in ("httpx", "httpx2", "httpcore"):
        return f"the connection failed ({' '.join(str(error).split()).rstrip('.') or type(error).__name__})"
    return None


def endpoint() -> str:
    """The host in HF_ENDPOINT now; huggingface_hub itself reads the variable only when it is imported."""
    return (os.environ.get("HF_ENDPOINT") or HUB).rstrip("/")


def _timeout() -> float:
    return float(os.environ.get("HF_HUB_ETAG_TIMEOUT") or 30)


def _declared(configs: Sequence[Any]) -> list[tuple[str, str, tuple[str, ...]]]:
    """(configuration, split, patterns) from the `configs` of a card, which come in several forms."""
    found = []
    for config in configs:
        files = config.get("data_files") or []
        listed = [files] if isinstance(files, str | dict) else list(files)
        by_split: dict[str, list[str]] = {}
        for each in listed:
            split, patterns = (
                (each.get("split", "train"), each["path"]) if isinstance(each, dict) else ("train", each)
            )
            by_split.setdefault(split, []).extend([patterns] if isinstance(patterns, str) else patterns)
        name = config.get("config_name", "default")
        found += [(name, split, tuple(patterns)) for split, patterns in by_split.items()]
    return found


def _read_listing(path: Path) -> Listing | None:
    with suppress(OSError, ValueError):  # missing or damaged: it is requested again
        return validated(Listing, parsed_json(path.read_bytes()))
    return None
