"""A host for tests: plain files with all that can go wrong, and the routes of the Hugging Face Hub that are used.

The first folder of a path stands for the host of a URL, as with a mirror: /ann-benchmarks.com/sift.hdf5.
"""

import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hosted:
    """A file and how the host gives it."""

    content: bytes
    etag: bool = True
    ranges: bool = True
    statuses: list[int] = field(default_factory=list)
    """Answers of the next requests, instead of the file."""
    breaks: list[int] = field(default_factory=list)
    """After how many bytes the next answers break off."""
    stalls: list[int] = field(default_factory=list)
    """After how many bytes the next answers stop without an end."""
    pause: float = 0
    """Seconds between the quarters of an answer."""


@dataclass
class Repository:
    """A data set repository of the Hub."""

    files: dict[str, Hosted] = field(default_factory=dict)
    card: dict[str, Any] = field(default_factory=dict)
    commit: str = COMMIT
    status: int | None = None
    """What the host answers instead."""


class Host:
    """What is hosted, and what was asked for."""

    def __init__(self) -> None:
        self.files: dict[str, Hosted] = {}
        self.repositories: dict[str, Repository] = {}
        self.requests: list[tuple[str, str, str | None]] = []
        """(method, path, Range header)."""
        self.released = threading.Event()
        self.url = ""

    def put(self, url: str, content: bytes, **how: Any) -> Hosted:
        """Host a file under its public URL."""
        parts = urlsplit(url)
        hosted = self.files[f"/{parts.netloc}{parts.path}"] = Hosted(content, **how)
        return hosted

    def repository(self, name: str) -> Repository:
        """The repository of that name, which is made if there is none."""
        return self.repositories.setdefault(name, Repository())

    def gets(self, ending: str) -> list[str | None]:
        """The Range headers of all GETs of paths that end so."""
        return [wanted for method, path, wanted in self.requests if method == "GET" and path.endswith(ending)]


class _Handler(BaseHTTPRequestHandler):
    host: ClassVar[Host]
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments: Any) -> None:
        """Nothing: the requests are in `host.requests`."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.host.requests.append((self.command, path, self.headers.get("Range")))
        if path.startswith("/api/datasets/"):
            return self._info(path.removeprefix("/api/datasets/"))
        if path.startswith("/datasets/"):
            return self._resolve(path.removeprefix("/datasets/"))
        found = self.host.files.get(path)
        return self._answer(404) if found is None else self._send(found, {})

    def _answer(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def _info(self, rest: str) -> None:
        name, _, revision = rest.partition("/revision/")
        repository = self.host.repositories.get(name)
        if repository is None:
            return self._answer(404, headers={"X-Error-Code": "RepoNotFound"})
        if repository.status is not None:
            return self._answer(repository.status)
        if revision not in ("", "main", repository.commit):
            return self._answer(404, headers={"X-Error-Code": "RevisionNotFound"})
        siblings = [
            {
                "rfilename": path,
                "size": len(file.content),
                "blobId": hashlib.sha1(file.content).hexdigest(),
                "lfs": {
                    "size": len(file.content),
                    "sha256": hashlib.sha256(file.content).hexdigest(),
                    "pointerSize": 1,
                },
            }
            for path, file in repository.files.items()
        ]
        info = {"id": name, "sha": repository.commit, "siblings": siblings, "cardData": repository.card}
        return self._answer(200, json.dumps(info).encode(), {"Content-Type": "application/json"})

    def _resolve(self, rest: str) -> None:
        name, _, revision_and_path = rest.partition("/resolve/")
        revision, _, path = revision_and_path.partition("/")
        repository = self.host.repositories.get(name)
        if repository is None:
            return self._answer(404, headers={"X-Error-Code": "RepoNotFound"})
        commit = {"X-Repo-Commit": repository.commit}
        if revision not in ("main", repository.commit):
            return self._answer(404, headers={"X-Error-Code": "RevisionNotFound"})
        if path not in repository.files:
            return self._answer(404, headers={"X-Error-Code": "EntryNotFound"} | commit)
        return self._send(repository.files[path], commit)

    def _send(self, file: Hosted, headers: dict[str, str]) -> None:
        if file.statuses:
            return self._answer(file.statuses.pop(0))
        content, etag = file.content, f'"{hashlib.sha256(file.content).hexdigest()}"'
        start, stop, status = 0, len(content), 200
        wanted, only_if = self.headers.get("Range"), self.headers.get("If-Range")
        if file.ranges and wanted and (only_if is None or only_if == etag):
            first, last = wanted.removeprefix("bytes=").split("-")
            start, stop = int(first), min(int(last) + 1 if last else stop, stop)
            if start >= len(content):
                return self._answer(416, headers={"Content-Range": f"bytes */{len(content)}"})
            status, headers = 206, headers | {"Content-Range": f"bytes {start}-{stop - 1}/{len(content)}"}
        self.send_response(status)
        for name, value in (headers | ({"ETag": etag} if file.etag else {})).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(stop - start))
        self.end_headers()
        if self.command == "HEAD":
            return None
        body = content[start:stop]
        if file.breaks:
            self.wfile.write(body[: file.breaks.pop(0)])
            self.close_connection = True
        elif file.stalls:
            self.wfile.write(body[: file.stalls.pop(0)])
            self.wfile.flush()
            self.host.released.wait(30)
            self.close_connection = True
        else:
            quarter = max(1, -(-len(body) // 4))
            for first in range(0, len(body), quarter):
                self.wfile.write(body[first : first + quarter])
                time.sleep(file.pause)
        return None


@contextmanager
def running_host() -> Iterator[Host]:
    """A host that answers on this machine until the block ends."""
    host = Host()
    handler = type("Handler", (_Handler,), {"host": host})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    host.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield host
    finally:
        host.released.set()
        server.shutdown()
        server.server_close()
