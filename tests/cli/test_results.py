"""`results` in every format, on made-up rows: what is in the database is in the document."""

import csv
import json
from dataclasses import replace

import pyarrow.parquet as pq
import pytest

from vq_benchmark.results.database import Run, write_database


def row(method, bits, recall, **changes):
    metrics = {
        "bits_per_dim": bits, "total_bits_per_dim": bits, "code_bytes": 2 * bits, "model_bytes": 0,
        "mse": 1 / 3 / bits, "mse_ci": [0.3 / bits, 0.4 / bits],
        "recall_at_10": recall, "recall_at_10_ci": [recall - 0.01, recall + 0.01],
    }  # fmt: skip
    run = Run(
        f"{method}{bits}", "w", "s", "done", "a_b", "f" * 32, 900, 16, "l2", method, {"bits": bits}, 0, 0, 900,
        metrics=metrics, budget=float(bits),
    )  # fmt: skip
    return replace(run, **changes)


@pytest.fixture
def stored(program, tmp_path):
    runs = [row("pq", 2, 0.5), row("sq", 2, 0.75), row("sq", 4, 0.9)]
    write_database(tmp_path / "r.db", [*runs, row("opq", 2, 0, status="failed", metrics={}, error="no & memory")])
    return runs


def ran(program, *words):
    found = program("results", "--db-path", "r.db", *words)
    assert found.code == 0, found.err
    return found.out


def test_csv_json_and_parquet_hold_full_precision_and_failures(program, stored):
    records = json.loads(ran(program, "--format", "json"))
    assert [each["method"] for each in records] == ["sq", "pq", "sq", "opq"]
    pq_row = records[1]
    assert pq_row["mse"] == 1 / 3 / 2
    assert [pq_row["mse_low"], pq_row["mse_high"]] == [0.15, 0.2]
    assert (pq_row["config"], pq_row["seeds"]) == ({"bits": 2}, [0])
    assert (records[3]["status"], records[3]["error"], records[3]["mse"]) == ("failed", "no & memory", None)
    lines = list(csv.DictReader(ran(program, "--format", "csv").splitlines()))
    assert [float(each["mse"]) for each in lines[:3]] == [each["mse"] for each in records[:3]]
    ran(program, "--format", "parquet", "--output", "r.parquet")
    assert pq.read_table("r.parquet")["recall_at_10"].to_pylist() == [0.75, 0.5, 0.9, None]


def test_columns_and_order_are_chosen(program, stored):
    words = ("--columns", "method,recall_at_10", "--sort=-recall_at_10")
    lines = ran(program, "--format", "csv", *words).splitlines()
    assert lines == [
        "method,recall_at_10,recall_at_10_low,recall_at_10_high", f"sq,0.9,{0.9 - 0.01},{0.9 + 0.01}",
        "sq,0.75,0.74,0.76", "pq,0.5,0.49,0.51", "opq,,,",
    ]  # fmt: skip
    text = ran(program, *words)
    assert [line.split()[0].rstrip("◆") for line in text.splitlines() if "±.010" in line] == ["sq", "sq", "pq"]
    assert "mse" not in text.split("±:")[0]


def test_markdown_and_latex_escape_names_and_mark_the_best(program, stored):
    page = ran(program, "--format", "markdown")
    assert r"**a\_b: 900 vectors" in page
    assert "| sq◆ | bits=4 |" in page
    assert "no & memory" in page
    paper = ran(program, "--format", "latex", "--columns", "mse")
    assert r"\caption{a\_b: 900 vectors $\times$ 16 dimensions, l2." in paper
    assert r"sq & bits=4 & \textbf{0.08333$\pm$.013} \\" in paper
    assert "% failed: opq: no & memory" in paper
    assert paper.count("{") == paper.count("}")


def test_an_unknown_column_is_refused(program, stored):
    for option in ("--columns", "--sort"):
        found = program("results", "--db-path", "r.db", option, "recal_at_10")
        assert found.code == 2
        assert f"{option} has no column 'recal_at_10'; did you mean 'recall_at_10'?" in found.err


def test_a_latex_table_that_is_too_wide_is_scaled_to_the_page_and_a_narrow_one_is_not(program, stored):
    many = "bits_per_dim,total_bits_per_dim,code_bytes,model_bytes,mse,recall_at_10"
    narrow, wide = (ran(program, "--format", "latex", "--columns", columns) for columns in ("mse", many))
    assert "resizebox" not in narrow and "graphicx" not in narrow
    assert wide.count(r"\resizebox{\textwidth}{!}{%") == wide.count(r"\end{tabular}}") == 1
    assert wide.startswith("% \\usepackage{booktabs}\n% \\usepackage{graphicx}")


def test_latex_reads_names_and_numbers_as_they_are(program, tmp_path):
    odd = [row(name, 2, 0.5) for name in ("[1] 50%_$x$", "*star", "名")]
    loss = replace(odd[0], metrics=odd[0].metrics | {"mrr_at_10_loss": -0.5, "mrr_at_10_loss_ci": [-0.6, -0.4]})
    write_database(tmp_path / "r.db", [loss, *odd[1:]])
    paper = ran(program, "--format", "latex", "--columns", "mrr_at_10_loss")
    assert r"{[}1{]} 50\%\_\$x\$ &" in paper and "\n{*}star &" in paper
    assert "$-$0.500" in paper
    assert "3 or more -{}-seeds" in paper
    assert "% its names need lualatex or xelatex" in paper
