"""The array with arithmetic that the guide shows, whose last chunk ends beyond the base, on a real cluster."""

import os
import re
import sys
from pathlib import Path

from vq_benchmark.results.database import Database
from vq_benchmark.results.merging import quality

GUIDE = (Path(__file__).parents[2] / "docs" / "SLURM_GUIDE.md").read_text()


def test_chunks_by_arithmetic_merge_to_the_whole(cluster, program, tmp_path, monkeypatch):
    (script,) = re.findall(r"as `by-hand.sbatch`.*?```bash\n(.*?)```", GUIDE, re.DOTALL)
    fewer = "--dataset sample --dataset-limit 1000 --num-queries 20 --train-size 200"
    script = script.replace("--dataset sample", fewer).replace("rows=3000", "rows=300")
    Path(tmp_path, "by-hand.sbatch").write_text(script)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    monkeypatch.setenv("SBATCH_PARTITION", "large")
    cluster.run("sbatch", "by-hand.sbatch")
    cluster.wait_until_empty(300)
    logs = "".join(path.read_text() for path in tmp_path.glob("chunk-*.log"))
    merged = program("merge", "all.db", "chunks")
    assert merged.code == 0, merged.out + merged.err + logs
    whole = program("run", *fewer.split(), "--method", "sq", "--bits", 8, "--db-path", "whole.db", "--threads", 1)
    assert whole.code == 0, whole.err
    assert len(qualities("all.db")) == 1
    assert qualities("all.db") == qualities("whole.db")


def qualities(path: str) -> list[dict[str, object]]:
    """All metrics of the finished rows except for times and memory."""
    return [quality(row.metrics) for row in Database(Path(path)).runs("status = 'done'")]
