"""Files from plain URLs: whole or absent, resumed, checked, and refused with the way by hand."""

import hashlib
import json
import multiprocessing
import os
import socket

import pytest

from vq_benchmark.datasets.hosted.downloads import Policy, Wanted, fetched
from vq_benchmark.errors import InputError
from vq_benchmark.machine.progress import SilentReporter

URL = "https://vectors.example/sets/file.bin"
CONTENT = bytes(range(256)) * 5000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
QUICK = Policy(attempts=3, first_wait_seconds=0.001, timeout_seconds=0.3)


class Remarks(SilentReporter):
    def __init__(self):
        self.said = []

    def say(self, text):
        self.said.append(text)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "sets" / "file.bin"


def fetch(path, report=None, **known):
    return fetched(Wanted(URL, path, homepage="https://vectors.example", **known), report or SilentReporter(), QUICK)


def names(path):
    return {each.name for each in path.parent.iterdir() if not each.name.startswith(".")}


def test_a_file_is_fetched_once_and_recorded(host, path):
    host.put(URL, CONTENT)
    record = fetch(path)
    assert path.read_bytes() == CONTENT
    assert (record.url, record.sha256, record.size) == (URL, SHA256, len(CONTENT))
    assert fetch(path) == record and len(host.requests) == 1
    assert names(path) == {"file.bin", "file.bin.record.json"}


@pytest.mark.parametrize("ranges", [True, False])
def test_a_broken_connection_is_resumed(host, path, ranges):
    half = len(CONTENT) // 2
    host.put(URL, CONTENT, ranges=ranges, breaks=[half, 1000])
    report = Remarks()
    assert fetch(path, report).sha256 == SHA256
    wanted = [None, f"bytes={half}-", f"bytes={half + 1000}-" if ranges else "bytes=1000-"]
    assert host.gets("file.bin")[:2] == wanted[:2]
    assert len(host.gets("file.bin")) == 3
    assert any(f"after {half:,} of {len(CONTENT):,} bytes" in each for each in report.said)


def test_a_killed_download_goes_on(host, path):
    host.put(URL, CONTENT, breaks=[300_000, 0, 0, 0])
    with pytest.raises(InputError, match=r"rerun the command to resume after 300,000 bytes"):
        fetch(path)
    assert names(path) == {"file.bin.part", "file.bin.part.validator"}
    assert fetch(path).sha256 == SHA256
    assert host.gets("file.bin")[-1] == "bytes=300000-"


def test_what_is_left_of_another_file_is_not_gone_on_with(host, path):
    hosted = host.put(URL, bytes(len(CONTENT) + 7), breaks=[300_000, 0, 0, 0])
    with pytest.raises(InputError):
        fetch(path)
    hosted.content = CONTENT
    assert fetch(path).sha256 == SHA256


def test_without_a_validator_it_begins_again(host, path):
    host.put(URL, CONTENT, etag=False, breaks=[300_000])
    assert fetch(path).sha256 == SHA256
    assert host.gets("file.bin") == [None, None]


def test_a_finished_part_only_needs_its_name(host, path):
    host.put(URL, CONTENT)
    fetch(path)
    path.with_name("file.bin.record.json").unlink()
    path.rename(path.with_name("file.bin.part"))
    path.with_name("file.bin.part.validator").write_text(f'"{SHA256}"')
    assert fetch(path).sha256 == SHA256
    assert host.gets("file.bin")[-1] == f"bytes={len(CONTENT)}-"


def test_a_busy_host_is_asked_again(host, path):
    host.put(URL, CONTENT, statuses=[500, 503])
    assert fetch(path).sha256 == SHA256


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"statuses": [404]}, r"answers 404"),
        ({"statuses": [403]}, r"answers 403"),
        ({"statuses": [500] * 3}, r"answers 500 .*, 3 times; rerun the command"),
        ({"breaks": [0] * 3}, r"the connection ended after 0 of 1,280,000 bytes, 3 times"),
        ({"stalls": [0] * 3}, r"the connection timed out, 3 times"),
    ],
)
def test_failures_are_one_sentence_with_the_way_by_hand(host, path, how, message):
    host.put(URL, CONTENT, **how)
    with pytest.raises(InputError, match=message) as refusal:
        fetch(path)
    text = str(refusal.value)
    assert f"download {URL} yourself (see https://vectors.example) and save it as {str(path)!r}." in text
    assert "\n" not in text and not path.exists()


