"""The job script that embeds text in an array, on a real cluster with a real model."""

import os
import sys
from pathlib import Path

import numpy as np

from vq_benchmark import load_dataset

SCRIPT = Path(__file__).parents[2] / "slurm" / "embed_array.sbatch"
ROWS, SHARDS = 90, 3


def test_an_array_makes_a_data_set_and_a_task_may_come_twice(plain_cluster, packaged_model, tmp_path, monkeypatch):
    text, out = tmp_path / "text", tmp_path / "out"
    text.mkdir()
    (text / "collection.tsv").write_text("".join(f"{row}\tpassage number {row}\n" for row in range(ROWS)))
    (text / "queries.dev.tsv").write_text("q\tnumber 7\n")
    (text / "qrels.dev.tsv").write_text("q 0 7 1\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    for name, value in {"TEXT": text, "MODEL": packaged_model, "OUT": out, "SHARDS": SHARDS}.items():
        monkeypatch.setenv(name, str(value))
    smaller = ("--gres=none", "--cpus-per-task=1", "--mem-per-cpu=1500M")

    def submit(array: str) -> None:
        plain_cluster.run("sbatch", *smaller, f"--array={array}", SCRIPT)
        plain_cluster.wait_until_empty(300)

    submit("0-1")
    logs = "".join(path.read_text() for path in tmp_path.glob("vq-embed-*.log"))
    assert not (out / "base.npy").exists(), logs
    submit("1-2")
    logs = "".join(path.read_text() for path in tmp_path.glob("vq-embed-*.log"))
    assert (out / "base.npy").is_file(), logs
    assert sorted(path.name for path in out.iterdir()) == [
        "base.npy", "dataset.json", "ids.txt", "qrels.tsv", "queries.npy", "query_ids.txt",
    ]  # fmt: skip
    assert np.load(out / "base.npy").shape == (ROWS, 384)
    assert load_dataset(out).judgements.qrels.tolist() == [[0, 7, 1]]
