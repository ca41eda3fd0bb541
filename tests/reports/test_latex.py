"""Rows of LaTeX tables, beside those that the program prints."""

import re

from vq_benchmark.reports.columns import table_columns
from vq_benchmark.reports.comparison import comparisons
from vq_benchmark.reports.documents.latex import latex
from vq_benchmark.reports.sizes import Sizes
from vq_benchmark.reports.tables import results_text


def test_settings_of_engines_have_their_names_as_in_the_printed_table(make_run) -> None:
    runs = [
        make_run("binary", 1.0, config={"bias": "zero"}, engine=engine, query_bits=query_bits)
        for engine, query_bits in (("", "float"), ("", "symmetric"), ("pgvector:bit", "symmetric"))
    ]
    expected = {("binary", "bias=zero"), ("binary", "bias=zero queries: symmetric"), ("pgvector:bit", "binary")}
    paper = latex(comparisons(runs), table_columns(Sizes()))
    rows = [line.split(" & ")[:2] for line in paper.splitlines() if line.endswith(r"\\")][1:]
    assert {tuple(row) for row in rows} == expected
    printed = results_text(runs, width=200)
    for name, config in expected:
        assert re.search(rf"^{name}\S* +{config} ", printed, re.MULTILINE)
