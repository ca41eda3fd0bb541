"""Studies, plans, records of jobs and downloads, and texts: what people and other programs write."""

import gzip
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from target import BASE, Target, content

from vq_benchmark.datasets.hosted.downloads import Wanted, present
from vq_benchmark.datasets.hosted.huggingface import HubEntry, Listing, _read_listing
from vq_benchmark.datasets.text.collection_files import TextFiles
from vq_benchmark.datasets.text.embedding import _read_json
from vq_benchmark.datasets.text.judged import read_collection
from vq_benchmark.datasets.text.qrels import highest_relevances
from vq_benchmark.datasets.text.qrels import read_judgements as judgements_of
from vq_benchmark.machine.progress import SilentReporter
from vq_benchmark.studies.cells import Machine
from vq_benchmark.studies.plan import Manifest
from vq_benchmark.studies.planning import plan_study
from vq_benchmark.studies.slurm.job_arrays import ArrayPart
from vq_benchmark.studies.slurm.jobs import Record, load_record
from vq_benchmark.studies.slurm.profiles import read_profiles
from vq_benchmark.studies.slurm.resources import JobSpec
from vq_benchmark.studies.stages import Task
from vq_benchmark.studies.study import Study, read_study

STUDY = """# a study
dataset: sample
methods: {pq: {m: [8, 16]}, sq: , none: }
bits: [1, 2.5, 8]
seeds: [0, 1]
chunks: 2
k: 10
with_rank: false
"""
PROFILES = "ice:\n  time: 1:30:00\n  mem_per_cpu: 4G\nmine:\n  partition: gpu\n  cpus_per_task: 4\n"


def planned(folder: Path) -> Manifest:
    np.save(folder / "base.npy", BASE.astype(np.float32))
    what = {"dataset": str(folder / "base.npy"), "methods": ["sq", "none"], "bits": 8}
    study = Study.parse(what | {"k": 3, "num_queries": 4, "chunks": 2})
    options = study.options(Machine(cache_dir=folder / "cache", codebooks_dir=folder / "codebooks"))
    return plan_study(study, folder, study.load(), options)


def read_manifest(path: Path) -> Any:
    manifest = Manifest.load(path.parent)
    for stage in ("truth", "fit", "evaluate"):
        for task in manifest.tasks(stage)[:20]:
            manifest.describe(task)
            manifest.outcome(task)
    return content(manifest.identity())


def make_record(path: Path) -> None:
    record = Record(JobSpec.parse({"time": "1:00:00", "mem": "4G", "extra": ["--reservation=x"]}), ("--threads", "2"))
    parts = ArrayPart(0, "0-3,7%2", 5), ArrayPart(100, "1", 1, size=3)
    record.with_job(7, "fit", parts[0]).with_job(8, "evaluate", parts[1]).save(path.parents[1])


def read_record(path: Path) -> Any:
    record = load_record(path.parents[1])
    assert record is not None
    jobs = [(job, len(list(job.tasks()))) for job in record.jobs]
    return content([record.spec.model_dump(), record.program_options, jobs])


def make_failure(path: Path) -> None:
    planned(path.parents[1])
    path.write_text(json.dumps({"error": "it broke", "details": "Traceback", "time": "now"}))


def read_failure(path: Path) -> Any:
    return Manifest.load(path.parents[1]).failure(Task("fit", 0))


def wanted(path: Path) -> Wanted:
    return Wanted("https://example.org/a.bin", path.with_name("a.bin"))


def make_download(path: Path) -> None:
    path.with_name("a.bin").write_bytes(b"content")
    present(wanted(path), SilentReporter())


def read_download(path: Path) -> Any:
    return content(present(wanted(path), SilentReporter()))


def make_listing(path: Path) -> None:
    entries = (HubEntry("data/train-0.parquet", 123, "a" * 64), HubEntry("README.md", None, None))
    listing = Listing("owner/name", "f" * 40, entries, (("default", "train", ("data/*",)),))
    path.write_text(json.dumps(asdict(listing)))


def read_listing(path: Path) -> Any:
    found = _read_listing(path)
    return None if found is None else [found.origin, content(found.matching("data/*")), content(found)]


def read_job_profiles(path: Path) -> Any:
    return [each.flags() for each in read_profiles(path).values()]


def read_judgements(path: Path) -> Any:
    return list(highest_relevances(judgements_of(path))[0].items())


def read_texts(path: Path) -> Any:
    collection = read_collection(TextFiles(path))
    return content([collection.passages.n, collection.passages.fingerprint])


TSV = "".join(f"{number}\tpassage {number} says\t\"something\" of 'it'\n" for number in range(300))
JSONL = "".join(json.dumps({"_id": f"d{number}", "title": "t", "text": f"é {number}"}) + "\n" for number in range(30))
TREC = "".join(f"q{number % 5} 0 d{number} {number % 3}\n" for number in range(30))
BEIR = "query-id\tcorpus-id\tscore\n" + "".join(f"q{number % 5}\td{number}\t1\n" for number in range(30))


def text(name: str, file: str, content_: str, read: Callable[[Path], Any]) -> Target:
    def make(path: Path) -> None:
        data = content_.encode()
        path.write_bytes(gzip.compress(data, mtime=0) if file.endswith(".gz") else data)

    return Target(name, file, make, read, text=not file.endswith(".gz"), checked=file.endswith(".gz"))


DOCUMENTS = [
    text("study", "study.yaml", STUDY, lambda path: content(read_study(path).model_dump())),
    text("profiles", "slurm.yaml", PROFILES, read_job_profiles),
    Target("manifest", "manifest.json", lambda path: planned(path.parent), read_manifest, text=True),
    Target("record of jobs", "slurm/jobs.json", make_record, read_record, text=True),
    Target("failure", "failures/fit-00000.json", make_failure, read_failure, text=True),
    text("record of embed", "embed.json", '{"model": "m", "n": 3}', lambda path: content(_read_json(path))),
    Target("record of a download", "a.bin.record.json", make_download, read_download, text=True),
    Target("listing of a repository", "listing.json", make_listing, read_listing, text=True),
    text("passages of MS MARCO", "collection.tsv", TSV, read_texts),
    text("passages of BEIR", "corpus.jsonl", JSONL, read_texts),
    text("passages gzipped", "collection.tsv.gz", TSV, read_texts),
    text("judgements of TREC", "qrels.tsv", TREC, read_judgements),
    text("judgements of BEIR", "qrels.tsv", BEIR, read_judgements),
]
