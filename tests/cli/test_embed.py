"""`embed`, from text to a sweep; and killed with SIGKILL in the middle."""

import json
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

PLACES = ("a lake", "the office", "an old town", "the desert", "a kitchen", "the harbour")
THINGS = (
    "duck",
    "printer",
    "cathedral",
    "camel",
    "saucepan",
    "fishing boat",
    "violin",
    "telescope",
    "tram",
    "glacier",
)
DEEDS = ("rests in", "is painted in", "was lost in", "is known from", "is repaired in")


@pytest.fixture
def text(tmp_path):
    """MS MARCO's layout: 600 short passages and a query for every 20th."""
    folder = tmp_path / "text"
    folder.mkdir()
    passages = [
        f"A {thing} {deed} {place}, as {rank} reports say."
        for thing in THINGS
        for place in PLACES
        for deed in DEEDS
        for rank in ("few", "many")
    ]
    (folder / "collection.tsv").write_text("".join(f"{row}\t{passage}\n" for row, passage in enumerate(passages)))
    asked = range(0, len(passages), 20)
    queries = (passages[row].split(",")[0].replace("A ", "which ") for row in asked)
    (folder / "queries.dev.small.tsv").write_text(
        "".join(f"{9000 + row}\t{query}\n" for row, query in zip(asked, queries, strict=True))
    )
    (folder / "qrels.dev.small.tsv").write_text("".join(f"{9000 + row}\t0\t{row}\t1\n" for row in asked))
    return folder


def arrays(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_killed_and_resumed_then_swept(program, text, packaged_model, tmp_path):
    options = ["embed", text, "--model", packaged_model, "--shard-rows", 200, "--device", "cpu", "--threads", 1]
    whole = program(*options, "--output", tmp_path / "whole")
    assert whole.code == 0, whole.err
    assert re.search(r"embedded 630 texts in [\d.]+ s, [\d,.]+ per second", whole.out)
    assert "600 passages in" in whole.err

    command = [sys.executable, "-m", "vq_benchmark", *map(str, options), "--output", str(tmp_path / "broken")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and not list(tmp_path.glob("broken/.shards/*/00000.npy")):
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (tmp_path / "broken" / "base.npy").exists()
    resumed = program(*options, "--output", tmp_path / "broken")
    assert resumed.code == 0, resumed.err
    assert not resumed.out.startswith("630 texts")
    assert arrays(tmp_path / "broken") == arrays(tmp_path / "whole")

    again = program(*options, "--output", tmp_path / "broken")
    assert "nothing left to embed" in again.out
    swept = program(
        "sweep", "--dataset", tmp_path / "broken", "--method", "pq,sq,rabitq", "--bits", "1,2,4", "--k", 10,
        "--train-size", 500, "--threads", 1, "--db-path", tmp_path / "x.db",
    )  # fmt: skip
    assert swept.code == 0, swept.err
    assert_judged(tmp_path / "x.db")


def assert_judged(database):
    import sqlite3

    with sqlite3.connect(database) as connection:
        found = [
            (method, json.loads(metrics))
            for method, metrics in connection.execute("SELECT method, metrics FROM runs")
        ]
    assert {method for method, _ in found} == {"pq", "sq", "rabitq"}
    for _, metrics in found:
        assert 0.3 < metrics["mrr_at_10_exact"] <= 1
        assert 0 < metrics["mrr_at_10"] <= 1


def test_tasks_of_an_array_and_a_limit(program, text, packaged_model, tmp_path):
    options = ["embed", text, "--model", packaged_model, "--limit", 90, "--num-shards", 3, "--dtype", "float32"]
    options += ["--device", "cpu", "--threads", 1, "--batch-size", 16, "--output", tmp_path / "out"]
    for shard in (2, 0):
        ran = program(*options, "--shard", shard)
        assert ran.code == 0, ran.err
        assert " missing; the data set is joined" in ran.out
    last = program(*options, "--shard", 1)
    assert "90 passages, 5 queries, 5 judgements, dimension 384" in last.out
    assert "dropped 25 of 30 judgements" in last.err
    assert np.load(tmp_path / "out" / "base.npy").shape == (90, 384)
    other = program(*options, "--batch-size", 8)
    assert other.code == 2
    assert "batch_size was 16 and is 8" in other.err


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        (["--limit", 0], "--limit"),
        (["--shard-rows", 10, "--num-shards", 2], "either --shard-rows or --num-shards"),
        (["--num-shards", 601], "1 to the 600 passages"),
        (["--queries", "missing.tsv"], "missing.tsv"),
        (["--threads", 0], "--threads"),
    ],
)
def test_refusals_before_a_model_is_loaded(program, text, tmp_path, changes, word):
    ran = program("embed", text, "--model", "no/such/model", "--output", tmp_path / "out", *changes)
    assert ran.code == 2
    assert word in ran.err
    assert not (tmp_path / "out").exists()


def test_a_missing_library_is_one_sentence(program, text, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    ran = program("embed", text, "--model", "some-model", "--output", tmp_path / "out")
    assert ran.code == 2
    assert "pip install 'vq-benchmark[text]'" in ran.err
    assert "Traceback" not in ran.err


def test_other_commands_do_not_load_the_library():
    code = (
        "import sys, vq_benchmark.cli.main\n"
        "print([name for name in ('torch', 'sentence_transformers') if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
