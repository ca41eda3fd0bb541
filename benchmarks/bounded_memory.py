"""A sweep over growing prefixes of one large float16 file, under a memory limit that the kernel enforces.

    python benchmarks/bounded_memory.py [--rows 1000000 2000000 5000000 10000000] [--dim 768] [--limit 2G] \
        [--folder DIR] [--methods sq,rabitq]

The file is generated once (10,000,000 × 768 float16 is 15 GB) and kept in the folder. Each sweep is a process in its
own cgroup; the kernel kills it if it exceeds the limit, which includes the page cache. Needs root.
Time should grow linearly with the rows, memory not at all.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROGRAM = [sys.executable, "-m", "vq_benchmark"]
QUERIES = 100


class MemoryGroup:
    """A cgroup (version 1 or 2) with a memory limit; processes that exceed it are killed."""

    def __init__(self, limit: int) -> None:
        version_1 = Path("/sys/fs/cgroup/memory").is_dir()
        root = Path("/sys/fs/cgroup/memory" if version_1 else "/sys/fs/cgroup")
        self.folder = root / f"vq-bounded-{os.getpid()}"
        self.folder.mkdir()
        (self.folder / ("memory.limit_in_bytes" if version_1 else "memory.max")).write_text(str(limit))

    def run(self, command: list[str]) -> tuple[float, int]:
        """Seconds and peak resident bytes of a command inside the group."""
        began = time.monotonic()
        process = subprocess.Popen(command, preexec_fn=self._enter, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
        errors = process.stderr.read().decode()
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            raise SystemExit(f"{' '.join(command)} ended with status {status}:\n{errors[-2000:]}")
        return time.monotonic() - began, usage.ru_maxrss * 1024

    def _enter(self) -> None:
        (self.folder / "cgroup.procs").write_text(str(os.getpid()))

    def remove(self) -> None:
        self.folder.rmdir()


def file_of_vectors(folder: Path, rows: int, dim: int) -> Path:
    """A folder data set of that many base vectors and 100 queries, generated if it is missing."""
    data = folder / f"{rows}x{dim}"
    data.mkdir(parents=True, exist_ok=True)
    for name, count, seed in (("base", rows, "0"), ("queries", QUERIES, "1")):
        if not (data / f"{name}.npy").exists():
            subprocess.run(
                [*PROGRAM, "generate-data", "--num-vectors", str(count), "--dim", str(dim), "--dtype", "float16",
                 "--seed", seed, "--output", str(data / f"{name}.npy")],
                check=True,
            )  # fmt: skip
    return data


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 2_000_000, 5_000_000, 10_000_000])
    parser.add_argument("--dim", type=int, default=768)
    parser.add_argument("--limit", default="2G")
    parser.add_argument("--methods", default="sq,rabitq")
    parser.add_argument("--bits", default="4")
    parser.add_argument("--threads", default="2")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "vq-bounded-memory")
    arguments = parser.parse_args()
    data = file_of_vectors(arguments.folder, max(arguments.rows), arguments.dim)
    limit = int(arguments.limit.removesuffix("G")) * 2**30
    measured = []
    for rows in sorted(arguments.rows):
        places = arguments.folder / "places"
        shutil.rmtree(places, ignore_errors=True)
        group = MemoryGroup(limit)
        command = [
            *PROGRAM, "sweep", "--dataset", str(data), "--dataset-limit", str(rows), "--metric", "l2",
            "--method", arguments.methods, "--bits", arguments.bits, "--threads", arguments.threads,
            "--db-path", str(places / "results.db"), "--codebooks-dir", str(places / "codebooks"),
            "--cache-dir", str(places / "cache"), "--checkpoint-dir", str(places / "checkpoints"),
        ]  # fmt: skip
        seconds, peak = group.run(command)
        group.remove()
        passes = 1 + len(arguments.methods.split(","))
        measured.append((rows, seconds, peak))
        print(
            f"{rows:>12,} × {arguments.dim}: {seconds:7.1f} s, {passes * rows / seconds:10,.0f} vectors/s over "
            f"{passes} passes, peak {peak / 2**20:,.0f} MiB",
            flush=True,
        )
    first, last = measured[0], measured[-1]
    print(json.dumps({
        "time per vector of the largest over the smallest": round(last[1] / last[0] * first[0] / first[1], 3),
        "peak of the largest over the smallest": round(last[2] / first[2], 3),
    }))  # fmt: skip


if __name__ == "__main__":
    main()
