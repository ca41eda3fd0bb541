"""The worked page: its commands run one after another, and print the numbers that it shows and speaks of."""

import re
import runpy
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
worked_page = runpy.run_path(str(PROJECT / "benchmarks" / "worked_page.py"))
PAGE = worked_page["PAGE"].read_text()
RENEW = "python benchmarks/worked_page.py --write renews the page"


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    return worked_page["run"](PAGE, tmp_path_factory.mktemp("reader"))


def test_the_page_shows_what_its_commands_print(outputs):
    for shown, printed in zip(worked_page["shown"](PAGE), outputs, strict=True):
        if shown is not None:
            assert worked_page["numbers"](shown) == worked_page["numbers"](printed), RENEW


def test_every_figure_in_the_text_is_one_that_was_printed(outputs):
    prose = re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL)
    spoken = set(re.findall(r"(?<![\d.])\d*\.\d+", prose))
    assert spoken <= set(worked_page["numbers"]("\n".join(outputs))), RENEW
    assert {"0.949", ".005", "5.13"} <= spoken, "the decision is about these"


def test_the_code_that_the_search_recommends_is_the_one_exported(outputs):
    (decision,) = (output for output in outputs if "The search considered" in output)
    method, m, nbits = re.search(r"^(\w+) m=(\d+) nbits=(\d+) is the smallest", decision, re.MULTILINE).groups()
    assert f"--method {method} --param m={m} --param nbits={nbits} --output chosen" in PAGE


def test_numbers_of_the_machine_are_not_compared():
    numbers = worked_page["numbers"]
    assert numbers("sq 0.931±.006  257k (2 threads, EPYC 7) vq-benchmark 0.1.0") == numbers("sq 0.931±.006  1.2M")
    assert numbers("sq 0.931") != numbers("sq 0.932")
