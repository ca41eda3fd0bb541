"""A study of 400 tasks on a real cluster, whose tasks are killed at random moments, ends as an undisturbed sweep.

It takes minutes, so it runs only on request: VQ_CLUSTER_SEEDS=1,2,3 runs it once with each of these seeds.
"""

import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from slurm_studies import qualities, wait_for

from vq_benchmark.results.database import Database
from vq_benchmark.studies.plan import Manifest
from vq_benchmark.studies.slurm import scheduler
from vq_benchmark.studies.stages import STAGES

SEEDS = [int(seed) for seed in os.environ.get("VQ_CLUSTER_SEEDS", "").split(",") if seed]
KILLS = 10
CHUNKS = 99
STUDY = """\
dataset: {vectors}
dataset_limit: 4000
methods: [sq, rabitq, none]
bits: [4]
chunks: {chunks}
k: 10
max_candidates: 20
train_size: 500
num_pairs: 300
"""
pytestmark = pytest.mark.skipif(not SEEDS, reason="takes minutes; VQ_CLUSTER_SEEDS=1 or `make cluster-kills` runs it")


@dataclass(frozen=True)
class Victim:
    """A study in SLURM that is killed in one way or another."""

    cluster: Any
    manifest: Manifest
    rng: np.random.Generator

    def done(self) -> int:
        return sum(self.manifest.count(stage) - len(self.manifest.unfinished(stage)) for stage in STAGES)

    def jobs(self) -> list[str]:
        """What SLURM still has to run of the study, as JOB_INDEX."""
        own = [line.split() for line in self.cluster.queue() if self.manifest.sweep_id in line]
        return [words[0] for words in own if words[1] != "COMPLETING"]

    def cancel_some(self) -> int:
        """`scancel` between one of the jobs that wait or run and all of them."""
        jobs = self.jobs()
        chosen = self.some(jobs)
        if chosen:
            scheduler.cancel(chosen)
        return len(chosen)

    def kill_some(self) -> int:
        """`kill -9` some of the processes of tasks."""
        place, killed = str(self.manifest.folder), 0
        running = [
            process
            for process in psutil.process_iter(["cmdline"])
            if {place, "slurm", "task"} <= set(process.info["cmdline"] or ())
        ]
        for index in self.some(list(range(len(running)))):
            with suppress(psutil.NoSuchProcess):
                running[index].send_signal(signal.SIGKILL)
                killed += 1
        return killed

    def lose_some(self) -> int:
        """Delete the results of some tasks, and the merged rows, where nothing else is left to kill."""
        lost = self.some(self.manifest.tasks("evaluate"))
        for path in [self.manifest.results_path, *map(self.manifest.result_path, lost)]:
            path.unlink(missing_ok=True)
        return len(lost)

    def some(self, of: list[Any]) -> list[Any]:
        """At least one of a list, at random; nothing of an empty one."""
        count = int(self.rng.integers(1, len(of) + 1)) if of else 0
        return [of[index] for index in self.rng.choice(len(of), count, replace=False)] if count else []


@pytest.mark.parametrize("seed", SEEDS)
def test_four_hundred_tasks_survive_ten_kills(cluster, folder, vectors, program, tmp_path, seed):
    rng = np.random.default_rng(seed)
    began = time.monotonic()
    config = tmp_path / "study.yaml"
    config.write_text(STUDY.format(vectors=vectors, chunks=CHUNKS))
    place = folder / f"killed {seed}"
    submitted = program(
        "slurm", "submit", config, "--study-dir", place, "--calibrate", 0, "--mem-per-cpu", "600M",
        "--tasks-per-job", 20, "--partition", "debug",
    )  # fmt: skip
    assert submitted.code == 0, submitted.err
    victim = Victim(cluster, Manifest.load(place), rng)
    total = sum(victim.manifest.count(stage) for stage in STAGES)
    assert total == 99 + 1 + 3 + 3 * 99 + 1
    ways: tuple[Callable[[], int], ...] = (victim.cancel_some, victim.kill_some)
    kills: list[str] = []
    while len(kills) < KILLS:
        left = total - victim.done()
        moment = total - left + int(rng.integers(left // 4 + 1))
        wait_for(lambda moment=moment: victim.done() >= moment or not victim.jobs(), 240)
        time.sleep(rng.uniform(0, 1))
        way = ways[int(rng.integers(2))]
        ended = way()
        if ended:
            kills.append(f"{way.__name__} {ended} at {victim.done()}")
        time.sleep(rng.uniform(0, 3))  # SLURM may still believe that they run
        if victim.done() >= total - 1:
            kills.append(f"lost {victim.lose_some()} results")
        assert program("slurm", "resume", place).code == 0
    sys.stderr.write(f"\nseed {seed}, {total} tasks done: {', '.join(kills)}\n")
    cluster.wait_until_empty(400)
    last = program("slurm", "resume", place)
    cluster.wait_until_empty(400)
    status = program("slurm", "status", place)
    assert status.code == 0, status.out
    sys.stderr.write(f"seed {seed}: {time.monotonic() - began:.0f} s; {last.out.splitlines()[-1]}\n")
    assert qualities(Database(place / "results.db")) == swept(program, config, tmp_path)
    assert not [path for path in place.rglob("*") if path.name.endswith(".tmp")]
    assert not list(place.glob("checkpoints/*")) + list(place.glob("failures/*")) + list(place.glob("attempts/*"))


def swept(program: Callable[..., Any], config: Path, folder: Path) -> dict[str, dict]:
    """The numbers of `sweep` on the same data, undivided and undisturbed."""
    text = config.read_text().replace(f"chunks: {CHUNKS}\n", "")
    config.write_text(text)
    database = folder / "swept.db"
    ran = program(
        "sweep", "--config", config, "--db-path", database, "--codebooks-dir", folder / "codebooks",
        "--cache-dir", folder / "cache", "--threads", 1,
    )  # fmt: skip
    assert ran.code == 0, ran.err
    found = qualities(Database(database))
    assert len(found) == 3
    return found