def test_a_stalled_connection_is_resumed(host, path):
    host.put(URL, CONTENT, stalls=[100_000])
    assert fetch(path).sha256 == SHA256
    assert host.gets("file.bin") == [None, "bytes=100000-"]


def test_a_slow_host_is_waited_for(host, path):
    host.put(URL, CONTENT, pause=0.1)
    assert fetch(path).sha256 == SHA256 and len(host.requests) == 1


def test_no_host_is_one_sentence(path, monkeypatch):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setenv("VQ_MIRROR", f"http://127.0.0.1:{closed.getsockname()[1]}")
        with pytest.raises(InputError, match=r"cannot be reached.*3 times.*yourself"):
            fetch(path)
    monkeypatch.setenv("VQ_MIRROR", "http://no-such-host.invalid")
    with pytest.raises(InputError, match=r"host name cannot be resolved.*yourself"):
        fetch(path)


def test_a_wrong_hash_is_refused_and_removed(host, path):
    host.put(URL, CONTENT[:-1])
    with pytest.raises(InputError, match=rf"its SHA-256 is \w+, not {SHA256}; it was deleted.*yourself"):
        fetch(path, sha256=SHA256)
    assert names(path) == set()
    host.put(URL, CONTENT)
    assert fetch(path, sha256=SHA256).sha256 == SHA256


def test_a_file_that_was_changed_since_is_refused(host, path):
    host.put(URL, CONTENT)
    fetch(path)
    path.write_bytes(CONTENT[::-1])
    with pytest.raises(InputError, match=rf"has the wrong content.*not {SHA256}; delete it"):
        fetch(path)
    path.write_bytes(CONTENT)  # another time of change, the same content
    assert fetch(path).sha256 == SHA256 and len(host.requests) == 1
    path.write_bytes(CONTENT[::-1])
    with pytest.raises(InputError, match=r"delete 'file.bin.record.json' beside it"):
        fetch(path)
    path.with_name("file.bin.record.json").unlink()
    assert fetch(path).sha256 != SHA256


def test_a_file_that_the_host_has_changed_is_remarked_on(host, path):
    hosted = host.put(URL, CONTENT)
    fetch(path)
    path.unlink()
    hosted.content = CONTENT[::-1]
    report = Remarks()
    fetch(path, report)
    assert any("has changed since it was last downloaded" in each for each in report.said)


def test_a_file_put_there_by_hand_is_taken(host, path):
    path.parent.mkdir()
    path.write_bytes(CONTENT)
    assert fetch(path).sha256 == SHA256 and host.requests == []
    assert json.loads(path.with_name("file.bin.record.json").read_text())["sha256"] == SHA256
    path.with_name("file.bin.record.json").unlink()
    with pytest.raises(InputError, match="has the wrong content"):
        fetch(path, sha256="0" * 64)


@pytest.mark.parametrize("ranges", [True, False])
def test_the_first_bytes_alone(host, path, ranges):
    host.put(URL, CONTENT, ranges=ranges, breaks=[500])

    def finish(part):
        part.write_bytes(b"head" + part.read_bytes()[4:])

    record = fetch(path, first_bytes=1000, finish=finish)
    assert path.read_bytes() == b"head" + CONTENT[4:1000] and record.size == 1000
    assert host.gets("file.bin") == ["bytes=0-999", "bytes=500-999"]


def _in_process(url, path, queue):
    os.environ["VQ_MIRROR"] = url
    queue.put(fetch(path).sha256)


def test_two_processes_fetch_a_file_once(host, path):
    host.put(URL, CONTENT)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    both = [context.Process(target=_in_process, args=(host.url, path, queue)) for _ in range(2)]
    for each in both:
        each.start()
    assert [queue.get(timeout=20) for _ in both] == [SHA256, SHA256]
    for each in both:
        each.join()
    assert len(host.requests) == 1


def test_a_full_disk_is_one_sentence(host, small_disk):
    host.put(URL, CONTENT * 2)
    with pytest.raises(
        InputError, match=r"2.4 MiB are needed in .*, but only .* are free; choose another folder with --cache-dir or"
    ):
        fetch(small_disk.path / "file.bin")
    assert not (small_disk.path / "file.bin").exists()
