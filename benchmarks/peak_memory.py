"""Peak memory of `vq-benchmark run` on a small and on a large file, with the same batch size.

    python benchmarks/peak_memory.py [--rows 200000 2000000] [--dim 384] [--folder DIR]

Each run is its own process, whose peak resident set is reported by the kernel. The files are generated.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path


def peak_bytes(command: list[str]) -> int:
    """Peak resident set of one process, as the kernel accounts for it when it is reaped."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} ended with status {status}")
    return usage.ru_maxrss * 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs=2, default=[200_000, 2_000_000])
    parser.add_argument("--dim", type=int, default=384)
    parser.add_argument("--method", default="sq")
    parser.add_argument("--folder", type=Path, help="folder for the files; default: a temporary folder")
    arguments = parser.parse_args()
    program = [sys.executable, "-c", "from vq_benchmark.cli.main import main; main()"]
    peaks = []
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        folder = Path(name)
        for rows in arguments.rows:
            path = folder / f"{rows}.npy"
            subprocess.run(
                [*program, "generate-data", "--num-vectors", str(rows), "--dim", str(arguments.dim),
                 "--output", str(path)],
                check=True, capture_output=True,
            )  # fmt: skip
            run = [*program, "run", "--dataset", str(path), "--method", arguments.method, "--bits", "8"]
            places = ["--db-path", f"{path}.db", "--codebooks-dir", str(folder), "--cache-dir", str(folder)]
            peaks.append(peak_bytes([*run, *places, "--batch-size", "16384"]))
            path.unlink()
            print(f"{rows:>12,} × {arguments.dim}: {peaks[-1] / 2**20:,.0f} MiB")
    print(json.dumps({"peak of the large run / peak of the small run": round(peaks[1] / peaks[0], 3)}))


if __name__ == "__main__":
    main()
