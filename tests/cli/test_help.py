"""Help and tables on a terminal of 80 columns, completion, and what they load."""

import os
import re
import subprocess
import sys

import pytest
import typer

from vq_benchmark.cli.main import COMMANDS, app
from vq_benchmark.quantizers.registry import list_quantizers

TOP = typer.main.get_command(app)
CALLS = [(), *((name,) for name in COMMANDS), *(("slurm", name) for name in TOP.commands["slurm"].commands)]
HEAVY = ("numba", "faiss", "pyarrow", "matplotlib", "h5py")


def narrow(program, monkeypatch, *arguments):
    monkeypatch.setenv("COLUMNS", "80")
    ran = program(*arguments)
    assert ran.code == 0, ran.err
    lines = [line for line in ran.out.splitlines() if not line.startswith("  vq-benchmark ")]  # commands to copy
    assert max(map(len, lines)) <= 80
    assert "…" not in ran.out
    return ran.out


@pytest.mark.parametrize("call", CALLS, ids=" ".join)
def test_help_fits_a_terminal_and_options_have_no_placeholders(program, monkeypatch, call):
    text = narrow(program, monkeypatch, *call, "--help")
    assert not re.search(r"[\u2460-\u24ff\u2600-\u27bf\U0001f300-\U0001faff]", text)  # no emoji
    assert not re.search(r"<(bool|int|str|float|path|list\[str\])>", text)


def test_help_of_sweep_has_three_examples_and_the_order_of_need(program, monkeypatch):
    text = narrow(program, monkeypatch, "sweep", "--help")
    known = {option for each in TOP.commands["sweep"].params for option in each.opts}
    examples = re.findall(r"^ vq-benchmark sweep .*$", text, re.MULTILINE)
    assert len(examples) == 3
    assert {option for example in examples for option in re.findall(r"--\S+", example)} <= known
    panels = re.findall(r"^╭─ (.*?) ─", text, re.MULTILINE)
    assert panels[:6] == ["Arguments", "Data set", "What to compare", "Where results go", "Measurement", "Machine"]


def test_listings_fit_a_terminal(program, monkeypatch):
    narrow(program, monkeypatch, "datasets")
    narrow(program, monkeypatch, "datasets", "sample")
    listed = narrow(program, monkeypatch, "methods")
    assert all(f" {name} " in listed for name in list_quantizers())


def test_results_fit_a_terminal_and_no_number_is_lost(program, monkeypatch, tmp_path):
    words = ("--dataset", "sample", "--dataset-limit", 2000, "--method", "sq,none", "--bits", 8, "--train-size", 500)
    wide = program("sweep", *words, "--threads", 1)
    assert wide.code == 0, wide.err
    text = narrow(program, monkeypatch, "plot", "--metrics", "mse", "--all-columns").replace("plots/", "")
    assert set(re.findall(r"\S+±\S+", wide.out)) <= {*text.split()}
    narrow(program, monkeypatch, "sweep", *words, "--threads", 1)


def completed(words: str, *, loaded: bool = False) -> list[str]:
    """What a shell offers after those words, or the heavy libraries that it took."""
    code = "import sys, atexit\n"
    if loaded:
        code += f"atexit.register(lambda: print(*(name for name in {HEAVY} if name in sys.modules)))\n"
    code += "sys.argv = ['vq-benchmark']\nfrom vq_benchmark.__main__ import main\nmain()"
    asked = {"_VQ_BENCHMARK_COMPLETE": "complete_bash", "COMP_WORDS": f"vq-benchmark {words}"}
    asked["COMP_CWORD"] = str(words.count(" ") + 1)
    ran = subprocess.run([sys.executable, "-c", code], env=os.environ | asked, capture_output=True, text=True)
    assert ran.stderr == ""
    return ran.stdout.split()


def test_completion():
    assert completed("s", loaded=True) == ["sweep", "study", "slurm"]
    assert completed("") == list(COMMANDS)
    assert completed("sweep --max", loaded=True) == ["--max-candidates"]
    assert completed("slurm su", loaded=True) == ["submit"]
    assert completed("sweep --all-col") == ["--all-columns"]
    assert completed("run --metric ") == ["l2", "ip", "cosine"]
    assert completed("--vers") == ["--version"]
